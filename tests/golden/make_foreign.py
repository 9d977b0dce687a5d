"""Makes foreign/ of tests/text/test_foreign_files.c: small tokenizers in files of each kind that is no tokenizer.json,
trained on the license of this project, and cases.json: the ids that the programs which such files are of give.

    python3 make_foreign.py        (sentencepiece 0.2, tiktoken 0.14, tokenizers 0.23; writes beside itself)

cases.json is {PATH: [{"text", "ids", "decoded" or null}]}, without tokens around texts.
"""

import base64
import io
import json
import pathlib
import struct

import sentencepiece
import tiktoken
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

HERE = pathlib.Path(__file__).parent
TO = HERE / "foreign"
CORPUS = (HERE / "../../COPYING").read_text().splitlines()
TEXTS = [
    "",
    "The graph is bound to sizes, and the plan is run.",
    "  two  blanks,\ttabs \n\n and  lines\r\n  ",
    "It's we're I'll DON'T 'twas ''s",
    "1 22 333 4444 55555.5 1e9 \u0663\u0664 \u2167\u00b2",
    "caf\u00e9 na\u00efve \u00dcber \u6f22\u5b57 \ud55c\uad6d \u0627\u0644\u0639 \u05e9\u05dc \u0e44\u0e17\u0e22",
    "e\u0301\u0308 \u200d\u200b\ufeff \u00a0\u3000x\u2028\u0085 . gr\u2460\ufb01",
    "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea",
    "\u2581 a\u2581b \u2581\u2581", "\u2581", " \u2581 ", "\x01\x1f control \x7f", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "the the the plan's graph's --------------------", "\n\n\n", " ", "   x", "x   ", "!?...!  ;;\n\n;;\r\n",
]  # fmt: skip
RULES = [
    ("\ufb01", "fi"), ("\u2460", "1"), ("\u00dc", "ue"), ("e\u0301", "\u00e9"), ("\u3000", " "), ("\x01", ""),
    ("\t", " "), ("\r", " "), ("\u00a0", " "), ("\U0001f600", ":-)"), ("gr", "GR"), ("gra", "x"), ("\u2028", ""),
]  # fmt: skip
GPT2 = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
cases = {}


def add_cases(path, encode, decode, unknown=None):
    """Unknown tokens, of id `unknown`, are written in other ways: such texts are not compared."""
    for text in TEXTS:
        ids = encode(text)
        case = {"text": text, "ids": ids, "decoded": None if unknown in ids else decode(ids)}
        cases.setdefault(path, []).append(case)


def train_pieces(path, rules, **settings):
    tsv = HERE / "rules.tsv"
    model = io.BytesIO()
    if rules:
        lines = ["\t".join(" ".join(f"{ord(letter):X}" for letter in side) for side in rule) for rule in rules]
        tsv.write_text("\n".join(lines) + "\n")
        settings["normalization_rule_tsv"] = str(tsv)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS * 3), model_writer=model, num_threads=1, minloglevel=3, **settings
    )
    tsv.unlink(missing_ok=True)
    (TO / path).write_bytes(model.getvalue())
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    add_cases(path, processor.encode, processor.decode, 0)
    return processor


def string(text):
    text = text if isinstance(text, bytes) else text.encode()
    return struct.pack("<Q", len(text)) + text


def value(item):
    if isinstance(item, bool):
        return struct.pack("<I?", 7, item)
    if isinstance(item, int):
        return struct.pack("<II", 4, item)
    if isinstance(item, str):
        return struct.pack("<I", 8) + string(item)
    if isinstance(item[0], str):
        return struct.pack("<IIQ", 9, 8, len(item)) + b"".join(map(string, item))
    kind = "f" if isinstance(item[0], float) else "i"
    return struct.pack(f"<IIQ{len(item)}{kind}", 9, 6 if kind == "f" else 5, len(item), *item)


def write_gguf(path, pairs):
    pairs = {f"tokenizer.ggml.{key}": item for key, item in pairs.items()} | {"general.name": "small"}
    head = b"GGUF" + struct.pack("<IQQ", 3, 0, len(pairs))
    (TO / path).write_bytes(head + b"".join(string(key) + value(item) for key, item in pairs.items()))


def pieces():
    train_pieces("unigram.model", RULES, vocab_size=180, model_type="unigram")
    settings = {"model_type": "bpe", "byte_fallback": True, "vocab_size": 420, "split_by_whitespace": True}
    processor = train_pieces(
        "bpe.model", [], normalization_rule_name="identity", remove_extra_whitespaces=False, **settings
    )
    kinds = [2] + [3, 3] + [6] * 256 + [1] * (len(processor) - 259)
    write_gguf(
        "llama.gguf",
        {
            "model": "llama",
            "tokens": [processor.id_to_piece(i) for i in range(len(processor))],
            "scores": [processor.get_score(i) for i in range(len(processor))],
            "token_type": kinds,
            "bos_token_id": 1,
            "eos_token_id": 2,
            "add_eos_token": True,
        },
    )
    add_cases("llama.gguf", processor.encode, processor.decode)


def pairs():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(
        CORPUS, trainers.BpeTrainer(vocab_size=360, show_progress=False, initial_alphabet=alphabet)
    )
    described = json.loads(tokenizer.to_str())["model"]
    vocabulary = described["vocab"] | {"<|endoftext|>": len(described["vocab"])}
    merges = [" ".join(merge) for merge in described["merges"]]
    (TO / "gpt2").mkdir(exist_ok=True)
    (TO / "gpt2/vocab.json").write_text(json.dumps(vocabulary))
    (TO / "gpt2/merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    letters = {letter: byte for byte, letter in bytes_to_letters().items()}
    ranks = {bytes(letters[letter] for letter in token): id for token, id in described["vocab"].items()}
    lines = [base64.b64encode(token) + b" %d\n" % rank for token, rank in ranks.items()]
    (TO / "gpt2.tiktoken").write_bytes(b"".join(lines))
    encoding = tiktoken.Encoding("small", pat_str=GPT2, mergeable_ranks=ranks, special_tokens={})
    for path in ("gpt2/vocab.json", "gpt2.tiktoken"):
        add_cases(path, encoding.encode, encoding.decode)
    write_gguf(
        "gpt2.gguf",
        {
            "model": "gpt2",
            "pre": "gpt-2",
            "tokens": list(vocabulary),
            "token_type": [1] * len(ranks) + [3],
            "merges": merges,
            "bos_token_id": len(ranks),
        },
    )
    add_cases("gpt2.gguf", encoding.encode, encoding.decode)


def bytes_to_letters():
    """GPT-2's table."""
    seen = [*range(33, 127), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in seen]
    return {byte: chr(byte) for byte in seen} | {byte: chr(256 + i) for i, byte in enumerate(hidden)}


def words():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    for name, settings in ("bert", {}), ("bert_cased", {"lowercase": False}):
        tokenizer.normalizer = normalizers.BertNormalizer(**settings)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        tokenizer.train_from_iterator(
            CORPUS, trainers.WordPieceTrainer(vocab_size=220, show_progress=False, special_tokens=special)
        )
        tokens = [tokenizer.id_to_token(i) for i in range(tokenizer.get_vocab_size())]
        (TO / name).mkdir(exist_ok=True)
        (TO / name / "vocab.txt").write_text("".join(token + "\n" for token in tokens))
        decoder = Tokenizer.from_str(tokenizer.to_str())
        decoder.decoder = decoders.WordPiece()
        add_cases(f"{name}/vocab.txt", lambda text: tokenizer.encode(text).ids, decoder.decode)
        if settings:
            (TO / name / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": False, "unk_token": "[UNK]"}))
            continue
        marked = [token[2:] if token[:2] == "##" else "\u2581" + token for token in tokens]
        write_gguf(
            "bert.gguf",
            {
                "model": "bert",
                "tokens": special + marked[len(special) :],
                "token_type": [3] * len(special) + [1] * (len(tokens) - len(special)),
                "unknown_token_id": 1,
                "cls_token_id": 2,
                "seperator_token_id": 3,
            },
        )
        add_cases("bert.gguf", lambda text: tokenizer.encode(text).ids, decoder.decode)


TO.mkdir(exist_ok=True)
for make in pieces, pairs, words:
    make()
(TO / "cases.json").write_text(json.dumps(cases, ensure_ascii=True, separators=(",", ":")) + "\n")
