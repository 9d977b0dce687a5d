"""Tokenizers from Python: files of several kinds, ids, spans and segments, texts back, and what is saved. Run by
installed.py, or by hand:

    PYTHONPATH=examples/python PRETRAIN_LIBRARY=build/lib/libpretrain.so python3 tests/examples/python_tokenizers.py
"""

import io
import json
import os
import tempfile
import unittest

import pretrain

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "foreign")


class Tokenizers(unittest.TestCase):
    def setUp(self):
        try:
            self.context = pretrain.Context(threads=1)
            self.tokenizer = self.context.tokenizer(os.path.join(GOLDEN, "bert"))
        except pretrain.Error as error:
            if error.status != pretrain.ERR_UNSUPPORTED:
                raise
            self.skipTest(str(error))

    def test_kinds_of_tokens(self):
        kinds = self.tokenizer.kinds()
        self.assertEqual(len(kinds), len(self.tokenizer))
        for id, kind in enumerate(kinds):
            token = self.tokenizer.token(id)
            special = token is None or token in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
            expected = pretrain.TOKEN_SPECIAL if special else pretrain.TOKEN_CONTINUES * token.startswith("##")
            self.assertEqual(kind, expected, token)
        self.context.model(  # takes them
            {"model_type": "bert", "vocab_size": len(kinds), "hidden_size": 8, "num_hidden_layers": 1,
             "num_attention_heads": 2, "intermediate_size": 8},
            task=pretrain.TASK_MASKED_LM, mask_token=self.tokenizer.id("[MASK]"), token_kinds=kinds,
        )

    def test_all_kinds(self):
        with open(os.path.join(GOLDEN, "cases.json"), encoding="utf-8") as file:
            cases = json.load(file)
        for path, texts in cases.items():
            tokenizer = self.context.tokenizer(os.path.join(GOLDEN, path))
            made = tokenizer.encode([case["text"] for case in texts], plain=True)
            self.assertEqual(made, [case["ids"] for case in texts], path)
            for case in texts:
                if case["decoded"] is not None:
                    self.assertEqual(tokenizer.decode(case["ids"]), case["decoded"])
                    decoder = tokenizer.decoder()
                    parts = [decoder.add([id]) for id in case["ids"]] + [decoder.finish()]
                    self.assertEqual("".join(parts), case["decoded"])

    def test_spans_and_pairs(self):
        tokenizer, text = self.tokenizer, "the caf\u00e9"
        ids, spans, segments = tokenizer.encode((text, b"a"), spans=True)
        self.assertEqual([tokenizer.token(ids[0]), tokenizer.token(ids[-1])], ["[CLS]", "[SEP]"])
        self.assertEqual(segments[0], 0)
        self.assertEqual(segments[-1], 1)
        self.assertEqual(spans[0], (0, 0))
        self.assertEqual(len(ids), len(spans))
        plain = tokenizer.encode(text, plain=True, spans=True)
        self.assertEqual(tokenizer.encode(text), [ids[0], *plain[0], ids[-1]])
        self.assertEqual(plain[1][0][0], 0)
        self.assertEqual(plain[1][-1][1], len(text.encode()))
        self.assertEqual(tokenizer.encode([]), [])
        self.assertEqual(tokenizer.encode("", plain=True), [])

    def test_padding_and_overflow(self):
        file = json.loads(self.tokenizer.save())
        cls, sep = self.tokenizer.id("[CLS]"), self.tokenizer.id("[SEP]")
        file["padding"] = {"strategy": "BatchLongest", "direction": "Right", "pad_to_multiple_of": None}
        file["padding"].update(pad_id=sep, pad_type_id=1, pad_token="[SEP]")
        file["truncation"] = {"max_length": 4, "stride": 1, "strategy": "LongestFirst", "direction": "Right"}
        tokenizer = self.context.tokenizer(json.dumps(file).encode())
        texts = ["a a a a", "a"]
        a = self.tokenizer.encode("a", plain=True)[0]
        made = tokenizer.encode(texts, pad=True)
        self.assertEqual(made, [([cls, a, a, sep], [1, 1, 1, 1]), ([cls, a, sep, sep], [1, 1, 1, 0])])
        self.assertEqual(tokenizer.encode(texts, overflow=True), [[[cls, a, a, sep]] * 3, [[cls, a, sep]]])
        ids, spans, segments, mask = tokenizer.encode(texts, spans=True, pad=True, overflow=True)[1][0]
        self.assertEqual(spans, [(0, 0), (0, 1), (0, 0), (0, 0)])
        self.assertEqual([ids, segments, mask], [[cls, a, sep, sep], [0, 0, 0, 1], [1, 1, 1, 0]])
        with self.assertRaisesRegex(pretrain.Error, "has no padding"):
            self.tokenizer.encode(texts, pad=True)

    def test_tokens(self):
        self.assertEqual(self.tokenizer.id("[SEP]"), 3)
        self.assertEqual(self.tokenizer.id("none such"), -1)
        self.assertIsNone(self.tokenizer.token(len(self.tokenizer)))
        self.assertEqual(self.tokenizer.decode([2, 3]), "")
        self.assertEqual(self.tokenizer.decode([2, 3], special=True), "[CLS] [SEP]")
        self.assertEqual(self.tokenizer.decode([]), "")

    def test_saved(self):
        content = self.tokenizer.save()
        text = "the plan"
        for place in content, io.BytesIO(content):
            self.assertEqual(self.context.tokenizer(place).encode(text), self.tokenizer.encode(text))
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "tokenizer.json")
            self.tokenizer.save(path)
            self.assertEqual(self.context.tokenizer(folder).encode(text), self.tokenizer.encode(text))

    def test_generated_text(self):
        config = {"model_type": "gpt2", "n_positions": 32, "n_embd": 16, "n_layer": 1, "n_head": 2}
        config["vocab_size"] = len(self.tokenizer)
        model = self.context.model(config, task=pretrain.TASK_CAUSAL_LM)
        prompt = self.tokenizer.encode("the plan", plain=True)
        options = {"tokenizer": self.tokenizer, "count": 12, "temperature": 2.0, "min_p": 0.001, "seed": 3}
        generator = model.generator(repetition_penalty=1.1, **options)
        pieces = list(generator.stream(prompt))
        ids = generator.text(0)[0]
        before, whole = self.tokenizer.decode(prompt), self.tokenizer.decode(prompt + ids)
        self.assertEqual(before + "".join(pieces), whole)
        self.assertEqual(generator.string(0), "".join(pieces))
        self.assertGreater(len(pieces), 1)
        self.assertGreater(generator.cache_bytes(), 0)
        told = []
        generator.run([prompt], lambda token: told.append(token.text[: token.text_length].decode()))
        self.assertEqual("".join(told), "".join(pieces))
        stop = "".join(pieces)[5:9]
        stopped = model.generator(repetition_penalty=1.1, stop_strings=["never there", stop], **options)
        stopped.run([prompt])
        self.assertEqual(stopped.string(0), "".join(pieces).split(stop)[0])
        self.assertEqual(stopped.text(0)[2], pretrain.GENERATED_STOP)

    def test_failures(self):
        with self.assertRaisesRegex(pretrain.Error, "is no token's"):
            self.tokenizer.decode([10**6])
        with self.assertRaisesRegex(pretrain.Error, "text 1: the text is not UTF-8 at byte 1"):
            self.tokenizer.encode(["a", b"a\xff"])
        with self.assertRaisesRegex(pretrain.Error, "begins like none of them"):
            self.context.tokenizer(b"nothing known")


if __name__ == "__main__":
    unittest.main()
