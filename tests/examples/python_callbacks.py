"""The Python module against the library that PRETRAIN_LIBRARY names: sizes and offsets of every struct against the C
compiler, and callbacks that raise, return nothing, return nonsense or are interrupted. Run by installed.py, or by hand:

    PYTHONPATH=examples/python PRETRAIN_LIBRARY=build/lib/libpretrain.so python3 tests/examples/python_callbacks.py
"""

import array
import ctypes
import io
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import pretrain
from pretrain import library

INCLUDE = os.environ.get("PRETRAIN_INCLUDE", os.path.join(os.path.dirname(__file__), "..", "..", "include"))
FIELDS = [pretrain.field("features", pretrain.FLOAT32, [4]), pretrain.field("target", pretrain.FLOAT32, [1])]


class Oops(Exception):
    pass


def samples(indices):
    return {
        "features": [[float(i % 5), 1.0, 0.0, float(i % 3)] for i in indices],
        "target": [[float(i % 5)] for i in indices],
    }


class Layout(unittest.TestCase):
    def test_structs_and_constants_are_those_of_the_header(self):
        lines, expected = [], []
        for name, struct in pretrain.STRUCTS.items():
            lines.append('printf("%%zu\\n", sizeof(%s));' % name)
            expected.append((name, ctypes.sizeof(struct)))
            for field, _ in struct._fields_:
                lines.append('printf("%%zu\\n", offsetof(%s, %s));' % (name, field))
                expected.append((name + "." + field, getattr(struct, field).offset))
                lines.append('printf("%%zu\\n", sizeof((%s *)0)->%s);' % (name, field))
                expected.append(("size of " + name + "." + field, getattr(struct, field).size))
        for name, value in vars(pretrain).items():
            if name.isupper() and isinstance(value, int):
                macro = "PT_" + name
                lines.append('printf("%%lld\\n", (long long)%s);' % macro)
                expected.append((macro, value))
        with tempfile.TemporaryDirectory() as folder:
            source = os.path.join(folder, "layout.c")
            with open(source, "w") as file:
                file.write(
                    "#include <pretrain.h>\n#include <stdio.h>\nint main(void)\n{\n%s\nreturn 0;\n}\n"
                    % "\n".join(lines)
                )
            subprocess.run(["cc", "-I", INCLUDE, source, "-o", source + ".out"], check=True)
            found = subprocess.run([source + ".out"], check=True, capture_output=True, text=True).stdout.split()
        self.assertEqual(
            [(name, value) for (name, value) in expected],
            [(name, int(text)) for (name, _), text in zip(expected, found)],
        )
        self.assertGreater(len(pretrain.STRUCTS), 20)
    def test_structs_of_the_header_are_all_here(self):
        import re

        with open(os.path.join(INCLUDE, "pretrain.h")) as file:
            named = set(re.findall(r"^typedef struct (pt_\w+) \{", file.read(), re.M))
        self.assertEqual(named, {name[:-2] for name in pretrain.STRUCTS})


class Callbacks(unittest.TestCase):
    def setUp(self):
        self.context = pretrain.Context(seed=1, threads=2)
        self.model = self.context.model(
            {"model_type": "mlp", "input_size": 4, "hidden_sizes": [8]}, task=pretrain.TASK_REGRESSION, outputs=1
        )
        self.optimizer = self.context.optimizer()
        self.data = self.context.map(FIELDS, 64, samples)

    def test_a_run_that_goes_well(self):
        steps = []
        result = self.model.finetune(
            self.optimizer,
            self.data,
            epochs=2,
            batch=8,
            event=lambda e: steps.append(e.step) if e.kind == pretrain.EVENT_STEP else None,
        )
        self.assertEqual((result.reason, result.steps, steps), (pretrain.REASON_DONE, 16, list(range(1, 17))))

    def test_class_names(self):
        config = {"model_type": "mlp", "input_size": 4, "hidden_sizes": [8], "id2label": {"0": "no", "1": "yes"}}
        model = self.context.model(config, task=pretrain.TASK_CLASSIFICATION, classes=2)
        self.assertEqual(model.class_names, ["no", "yes"])
        model.class_names = ["bad", "g\u00fct"]
        self.assertEqual(model.class_names, ["bad", "g\u00fct"])
        for wrong in (["one"], ["a", "a"], ["a", ""], ["a", "b\0c"]):
            with self.assertRaises((pretrain.Error, ValueError)):
                model.class_names = wrong
        self.assertEqual(model.class_names, ["bad", "g\u00fct"])
        model.class_names = []
        self.assertEqual(model.class_names, [])

    def test_event_raises(self):
        calls = []

        def event(_):
            calls.append(1)
            if len(calls) == 3:
                raise Oops("third")

        with self.assertRaisesRegex(Oops, "third"):
            self.model.finetune(self.optimizer, self.data, epochs=100, event=event)
        self.assertLessEqual(self.optimizer.steps, 3)
        self.assertEqual(
            self.model.finetune(self.optimizer, self.data, steps=2).reason, pretrain.REASON_DONE
        )  # and the handles still work

    def test_event_stops(self):
        result = self.model.finetune(self.optimizer, self.data, epochs=100, event=lambda e: e.step < 5)
        self.assertEqual((result.reason, result.steps), (pretrain.REASON_HOST, 5))

    def test_fetch_raises(self):
        calls = []

        def fetch(indices):
            calls.append(1)
            if len(calls) == 4:
                raise Oops("fourth")
            return samples(indices)

        data = self.context.map(FIELDS, 64, fetch)
        with self.assertRaisesRegex(Oops, "fourth"):
            self.model.finetune(self.optimizer, data, epochs=100)
        self.assertEqual((len(calls), self.optimizer.steps), (4, 3))
        with self.assertRaisesRegex(Oops, "fourth"):
            calls.clear()
            self.model.evaluate(self.context.map(FIELDS, 64, fetch))

    def test_fetch_returns_what_it_should_not(self):
        for give, kind in (
            (lambda indices: None, TypeError),
            (lambda indices: {}, KeyError),
            (lambda indices: {"features": [[1.0] * 4] * len(indices), "target": [[1.0]]}, ValueError),
            (lambda indices: {"features": [[1.0] * 400] * len(indices), "target": [[1.0]] * len(indices)}, ValueError),
            (lambda indices: {"features": [["x"] * 4] * len(indices), "target": [[1.0]] * len(indices)}, TypeError),
        ):
            with self.assertRaises(kind):
                self.model.finetune(self.optimizer, self.context.map(FIELDS, 64, give), steps=1)
        with self.assertRaises(pretrain.Error) as caught:  # too few samples: the library's refusal
            self.model.finetune(
                self.optimizer, self.context.map(FIELDS, 64, lambda indices: samples(indices[:-1])), steps=1
            )
        self.assertEqual(caught.exception.status, pretrain.ERR_CALLBACK)
        self.assertEqual(self.optimizer.steps, 0)

    def test_stream(self):
        def following(capacity, position):
            return samples(range(position, min(position + capacity, 20))) if position < 20 else None

        result = self.model.finetune(self.optimizer, self.context.stream(FIELDS, following), epochs=2, batch=8)
        self.assertEqual((result.samples, result.steps), (40, 6))

        def broken(capacity, position):
            if position >= 8:
                raise Oops("stream")
            return samples(range(position, position + capacity))

        with self.assertRaisesRegex(Oops, "stream"):
            self.model.finetune(self.optimizer, self.context.stream(FIELDS, broken), epochs=2, batch=8)

    def test_map(self):
        seen = []

        def make(inputs, keys, epoch):
            seen.append((epoch, tuple(zip([list(x) for x in inputs["features"]], keys))))
            return {
                "features": [[2 * v for v in x] for x in inputs["features"]],
                "target": [list(y) for y in inputs["target"]],
            }

        data = self.data.subset(3, 20).map(FIELDS, make).shuffle(1)
        result = self.model.finetune(self.optimizer, data, epochs=2, batch=8)
        self.assertEqual((result.samples, sorted({epoch for epoch, _ in seen})), (40, [0, 1]))
        self.assertEqual(
            sorted(x for epoch, batch in seen if epoch == 1 for x, _ in batch),
            sorted(samples(range(3, 23))["features"]),
        )
        self.assertEqual(len({key for _, batch in seen for _, key in batch}), 40)

        def broken(inputs, keys, epoch):
            raise Oops("map")

        with self.assertRaisesRegex(Oops, "map"):
            self.model.finetune(self.optimizer, self.data.map(FIELDS, broken), epochs=1)

        def fetch(indices):
            raise Oops("below")

        with self.assertRaisesRegex(Oops, "below"):
            self.model.finetune(self.optimizer, self.context.map(FIELDS, 64, fetch).map(FIELDS, make), epochs=1)

    def test_schedule(self):
        rates = []
        optimizer = self.context.optimizer(learning_rate=0.5, schedule=lambda step: 1 / (1 + step))
        self.model.finetune(
            optimizer,
            self.data,
            steps=3,
            event=lambda e: rates.append(e.learning_rate) if e.kind == pretrain.EVENT_STEP else None,
        )
        self.assertEqual(rates, [0.5, 0.25, 0.5 * (1 / 3)])

        def raises(step):
            if step == 2:
                raise Oops("rate")
            return 1

        optimizer = self.context.optimizer(schedule=raises)
        with self.assertRaisesRegex(Oops, "rate"):
            self.model.finetune(optimizer, self.data, steps=100)
        self.assertEqual(optimizer.steps, 2)

    def interrupt_while(self, work):
        previous = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
            timer.start()
            began = time.monotonic()
            with self.assertRaises(KeyboardInterrupt):
                work()
            timer.join()
            self.assertLess(time.monotonic() - began, 20)
        finally:
            signal.signal(signal.SIGINT, previous)

    def test_interrupted_between_events(self):
        self.interrupt_while(lambda: self.model.finetune(self.optimizer, self.data, epochs=10 ** 9))
        self.assertGreater(self.optimizer.steps, 0)

    def test_interrupted_in_event(self):
        self.interrupt_while(
            lambda: self.model.finetune(self.optimizer, self.data, epochs=10**9, event=lambda e: time.sleep(0.01))
        )

    def test_interrupted_in_fetch(self):
        def slow(indices):
            time.sleep(0.01)
            return samples(indices)

        self.interrupt_while(
            lambda: self.model.finetune(self.optimizer, self.context.map(FIELDS, 64, slow), epochs=10**9)
        )

    def test_callbacks_that_do_nothing_or_let_exceptions_out(self):
        """Below the module: plain ctypes callbacks, as a careless host writes them."""
        calls = []

        def raises(user, pointer):
            calls.append(1)
            raise Oops("out of the callback")

        hook, sys.unraisablehook = sys.unraisablehook, lambda unraisable: None
        try:
            for body in (lambda user, pointer: calls.append(1), raises):
                calls.clear()
                event = pretrain._EventFunction(body)
                options, result = pretrain._options(pretrain.TrainOptions, {"steps": 50}), pretrain._result(
                    pretrain.TrainResult
                )
                options.event = ctypes.cast(event, ctypes.c_void_p)
                self.assertEqual(
                    library.pt_finetune(
                        self.model, self.optimizer, self.data, ctypes.byref(options), ctypes.byref(result)
                    ),
                    pretrain.OK,
                )
                self.assertEqual(result.reason, pretrain.REASON_HOST)
                self.assertEqual(result.steps, 1)

                calls.clear()
                fetch = pretrain._BatchFunction(body)
                made, out = (pretrain.FieldSpec * 2)(*FIELDS), ctypes.c_void_p()
                self.assertEqual(
                    library.pt_dataset_create_map(
                        self.context,
                        made,
                        2,
                        ctypes.sizeof(pretrain.FieldSpec),
                        64,
                        0,
                        ctypes.cast(fetch, ctypes.c_void_p),
                        None,
                        None,
                        ctypes.byref(out),
                    ),
                    pretrain.OK,
                )
                self.assertEqual(
                    library.pt_finetune(self.model, self.optimizer, out, None, None), pretrain.ERR_CALLBACK
                )
                self.assertEqual(len(calls), 1)
                library.pt_dataset_free(out)
        finally:
            sys.unraisablehook = hook

    def test_cancel_from_another_thread(self):
        threading.Timer(0.2, self.model.cancel).start()
        with self.assertRaises(pretrain.Error) as caught:
            self.model.finetune(self.optimizer, self.data, epochs=10 ** 9)
        self.assertEqual(caught.exception.status, pretrain.ERR_CANCELLED)

    def test_reentry_is_refused(self):
        with self.assertRaises(pretrain.Error) as caught:
            self.model.finetune(
                self.optimizer, self.data, steps=5, event=lambda e: self.model.evaluate(self.data) and None
            )
        self.assertEqual(caught.exception.status, pretrain.ERR_BUSY)

    def test_arrays_of_all_kinds(self):
        lists = {"features": [[1.0, 2.0, 3.0, 4.0]] * 6, "target": [[1.0]] * 6}
        expected = self.model.evaluate(self.context.arrays(lists)).loss
        try:
            import numpy
        except ImportError:
            self.skipTest("numpy is missing (Debian: python3-numpy)")
        arrays = {name: numpy.array(values, dtype=numpy.float32) for name, values in lists.items()}
        self.assertEqual(self.model.evaluate(self.context.arrays(arrays)).loss, expected)
        arrays = {name: numpy.array(values, dtype=numpy.float64)[::1] for name, values in lists.items()}
        self.assertEqual(self.model.evaluate(self.context.arrays(arrays)).loss, expected)
        data = self.context.map(
            FIELDS, 6, lambda indices: {name: values[list(indices)] for name, values in arrays.items()}
        )
        self.assertEqual(self.model.evaluate(data).loss, expected)

    def test_ragged(self):
        config = {"model_type": "gpt2", "vocab_size": 256, "n_positions": 16, "n_embd": 8, "n_layer": 1, "n_head": 1,
                  "resid_pdrop": 0, "embd_pdrop": 0, "attn_pdrop": 0}
        model = self.context.model(config, task=pretrain.TASK_CLASSIFICATION, classes=2)
        texts, labels = [b"abc", b"defgh", b"i"], [0, 1, 1]
        arrays = self.context.arrays({"tokens": texts, "label": labels}, ragged=["tokens"])
        mapped = self.context.map(
            [pretrain.field("tokens", pretrain.UINT8, max_length=16), pretrain.field("label", pretrain.INT32)],
            3,
            lambda indices: {"tokens": [texts[i] for i in indices], "label": [labels[i] for i in indices]},
        )
        self.assertEqual(model.evaluate(arrays).loss, model.evaluate(mapped).loss)
        direct = model.forward({"tokens": texts}, "logits")
        predicted = model.predict(arrays, "logits")
        self.assertEqual(list(direct), list(predicted))

    def test_rows_that_do_not_fit_together(self):
        with self.assertRaisesRegex(ValueError, "different lengths"):
            self.context.arrays({"features": [[1.0, 2.0, 3.0], [4.0, 5.0]]})
        with self.assertRaisesRegex(ValueError, "samples"):
            self.model.train_step(self.optimizer, {"target": [[1.0]] * 2, "features": [[1.0, 2.0, 3.0, 4.0]] * 3})

    def test_errors_name_what_is_wrong(self):
        with self.assertRaisesRegex(pretrain.Error, "abacus"):
            self.context.model({"model_type": "abacus"})
        with self.assertRaisesRegex(TypeError, "learning_pace.*learning_rate"):
            self.context.optimizer(learning_pace=1)
        with self.assertRaises(pretrain.Error) as caught:
            self.context.text("/no/such/file")
        self.assertIn(caught.exception.status, (pretrain.ERR_NOT_FOUND, pretrain.ERR_IO))
        self.assertIn("/no/such/file", str(caught.exception))

    def test_parameters_and_checkpoint(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "checkpoint")
            self.model.finetune(self.optimizer, self.data, steps=3)
            name = next(iter(self.model.parameters()))
            before = self.model.parameter(name)
            self.assertEqual(self.model.stored()[name], ("float32", 4 * len(before)))
            self.model.save_checkpoint(path, self.optimizer)
            self.model.set_parameter(name, array.array("f", [0.0] * len(before)))
            self.model.load_checkpoint(path, self.optimizer)
            self.assertEqual(self.model.parameter(name), before)
            for mapped in False, True:
                opened = self.context.open(path, mapped=mapped)
                self.assertEqual(opened.evaluate(self.data).loss, self.model.evaluate(self.data).loss)
            self.assertRaises(pretrain.Error, self.context.open, os.path.join(folder, "nowhere"))

    def test_models_in_memory_and_in_file_objects(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "model")
            self.model.save(path)
            whole = self.model.save()
            with open(path, "rb") as file:
                self.assertEqual(file.read(), whole)
                file.seek(0)
                opened = self.context.open(file)
            self.assertEqual(opened.evaluate(self.data).loss, self.model.evaluate(self.data).loss)
            room = io.BytesIO()
            self.model.save(room)
            self.assertEqual(room.getvalue(), whole)
            opened = self.context.open(whole)
            self.assertEqual(opened.evaluate(self.data).loss, self.model.evaluate(self.data).loss)
            self.assertLess(len(self.model.save(dtype=pretrain.FLOAT16)), len(whole))
            checkpoint = self.model.save_checkpoint(optimizer=self.optimizer)
            self.model.load_checkpoint(checkpoint, self.optimizer)
            self.assertRaisesRegex(
                pretrain.Error,
                "damaged",
                self.model.load_checkpoint,
                checkpoint[:-20] + bytes([checkpoint[-20] ^ 1]) + checkpoint[-19:],
            )

    def test_generators(self):
        config = {"model_type": "gpt2", "vocab_size": 64, "n_positions": 8, "n_embd": 16, "n_layer": 1, "n_head": 2}
        model = self.context.model(config, task=pretrain.TASK_CAUSAL_LM)
        generator, heard = model.generator(count=5), []
        texts = generator.run([[1, 2], b"#"], lambda token: heard.append((token.prompt, token.token)))
        self.assertEqual(texts[0], model.generate([1, 2], count=5))
        self.assertEqual(texts[1], model.generate(b"#", count=5))
        self.assertEqual([token for prompt, token in heard if prompt == 0], texts[0])
        tokens, scores, reason = generator.text(0)
        self.assertEqual((tokens, reason), (texts[0], pretrain.GENERATED_COUNT))
        self.assertTrue(all(score < 0 for score in scores))
        stopped = model.generate([1, 2], count=5, stops=[texts[0][1:3], 63])
        self.assertEqual(stopped, texts[0][: len(stopped)])
        self.assertLessEqual(len(stopped), 3)
        self.assertEqual(len(generator.run([[1]], lambda token: False)[0]), 1)

        def trip(token):
            raise Oops("a token")

        self.assertRaisesRegex(Oops, "a token", generator.run, [[1], [2]], trip)
        self.assertEqual(len(generator.text(0)[0]), 1)
        self.assertEqual(len(generator.text(1)[0]), 0)
        self.assertEqual(len(generator.run([[1]])[0]), 5)

    def test_shared_models(self):
        own = pretrain.Context(threads=1)
        shared, expected = self.model.share(own), list(self.model.predict(self.data))
        self.model.finetune(self.optimizer, self.data, steps=3)
        self.assertNotEqual(list(self.model.predict(self.data)), expected)
        self.assertEqual(list(shared.predict(own.map(FIELDS, 64, samples))), expected)

    def test_files_that_raise(self):
        class Broken(io.BytesIO):
            def write(self, data):
                raise EOFError("full")

            def read(self, *size):
                raise EOFError("torn")

        self.assertRaisesRegex(EOFError, "full", self.model.save, Broken())
        self.assertRaisesRegex(EOFError, "torn", self.model.load, Broken(b"0123456789"))
        self.assertRaisesRegex(EOFError, "torn", self.context.open, Broken(b"0123456789"))
        self.model.load(self.model.save(), strict=True)


if __name__ == "__main__":
    unittest.main()
