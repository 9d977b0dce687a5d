"""Random tokenizers of all kinds, and random texts: what this library makes of them must be what PyPI's `tokenizers`
makes of them, ids, spans, segments and decoded texts.

    python3 tests/fuzz/differential_tokenizer.py LIBRARY [--seconds S] [--seed N] [--tokenizers N] [--all]

LIBRARY is libpretrain.so, with its description in the folder above it. Without the package it says so and returns 77.
A number of tokenizers makes a run that can be repeated, and has no limit of time unless one is given.
With --all it goes on after a difference.
What the library refuses with a message that says so, and what the reference panics at, is counted and left out.
Texts have characters that Unicode has had since version 3.2, or that stand in ALPHABETS, as the reference's parts know
different versions of Unicode.
"""

import argparse
import bisect
import collections
import ctypes
import json
import os
import pathlib
import random
import sys
import time
import unicodedata

HERE = pathlib.Path(__file__).resolve().parent
ALPHABETS = [
    "abc ABC dé É",
    "'sStTdmrevl \n\r\t",
    "0123456789 \u0663\u0664\u0967 \u2167\u00b2\u00bd\u2460",
    ".,!?;:'\"()[]{}-_/\\#@$+<=>^`|~\u2014\u2019\u00ab\u00bb\u3002\u060c",
    "\u00e9\u00e0\u00fc\u00f1\u0130\u00df\u01c5\u1e9b\u0344\u212b\u2126\ufb01\ufb03\u1d2c",
    "e\u0301\u0308\u0323\u0307\u031b\u0345\u093c\u09bc\u0f71\u0f72\u3099\u309a\u20dd\u20e3a\u0300",
    "\u4e2d\u6587\u5b57\u65e5\u672c\u8a9e\u304b\u304c\u30ab\u30ac\uff76\uff9e\u30fc\u3000\uf900\ufa0e",
    "\ud55c\uad6d\u1112\u1161\u11ab\u1100\u1161\u11a8\uac00\u11a7",
    "\u0627\u0644\u0639\u0631\u0628\u064a\u0629\u064b\u0651 \u05e2\u05d1\u05e8\u05d9\u05ea\u05b8\u05bc \ufefb\u200f",
    "\u0e44\u0e17\u0e22\u0e33\u0e49 \u0926\u0947\u0935\u0928\u093e\u0917\u0930\u0940 \u09c7\u09be\u0bc6\u0bbe",
    "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467\U0001f3fd\U0001f1e9\U0001f1ea\u2764\ufe0f\u2b50",
    "\u017f\u212a\u00c5\u03a3\u03c3\u03c2\u1e9e\u24b6\u24d0\U0001f130\u203f",
    "\u200b\u200c\u200d\ufeff\u00a0\u2028\u2029\u0085\u1680\u180e\u202f\u205f",
    "".join(map(chr, list(range(0x20)) + [0x7F, 0x80, 0x8F, 0x9F, 0xAD])),
    "\u2581\u0120\u010a##</w><0x41>|",
    "\ufffd\ufdfa\ufb2c\U0001d400\U0002f800",
]
WORDS = [
    "the",
    "The",
    "graph",
    "it's",
    "DON'T",
    "<s>",
    "</s>",
    "[CLS]",
    "[UNK]",
    "<pad>",
    "n't",
    " do not",
    "  ",
    "\n\n",
]


# ---- Texts ----------------------------------------------------------------------------------------------------------


def any_character(rng):
    while True:
        code = rng.choice([rng.randrange(1, 0x300), rng.randrange(0x300, 0xD800), rng.randrange(0xE000, 0x30000)])
        # musical signs are composed of marks that BERT keeps, which the reference puts where the next mark stands
        if unicodedata.ucd_3_2_0.category(chr(code)) != "Cn" and not 0x1D15E <= code <= 0x1D1C0:
            return chr(code)


def make_text(rng, longest=40):
    made = []
    for _ in range(rng.randrange(longest)):
        chance = rng.random()
        if chance < 0.55:
            alphabet = rng.choice(ALPHABETS)
            made += [rng.choice(alphabet) for _ in range(rng.randrange(1, 6))]
        elif chance < 0.75:
            made.append(rng.choice(WORDS))
        elif chance < 0.85:
            made.append(" " * rng.randrange(1, 4))
        elif chance < 0.9:
            made.append(rng.choice("ab1. \u0301") * rng.randrange(1, 70))
        else:
            made.append(any_character(rng))
    return "".join(made)


# ---- The reference --------------------------------------------------------------------------------------------------


class ReferencePanics(Exception):
    pass


def asked(call, *arguments, **named):
    """What a method of the reference returns. Some of its decoders index into no tokens and some of its normalizers cut
    characters: the bindings derive such panics from BaseException, as Python does for what is never to be caught."""
    try:
        return call(*arguments, **named)
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise ReferencePanics(str(error)) from None


# ---- Tokenizers -----------------------------------------------------------------------------------------------------

BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]
AT_WORDS, BEHIND_WORDS = r"\b", r"(?<=\w)\b"  # they match nothing, the first at the begin of a text too
PATTERNS = [
    r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+",
    r"\w+|[^\w\s]+",
    r"[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    " ?[^(\\s|[.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c])]+",
    "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
    r"\p{N}{1,3}",
    r"(?=\d)|\b",
    r"[^\W\d_]+(?<=s)|x*",
    r"(?i:the|[^a-c\p{M}])+?\s",
]


def sequence(rng, make, kind, members):
    if rng.random() < 0.3:
        return {"type": kind, members: [make(rng) for _ in range(rng.randrange(1, 4))]}
    return make(rng)


def one_normalizer(rng):
    return rng.choice(
        [
            {"type": "NFC"},
            {"type": "NFD"},
            {"type": "NFKC"},
            {"type": "NFKD"},
            {"type": "Lowercase"},
            {"type": "StripAccents"},
            {"type": "Nmt"},
            {"type": "ByteLevel"},
            {"type": "Prepend", "prepend": rng.choice(["\u2581", " "])},
            {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"},
            {"type": "Replace", "pattern": {"Regex": rng.choice([r"\s+", AT_WORDS, r"[aeiou]\p{M}*"])}, "content": "-"},
            {"type": "Strip", "strip_left": rng.random() < 0.6, "strip_right": rng.random() < 0.6},
            {
                "type": "BertNormalizer",
                "clean_text": rng.random() < 0.5,
                "handle_chinese_chars": rng.random() < 0.5,
                "strip_accents": rng.choice([None, True, False]),
                "lowercase": rng.random() < 0.5,
            },
        ]
    )


def one_pre_tokenizer(rng):
    behavior = rng.choice(BEHAVIORS)
    text = rng.choice([" ", "a", "the", "..", "\n", "\u00e9", ""])
    pattern = {"String": text} if rng.random() < 0.5 else {"Regex": rng.choice(PATTERNS)}
    return rng.choice(
        [
            {"type": "Whitespace"},
            {"type": "WhitespaceSplit"},
            {"type": "Digits", "individual_digits": rng.random() < 0.5},
            {"type": "Punctuation", "behavior": behavior},
            {"type": "CharDelimiterSplit", "delimiter": rng.choice(" |.a\u4e2d")},
            {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": rng.random() < 0.4},
            {"type": "UnicodeScripts"},
            {"type": "FixedLength", "length": rng.randrange(1, 9)},
            {"type": "BertPreTokenizer"},
            {
                "type": "Metaspace",
                "replacement": "\u2581",
                "prepend_scheme": rng.choice(["always", "never", "first"]),
                "split": rng.random() < 0.7,
            },
            {
                "type": "ByteLevel",
                "add_prefix_space": rng.random() < 0.5,
                "trim_offsets": rng.random() < 0.5,
                "use_regex": rng.random() < 0.5,
            },
        ]
    )


def one_decoder(rng):
    return rng.choice(
        [
            {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
            {"type": "BPEDecoder", "suffix": rng.choice(["</w>", "e"])},
            {"type": "CTC", "pad_token": "<pad>", "word_delimiter_token": "|", "cleanup": rng.random() < 0.5},
            {"type": "Fuse"},
            {"type": "ByteFallback"},
            {"type": "Replace", "pattern": {"String": rng.choice(["\u2581", "th"])}, "content": " "},
            {"type": "Strip", "content": " ", "start": rng.randrange(3), "stop": rng.randrange(3)},
            {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True},
            {"type": "WordPiece", "prefix": rng.choice(["##", "t", ""]), "cleanup": rng.random() < 0.5},
        ]
    )


def make_model(rng, pieces):
    """A model whose vocabulary knows some of the pieces and their parts."""
    pieces = sorted(set(pieces)) or ["a"]
    parts = set(pieces if rng.random() < 0.5 else pieces[::2])
    kind = rng.choice(["WordLevel", "WordPiece", "BPE"])
    if kind == "WordLevel":
        return {"type": kind, "vocab": number(rng, ["[UNK]"] + sorted(parts)), "unk_token": "[UNK]"}
    letters = {letter for piece in pieces for letter in piece}
    if rng.random() < 0.5:
        letters = {letter for letter in sorted(letters) if rng.random() < 0.9}
    if kind == "WordPiece":
        tokens = parts | letters | {"##" + letter for letter in letters} | {"##" + piece[1:] for piece in parts}
        vocabulary = number(rng, ["[UNK]"] + sorted(tokens - {"[UNK]"}))
        return {
            "type": kind,
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": rng.choice([100, 5]),
            "vocab": vocabulary,
        }
    return make_bpe(rng, pieces, letters)


def number(rng, tokens):
    tokens = list(dict.fromkeys(tokens))
    rng.shuffle(tokens)
    return {token: i for i, token in enumerate(tokens)}


def make_bpe(rng, pieces, letters):
    tokens, merges = dict.fromkeys(["[UNK]"] + sorted(letters)), []
    for piece in pieces:
        left = piece[:1]
        for right in piece[1:9]:
            if left in tokens and right in tokens and rng.random() < 0.6:
                if left + right not in tokens:
                    merges.append([left, right])
                    tokens[left + right] = None
                left += right
            else:
                left = right
    fallback = rng.random() < 0.3
    if fallback:
        for byte in range(256):
            tokens["<0x%02X>" % byte] = None
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": rng.choice(["[UNK]", None]),
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": rng.random() < 0.5,
        "byte_fallback": fallback,
        "ignore_merges": rng.random() < 0.2,
        "vocab": {token: i for i, token in enumerate(tokens)},
        "merges": merges,
    }


def keep_from_doubling(described):
    """What the reference puts before the first character of a text, for no character of it, is there twice after each
    later edit: the places that it edits begin with the first character. So nothing is put there where an edit follows.
    """
    normalizer, pre_tokenizer = (json.dumps(described[key]) for key in ("normalizer", "pre_tokenizer"))
    words, edits = json.dumps(AT_WORDS), '"ByteLevel"' in pre_tokenizer or '"Metaspace"' in pre_tokenizer
    if words in normalizer and (edits or described["normalizer"]["type"] == "Sequence"):
        described["normalizer"] = json.loads(normalizer.replace(words, json.dumps(BEHIND_WORDS)))


def make_added(rng, size, normalizer, changes_blanks):
    """changes_blanks: a normalizer makes blanks of what is none, or drops what stands between them. Of a token that
    takes them, the reference counts those of the normalised text, and leaves out as many characters of the text, which
    may be others. Where two are looked for by the same characters, it finds now one and now the other."""
    added, contents, sought = [], ["<s>", "</s>", "[CLS]", "The", "\u00c9", "<pad>", "e\u0301", "12"], set()
    for content in rng.sample(contents, rng.randrange(len(contents))):
        each = {
            "id": size + len(added),
            "content": content,
            "single_word": rng.random() < 0.3,
            "lstrip": rng.random() < 0.3,
            "rstrip": rng.random() < 0.3,
            "normalized": rng.random() < 0.5,
            "special": rng.random() < 0.5,
        }
        if changes_blanks and (each["lstrip"] or each["rstrip"]):
            each["normalized"] = False
        is_edited = each["normalized"] and normalizer is not None
        seen = (each["normalized"], asked(normalizer.normalize_str, content) if is_edited else content)
        if seen not in sought:
            sought.add(seen)
            added.append(each)
    return added


def make_post_processor(rng, added):
    if not added or rng.random() < 0.4:
        return rng.choice(
            [None, {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}]
        )
    first, last = (rng.choice(added) for _ in range(2))
    ends = {"sep": [last["content"], last["id"]], "cls": [first["content"], first["id"]]}
    return rng.choice(
        [
            {"type": "BertProcessing", **ends},
            {
                "type": "RobertaProcessing",
                **ends,
                "trim_offsets": rng.random() < 0.5,
                "add_prefix_space": rng.random() < 0.5,
            },
        ]
    )


def make_truncation(rng):
    return {
        "direction": rng.choice(["Left", "Right"]),
        "max_length": rng.randrange(4, 30),
        "strategy": rng.choice(["LongestFirst", "LongestFirst", "OnlyFirst"]),
        "stride": 0,
    }


def maybe(rng, chance, make, *arguments):
    return make(rng, *arguments) if rng.random() < chance else None


def make_tokenizer(rng, reference):
    described = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": maybe(rng, 0.7, sequence, one_normalizer, "Sequence", "normalizers"),
        "pre_tokenizer": maybe(rng, 0.85, sequence, one_pre_tokenizer, "Sequence", "pretokenizers"),
        "post_processor": None,
        "decoder": maybe(rng, 0.6, sequence, one_decoder, "Sequence", "decoders"),
        "model": {"type": "WordLevel", "vocab": {"[UNK]": 0}, "unk_token": "[UNK]"},
    }
    keep_from_doubling(described)
    stages = asked(reference.Tokenizer.from_str, json.dumps(described))
    pieces = []
    for _ in range(8):
        text = make_text(rng)
        if stages.normalizer is not None:
            text = asked(stages.normalizer.normalize_str, text)
        pieces += (
            [text]
            if stages.pre_tokenizer is None
            else [piece for piece, _ in asked(stages.pre_tokenizer.pre_tokenize_str, text)]
        )
    described["model"] = make_model(rng, [piece for piece in pieces if piece])
    size = max(described["model"]["vocab"].values()) + 1
    normalizer = json.dumps(described["normalizer"])
    changes_blanks = any(part in normalizer for part in ('"Nmt"', '"Strip', '"Bert', '": " "', json.dumps(r"\s+")))
    described["added_tokens"] = [
        each
        for each in make_added(rng, size, stages.normalizer, changes_blanks)
        if each["content"] not in described["model"]["vocab"]
    ]
    described = json.loads(asked(reference.Tokenizer.from_str, json.dumps(described)).to_str())  # with the ids they get
    described["truncation"] = maybe(rng, 0.3, make_truncation)
    described["post_processor"] = make_post_processor(rng, described["added_tokens"])
    return described


# ---- This library ---------------------------------------------------------------------------------------------------


class Ours:
    def __init__(self, pretrain, context, text):
        self.pretrain, self.library, self.pointer = pretrain, pretrain.library, ctypes.c_void_p()
        data = text.encode()
        kept = ctypes.create_string_buffer(data, len(data))
        place = pretrain.LoadOptions(
            struct_size=ctypes.sizeof(pretrain.LoadOptions), data=ctypes.addressof(kept), bytes=len(data)
        )
        self.check(self.library.pt_tokenizer_open(context, None, ctypes.byref(place), ctypes.byref(self.pointer)))

    def free(self):
        self.library.pt_tokenizer_free(self.pointer)

    def check(self, status):
        if status != self.pretrain.OK:
            raise self.pretrain.Error(status, self.library.pt_last_error().decode("utf-8", "replace"))

    def array(self, kind, dtype, size):
        data = (kind * max(size, 1))()
        return data, self.pretrain.Array(dtype=dtype, data=ctypes.addressof(data), capacity=size)

    def encode(self, text, pair, plain):
        given = self.pretrain.Text(text=text.encode(), bytes=len(text.encode()), pair=None, pair_bytes=0)
        if pair is not None:
            given.pair, given.pair_bytes = pair.encode(), len(pair.encode())
        size = 8 * (given.bytes + given.pair_bytes) + 64
        options = self.pretrain.TokenizeOptions(
            struct_size=ctypes.sizeof(self.pretrain.TokenizeOptions), flags=self.pretrain.TOKENIZE_PLAIN if plain else 0
        )
        ids, id_view = self.array(ctypes.c_int32, self.pretrain.INT32, size)
        spans, span_view = self.array(ctypes.c_uint32, self.pretrain.UINT32, 2 * size)
        segments, segment_view = self.array(ctypes.c_uint8, self.pretrain.UINT8, size)
        self.check(
            self.library.pt_tokenizer_encode(
                self.pointer,
                ctypes.addressof(given),
                ctypes.sizeof(given),
                1,
                ctypes.addressof(options),
                ctypes.addressof(id_view),
                ctypes.addressof(span_view),
                ctypes.addressof(segment_view),
                ctypes.sizeof(id_view),
            )
        )
        count = id_view.elements
        return ids[:count], list(zip(spans[: 2 * count : 2], spans[1 : 2 * count : 2])), segments[:count]

    def decode(self, ids, special):
        data, view = self.array(ctypes.c_int32, self.pretrain.INT32, len(ids))
        data[: len(ids)] = ids
        view.elements = len(ids)
        buffer, length = ctypes.create_string_buffer(64 * len(ids) + 1024), ctypes.c_size_t()
        flags = self.pretrain.DECODE_SPECIAL if special else 0
        self.check(
            self.library.pt_tokenizer_decode(
                self.pointer,
                ctypes.addressof(view),
                ctypes.sizeof(view),
                flags,
                buffer,
                len(buffer),
                ctypes.addressof(length),
            )
        )
        return buffer.raw[: length.value].decode()


# ---- Comparison -----------------------------------------------------------------------------------------------------


def characters_of(text, spans):
    """Spans of bytes as those of the characters that they lie in."""
    starts = [0]
    for character in text:
        starts.append(starts[-1] + len(character.encode()))
    return [
        (bisect.bisect_right(starts, begin) - 1, bisect.bisect_left(starts, end)) if end > begin else None
        for begin, end in spans
    ]


def forgets(model):
    """Whether the reference counts places wrongly: characters that a BPE model drops have no length there."""
    return model["type"] == "BPE" and not model["unk_token"] and not model["byte_fallback"]


def differences(ours, theirs, text, pair, plain, compares_spans):
    try:
        expected = asked(theirs.encode, text, pair, add_special_tokens=not plain)
    except ReferencePanics:
        ours.encode(text, pair, plain)
        raise
    except Exception:  # a strategy that cannot cut the pair
        return None
    ids, spans, segments = ours.encode(text, pair, plain)
    if ids != expected.ids:
        return "ids %s, expected %s (%s)" % (ids, expected.ids, expected.tokens)
    if segments != expected.type_ids:
        return "segments %s, expected %s" % (segments, expected.type_ids)
    for i, sequence_id in enumerate(expected.sequence_ids):
        if sequence_id is None or not compares_spans:
            continue
        found = characters_of(pair if sequence_id else text, spans[i : i + 1])[0]
        begin, end = expected.offsets[i]
        if found is not None and found != (begin, end) or found is None and begin != end:
            return "span %d of %s is %s, expected %s" % (i, expected.tokens[i], found, expected.offsets[i])
    for special in (False, True):
        found = ours.decode(ids, special)
        wanted = asked(theirs.decode, expected.ids, skip_special_tokens=not special)
        if found != wanted:
            return "decoded %r, expected %r" % (found, wanted)
    return None


def report_difference(seed, difference, text, pair, described):
    described["model"]["vocab"] = "... %d tokens" % len(described["model"]["vocab"])
    print("seed %d: %s\ntext %a pair %a" % (seed, difference, text, pair))
    print(json.dumps({key: value for key, value in described.items() if value}))


def compare_tokenizer(pretrain, context, reference, seed, counts):
    """Compares a random tokenizer over random texts; returns whether all was the same, and counts what was seen."""
    rng = random.Random(seed)
    try:
        described = make_tokenizer(rng, reference)
        theirs = asked(reference.Tokenizer.from_str, json.dumps(described))
    except ReferencePanics:
        counts["panics"] += 1
        return True
    try:
        ours = Ours(pretrain, context, theirs.to_str())
    except pretrain.Error as error:
        if error.status != pretrain.ERR_UNSUPPORTED:
            print("seed %d: %s\n%s" % (seed, error, json.dumps(described)))
            return False
        counts["refused: " + str(error)] += 1
        return True
    for _ in range(30):
        text, pair = make_text(rng), make_text(rng) if rng.random() < 0.2 else None
        counts["texts"] += 1
        try:
            difference = differences(ours, theirs, text, pair, rng.random() < 0.5, not forgets(described["model"]))
        except ReferencePanics:
            counts["panics"] += 1
            continue
        if difference:
            report_difference(seed, difference, text, pair, described)
            return False
    ours.free()
    return True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("library")
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tokenizers", type=int)
    parser.add_argument("--all", action="store_true")
    arguments = parser.parse_args()
    try:
        import tokenizers
    except ImportError:
        print("the package tokenizers is not installed")
        return 77
    os.environ["PRETRAIN_LIBRARY"] = os.path.abspath(arguments.library)
    sys.path.insert(0, str(HERE.parent.parent / "examples" / "python"))
    import pretrain

    seconds = arguments.seconds
    if seconds is None:
        seconds = 60 if arguments.tokenizers is None else float("inf")
    last = float("inf") if arguments.tokenizers is None else arguments.seed + arguments.tokenizers
    context, counts = pretrain.Context(threads=1), collections.Counter()
    end, seed = time.monotonic() + seconds, arguments.seed
    while time.monotonic() < end and seed < last and (arguments.all or not counts["differences"]):
        counts["differences"] += not compare_tokenizer(pretrain, context, tokenizers, seed, counts)
        seed += 1
    print("%d tokenizers from seed %d" % (seed - arguments.seed, arguments.seed))
    for what, count in counts.most_common(20):
        print("%6d %s" % (count, what))
    return 1 if counts["differences"] else 0


sys.exit(main())
