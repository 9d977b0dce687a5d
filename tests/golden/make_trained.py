"""Makes trained_tokenizers.json of tests/text/test_golden_training.c: what the package `tokenizers` learns from the
license of this project and from texts that are hard to learn from.

    python3 make_trained.py        (tokenizers 0.23; writes beside itself; deterministic)

A list of {"name", "kind", "texts": a list or null for the license's lines, options of pt_tokenizer_train by their
names, "pieces": in the order of their ids, "encoded": [[text, ids]]}; of Unigram, in place of both, "scores": [[piece,
score]]. Special tokens of the WordPiece cases have all
pieces that the reference would number in an order of its own.
"""

import json
import pathlib
import random

from tokenizers import Regex, SentencePieceUnigramTokenizer, Tokenizer, models, normalizers, pre_tokenizers, trainers

HERE = pathlib.Path(__file__).parent
LICENSE = (HERE / "../../COPYING").read_text().splitlines(keepends=True)
LINES = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
PATTERNS = {"cl100k": LINES % "{1,3}", "llama3": LINES % "{1,3}", "qwen2": LINES % ""}
ENCODED = ["The license applies to you.\n", "aaaaaaaaaaaaa abababa  bbb", "\u00dcbung 12345 \u4e2d\u6587 don't"]


def byte_level(pattern, prefix_space):
    if pattern == "gpt2":
        return pre_tokenizers.ByteLevel(add_prefix_space=prefix_space)
    split = pre_tokenizers.Split(Regex(PATTERNS[pattern]), "isolated")
    return pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=prefix_space, use_regex=False)])


def bpe(texts, options):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = byte_level(options.get("pattern", "gpt2"), options.get("prefix_space", False))
    trainer = trainers.BpeTrainer(
        vocab_size=options["vocabulary"],
        min_frequency=options.get("min_frequency", 2),
        max_token_length=options.get("longest"),
        special_tokens=options.get("special_tokens", []),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def wordpiece(texts, options):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=not options.get("cased", False))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    prefix = options.get("prefix", "##")
    characters = sorted(set(tokenizer.normalizer.normalize_str("".join(texts))) - set(" \t\r\n"))
    options["special_tokens"] = ["[UNK]", "[CLS]"] + [prefix + character for character in characters]
    trainer = trainers.WordPieceTrainer(
        vocab_size=options["vocabulary"],
        min_frequency=options.get("min_frequency", 2),
        limit_alphabet=options.get("alphabet", 1000),
        initial_alphabet=list(options.get("initial_alphabet", "")),
        special_tokens=options["special_tokens"],
        continuing_subword_prefix=prefix,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def unigram(texts, options):
    tokenizer = SentencePieceUnigramTokenizer()
    tokenizer.train_from_iterator(
        texts,
        vocab_size=options["vocabulary"],
        special_tokens=options.get("special_tokens", []),
        initial_alphabet=list(options.get("initial_alphabet", "")),
        unk_token="<unk>",
        show_progress=False,
    )
    return Tokenizer.from_str(tokenizer.to_str())


def case(name, kind, texts=None, **options):
    train = {"bpe": bpe, "wordpiece": wordpiece, "unigram": unigram}[kind]
    tokenizer = train(LICENSE if texts is None else texts, options)
    if kind == "unigram":
        scores = json.loads(tokenizer.to_str())["model"]["vocab"]
        return {"name": name, "kind": kind, "texts": texts, **options, "scores": scores}
    vocabulary = tokenizer.get_vocab()
    encoded = [[text, tokenizer.encode(text, add_special_tokens=False).ids] for text in ENCODED]
    pieces = sorted(vocabulary, key=vocabulary.get)
    return {"name": name, "kind": kind, "texts": texts, **options, "pieces": pieces, "encoded": encoded}


chance = random.Random(1)


def chosen(letters, length):
    return "".join(chance.choice(letters) for _ in range(length))


words = ["".join(chosen("ab", chance.randint(1, 30)) for _ in range(1)) for _ in range(150)]
mixed = [chosen("a\u0301\u4e2d\U0001f600 \n\u00e9x1", 40) for _ in range(20)]
cases = [
    case("gpt2", "bpe", vocabulary=600, special_tokens=["<|end|>", "the", "a b"]),
    case("cl100k", "bpe", vocabulary=450, pattern="cl100k", prefix_space=True),
    case("llama3", "bpe", vocabulary=400, pattern="llama3", min_frequency=20),
    case("qwen2", "bpe", vocabulary=400, pattern="qwen2"),
    case("longest", "bpe", vocabulary=500, longest=5),
    case("all of one letter", "bpe", ["a" * n for n in range(1, 60)], vocabulary=330, min_frequency=1),
    case("two letters", "bpe", words, vocabulary=420, min_frequency=1),
    case("one word", "bpe", [chosen("abc", 400)], vocabulary=400, min_frequency=1),
    case("scripts", "bpe", mixed, vocabulary=400, min_frequency=1),
    case("bert", "wordpiece", vocabulary=500),
    case("cased", "wordpiece", vocabulary=400, cased=True, prefix="@@"),
    case("few characters", "wordpiece", vocabulary=300, alphabet=12, initial_alphabet="z\u00fc"),
    case(
        "unigram",
        "unigram",
        LICENSE[:40],
        vocabulary=2000,
        special_tokens=["<pad>", "<unk>"],
        initial_alphabet="\u00fc",
    ),
    case("unigram, pruned", "unigram", vocabulary=110),
    case("unigram, pruned to characters", "unigram", words, vocabulary=20),
    case("two letters of WordPiece", "wordpiece", words, vocabulary=250, min_frequency=1),
    # pieces that are made in two ways, at the begin of a word and within one
    case("prefix of a letter", "wordpiece", words[:40], vocabulary=120, min_frequency=1, prefix="a"),
    # a word far less probable than a double can say, beside those that make the average
    case("unigram, long rare word", "unigram", ["ab " * 800, chosen("stuvwxyz", 400)], vocabulary=40),
]
(HERE / "trained_tokenizers.json").write_text(json.dumps(cases, separators=(",", ":")) + "\n")
