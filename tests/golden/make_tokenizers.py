"""Makes tokenizer_*.json of tests/text/test_golden_tokenizers.c: tokenizers, trained on the license of this project,
and what the package `tokenizers` makes of texts with them.

    python3 make_tokenizers.py        (tokenizers 0.23, sentencepiece 0.2; writes beside itself; deterministic)

Each file is {"tokenizer": a tokenizer.json, "cases": [{"text", "pair" or null, "plain", "ids", "spans", "segments",
"decoded", "decoded_special"}]}. Spans are in bytes of UTF-8 and widened to whole characters, as the reference counts
characters; those of pairs are left out, and those of unigram models with tokens of bytes, which have the whole run of
unknown characters there.
"""

import base64
import io
import json
import pathlib

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = pathlib.Path(__file__).parent
CORPUS = (HERE / "../../COPYING").read_text().splitlines()
TEXTS = [
    "",
    "The graph is bound to sizes, and the plan is run.",
    "  two  blanks,\ttabs \n\n and  lines\r\n  ",
    "It's we're I'll DON'T 'twas ''s they'Ve 'ſ 'LLama",
    "1 22 333 4444 55555.5 1e9 \u0663\u0664 \u2167\u00b2",
    "caf\u00e9 na\u00efve \u00dcber \u6f22\u5b57 \u304b\u306a \ud55c\uad6d "
    "\u0627\u0644\u0639 \u05e9\u05dc \u0e44\u0e17\u0e22",
    "e\u0301\u0308 \u200d\u200b\ufeff \u00a0\u3000x\u2028\u0085 .",
    "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea",
    "a<|end|>b <|end|> <mask> x<mask>y [word]s [word] lstrip",
    "\x00\x01\x1f control \x7f",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "the the the plan's graph's ----------------------------------------------------------------------------",
    "\n\n\n", " ", "   x", "x   ", "!?...!  ;;\n\n;;\r\n",
]  # fmt: skip
PAIRS = [("the graph", "the plan"), ("", "x"), ("a b c d e f g h", "1 2"), ("one", "a long second text, to be cut")]
LINES = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def train(pre_tokenizer, size, model=None, **settings):
    tokenizer = Tokenizer(model or models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizer
    trainer = trainers.BpeTrainer(vocab_size=size, show_progress=False, **settings)
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def byte_level(pre_tokenizer, size=400):
    tokenizer = train(pre_tokenizer, size, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def gpt2():
    tokenizer = byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False))
    tokenizer.add_special_tokens(["<|end|>"])
    tokenizer.add_tokens([AddedToken("[word]", single_word=True, normalized=False)])
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer


def roberta():
    tokenizer = byte_level(pre_tokenizers.ByteLevel(add_prefix_space=True))
    tokenizer.add_special_tokens(["<s>", "</s>", AddedToken("<mask>", lstrip=True, rstrip=True)])
    ends = [(token, tokenizer.token_to_id(token)) for token in ("</s>", "<s>")]
    tokenizer.post_processor = processors.RobertaProcessing(*ends, trim_offsets=True, add_prefix_space=True)
    return tokenizer


def lines(numbers, **settings):
    split = pre_tokenizers.Split(Regex(LINES % numbers), "isolated")
    tokenizer = byte_level(
        pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    )
    tokenizer.add_special_tokens(["<|begin|>", "<|end|>"])
    begin = ("<|begin|>", tokenizer.token_to_id("<|begin|>"))
    tokenizer.post_processor = processors.Sequence(
        [
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(
                single="<|begin|> $A", pair="<|begin|>:2 $A:2 <|begin|>:3 $B:3", special_tokens=[begin]
            ),
        ]
    )
    return tokenizer


def llama3():
    tokenizer = lines("{1,3}")
    described = json.loads(tokenizer.to_str())
    described["model"]["ignore_merges"] = True
    described["model"]["merges"] = described["model"]["merges"][5:]  # words that only the vocabulary makes whole
    return Tokenizer.from_str(json.dumps(described))


def qwen2():
    tokenizer = lines("")
    tokenizer.enable_truncation(12)
    return tokenizer


def clip():
    """Affixes: ends of words are marked, and what is not known is one token."""
    tokenizer = train(
        pre_tokenizers.ByteLevel(add_prefix_space=False),
        300,
        models.BPE(unk_token="<unk>", fuse_unk=True, end_of_word_suffix="</w>"),
        special_tokens=["<unk>"],
        end_of_word_suffix="</w>",
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.enable_truncation(9, direction="left", strategy="only_first")
    return tokenizer


def bert(**settings):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=60))
    tokenizer.normalizer = normalizers.BertNormalizer(**settings)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[UNK]", "[CLS]", "[SEP]", "[MASK]", "<|end|>"]
    trainer = trainers.WordPieceTrainer(vocab_size=300, show_progress=False, special_tokens=special)
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.add_tokens([AddedToken("GRAPH", normalized=True), AddedToken("\u00dcber", normalized=True)])
    ends = [(token, tokenizer.token_to_id(token)) for token in ("[SEP]", "[CLS]")]
    tokenizer.post_processor = processors.BertProcessing(*ends)
    tokenizer.decoder = decoders.WordPiece(cleanup="lowercase" not in settings)
    return tokenizer


def fallback():
    """Characters, bytes of those that have no token, and unknown ones where a byte has none; a pair in reverse."""
    letters = sorted(set("".join(CORPUS)) - set("Z"))
    vocabulary = {token: i for i, token in enumerate(["<unk>"] + letters)}
    for byte in range(0x80, 0x100):
        vocabulary[f"<0x{byte:02X}>"] = len(vocabulary)
    merges = [("t", "h"), ("th", "e"), ("a", "a"), ("aa", "aa")]
    for left, right in merges:
        vocabulary[left + right] = len(vocabulary)
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    end = ("<unk>", 0)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A <unk>:4", pair="$B:3 <unk> $A:1", special_tokens=[end]
    )
    tokenizer.add_tokens([AddedToken("[word]", single_word=True), AddedToken("ord]s", normalized=False)])
    return tokenizer


def bert_cased():
    return bert(lowercase=False, clean_text=False)


RULES = [
    ("\ufb01", "fi"), ("\u2460", "1"), ("\u00dc", "ue"), ("e\u0301", "\u00e9"), ("\u3000", " "), ("\x01", ""),
    ("\t", " "), ("\r", " "), ("\u00a0", "  "), ("\U0001f600", ":-)"), ("\ud55c", "\u1112\u1161\u11ab"),
    ("\u0644\u0639", "x"), ("gr", "GR"), ("\u2028", ""),
]  # fmt: skip


def fields(message):
    """Number and value of each field of a message of protocol buffers."""
    at = 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(message):
        key = number()
        if key & 7 == 0:
            yield key >> 3, number()
            continue
        length = number() if key & 7 == 2 else {1: 8, 5: 4}[key & 7]
        yield key >> 3, message[at : at + length]
        at += length


def piece_model(**settings):
    """A model of SentencePiece, as its file."""
    rules = HERE / "rules.tsv"
    lines = ["\t".join(" ".join(f"{ord(letter):X}" for letter in side) for side in rule) for rule in RULES]
    rules.write_text("\n".join(lines) + "\n")
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS * 3),
        model_writer=model,
        normalization_rule_tsv=str(rules),
        num_threads=1,
        minloglevel=3,
        **settings,
    )
    rules.unlink()
    return model.getvalue()


def precompiled():
    model = piece_model(vocab_size=150, model_type="unigram")
    return dict(fields(dict(fields(model))[3]))[2]


def unigram():
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Precompiled(precompiled()), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=300, show_progress=False, special_tokens=["<unk>", "</s>"], unk_token="<unk>"
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.add_tokens([AddedToken("<mask>", lstrip=True), AddedToken("[word]", single_word=True)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B:1 </s>:1", special_tokens=[("</s>", 1)]
    )
    tokenizer.decoder = decoders.Metaspace()
    return tokenizer


def unigram_bytes():
    """Not cut into words, bytes in the place of what is unknown, and a blank before the first text alone."""
    described = json.loads(unigram().to_str())
    described["added_tokens"] = described["added_tokens"][:2]
    described["normalizer"] = {
        "type": "Sequence",
        "normalizers": [
            {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(precompiled()).decode()},
            {"type": "Replace", "pattern": {"Regex": r"\A +| +\z"}, "content": ""},
            {"type": "Replace", "pattern": {"String": "graph"}, "content": "gr\u00e4ph"},
            {"type": "Replace", "pattern": {"Regex": "\\A\u2581"}, "content": "\u2581\u2581"},
        ],
    }
    described["pre_tokenizer"] = {
        "type": "Metaspace",
        "replacement": "\u2581",
        "prepend_scheme": "first",
        "split": False,
    }
    described["model"]["vocab"] += [[f"<0x{byte:02X}>", 0.0] for byte in range(256)]
    described["model"]["byte_fallback"] = True
    described["decoder"] = {
        "type": "Sequence",
        "decoders": [
            {"type": "ByteFallback"},
            {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "never"},
            {"type": "Strip", "content": "e", "start": 0, "stop": 1},
        ],
    }
    return Tokenizer.from_str(json.dumps(described))


def llama():
    letters = sorted(set("".join(CORPUS)) - set("Z ") | {"\u2581"})
    vocabulary = {token: i for i, token in enumerate(["<unk>", "<s>", "</s>"])}
    vocabulary |= {f"<0x{byte:02X}>": 3 + byte for byte in range(256)}
    vocabulary |= {letter: 259 + i for i, letter in enumerate(letters)}
    merges = [("\u2581", "t"), ("h", "e"), ("\u2581t", "he"), ("\u2581", "\u2581"), ("a", "a"), ("aa", "aa")]
    for left, right in merges:
        vocabulary[left + right] = len(vocabulary)
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", 1)]
    )
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return tokenizer


def word_level(normalizer, pre_tokenizer):
    """Words of one token each, so that spans show where the text was cut."""
    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.train_from_iterator(
        CORPUS[:200] + TEXTS[:9:2], trainers.WordLevelTrainer(special_tokens=["[UNK]"], vocab_size=150)
    )
    return tokenizer


def words():
    return word_level(
        normalizers.Sequence([normalizers.Strip(left=True, right=True), normalizers.NFKC(), normalizers.Lowercase()]),
        pre_tokenizers.Sequence(
            [
                pre_tokenizers.Whitespace(),
                pre_tokenizers.Digits(individual_digits=True),
                pre_tokenizers.Punctuation("merged_with_previous"),
            ]
        ),
    )


def scripts():
    return word_level(
        normalizers.Sequence([normalizers.Nmt(), normalizers.NFD(), normalizers.StripAccents()]),
        pre_tokenizers.Sequence(
            [
                pre_tokenizers.UnicodeScripts(),
                pre_tokenizers.Split("the", "merged_with_next"),
                pre_tokenizers.FixedLength(7),
            ]
        ),
    )


def characters():
    """Pre-tokenizers that look at the characters which stand for bytes."""
    return word_level(
        normalizers.NFC(),
        pre_tokenizers.Sequence(
            [
                pre_tokenizers.WhitespaceSplit(),
                pre_tokenizers.Punctuation("contiguous"),
                pre_tokenizers.ByteLevel(add_prefix_space=True),
                pre_tokenizers.Digits(individual_digits=False),
                pre_tokenizers.CharDelimiterSplit("e"),
            ]
        ),
    )


def sounds():
    """Tokens that go on, and one for nothing, as models of speech have them; words with marks at their ends."""
    tokenizer = word_level(normalizers.Nmt(), pre_tokenizers.Split("", "isolated"))
    tokenizer.decoder = decoders.Sequence(
        [decoders.CTC(pad_token="e", word_delimiter_token=" ", cleanup=True), decoders.BPEDecoder(suffix="t")]
    )
    return tokenizer


def spans(text, encoding):
    places = [0]
    for character in text:
        places.append(places[-1] + len(character.encode()))
    return [[places[begin], places[end]] for begin, end in encoding.offsets]


def case(tokenizer, text, pair, plain):
    encoding = tokenizer.encode(text, pair, add_special_tokens=not plain)
    has_runs = isinstance(tokenizer.model, models.Unigram) and any(token[:3] == "<0x" for token in encoding.tokens)
    has_spans = pair is None and not has_runs
    return {
        "text": text,
        "pair": pair,
        "plain": plain,
        "ids": encoding.ids,
        "spans": spans(text, encoding) if has_spans else None,
        "segments": encoding.type_ids,
        "decoded": tokenizer.decode(encoding.ids),
        "decoded_special": tokenizer.decode(encoding.ids, skip_special_tokens=False),
    }


def write(make):
    tokenizer = make()
    cases = [case(tokenizer, text, None, plain) for text in TEXTS for plain in (False, True)]
    for text, pair in PAIRS:
        for plain in (False, True):
            try:
                cases.append(case(tokenizer, text, pair, plain))
            except Exception:  # a strategy that cannot cut the pair
                continue
    described = {"tokenizer": json.loads(tokenizer.to_str()), "cases": cases}
    text = json.dumps(described, ensure_ascii=True, separators=(",", ":"))
    (HERE / f"tokenizer_{make.__name__}.json").write_text(text + "\n")


MAKERS = (gpt2, roberta, llama3, qwen2, clip, fallback, bert, bert_cased, unigram, unigram_bytes, llama)
MAKERS += (words, scripts, characters, sounds)
for each in MAKERS:
    write(each)
