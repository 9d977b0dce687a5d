"""Makes tokenizer_batches.json of tests/text/test_golden_batches.c: what the package `tokenizers` makes of batches of
texts that are truncated and padded, what it cuts off among it.

    python3 make_batches.py        (tokenizers 0.23; writes beside itself; deterministic)

The file is a list of {"tokenizer": a tokenizer.json, "batches": [{"texts": [[text, pair or null], ...], "plain",
"encodings": [[source, ids, spans, segments, mask], ...]}]}: the encodings are padded where the tokenizer has padding,
and with `overflowing` behind their texts' own where it has truncation.
"""

import json
import pathlib

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

HERE = pathlib.Path(__file__).parent
WORDS = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"] + list("abcdefgh12345")
LETTERS = ["<s>", "</s>", "<pad>", "\u0120", "a", "b", "c", "\u0120a", "\u0120b", "\u00c3", "\u00a9", "\u00c3\u00a9"]
TEXTS = ["a b c d e f g h", "", "a b", "1 2 3 4 5 a b c d e f g h"]
PAIRS = [("a b c d e f", "1 2 3 4 5"), ("a", "1 2 3 4 5 a b c d"), ("a b c d e f g h", "1"), ("a b", "1")]
BYTES = ["a  b c a a b", "c", " \u00e9 a  b", "  "]


def words():
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return tokenizer


def template(single, pair):
    tokenizer = words()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=single, pair=pair, special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    return tokenizer


def bert():
    tokenizer = words()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    return tokenizer


def roberta():
    """Spans without blanks, of which the first of each part stays."""
    merges = [("\u0120", "a"), ("\u0120", "b"), ("\u00c3", "\u00a9")]
    tokenizer = Tokenizer(models.BPE({letter: i for i, letter in enumerate(LETTERS)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 1), ("<s>", 0))
    return tokenizer


def spans(text, pair, encoding):
    """In bytes. Of pairs that are cut and have no template the reference forgets which of them a token is of."""
    made = []
    if text.isascii() and (pair or "").isascii():
        return [list(span) for span in encoding.offsets]
    for (begin, end), sequence in zip(encoding.offsets, encoding.sequence_ids):
        whole = pair if sequence == 1 else text
        made.append([len(whole[:begin].encode()), len(whole[:end].encode())])
    return made


def batch(tokenizer, texts, plain):
    encodings = []
    made = tokenizer.encode_batch(
        [text if text[1] is not None else text[0] for text in texts], add_special_tokens=not plain
    )
    for source, ((text, pair), own) in enumerate(zip(texts, made)):
        for encoding in [own] + own.overflowing:
            encodings.append(
                [source, encoding.ids, spans(text, pair, encoding), encoding.type_ids, encoding.attention_mask]
            )
    return {"texts": texts, "plain": plain, "encodings": encodings}


def describe(tokenizer, texts, truncation=None, padding=None):
    if truncation is not None:
        tokenizer.enable_truncation(**truncation)
    if padding is not None:
        tokenizer.enable_padding(**padding)
    batches = [batch(tokenizer, given, plain) for given in texts for plain in (False, True)]
    return {"tokenizer": json.loads(tokenizer.to_str()), "batches": batches}


def all_cases():
    alone = [[(text, None) for text in TEXTS], []]
    pairs = [PAIRS, PAIRS[2:] + [("a b c", None)]]
    one = [[(text, None)] for text in TEXTS[:1]]
    lettered = [[(text, None) for text in BYTES], [(BYTES[0], BYTES[2]), ("a b", "a b c a b")]]
    yield describe(bert(), alone + pairs, padding={})
    yield describe(bert(), alone, padding={"length": 6, "direction": "left", "pad_type_id": 3})
    yield describe(words(), alone + pairs, padding={"pad_to_multiple_of": 4, "pad_id": 2, "pad_token": "[SEP]"})
    yield describe(words(), one, padding={"length": 9, "pad_to_multiple_of": 5, "direction": "left"})
    yield describe(bert(), alone + pairs, {"max_length": 6, "stride": 0}, {})
    yield describe(words(), alone + pairs, {"max_length": 6, "stride": 2})
    yield describe(words(), alone, {"max_length": 5, "stride": 4, "direction": "left"}, {"length": 8})
    yield describe(bert(), alone + pairs[:1], {"max_length": 8, "stride": 1, "direction": "left"}, {"pad_type_id": 1})
    yield describe(bert(), alone[:1] + pairs[:1], {"max_length": 4})
    yield describe(words(), one, {"max_length": 0}, {})
    first = {"max_length": 10, "stride": 1, "strategy": "only_first"}
    yield describe(bert(), [[PAIRS[0], PAIRS[2]]], first, {"direction": "left"})
    yield describe(bert(), [PAIRS[:2]], {"max_length": 11, "stride": 1, "strategy": "only_second"})
    numbered = template("[CLS]:4 $A:2 [SEP]:4", "[CLS]:5 $B:3 [SEP] $A:7")
    yield describe(numbered, alone + pairs[:1], {"max_length": 7, "stride": 1}, {"pad_type_id": 9})
    end = {"direction": "left", "pad_id": 2, "pad_token": "<pad>"}
    yield describe(roberta(), lettered, {"max_length": 8, "stride": 1}, end)
    yield describe(roberta(), lettered, {"max_length": 9, "stride": 1, "direction": "left"})


text = ",\n".join(json.dumps(each, ensure_ascii=True, separators=(",", ":")) for each in all_cases())
(HERE / "tokenizer_batches.json").write_text("[" + text + "]\n")
