"""What the Python module makes of samples that a host gives: lists, bytes, arrays of every kind, order and stride, and
mixtures of them. Each value arrives, or is refused in plain words; none is taken for another type's bytes. Run by
installed.py, or by hand:

    PYTHONPATH=examples/python PRETRAIN_LIBRARY=build/lib/libpretrain.so python3 tests/examples/python_samples.py
"""

import array
import unittest

import pretrain

try:
    import numpy
except ImportError:
    numpy = None

needs_numpy = unittest.skipIf(numpy is None, "numpy is missing (Debian: python3-numpy)")


class Samples(unittest.TestCase):
    def setUp(self):
        self.context = pretrain.Context(threads=1)
        self.ragged = self.identity(pretrain.DIM_TOKENS)
        self.pairs = self.identity(pretrain.DIM_TOKENS, 2)
        self.fixed = self.identity(pretrain.DIM_BATCH, 2)

    def identity(self, *shape):
        graph = self.context.graph()
        x = graph.input("x", pretrain.FLOAT32, *shape)
        one = graph.parameter("one", [1], pretrain.INIT_CONSTANT, 1.0)
        graph.output("o", graph.mul(x, one))
        return self.context.model(graph)

    def of_arrays(self, x):
        return list(self.ragged.predict(self.context.arrays({"x": x}, ragged=("x",)), "o"))

    def of_fixed(self, x):
        return list(self.fixed.predict(self.context.arrays({"x": x}), "o"))

    def test_ragged_lists_of_mixed_types(self):
        expected = [1.0, 2.0, 0.5, 1.5, 2.5]
        self.assertEqual(self.of_arrays([[1.0, 2.0], [0.5, 1.5, 2.5]]), expected)
        self.assertEqual(self.of_arrays([[1, 2], [0.5, 1.5, 2.5]]), expected)
        self.assertEqual(self.of_arrays([[True, 2], (0.5, 1.5, 2.5)]), expected)
        self.assertEqual(self.of_arrays([[0.5, 1.5, 2.5], [1, 2]]), expected[2:] + expected[:2])
        self.assertEqual(self.of_arrays([b"\1\2", [0.5, 1.5, 2.5]]), expected)
        self.assertEqual(self.of_arrays([array.array("d", [1, 2]), array.array("f", [0.5, 1.5, 2.5])]), expected)
        self.assertEqual(self.of_arrays([array.array("B", [1, 2]), array.array("q", [3])]), [1.0, 2.0, 3.0])
        got = self.ragged.forward({"x": [b"\1\2", array.array("f", [0.5, 1.5, 2.5])]}, "o")
        self.assertEqual(list(got), expected)

    def test_class_weights(self):
        config = {"model_type": "mlp", "input_size": 1, "hidden_sizes": [2]}
        data = self.context.arrays({"features": [[1.0], [-1.0]], "label": [0, 1]})
        given, losses = [[1, 3], (1.0, 3.0), b"\1\3", array.array("d", [1, 3])], set()
        if numpy is not None:
            given.append(numpy.array([1, 3]))
        for weights in given:
            model = self.context.model(config, task=pretrain.TASK_CLASSIFICATION, class_weights=weights)
            losses.add(model.evaluate(data).loss)
        self.assertEqual(len(losses), 1)
        with self.assertRaisesRegex(pretrain.Error, "class_weights: elements is 3, expected 2"):
            model.set_task(pretrain.TASK_CLASSIFICATION, classes=2, class_weights=[1, 2, 3])

    def test_tokens(self):
        config = {"model_type": "gpt2", "vocab_size": 64, "n_positions": 8, "n_embd": 16, "n_layer": 1, "n_head": 2}
        model = self.context.model(config, task=pretrain.TASK_CAUSAL_LM)
        text = model.generate([1, 2], count=4)
        given = [(1, 2), array.array("h", [1, 2])] + ([] if numpy is None else [numpy.array([1.0, 2.0])])
        for prompt in given:
            self.assertEqual(model.generate(prompt, count=4), text)
            self.assertEqual(model.generator(count=4).run([b"#", prompt])[1], text)
        self.assertEqual(model.generate(b"\1\2", count=4), bytes(text))
        stops = [text[0], [text[0]], bytes(text[:1]), array.array("i", text[:1])]
        for stop in stops + ([] if numpy is None else [numpy.int64(text[0]), numpy.array(text[:1])]):
            self.assertEqual(model.generate([1, 2], count=4, stops=[stop]), text[:1])
        refused = (([], "prompt"), ([1.5], "does not fit int32"), ([64], "element 0 is 64, expected 0 to 63"))
        for wrong, message in refused:
            with self.assertRaisesRegex(pretrain.Error, message):
                model.generate(wrong, count=4)
        with self.assertRaisesRegex(pretrain.Error, r"lengths\[1\] is 0, expected 1"):
            model.generator().run([[1], []])
        with self.assertRaisesRegex(pretrain.Error, "prompts"):
            model.generator().run([])

    def test_rows_of_other_widths(self):
        data = self.context.arrays({"x": [[[1, 2], [3, 4]], [[0.5, 1.5]]]}, ragged=("x",))
        self.assertEqual(list(self.pairs.predict(data, "o")), [1.0, 2.0, 3.0, 4.0, 0.5, 1.5])
        with self.assertRaisesRegex(ValueError, r"sample 1 has rows of the shape \[3\], expected \[2\]"):
            self.context.arrays({"x": [[[1, 2]], [[1, 2, 3]]]}, ragged=("x",))
        with self.assertRaisesRegex(ValueError, "sample 1 is a number"):
            self.context.arrays({"x": [[1, 2], 3]}, ragged=("x",))
        with self.assertRaisesRegex(ValueError, "different lengths"):
            self.context.arrays({"x": [[[1, 2], [3]], [[1, 2]]]}, ragged=("x",))
        with self.assertRaisesRegex(ValueError, "different lengths"):
            self.context.arrays({"x": [[1.0, 2.0], 3.0]})
        fields = [pretrain.field("x", pretrain.FLOAT32, [2], max_length=4)]
        for wrong in ([1.0, 2.0], [[1.0, 2.0, 3.0]]):  # their elements could be counted as rows of two
            data = self.context.map(fields, 1, lambda indices: {"x": [wrong]})
            with self.assertRaises(ValueError):
                self.pairs.predict(data, "o")

    def test_what_is_no_number(self):
        for wrong in ("text", None, 1j, [None], {1: 2}):
            with self.assertRaises((TypeError, ValueError)):
                self.context.arrays({"x": [wrong, wrong]})
            with self.assertRaises((TypeError, ValueError)):
                self.context.arrays({"x": [[1.0, wrong]]}, ragged=("x",))
        with self.assertRaisesRegex(ValueError, "one number"):
            self.context.arrays({"x": 3})
        with self.assertRaisesRegex(ValueError, "one number"):
            self.fixed.forward({"x": 3}, "o")
        fields = [pretrain.field("x", pretrain.INT8, [2])]
        for wrong, kind in (([1, 300], OverflowError), ([1, 0.5], TypeError)):
            data = self.context.map(fields, 1, lambda indices: {"x": [wrong]})
            with self.assertRaisesRegex(kind, "element 1, .* does not fit"):
                self.fixed.predict(data, "o")

    def test_nothing_at_all(self):
        given = [[], array.array("f"), b""]
        if numpy is not None:
            given += [numpy.zeros((0, 3), numpy.float32), numpy.zeros((0, 2), numpy.float16)]
        for values in given:
            for ragged in ((), ("x",)):
                with self.assertRaisesRegex((pretrain.Error, ValueError), "samples|max_length"):
                    self.context.arrays({"x": values}, ragged=ragged)
        with self.assertRaisesRegex(pretrain.Error, "x"):
            self.of_arrays([[1.0], []])  # an empty sample: the library's own answer

    @needs_numpy
    def test_arrays_of_mixed_types(self):
        kinds = [
            numpy.float64,
            numpy.float32,
            numpy.float16,
            numpy.int8,
            numpy.uint16,
            numpy.int64,
            ">f4",
            "<i2",
            ">i8",
        ]
        for first in kinds:
            for second in kinds:
                parts = [numpy.array([1, 2], first), numpy.array([3, 4, 5], second)]
                self.assertEqual(self.of_arrays(parts), [1, 2, 3, 4, 5], (first, second))
                self.assertEqual(list(self.ragged.forward({"x": parts}, "o")), [1, 2, 3, 4, 5], (first, second))
        long = [numpy.array([1, 2], numpy.float64), numpy.ones(1000000, numpy.float32)]
        self.assertEqual(sum(self.of_arrays(long)), 1000003)

    @needs_numpy
    def test_arrays_of_every_kind(self):
        for kind in "bBhHiIlLqQfde":
            for order in "=<>":
                values = numpy.array([[1, 2], [3, 4], [5, 6]], order + kind)
                self.assertEqual(self.of_fixed(values), [1, 2, 3, 4, 5, 6], values.dtype)
                self.assertEqual(self.of_fixed(values[::-1, ::-1]), [6, 5, 4, 3, 2, 1], values.dtype)
                self.assertEqual(self.of_fixed(list(values)), [1, 2, 3, 4, 5, 6], values.dtype)
        self.assertEqual(self.of_fixed(numpy.array([[True, False]])), [1, 0])
        self.assertEqual(self.of_fixed([[numpy.float64(0.5), numpy.int16(3)]]), [0.5, 3])
        self.assertEqual(self.of_fixed([[numpy.float16(0.5), numpy.bool_(True)]]), [0.5, 1])
        scalars = self.ragged.predict(self.context.arrays({"x": [[numpy.int64(1)], [0.5]]}, ragged=("x",)), "o")
        self.assertEqual(list(scalars), [1, 0.5])
        for wrong in ("U3", "S3", "M8[s]", "O", "c16", "g", [("a", "f4"), ("b", "f4")]):
            with self.assertRaisesRegex(TypeError, "none that the library knows|holds no numbers"):
                self.of_fixed(numpy.zeros((2, 2), wrong))

    def test_a_stream_evaluates_a_stage(self):
        model = self.context.model(
            {"model_type": "mlp", "input_size": 1, "hidden_sizes": [2]}, task=pretrain.TASK_REGRESSION, outputs=1
        )
        train = self.context.arrays({"features": [[1.0]] * 8, "target": [[1.0]] * 8})
        fields = [pretrain.field("features", pretrain.FLOAT32, [1]), pretrain.field("target", pretrain.FLOAT32, [1])]

        def following(capacity, position):
            count = min(capacity, 4 - position)
            return {"features": [[1.0]] * count, "target": [[1.0]] * count} if count else None

        stream = self.context.stream(fields, following)
        losses = []
        model.finetune(
            self.context.optimizer(),
            train,
            evaluation=stream,
            epochs=1,
            event=lambda e: losses.append(e.evaluation_loss),
        )
        self.assertEqual(losses[-1], model.evaluate(stream).loss)

        def broken(capacity, position):
            raise KeyError("evaluation")

        with self.assertRaisesRegex(KeyError, "evaluation"):
            evaluation = self.context.stream(fields, broken)
            model.finetune(self.context.optimizer(), train, evaluation=evaluation, epochs=1)


if __name__ == "__main__":
    unittest.main()
