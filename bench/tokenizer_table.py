#!/usr/bin/env python3
"""Tokenizers beside the packages `tokenizers` and `gigatoken`: encoding on one thread, and training.

    python3 bench/tokenizer_table.py BUILD [--encode] [--train] [--megabytes N] [--pieces N] [--runs N] [--threads N]

BUILD is a build directory of the library. The corpus is made from this machine's own text: documentation, manual pages,
headers and Python's library, each text once. Encoding is of documents of 10,000 characters, with tokenizers that are
trained on the corpus first: byte-level BPE, WordPiece and Unigram. Each measurement is a process of its own, and those
of all sides take turns; figures are medians. Ours is the first and the second pass of a new tokenizer over all
documents; `tokenizers`, which has no faster second pass to speak of, a part of them. Training is compared by its time
and by the peak resident memory of its process, the interpreter's 20 MB included. Without the packages only our side is
measured.
"""

import argparse
import gzip
import importlib.util
import json
import os
import pathlib
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time

ROOTS = ["/usr/share/doc", "/usr/share/man", "/usr/include", "/usr/share/perl", os.path.dirname(os.__file__)]
KINDS = {"bpe": 0, "wordpiece": 1, "unigram": 2}
DOCUMENT = 10000  # characters
PART = 100  # documents that `tokenizers` encodes

# ---- The corpus ------------------------------------------------------------------------------------------------------


def read_text(path):
    try:
        with gzip.open(path) if path.endswith(".gz") else open(path, "rb") as file:
            return file.read(2000000).decode()
    except (OSError, EOFError, UnicodeDecodeError):
        return None


def make_corpus(path, size):
    """Texts of this machine in an order by chance, always the same; returns the bytes."""
    names = [os.path.join(folder, name) for root in ROOTS for folder, _, files in os.walk(root) for name in files]
    random.Random(1).shuffle(names := sorted(names))
    written, seen = 0, set()
    with open(path, "w", encoding="utf-8", newline="") as corpus:
        for name in names:
            text = read_text(name)
            if not text or text in seen:
                continue
            seen.add(text)
            corpus.write(text)
            written += len(text.encode())
            if written >= size:
                break
    return written


def documents_of(path):
    text = pathlib.Path(path).read_text(encoding="utf-8")
    return [text[at : at + DOCUMENT] for at in range(0, len(text), DOCUMENT)]


# ---- Ours: in the process that measures ------------------------------------------------------------------------------


def load_ours():
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "examples" / "python"))
    import pretrain

    return pretrain


def open_context(pretrain, threads):
    import ctypes

    options = pretrain.ContextOptions()
    check(pretrain, pretrain.library.pt_context_options_init(ctypes.byref(options), ctypes.sizeof(options)))
    options.threads = threads
    context = ctypes.c_void_p()
    check(pretrain, pretrain.library.pt_context_create(ctypes.byref(options), ctypes.byref(context)))
    return context


def check(pretrain, status):
    if status != 0:
        raise SystemExit(pretrain.library.pt_last_error().decode())


def train_ours(kind, pieces, threads, corpus, save):
    import ctypes

    pretrain = load_ours()
    context, options = open_context(pretrain, threads), pretrain.TokenizerTrainOptions()
    check(pretrain, pretrain.library.pt_tokenizer_train_options_init(ctypes.byref(options), ctypes.sizeof(options)))
    options.kind, options.vocabulary = KINDS[kind], pieces
    tokenizer, paths = ctypes.c_void_p(), (ctypes.c_char_p * 1)(corpus.encode())
    begun = time.perf_counter()
    check(
        pretrain,
        pretrain.library.pt_tokenizer_train_files(context, paths, 1, ctypes.byref(options), ctypes.byref(tokenizer)),
    )
    seconds = time.perf_counter() - begun
    if save:
        check(pretrain, pretrain.library.pt_tokenizer_save(tokenizer, save.encode(), None))
    return {"seconds": seconds, "peak": peak_bytes()}


def encode_ours(path, corpus):
    import ctypes

    pretrain = load_ours()
    context, tokenizer = open_context(pretrain, 1), ctypes.c_void_p()
    check(pretrain, pretrain.library.pt_tokenizer_open(context, path.encode(), None, ctypes.byref(tokenizer)))
    documents = [text.encode() for text in documents_of(corpus)]
    texts, total = (pretrain.Text * len(documents))(), sum(map(len, documents))
    for i, document in enumerate(documents):
        texts[i].text, texts[i].bytes, texts[i].pair_bytes = document, len(document), -1
    numbers, lengths = (ctypes.c_int32 * (2 * total))(), (ctypes.c_int64 * len(documents))()
    passes = []
    for _ in range(2):
        ids = pretrain.Array(dtype=pretrain.INT32, capacity=2 * total, lengths_capacity=len(documents))
        ids.data, ids.lengths = ctypes.addressof(numbers), ctypes.addressof(lengths)
        begun = time.perf_counter()
        check(
            pretrain,
            pretrain.library.pt_tokenizer_encode(
                tokenizer,
                texts,
                ctypes.sizeof(pretrain.Text),
                len(documents),
                None,
                ctypes.byref(ids),
                None,
                None,
                ctypes.sizeof(pretrain.Array),
            ),
        )
        passes.append(time.perf_counter() - begun)
    return {"first": total / passes[0], "warm": total / passes[1], "tokens": ids.elements}


# ---- The others ------------------------------------------------------------------------------------------------------


def train_tokenizers(kind, pieces, threads, corpus):
    os.environ["RAYON_NUM_THREADS"] = str(threads)
    import tokenizers

    if kind == "unigram":
        tokenizer = tokenizers.SentencePieceUnigramTokenizer()
        settings = {"vocab_size": pieces, "unk_token": "<unk>"}
    elif kind == "bpe":
        tokenizer, settings = tokenizers.ByteLevelBPETokenizer(), {"vocab_size": pieces}
    else:
        tokenizer, settings = tokenizers.BertWordPieceTokenizer(), {"vocab_size": pieces}
    begun = time.perf_counter()
    tokenizer.train([corpus], show_progress=False, **settings)
    return {"seconds": time.perf_counter() - begun, "peak": peak_bytes()}


def encode_tokenizers(path, corpus):
    os.environ["RAYON_NUM_THREADS"], os.environ["TOKENIZERS_PARALLELISM"] = "1", "false"
    import tokenizers

    tokenizer, documents = tokenizers.Tokenizer.from_file(path), documents_of(corpus)[:PART]
    begun = time.perf_counter()
    for document in documents:
        tokenizer.encode(document)
    speed = sum(len(document.encode()) for document in documents) / (time.perf_counter() - begun)
    return {"first": speed, "warm": speed}


def encode_gigatoken(path, corpus):
    import gigatoken

    tokenizer, documents, passes = gigatoken.Tokenizer(path), documents_of(corpus), []
    total = sum(len(document.encode()) for document in documents)
    for _ in range(2):
        begun = time.perf_counter()
        tokenizer.encode_batch(documents, parallel=False)
        passes.append(time.perf_counter() - begun)
    return {"first": total / passes[0], "warm": total / passes[1]}


def peak_bytes():
    status = pathlib.Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) * 1024


# ---- The table -------------------------------------------------------------------------------------------------------

MEASURES = {
    "train-ours": lambda kind, pieces, threads, corpus, save="": train_ours(
        kind, int(pieces), int(threads), corpus, save
    ),
    "train-tokenizers": lambda kind, pieces, threads, corpus: train_tokenizers(kind, int(pieces), int(threads), corpus),
    "encode-ours": encode_ours,
    "encode-tokenizers": encode_tokenizers,
    "encode-gigatoken": encode_gigatoken,
}


def measure(build, *arguments):
    """One figure, from a process of its own; None where that fails."""
    environment = dict(
        os.environ,
        PRETRAIN_LIBRARY=str(build / "lib" / "libpretrain.so"),
        PRETRAIN_DESCRIPTION=str(build / "pretrain.json"),
    )
    command = [sys.executable, __file__, "--measure", *map(str, arguments)]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        print(f"{arguments[0]}: {(done.stderr.strip().splitlines() or ['failed'])[-1]}", file=sys.stderr)
        return None
    return json.loads(done.stdout.splitlines()[-1])


def medians(build, sides, runs):
    """Of each side of {name: arguments} its medians by key; the sides take turns."""
    found = {side: [] for side in sides}
    for _ in range(runs):
        for side, arguments in sides.items():
            found[side].append(measure(build, *arguments))
    return {
        side: {key: statistics.median(figure[key] for figure in figures) for key in figures[0]}
        for side, figures in found.items()
        if all(figures)
    }


def compare_training(options, corpus, packages):
    print("| training | pieces | ours, s | tokenizers, s | ratio | ours, MB | tokenizers, MB | ratio |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for kind in options.kinds:
        sides = {"ours": ("train-ours", kind, options.pieces, options.threads, corpus)}
        if "tokenizers" in packages:
            sides["tokenizers"] = ("train-tokenizers", kind, options.pieces, options.threads, corpus)
        found = medians(options.build, sides, options.runs)
        if "ours" not in found:
            continue
        ours, theirs = found["ours"], found.get("tokenizers")
        row = [kind, str(options.pieces), f"{ours['seconds']:.1f}"]
        row += [f"{theirs['seconds']:.1f}", f"{ours['seconds'] / theirs['seconds']:.3f}"] if theirs else ["", ""]
        row += [f"{ours['peak'] / 1e6:.0f}"]
        row += [f"{theirs['peak'] / 1e6:.0f}", f"{ours['peak'] / theirs['peak']:.2f}"] if theirs else ["", ""]
        print("| " + " | ".join(row) + " |", flush=True)


def compare_encoding(options, corpus, packages, folder):
    print("| encoding, MB/s | ours, first | ours, warm | tokenizers | ratio | gigatoken, first | warm | ratios |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for kind in options.kinds:
        path = f"{folder}/{kind}.json"
        if measure(options.build, "train-ours", kind, options.pieces, options.threads, corpus, path) is None:
            continue
        sides = {"ours": ("encode-ours", path, corpus)}
        for package in packages:
            if package == "tokenizers" or kind == "bpe":
                sides[package] = (f"encode-{package}", path, corpus)
        found = medians(options.build, sides, options.runs)
        if "ours" not in found:
            continue
        ours, theirs, giga = found["ours"], found.get("tokenizers"), found.get("gigatoken")
        row = [kind, f"{ours['first'] / 1e6:.0f}", f"{ours['warm'] / 1e6:.0f}"]
        row += [f"{theirs['first'] / 1e6:.2f}", f"{ours['warm'] / theirs['first']:.0f}"] if theirs else ["", ""]
        if giga:
            row += [f"{giga['first'] / 1e6:.0f}", f"{giga['warm'] / 1e6:.0f}"]
            row += [f"{ours['first'] / giga['first']:.2f}, {ours['warm'] / giga['warm']:.2f}"]
        print("| " + " | ".join(row + [""] * (8 - len(row))) + " |", flush=True)


def main():
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(MEASURES[sys.argv[2]](*sys.argv[3:])))
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=lambda path: pathlib.Path(path).resolve(), help="a build directory")
    parser.add_argument("--encode", action="store_true", help="only encoding")
    parser.add_argument("--train", action="store_true", help="only training")
    parser.add_argument("--megabytes", type=float, default=10, help="of the corpus")
    parser.add_argument("--pieces", type=int, default=32000, help="of the trained vocabularies")
    parser.add_argument("--kinds", type=lambda text: text.split(","), default=list(KINDS), help="bpe,wordpiece,unigram")
    parser.add_argument("--runs", type=int, default=3, help="processes a figure")
    parser.add_argument("--threads", type=int, default=2, help="of training")
    parser.add_argument("--corpus", help="a text file in place of the machine's texts")
    options = parser.parse_args()
    packages = [name for name in ("tokenizers", "gigatoken") if importlib.util.find_spec(name)]
    with tempfile.TemporaryDirectory() as folder:
        corpus = options.corpus or f"{folder}/corpus.txt"
        size = os.path.getsize(corpus) if options.corpus else make_corpus(corpus, options.megabytes * 1e6)
        print(f"{size / 1e6:.1f} MB of text; medians of {options.runs}\n")
        if not options.train:
            compare_encoding(options, corpus, packages, folder)
        if not options.encode:
            compare_training(options, corpus, packages)


if __name__ == "__main__":
    main()
