"""The program `pretrain` as a person types it: every command with its results as lines and as JSON, exit statuses,
Ctrl-C and going on after it, and files and options that are wrong.

    python3 tests/tools/program.py BUILD_DIRECTORY PROGRAM [-k PATTERN]
"""

import fcntl
import json
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD, PROGRAM = [os.path.abspath(sys.argv.pop(1)) for _ in range(2)] if len(sys.argv) > 2 else (None, None)
NETWORK = {"model_type": "gpt2", "vocab_size": 256, "n_positions": 32, "n_embd": 16, "n_layer": 1, "n_head": 2}
NUMBERS = {"model_type": "mlp", "input_size": 2, "hidden_sizes": [16]}
TRAINED = {"loss", "steps", "seconds", "tokens_per_second", "peak_bytes"}


def default_signals():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):  # who runs the tests may ignore them
        signal.signal(number, signal.SIG_DFL)


def run(*arguments, code=0, stdin="", **options):
    """Runs the program, which has to end with a status; gives both outputs."""
    given = {"input": stdin} if isinstance(stdin, str) else {"stdin": stdin}
    given["stdout"] = options.pop("stdout", subprocess.PIPE)
    given["stderr"] = options.pop("stderr", subprocess.PIPE)
    done = subprocess.run([PROGRAM, *arguments], text=True, preexec_fn=default_signals, **given, **options)
    if done.returncode != code:
        raise AssertionError(
            "pretrain %s gave %d, expected %d:\n%s\n%s"
            % (" ".join(arguments), done.returncode, code, done.stdout, done.stderr)
        )
    return done.stdout, done.stderr


def run_json(*arguments, **options):
    """The JSON of one line, and nothing else, on standard output."""
    lines = run(*arguments, "--json", **options)[0].splitlines()
    if len(lines) != 1:
        raise AssertionError("%d lines, expected one: %s" % (len(lines), lines))
    return json.loads(lines[0])


def write(name, text):
    with open(name, "w", encoding="utf-8") as file:
        file.write(text)
    return name


def write_json_lines(name, objects):
    return write(name, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in objects))


def sentences(count, seed=0):
    """Texts of two kinds that differ by a word."""
    draw = random.Random(seed)
    return [
        {
            "text": "the %s is %s today" % (draw.choice(["sun", "moon", "sky"]), "warm" if i % 2 else "cold"),
            "label": "summer" if i % 2 else "winter",
        }
        for i in range(count)
    ]


def wait_until_signals_are_caught(process):
    """So that none comes before the program is ready for it."""
    for _ in range(1000):
        with open("/proc/%d/status" % process.pid, encoding="ascii") as file:
            caught = int(re.search(r"SigCgt:\s+([0-9a-f]+)", file.read()).group(1), 16)
        if caught >> (signal.SIGINT - 1) & 1:
            return
        time.sleep(0.01)
    raise AssertionError("the program catches no signals")


class Program(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.before = os.getcwd()
        cls.folder = tempfile.mkdtemp(prefix="program-")
        os.chdir(cls.folder)
        write("config.json", json.dumps(NETWORK))
        write("text.txt", "".join(line["text"] + ".\n" for line in sentences(120)))
        write_json_lines("labels.jsonl", sentences(64))
        draw = random.Random(1)
        rows = [(draw.gauss(50 if i % 2 else 10, 5), draw.gauss(0, 1), "b" if i % 2 else "a") for i in range(80)]
        write("numbers.csv", "height,weight,kind\n" + "".join("%.4f,%.4f,%s\n" % row for row in rows))
        # the two models that most tests look at
        run("train", "config.json", "text.txt", "--steps", "20", "--out", "trained", "--threads", "1")
        run("finetune", "trained", "labels.jsonl", "--epochs", "12", "--rate", "0.01", "--out", "classifier")

    @classmethod
    def tearDownClass(cls):
        os.chdir(cls.before)
        shutil.rmtree(cls.folder)

    def names_what(self, error, *words):
        """One line on standard error, with these words in it."""
        self.assertEqual(error.count("\n"), 1, error)
        for word in words:
            self.assertIn(word, error)

    # ---- Help and usage ------------------------------------------------------------------------------------------

    def test_help_lists_every_command(self):
        described = json.loads(run("--describe")[0])
        names = [command["name"] for command in described["commands"]]
        self.assertEqual(
            names, ["train", "finetune", "evaluate", "predict", "tokenize", "generate", "inspect", "embed", "convert"]
        )
        page = run("--help")[0]
        for command in described["commands"]:
            self.assertIn("  " + command["name"], page)
            own = run(command["name"], "--help")[0]
            self.assertEqual(own, run("help", command["name"])[0])
            self.assertTrue(own.startswith("usage: pretrain %s %s" % (command["name"], command["arguments"])))
            self.assertLessEqual(max(map(len, own.splitlines())), 120)
            self.assertLessEqual(own.count("\n"), 110)
            for option in command["options"]:
                self.assertRegex(own, r"(?m)^  " + re.escape(option["name"]))

    def test_version(self):
        version, _ = run("--version")
        self.assertRegex(version, r"^pretrain \d+\.\d+\.\d+\n$")
        self.assertEqual(version, run("inspect", "--version")[0])

    def test_completion(self):
        if not shutil.which("bash"):
            self.skipTest("no bash")
        script = os.path.join(ROOT, "tools", "completion", "pretrain.bash")
        for words, expected in (
            (["pretrain", "fi"], ["finetune"]),
            (["pretrain", "train", "c.json", "--pat"], ["--patience"]),
            (["pretrain", "inspect", "--pat"], []),
            (["pretrain", "train", "c.json", "--optimizer", "ada"], ["adamw", "adam", "adafactor"]),
            (["pretrain", "train", "c.json", "--out", "train"], ["trained"]),
            (["pretrain", "train", "c.json", "--steps", ""], []),
        ):
            with self.subTest(words=words):
                done = subprocess.run(
                    [
                        "bash",
                        "-c",
                        'compopt() { :; }; . "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _pretrain; '
                        'printf "%s\\n" "${COMPREPLY[@]}"',
                        script,
                        *words,
                    ],
                    stdout=subprocess.PIPE,
                    text=True,
                )
                self.assertEqual(done.returncode, 0)
                self.assertEqual(done.stdout.split(), expected)

    def test_wrong_usage_is_2_and_says_where_help_is(self):
        for arguments, words in (
            ([], ["pretrain --help"]),
            (["frobnicate"], ["frobnicate"]),
            (["trian"], ["trian", "perhaps train"]),
            (["--frobnicate"], ["--frobnicate"]),
            (["inspect"], ["MODEL", "inspect --help"]),
            (["inspect", "trained", "surplus"], ["surplus", "inspect --help"]),
            (["inspect", "trained", "--stesp"], ["--stesp"]),
            (["train", "config.json", "text.txt", "--stesp", "3"], ["--stesp", "perhaps --steps"]),
            (["inspect", "trained", "--steps", "3"], ["--steps"]),
            (["train", "config.json", "text.txt", "--steps"], ["--steps", "missing"]),
            (["train", "config.json", "text.txt", "--steps", "many"], ["--steps", "many", "whole number"]),
            (["train", "config.json", "text.txt", "--steps", "0"], ["--steps", "at least 1"]),
            (["train", "config.json", "text.txt", "--steps=-5"], ["--steps", "-5"]),
            (["train", "config.json", "text.txt", "--steps", "9" * 40], ["--steps"]),
            (["train", "config.json", "text.txt", "--rate", "nan"], ["--rate", "nan"]),
            (["train", "config.json", "text.txt", "--rate", "1e999"], ["--rate"]),
            (["train", "config.json", "text.txt", "--optimizer", "best"], ["--optimizer", "best", "adamw"]),
            (["train", "config.json", "text.txt", "--memory", "2X"], ["--memory", "2X"]),
            (["train", "config.json", "text.txt", "--memory", "9999999999999G"], ["--memory"]),
            (["train", "config.json", "text.txt", "--resume"], ["--resume", "--out"]),
            (["train", "config.json", "text.txt", "--checkpoint-every", "5"], ["--checkpoint-every", "--out"]),
            (["train", "config.json", "text.txt", "--evaluation", "1.5"], ["--evaluation", "1.5"]),
            (["train", "config.json", "text.txt", "--patience", "2"], ["--patience", "--evaluation"]),
            (["train", "config.json", "text.txt", "--json=1"], ["--json", "no value"]),
            (["train", "config.json", "text.txt", "--out", ""], ["--out", "empty"]),
            (["train", "config.json", "text.foo"], ["text.foo", "--format"]),
            (["train", "config.json", "text.txt", "--normalize", "range"], ["--normalize"]),
            (["finetune", "trained", "numbers.csv", "--separator", "ab"], ["--separator", "ab"]),
            (["train", "config.json", "text.txt", "--checkpoints", "3"], ["--checkpoints", "--out"]),
            (["train", "config.json", "text.txt", "--columns", "a"], ["--columns"]),
            (["train", "config.json", "text.txt", "--separator", ";"], ["--separator", "CSV"]),
            (["train", "config.json", "text.txt", "--token-type", "uint32"], ["--token-type"]),
            (["train", "config.json", "labels.jsonl", "--label-column", "label"], ["--label-column"]),
            (["train", "config.json", "labels.jsonl", "--stride", "3"], ["--stride"]),
            (["evaluate", "classifier", "labels.jsonl", "--no-headings"], ["--no-headings"]),
            (["predict", "classifier", "-", "--text-column", "x"], ["--text-column"]),
            (["finetune", json.dumps(NUMBERS), "numbers.csv", "--label-column", "kind", "--pool", "max"], ["--pool"]),
            (["finetune", json.dumps(NUMBERS), "numbers.csv", "--label-column", "kind", "--length", "3"], ["--length"]),
            (["train", "config.json", "text.txt", "--length", "33"], ["--length", "32"]),
            (["inspect", json.dumps(NUMBERS), "--length", "3"], ["--length"]),
            (["tokenize", "trained", "--decode", "--offsets"], ["--decode", "--offsets"]),
        ):
            with self.subTest(arguments=arguments):
                output, error = run(*arguments, code=2)
                self.assertEqual(output, "")
                self.names_what(error, "--help", *words)

    def test_options_stand_anywhere_and_end_with_two_dashes(self):
        plain = run_json("inspect", "trained")
        self.assertEqual(plain, json.loads(run("inspect", "--json", "--threads=1", "trained")[0]))
        self.assertEqual(plain, json.loads(run("inspect", "--json", "--", "trained")[0]))
        self.names_what(run("inspect", "--", "--json", code=1)[1], "--json", "No such file")

    def test_what_cannot_be_honoured_is_refused(self):
        for arguments, words in (
            (["inspect", "trained", "--precision", "bfloat16"], ["bfloat16", "float32"]),
            (
                [
                    "evaluate",
                    "trained",
                    "text.txt",
                    "--processor",
                    "neon" if os.uname().machine == "x86_64" else "avx2",
                ],
                ["processor"],
            ),
            (["evaluate", "trained", "text.txt", "--memory", "1k"], ["memory"]),
        ):
            with self.subTest(arguments=arguments):
                self.names_what(run(*arguments, code=1)[1], *words)
        run("inspect", "trained", "--precision", "float32", "--processor", "portable", "--memory", "1G")

    # ---- Results -------------------------------------------------------------------------------------------------

    def test_train_gives_exactly_its_keys(self):
        result = run_json("train", "config.json", "text.txt", "--steps", "3")
        self.assertEqual(set(result), TRAINED)
        self.assertEqual(result["steps"], 3)
        self.assertGreater(result["tokens_per_second"], 0)
        self.assertGreater(result["peak_bytes"], 1000)
        self.assertLess(result["loss"], 7)

    def test_seed_and_threads(self):
        options = ["train", "config.json", "text.txt", "--steps", "3"]
        one = run_json(*options, "--seed", "7", "--threads", "1")["loss"]
        self.assertEqual(one, run_json(*options, "--seed", "7", "--threads", "2")["loss"])
        self.assertNotEqual(one, run_json(*options, "--seed", "8")["loss"])

    def test_nothing_is_on_standard_error_where_nothing_has_to_be_said(self):
        output, error = run("train", "config.json", "text.txt", "--steps", "3")
        self.assertEqual(error, "")
        self.assertRegex(output, r"(?m)^loss +\d")

    def test_progress_as_lines(self):
        output, error = run("train", "config.json", "text.txt", "--steps", "3", "--progress", "--evaluation", "0.2")
        self.assertIn("step 3/3", error)
        self.assertIn("held out: loss", error)
        self.assertNotIn("\r", error)
        self.assertNotIn("step 3/3", output)

    def test_bar_on_a_terminal_keeps_to_its_line(self):
        terminal, other_end = os.openpty()
        fcntl.ioctl(other_end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 50, 0, 0))
        done = subprocess.run(
            [PROGRAM, "train", "config.json", "text.txt", "--steps", "40", "--json"],
            stdout=subprocess.PIPE,
            stderr=other_end,
            text=True,
        )
        os.close(other_end)
        shown = b""
        try:
            while True:
                shown += os.read(terminal, 65536)
        except OSError:  # the other end is closed
            os.close(terminal)
        self.assertEqual(done.returncode, 0)
        self.assertEqual(set(json.loads(done.stdout)), TRAINED)
        bars = [bar for bar in shown.decode().replace("\x1b[K", "").replace("\n", "\r").split("\r") if bar]
        self.assertGreaterEqual(len(bars), 2)
        self.assertIn("#" * 20 + " 100%  step 40/40", bars[-1])
        self.assertLess(max(map(len, bars)), 50)

    def test_message_on_a_terminal_has_a_line_of_its_own(self):
        terminal, other_end = os.openpty()
        run(
            "train",
            "config.json",
            "text.txt",
            "--steps",
            "1000",
            "--rate",
            "1e5",
            "--clip",
            "0",
            "--optimizer",
            "sgd",
            "--schedule",
            "constant",
            code=1,
            stderr=other_end,
        )
        os.close(other_end)
        shown = os.read(terminal, 65536).decode()
        os.close(terminal)
        self.assertIn("\npretrain train: step", shown)

    def test_events_are_json_lines(self):
        lines = run(
            "train",
            "config.json",
            "text.txt",
            "--steps",
            "4",
            "--events",
            "--event-every",
            "2",
            "--evaluation",
            "0.2",
            "--out",
            "with_events",
        )[0].splitlines()
        events = [json.loads(line) for line in lines]
        self.assertEqual(set(events.pop()), TRAINED | {"metrics"})
        self.assertEqual([e["step"] for e in events if e["event"] == "step"], [2, 4])
        self.assertEqual(events[-1]["event"], "end")
        self.assertEqual(events[-1]["reason"], "done")
        kinds = [e["event"] for e in events]
        self.assertIn("checkpoint", kinds)
        evaluation = events[kinds.index("evaluation")]
        self.assertEqual(set(evaluation["metrics"]), {"loss", "perplexity"})

    def test_out_is_a_model(self):
        self.assertEqual(sorted(os.listdir("trained")), ["checkpoints", "config.json", "model.safetensors"])
        with open("trained/config.json", encoding="utf-8") as file:
            self.assertEqual(json.load(file)["n_embd"], 16)
        for path in (
            "trained",
            "trained/",
            "trained/model.safetensors",
            "trained/checkpoints",
            "trained/checkpoints/step-000000000020.safetensors",
        ):
            with self.subTest(path=path):
                self.assertEqual(run_json("inspect", path)["task"], "causal_lm")

    def test_train_goes_on_with_a_model(self):
        before = run_json("evaluate", "trained", "text.txt")["metrics"]["loss"]
        run("train", "trained", "text.txt", "--steps", "20", "--out", "longer")
        self.assertLess(run_json("evaluate", "longer", "text.txt")["metrics"]["loss"], before)

    def test_finetune_gives_its_keys_and_metrics(self):
        result = run_json("finetune", "trained", "labels.jsonl", "--evaluation", "0.25", "--epochs", "2")
        self.assertEqual(set(result), TRAINED | {"metrics"})
        self.assertEqual(set(result["metrics"]), {"loss", "accuracy", "macro_f1", "calibration_error"})
        self.assertEqual(result["steps"], 6)
        self.assertIsNone(run_json("finetune", "trained", "labels.jsonl", "--epochs", "1")["metrics"])

    def test_evaluate(self):
        result = run_json("evaluate", "classifier", "labels.jsonl")
        self.assertEqual(set(result), {"task", "samples", "metrics"})
        self.assertEqual((result["task"], result["samples"]), ("classification", 64))
        self.assertGreater(result["metrics"]["accuracy"], 0.9)
        output, error = run("evaluate", "classifier", "labels.jsonl")
        self.assertEqual(error, "")
        self.assertRegex(output, r"(?m)^accuracy +%g$" % result["metrics"]["accuracy"])
        texts = run_json("evaluate", "trained", "text.txt", "labels.jsonl")
        self.assertEqual(set(texts["metrics"]), {"loss", "perplexity"})

    def test_predict(self):
        output = run("predict", "classifier", "labels.jsonl", "--json")[0].splitlines()
        right = 0
        for line, sample in zip(output, sentences(64)):
            result = json.loads(line)
            self.assertEqual(list(result), ["label", "scores"])
            self.assertEqual(set(result["scores"]), {"summer", "winter"})
            self.assertAlmostEqual(sum(result["scores"].values()), 1, places=5)
            self.assertEqual(result["label"], max(result["scores"], key=result["scores"].get))
            right += result["label"] == sample["label"]
        self.assertEqual(len(output), 64)
        self.assertAlmostEqual(right / 64, run_json("evaluate", "classifier", "labels.jsonl")["metrics"]["accuracy"], 6)
        lines = run("predict", "classifier", "labels.jsonl")[0].splitlines()
        self.assertEqual([line.split("\t")[0] for line in lines], [json.loads(line)["label"] for line in output])

    def test_predict_lines(self):
        texts = [line["text"] for line in sentences(64)]
        expected = run("predict", "classifier", "labels.jsonl")[0]
        self.assertEqual(expected, run("predict", "classifier", "-", stdin="\n".join(texts) + "\n")[0])
        self.assertEqual(expected, run("predict", "classifier", write("lines.txt", "\n".join(texts)))[0])
        self.assertEqual(run("predict", "classifier", "-", stdin="")[0], "")
        # a line longer than the model can read is cut as a table's text is
        long = texts[0] + " and" * 50
        write_json_lines("long.jsonl", [{"text": long}])
        self.assertEqual(
            run("predict", "classifier", "-", stdin=long)[0], run("predict", "classifier", "long.jsonl")[0]
        )

    def test_inspect(self):
        result = run_json("inspect", "classifier")
        self.assertEqual(
            list(result), ["family", "task", "parameters", "bytes", "dtype", "tokenizer", "labels", "tensors"]
        )
        self.assertEqual(result["labels"], ["summer", "winter"])
        self.assertEqual((result["family"], result["dtype"], result["tokenizer"]), ("gpt2", "float32", "bytes"))
        sizes = [tensor["shape"] for tensor in result["tensors"]]
        count = sum(shape[0] * (shape[1] if len(shape) == 2 else 1) for shape in sizes)
        self.assertEqual((result["parameters"], result["bytes"]), (count, 4 * count))
        blocks = os.path.join(ROOT, "tests", "golden", "gguf", "llama.gguf")
        result = run_json("inspect", blocks)
        self.assertEqual(result["dtype"], "q4_1")
        self.assertLess(result["bytes"], os.path.getsize(blocks))
        self.assertIn(" q4_1 [", run("inspect", blocks)[0])
        text = run("inspect", "classifier", "--batch", "4", "--length", "16")[0]
        self.assertIn("a step of 4 samples of 16 tokens", text)
        self.assertIn("summer, winter", text)
        self.assertIsNone(run_json("inspect", "config.json")["task"])

    def test_generate(self):
        run("train", "config.json", "text.txt", "--steps", "300", "--rate", "0.01", "--out", "writer")
        options = ["generate", "writer", "--prompt", "the "]
        result = run_json(*options, "--count", "20")
        self.assertEqual(list(result), ["text", "ids", "seconds", "tokens_per_second"])
        self.assertEqual(bytes(result["ids"]).decode(), result["text"])
        self.assertEqual(len(result["ids"]), 20)
        self.assertEqual(run(*options, "--count", "20")[0], "the " + result["text"] + "\n")
        self.assertIn(" ", result["text"])
        cut = run_json(*options, "--count", "20", "--stop", "never", "--stop", result["text"][5:8])
        self.assertEqual(cut["text"], result["text"][: result["text"].index(result["text"][5:8])])
        self.assertLessEqual(len(cut["ids"]), 8)
        drawn = [run_json(*options, "--temperature", "1.5", "--seed", seed)["ids"] for seed in "112"]
        self.assertEqual(len(drawn[0]), 64)
        self.assertEqual(drawn[0], drawn[1])
        self.assertNotEqual(drawn[0], drawn[2])
        self.assertEqual(
            run_json(*options, "--temperature", "1.5", "--top-k", "1", "--count", "20")["ids"], result["ids"]
        )
        self.assertEqual(
            run_json(*options, "--temperature", "1", "--top-p", "1e-9", "--count", "20")["ids"], result["ids"]
        )
        for arguments, code, words in (
            (["writer"], 2, ["--prompt"]),
            (["writer", "--prompt", "x", "--top-k", "3"], 2, ["--top-k", "--temperature"]),
            (["writer", "--prompt", "x", "--count", "0"], 2, ["--count"]),
            (["classifier", "--prompt", "x"], 1, ["classification", "causal_lm"]),
            (["config.json", "--prompt", "x"], 1, ["config.json", "no weights"]),
        ):
            with self.subTest(arguments=arguments):
                self.names_what(run("generate", *arguments, code=code)[1], *words)

    def test_generated_text_comes_as_it_is_made(self):
        """Whole characters each time, long before the last of them is there. The text repeats every 9 bytes, so that
        each place of a window sees all of them."""
        write("faces.txt", "\u00e9\u4e2d\U0001f600" * 400)
        run("train", "config.json", "faces.txt", "--steps", "300", "--rate", "0.01", "--out", "faces")
        options = ["generate", "faces", "--prompt", "\u00e9\u4e2d"]
        with subprocess.Popen(
            [PROGRAM, *options, "--count", "1000000"], stdout=-1, preexec_fn=default_signals
        ) as process:
            parts = []
            while sum(map(len, parts)) < 200:
                parts.append(os.read(process.stdout.fileno(), 1 << 16).decode())
            self.assertIsNone(process.poll())
            process.send_signal(signal.SIGINT)
            parts.append(process.stdout.read().decode())
            self.assertEqual(process.wait(), 130)
        self.assertGreater(len(parts), 3)
        self.assertIn("\U0001f600\u00e9\u4e2d", "".join(parts))
        self.assertTrue("".join(parts).startswith("\u00e9\u4e2d"))
        for stop in ("\U0001f600\u00e9", "\u00e9", "\u4e2d\U0001f600"):
            for more in ([], ["--stop", "never"]):
                asked = [*options, "--count", "60", "--stop", stop, *more]
                text = run_json(*asked)["text"]
                self.assertNotIn(stop, text)
                self.assertEqual(run(*asked)[0], "\u00e9\u4e2d" + text + "\n")

    def test_embed(self):
        lines = "one\ntwo and two\nthree\n"
        vectors = [json.loads(line) for line in run("embed", "trained", "--json", stdin=lines)[0].splitlines()]
        self.assertEqual([len(vector) for vector in vectors], [NETWORK["n_embd"]] * 3)
        plain = run("embed", "trained", write("lines.txt", lines))[0].splitlines()
        self.assertEqual([[float(number) for number in line.split("\t")] for line in plain], vectors)
        alone = json.loads(run("embed", "trained", "--json", stdin="three\n")[0])
        for number, same in zip(alone, vectors[2]):
            self.assertAlmostEqual(number, same, places=5)
        made = {}
        for pool in ("mean", "cls", "last"):
            unit = json.loads(run("embed", "trained", "--pool", pool, "--normalize", "--json", stdin="three")[0])
            self.assertAlmostEqual(sum(number * number for number in unit), 1, places=5)
            made[pool] = tuple(unit)
        self.assertEqual(len(set(made.values())), 3)
        cut = run("embed", "trained", "--length", "2", "--json", stdin="three\nthem\n")[0].splitlines()
        self.assertEqual(cut[0], cut[1])
        self.names_what(run("embed", "trained", code=1, stdin="a\n\n")[1], "line 2")
        self.names_what(run("predict", "classifier", "-", code=1, stdin="a\n\n")[1], "line 2")
        self.names_what(run("embed", "trained", "nowhere.txt", code=1)[1], "nowhere.txt")
        self.names_what(run("embed", "trained", "--pool", "max", code=2)[1], "--pool", "max")

    def test_convert(self):
        made = run_json("convert", "trained", "converted", "--dtype", "float16")
        inspected = run_json("inspect", "converted")
        self.assertEqual(made["tensors"], len(inspected["tensors"]))
        self.assertEqual((inspected["dtype"], inspected["task"]), ("float16", "causal_lm"))
        with open("converted/config.json", encoding="utf-8") as file:
            self.assertEqual(json.load(file)["architectures"], ["GPT2LMHeadModel"])
        run("convert", "converted", "one.safetensors", "--to", "safetensors", "--dtype", "float32")
        one = run_json("inspect", "one.safetensors")
        self.assertEqual((one["dtype"], one["bytes"]), ("float32", 2 * made["bytes"]))
        # classes of the transformers library read the last token, where ours takes the mean
        self.names_what(run("convert", "classifier", "means", code=1)[1], "pooling", "GPT2ForSequenceClassification")
        run("finetune", "trained", "labels.jsonl", "--epochs", "1", "--pool", "last", "--out", "lasts")
        self.assertIn("%d tensors" % (made["tensors"] + 1), run("convert", "lasts", "converted")[0])
        self.assertEqual(run_json("inspect", "converted")["labels"], ["summer", "winter"])
        self.names_what(run("convert", json.dumps(NUMBERS), "numbers", code=1)[1], "MODEL", "no weights")
        self.names_what(run("convert", "trained", "text.txt", code=1)[1], "text.txt")
        self.names_what(run("convert", "trained", "x", "--to", "gguf2", code=2)[1], "--to", "gguf2")

    def test_convert_to_gguf(self):
        made = run_json("convert", "trained", "model.gguf", "--to", "gguf")
        self.assertEqual(made["bytes"], os.path.getsize("model.gguf"))
        prompt = ["--prompt", "three", "--count", "5", "--json"]
        self.assertEqual(
            run_json("generate", "model.gguf", *prompt)["ids"], run_json("generate", "trained", *prompt)["ids"]
        )
        self.names_what(run("tokenize", "model.gguf", code=1, stdin="x\n")[1], "model.gguf", "no tokenizer in it")
        run("convert", "model.gguf", "back")
        self.assertEqual(run_json("generate", "back", *prompt)["ids"], run_json("generate", "trained", *prompt)["ids"])
        eighths = run_json("convert", "trained", "blocks.gguf", "--to", "gguf", "--dtype", "q8_0")
        self.assertLess(eighths["bytes"], made["bytes"])
        self.names_what(run("convert", "classifier", "x.gguf", "--to", "gguf", code=1)[1], "score.weight", "GGUF")
        self.names_what(run("convert", "trained", "x", "--dtype", "q8_0", code=2)[1], "q8_0", "--to gguf")

    def test_convert_in_shards(self):
        made = run_json("convert", "trained", "sharded", "--shard", "20k")
        self.assertFalse(os.path.exists("sharded/model.safetensors"))
        with open("sharded/model.safetensors.index.json", encoding="utf-8") as file:
            index = json.load(file)
        self.assertEqual(index["metadata"]["total_size"], made["bytes"])
        self.assertGreater(len(set(index["weight_map"].values())), 1)
        prompt = ["--prompt", "three", "--count", "5", "--json"]
        self.assertEqual(
            run_json("generate", "sharded", *prompt)["ids"], run_json("generate", "trained", *prompt)["ids"]
        )
        self.names_what(run("convert", "trained", "x.gguf", "--to", "gguf", "--shard", "1M", code=2)[1], "--shard")

    def test_published_weights_with_their_configuration(self):
        """As Hugging Face's libraries write them: what the library notes in a file of its own is not there."""
        for own, folder, architecture in (
            ("trained", "published", "GPT2LMHeadModel"),
            ("classifier", "published_classifier", "GPT2ForSequenceClassification"),
        ):
            with open(own + "/model.safetensors", "rb") as file:
                content = file.read()
            size = int.from_bytes(content[:8], "little")
            header = json.loads(content[8 : 8 + size])
            header["__metadata__"] = {"format": "pt"}
            names = json.dumps(header).encode()
            os.makedirs(folder, exist_ok=True)
            with open(folder + "/model.safetensors", "wb") as file:
                file.write(len(names).to_bytes(8, "little") + names + content[8 + size :])
            network = dict(NETWORK, architectures=[architecture])
            if own == "classifier":
                network.update(id2label={"0": "summer", "1": "winter"}, label2id={"summer": 0, "winter": 1})
            self.names_what(run("inspect", folder, code=1)[1], folder, "config.json")
            write(folder + "/config.json", json.dumps(network))
        self.assertEqual(
            run("evaluate", "trained", "text.txt", "--json"), run("evaluate", "published", "text.txt", "--json")
        )
        self.assertEqual(run_json("inspect", "published_classifier")["labels"], ["summer", "winter"])
        # that architecture reads the last token, where ours takes the mean: other numbers, the same head
        run("predict", "published_classifier", "labels.jsonl")
        run("finetune", "published", "labels.jsonl", "--epochs", "1")
        with open("published/model.safetensors", "r+b") as file:
            file.truncate(3000)
        self.names_what(run("evaluate", "published", "text.txt", code=1)[1], "published/model.safetensors")

    def test_numbers_from_csv(self):
        options = ["--label-column", "kind"]
        network = json.dumps(NUMBERS)
        result = run_json(
            "finetune",
            network,
            "numbers.csv",
            *options,
            "--normalize",
            "standard",
            "--epochs",
            "20",
            "--rate",
            "0.01",
            "--evaluation",
            "0.25",
            "--out",
            "kinds"
        )
        self.assertGreater(result["metrics"]["accuracy"], 0.9)
        with open("numbers.csv", encoding="utf-8") as file:
            rows = [line.strip().split(",") for line in file]
        self.assertGreater(run_json("evaluate", "kinds", "numbers.csv", *options)["metrics"]["accuracy"], 0.9)
        write("bare.csv", "".join("%s;%s\n" % (row[1], row[0]) for row in rows[1:]))
        write("tabs.tsv", "".join("\t".join(row[:2]) + "\n" for row in rows))
        expected = run("predict", "kinds", "numbers.csv", *options)[0]
        self.assertEqual(len(expected.splitlines()), 80)
        self.assertEqual(expected, run("predict", "kinds", "tabs.tsv")[0])
        self.assertEqual(
            expected,
            run("predict", "kinds", "bare.csv", "--no-headings", "--separator", ";", "--columns", "#2,#1")[0],
        )

    def test_texts_from_csv(self):
        rows = "".join(
            '%d,"%s, as ""they"" say",%s\n' % (i, line["text"], line["label"]) for i, line in enumerate(sentences(32))
        )
        write("said.csv", "number,said,season\n" + rows)
        options = ["said.csv", "--text-column", "said", "--label-column", "season"]
        run("finetune", "trained", *options, "--epochs", "12", "--rate", "0.01", "--out", "said")
        self.assertGreater(run_json("evaluate", "said", *options)["metrics"]["accuracy"], 0.9)
        self.assertEqual(len(run("predict", "said", "said.csv", "--text-column", "said")[0].splitlines()), 32)
        self.names_what(run("predict", "said", "said.csv", code=1)[1], "said.csv", "text")
        run("train", "config.json", "said.csv", "--text-column", "said", "--steps", "2")

    def test_numbers_from_json_lines(self):
        draw = random.Random(3)
        rows = [[draw.uniform(-1, 1), draw.uniform(-1, 1)] for _ in range(64)]
        write_json_lines("sums.jsonl", [{"features": row, "label": sum(row)} for row in rows])
        write_json_lines("pairs.jsonl", [{"a": a, "b": b, "label": [a + b, a - b]} for a, b in rows])
        options = ["--task", "regression", "--epochs", "60", "--rate", "0.02"]
        result = run_json(
            "finetune",
            json.dumps(NUMBERS),
            "sums.jsonl",
            *options,
            "--out",
            "sums",
            "--evaluation",
            "sums.jsonl",
            "--best",
            "r2"
        )
        self.assertEqual(set(result["metrics"]), {"loss", "mse", "mae", "r2"})
        self.assertGreater(result["metrics"]["r2"], 0.9)
        line = json.loads(run("predict", "sums", "sums.jsonl", "--json")[0].splitlines()[0])
        self.assertEqual(list(line), ["label"])
        self.assertAlmostEqual(line["label"], sum(rows[0]), delta=0.5)
        run("finetune", json.dumps(NUMBERS), "pairs.jsonl", *options, "--columns", "a,b", "--out", "pairs")
        line = json.loads(run("predict", "pairs", "pairs.jsonl", "--columns", "a,b", "--json")[0].splitlines()[0])
        self.assertEqual(len(line["label"]), 2)
        columns = run("predict", "pairs", "pairs.jsonl", "--columns", "a,b")[0].splitlines()[0].split("\t")
        self.assertEqual([float(number) for number in columns], line["label"])

    def test_several_files_number_their_classes_alike(self):
        write_json_lines("ab.jsonl", [{"text": "aaaa", "label": "a"}, {"text": "bbbb", "label": "b"}] * 16)
        write_json_lines("bc.jsonl", [{"text": "bbbb", "label": "b"}, {"text": "cccc", "label": "c"}] * 16)
        write_json_lines("c.jsonl", [{"text": "cccc", "label": "c"}])
        run("finetune", "config.json", "ab.jsonl", "bc.jsonl", "--epochs", "20", "--rate", "0.02", "--out", "letters")
        self.assertEqual(run_json("inspect", "letters")["labels"], ["a", "b", "c"])
        for data in (["bc.jsonl"], ["c.jsonl"], ["ab.jsonl", "c.jsonl", "bc.jsonl"]):
            with self.subTest(data=data):
                self.assertGreater(run_json("evaluate", "letters", *data)["metrics"]["accuracy"], 0.9)
        _, error = run("evaluate", "letters", "labels.jsonl", code=1)
        self.names_what(error, "labels.jsonl", "summer", "3 classes")
        # other classes get a head of their own, and it is said
        _, error = run("finetune", "letters", "labels.jsonl", "--epochs", "1", "--out", "seasons")
        self.assertIn("a new head for 2 classes", error)
        self.assertEqual(run_json("inspect", "seasons")["labels"], ["summer", "winter"])

    def test_several_labels_a_sample(self):
        """Lists of labels; files that know different ones are numbered together."""
        words = {"red": "r", "round": "o", "blue": "b"}

        def lines(*sets):
            return [{"text": "".join(words[word] * 3 for word in some) or "...", "label": list(some)} for some in sets]

        first = write_json_lines("sets.jsonl", lines(("red", "round"), ("red",), (), ("round",)) * 8)
        second = write_json_lines("more sets.jsonl", lines(("blue",), ("blue", "red")) * 8)
        task = ("--task", "multi_label_classification")
        run("finetune", "config.json", first, second, *task, "--epochs", "40", "--rate", "0.02", "--out", "several")
        self.assertEqual(run_json("inspect", "several")["labels"], ["blue", "red", "round"])
        for path, count in ((first, 32), (second, 16)):
            result = run_json("evaluate", "several", path)
            self.assertEqual((result["task"], result["samples"]), ("multi_label_classification", count))
            self.assertEqual(set(result["metrics"]), {"loss", "micro_f1", "label_accuracy"})
            self.assertGreater(result["metrics"]["micro_f1"], 0.95)
        self.assertEqual(run("predict", "several", first)[0].splitlines()[:4], ["red,round", "red", "", "round"])
        answer = json.loads(run("predict", "several", second, "--json")[0].splitlines()[1])
        self.assertEqual((answer["label"], set(answer["scores"])), (["blue", "red"], set(words)))
        self.assertIn(
            "JSON lines",
            run(
                "finetune",
                "config.json",
                "numbers.csv",
                *task,
                "--text-column",
                "kind",
                "--label-column",
                "kind",
                code=1
            )[1],
        )

    def test_labels_that_are_numbers_are_in_their_order(self):
        write_json_lines("tens.jsonl", [{"text": "t%d" % n, "label": n} for n in (10, 9, 2)] * 4)
        write_json_lines("one.jsonl", [{"text": "t1", "label": 1}])
        run("finetune", "config.json", "tens.jsonl", "one.jsonl", "--epochs", "1", "--out", "tens")
        self.assertEqual(run_json("inspect", "tens")["labels"], ["1", "2", "9", "10"])

    def test_several_texts(self):
        write("more.txt", "another text that is a little longer than one sample\n" * 4)
        lengths = [
            run_json("evaluate", "trained", *files)["samples"]
            for files in (["text.txt"], ["more.txt"], ["text.txt", "more.txt"])
        ]
        self.assertEqual(lengths[0] + lengths[1], lengths[2])
        run("train", "config.json", "text.txt", "more.txt", "labels.jsonl", "--steps", "3", "--evaluation", "0.3")

    def test_token_files(self):
        with open("tokens.bin", "wb") as file:
            file.write(b"".join(number.to_bytes(2, "little") for number in range(200)))
        with open("wide.bin", "wb") as file:
            file.write(b"".join(number.to_bytes(4, "little") for number in range(200)))
        two = run_json("evaluate", "trained", "tokens.bin")
        self.assertEqual(two, run_json("evaluate", "trained", "wide.bin", "--token-type", "uint32"))
        write_json_lines("tokens.jsonl", [{"tokens": list(range(n, n + 20))} for n in range(8)])
        run("evaluate", "trained", "tokens.jsonl", "--text-column", "tokens")

    def test_length_and_stride(self):
        samples = [
            run_json("evaluate", "trained", "text.txt", *options)["samples"]
            for options in ([], ["--length", "16"], ["--length", "16", "--stride", "8"])
        ]
        self.assertAlmostEqual(samples[1] / samples[0], 2, delta=0.1)
        self.assertAlmostEqual(samples[2] / samples[1], 2, delta=0.1)

    def test_freeze(self):
        result, error = run(
            "finetune",
            "trained",
            "labels.jsonl",
            "--epochs",
            "1",
            "--freeze",
            "transformer.w*",
            "--freeze",
            "transformer.h.*",
            "--out",
            "frozen",
        )
        self.assertIn("2 tensors", error)
        names_before = run_json("inspect", "trained")
        _, error = run("finetune", "trained", "labels.jsonl", "--freeze", "nothing.*", code=1)
        self.names_what(error, "nothing.*")
        self.assertEqual(names_before["parameters"] + 2 * 16, run_json("inspect", "frozen")["parameters"])

    def test_evaluation_file_keeps_the_best(self):
        lines = run(
            "finetune",
            "trained",
            "labels.jsonl",
            "--epochs",
            "4",
            "--evaluation",
            "labels.jsonl",
            "--events",
            "--best",
            "accuracy",
            "--out",
            "best",
        )[0].splitlines()
        events = [json.loads(line) for line in lines]
        values = [e["metrics"]["accuracy"] for e in events if e.get("event") == "evaluation"]
        self.assertEqual(len(values), 4)
        self.assertEqual(events[-1]["metrics"]["accuracy"], max(values))
        self.assertEqual(run_json("evaluate", "best", "labels.jsonl")["metrics"]["accuracy"], max(values))
        self.names_what(
            run("finetune", "trained", "labels.jsonl", "--evaluation", "0.2", "--best", "beauty", code=1)[1], "beauty"
        )

    def test_report(self):
        options = [
            "finetune",
            "trained",
            "labels.jsonl",
            "--epochs",
            "8",
            "--rate",
            "0.01",
            "--evaluation",
            "0.5",
            "--best",
            "accuracy",
        ]
        result = run_json(*options, "--report", "report.json", "--out", "it's reported")
        with open("report.json", encoding="utf-8") as file:
            report = json.load(file)
        facts = {fact["name"]: fact["value"] for fact in report["facts"]}
        self.assertIn("'it'\\''s reported'", facts["command"])
        self.assertIn(" 32 ", report["answer"])
        self.assertIn("%.1f %%" % (100 * result["metrics"]["accuracy"]), report["answer"])
        self.assertEqual([one["name"] for one in report["classes"]], ["summer", "winter"])
        self.assertEqual(sum(sum(one["guesses"]) for one in report["classes"]), 32)
        self.assertEqual([chart["title"] for chart in report["charts"]], ["Loss", "accuracy"])
        self.assertEqual([len(curve["y"]) for curve in report["charts"][0]["curves"]], [16, 8])
        for example in report["examples"]:
            self.assertIn(" today", example["text"])
        wrong = [one["certainty"] for one in report["examples"] if one["truth"] != one["guess"]]
        self.assertEqual(wrong, sorted(wrong, reverse=True))
        self.assertEqual(report["filters"], None)
        run(*options, "--report", "report.html")
        with open("report.html", encoding="utf-8") as file:
            page = file.read()
        self.assertTrue(page.startswith("<!doctype html>"))
        self.assertIn("held-out samples are right", page)
        self.assertIn("</svg>", page)
        self.assertNotIn("http", page)  # it loads nothing
        self.assertIn("expected calibration error", page)
        self.assertNotIn("standard error", page)  # there is no result of several seeds
        run("train", "config.json", "text.txt", "--steps", "3", "--report", "text.html")
        with open("text.html", encoding="utf-8") as file:
            self.assertNotIn("calibration", file.read())  # there are no classes
        run("train", "config.json", "text.txt", "--steps", "3000", "--batch", "1", "--report", "text.json")
        with open("text.json", encoding="utf-8") as file:
            report = json.load(file)
        curve = report["charts"][0]["curves"][0]
        self.assertGreater(len(curve["x"]), 1000)
        self.assertLess(len(curve["x"]), 2049)
        self.assertEqual(curve["x"], sorted(curve["x"]))
        self.assertIn("--evaluation", report["answer"])
        self.names_what(
            run("train", "config.json", "text.txt", "--report", "text.txt/x.html", code=1)[1], "text.txt", "file"
        )

    def test_same_as_the_python_module(self):
        library = os.path.join(BUILD, "lib", "libpretrain.so")
        if not os.path.exists(library) or os.environ.get("PT_TEST_SANITIZED"):
            self.skipTest("the module cannot load this library")
        script = (
            "import pretrain, json\n"
            "context = pretrain.Context()\n"
            "model = context.open('classifier/model.safetensors')\n"
            "data = context.jsonl('labels.jsonl', [('tokens', 'text', pretrain.COLUMN_TEXT, 32), "
            "('label', 'label', pretrain.COLUMN_CLASS)])\n"
            "found = model.evaluate(data)\n"
            "print(json.dumps([found.metrics, list(model.predict(data, 'probabilities'))]))\n"
        )
        environment = dict(os.environ, PRETRAIN_LIBRARY=library, PYTHONPATH=os.path.join(ROOT, "examples", "python"))
        done = subprocess.run([sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 0)
        metrics, probabilities = json.loads(done.stdout)
        own = run_json("evaluate", "classifier", "labels.jsonl")["metrics"]
        for name, value in metrics.items():
            self.assertAlmostEqual(own[name], value, places=6)
        scores = []
        for line in run("predict", "classifier", "labels.jsonl", "--json")[0].splitlines():
            scores += json.loads(line)["scores"].values()
        self.assertEqual(len(scores), len(probabilities))
        for one, other in zip(scores, probabilities):
            self.assertAlmostEqual(one, other, places=6)

    # ---- Tokens --------------------------------------------------------------------------------------------------

    def test_tokenize_bytes(self):
        self.assertEqual(run("tokenize", "trained", stdin="ab\n\nc")[0], "97 98\n\n99\n")
        self.assertEqual(run("tokenize", "trained", "--json", stdin="ab\n\nc")[0], "[97, 98]\n[]\n[99]\n")
        self.assertEqual(run("tokenize", "trained", "--offsets", stdin="ab\n")[0], "97:0-1 98:1-2\n")
        self.assertEqual(run("tokenize", "trained", "--decode", stdin="97 98\n[99,100]\n")[0], "ab\ncd\n")
        self.names_what(run("tokenize", "trained", "--decode", stdin="97\n300\n", code=1)[1], "line 2", "300")
        self.names_what(run("tokenize", "trained", "--decode", stdin="97\n9 x\n", code=1)[1], "line 2", "byte 2")
        self.names_what(run("tokenize", "labels.jsonl", code=1)[1], "labels.jsonl")
        self.names_what(run("tokenize", "nowhere", code=1)[1], "nowhere")

    def need_tokenizers(self):
        """A small tokenizer.json with byte-level BPE; a library without tokenizers is not tested here."""
        letters = [chr(c) for c in range(33, 127)] + ["\u0120", "\u010a"]
        vocabulary = {letter: n for n, letter in enumerate(letters)}
        merges = ["t h", "th e", "\u0120 the", "u n", "s un", "\u0120 sun"]
        for merge in merges:
            vocabulary[merge.replace(" ", "")] = len(vocabulary)
        end = len(vocabulary)
        added = {
            "id": end,
            "content": "<end>",
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        tokenizer = {
            "version": "1.0",
            "added_tokens": [added],
            "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
            "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
            "post_processor": {
                "type": "TemplateProcessing",
                "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "<end>", "type_id": 0}}],
                "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
                "special_tokens": {"<end>": {"id": "<end>", "ids": [end], "tokens": ["<end>"]}},
            },
            "model": {"type": "BPE", "vocab": vocabulary, "merges": merges},
        }
        os.makedirs("with_tokenizer", exist_ok=True)
        write("with_tokenizer/tokenizer.json", json.dumps(tokenizer))
        write("with_tokenizer/config.json", json.dumps(dict(NETWORK, vocab_size=end + 1)))
        done = subprocess.run([PROGRAM, "tokenize", "with_tokenizer"], input="", capture_output=True, text=True)
        if "utf8proc" in done.stderr:
            self.skipTest("the library is built without tokenizers")
        return vocabulary, end

    def test_tokenize(self):
        vocabulary, end = self.need_tokenizers()
        sun, the_sun = vocabulary["sun"], [vocabulary["the"], vocabulary["\u0120sun"]]
        for model in ("with_tokenizer", "with_tokenizer/tokenizer.json", "with_tokenizer/model.safetensors"):
            if model.endswith("safetensors"):
                shutil.copy("trained/model.safetensors", model)
            self.assertEqual(
                run("tokenize", model, stdin="sun\nthe sun")[0], "%d %d\n%d %d %d\n" % (sun, end, *the_sun, end)
            )
        os.remove("with_tokenizer/model.safetensors")
        self.assertEqual(run("tokenize", "with_tokenizer", "--plain", stdin="sun\n")[0], "%d\n" % sun)
        self.assertEqual(
            run("tokenize", "with_tokenizer", "--json", stdin="sun\n\n")[0], "[%d, %d]\n[%d]\n" % (sun, end, end)
        )
        self.assertEqual(
            run("tokenize", "with_tokenizer", "--plain", "--offsets", stdin="the sun\n")[0],
            "%d:0-3 %d:3-7\n" % tuple(the_sun),
        )
        self.assertEqual(
            run("tokenize", "with_tokenizer", "--plain", "--offsets", "--json", stdin="the sun\n")[0],
            "[[%d, 0, 3], [%d, 3, 7]]\n" % tuple(the_sun),
        )

    def test_tokenizers_of_other_files_beside_the_model(self):
        vocabulary, _ = self.need_tokenizers()
        os.makedirs("two_files", exist_ok=True)
        write("two_files/vocab.json", json.dumps(vocabulary))
        write("two_files/merges.txt", "#version: 0.2\nt h\nth e\n\u0120 the\nu n\ns un\n\u0120 sun\n")
        write("two_files/config.json", json.dumps(dict(NETWORK, vocab_size=len(vocabulary))))
        expected = run("tokenize", "with_tokenizer", "--plain", stdin="the sun\n")[0]
        self.assertEqual(run("tokenize", "two_files", stdin="the sun\n")[0], expected)
        run("train", "two_files", "text.txt", "--steps", "1", "--out", "one_file")
        self.assertEqual(run_json("inspect", "one_file")["tokenizer"], "one_file/tokenizer.json")
        self.assertEqual(run("tokenize", "one_file", stdin="the sun\n")[0], expected)
        # a model can be looked at whatever its tokenizer is
        write("one_file/tokenizer.json", "{}")
        output, error = run("inspect", "one_file", "--json")
        self.assertIsNone(json.loads(output)["tokenizer"])
        self.names_what(error, "one_file/tokenizer.json")
        run("evaluate", "one_file", "text.txt", code=1)

    def test_tokenize_many_lines_and_back(self):
        self.need_tokenizers()
        draw = random.Random(5)
        lines = ["the sun " * draw.randrange(40) + "the" * draw.randrange(3) for _ in range(20000)] + ["sun" * 100000]
        text = "\n".join(lines) + "\n"
        ids = run("tokenize", "with_tokenizer", stdin=text)[0]
        self.assertEqual(ids.count("\n"), len(lines))
        self.assertEqual(text, run("tokenize", "with_tokenizer", "--decode", stdin=ids)[0])
        arrays = run("tokenize", "with_tokenizer", "--json", stdin=text)[0]
        self.assertEqual(
            [len(json.loads(line)) for line in arrays.splitlines()], [len(line.split()) for line in ids.splitlines()]
        )
        decoded = run("tokenize", "with_tokenizer", "--decode", "--json", stdin=arrays)[0]
        self.assertEqual([json.loads(line) for line in decoded.splitlines()], lines)

    def test_tokenize_names_the_line_that_is_wrong(self):
        self.need_tokenizers()
        with open("latin.txt", "wb") as file:
            file.write(b"sun\nthe sun\n\xe9t\xe9\n")
        with open("latin.txt", "rb") as file:
            self.names_what(run("tokenize", "with_tokenizer", stdin=file, code=1)[1], "line 3", "UTF-8")
        _, error = run("tokenize", "with_tokenizer", "--decode", stdin="1 2\n99999\n", code=1)
        self.names_what(error, "line 2", "99999")
        write("broken.json", '{"model": {"type": "BPE", "vocab": {}, "mer')
        for path in ("broken.json", "config.json"):
            self.names_what(run("tokenize", path, code=1)[1], path)

    def test_tokenizer_from_texts(self):
        self.need_tokenizers()
        os.makedirs("learnt", exist_ok=True)
        output, error = run(
            "tokenize",
            "--train",
            "bpe",
            "--size",
            "300",
            "--special",
            "<end>",
            "--special",
            "<pad>",
            "text.txt",
            "text.txt",
            "--out",
            "learnt/tokenizer.json",
        )
        size = int(output.split()[1])
        self.assertEqual(output, "tokens  %d\n" % size)
        self.assertLessEqual(size, 300)
        self.assertGreater(size, 258)
        self.names_what(error, "learnt/tokenizer.json")
        with open("text.txt", encoding="utf-8") as file:
            text = file.read()
        ids = run("tokenize", "learnt", stdin=text)[0]
        self.assertLess(len(ids.split()), len(text) / 3)
        self.assertEqual(run("tokenize", "learnt", "--decode", stdin=ids)[0], text)
        self.assertEqual(run("tokenize", "learnt", stdin="<pad><end>\n")[0], "1 0\n")
        write("learnt/config.json", json.dumps(dict(NETWORK, vocab_size=size)))
        run("train", "learnt", "text.txt", "--text-end", "<end>", "--steps", "2", "--out", "learnt_model")
        self.assertEqual(run("tokenize", "learnt_model", stdin=text)[0], ids)
        made = run_json("generate", "learnt_model", "--prompt", "the sun", "--count", "9")
        self.assertEqual(run("tokenize", "learnt", "--decode", stdin=str(made["ids"]))[0], made["text"] + "\n")
        self.assertEqual(len(made["ids"]), 9)
        words = run_json("tokenize", "--train", "wordpiece", "text.txt", "--out", "new/folder/words.json")
        self.assertEqual(set(words), {"tokens"})
        ids = run("tokenize", "new/folder/words.json", stdin="The SUN is warm today.\n")[0]
        self.assertEqual(run("tokenize", "new/folder/words.json", "--decode", stdin=ids)[0], "the sun is warm today.\n")
        run("tokenize", "--train", "unigram", "--size", "60", "text.txt", "--out", "pieces.json")
        ids = run("tokenize", "pieces.json", stdin="the sun is warm today\n")[0]
        self.assertEqual(run("tokenize", "pieces.json", "--decode", stdin=ids)[0], "the sun is warm today\n")
        for arguments, code, named in (
            (["--train", "unigram", "text.txt", "--out", "x.json", "--min-frequency", "3"], 2, ["--min-frequency"]),
            (["--train", "bpe", "text.txt"], 2, ["--out"]),
            (["--train", "guess", "text.txt", "--out", "x.json"], 2, ["guess", "bpe"]),
            (["--train", "bpe", "text.txt", "--out", "x.json", "--decode"], 2, ["--decode"]),
            (["--train", "bpe", "text.txt", "--out", "x.json", "--cased"], 2, ["--cased", "wordpiece"]),
            (["--train", "wordpiece", "text.txt", "--out", "x.json", "--pattern", "gpt2"], 2, ["--pattern", "bpe"]),
            (["learnt", "--size", "5"], 2, ["--size", "--train"]),
            (["learnt", "text.txt"], 2, ["text.txt"]),
            (["--train", "bpe", "nowhere.txt", "--out", "x.json"], 1, ["nowhere.txt"]),
            (["--train", "bpe", "/dev/null", "--out", "x.json"], 1, ["word"]),
            (["--train", "bpe", "text.txt", "--out", "learnt"], 1, ["learnt", "directory"]),
            (["--train", "bpe", "text.txt", "--out", "text.txt/x.json"], 1, ["text.txt", "file"]),
        ):
            with self.subTest(arguments=arguments):
                self.names_what(run("tokenize", *arguments, code=code)[1], *named)
        self.assertFalse(os.path.exists("x.json"))

    def test_network_of_another_program(self):
        """The quickstart's for instance: it is told why it cannot be opened, and what can."""
        tensors = {"rows": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}
        names = json.dumps({"__metadata__": {"pretrain.format": "1"}, **tensors}).encode()
        with open("own.safetensors", "wb") as file:
            file.write(len(names).to_bytes(8, "little") + names + bytes(4))
        os.makedirs("own", exist_ok=True)
        shutil.copy("own.safetensors", "own/model.safetensors")
        for path in ("own", "own/model.safetensors"):
            self.names_what(run("predict", path, "text.txt", code=1)[1], "own network", "the program that made it")

    def test_pairs_of_texts(self):
        """The label follows from the second text alone."""
        self.need_tokenizers()
        lines = [
            {"text": "the sun", "text_pair": "is warm" if i % 2 else "is cold", "label": ["no", "yes"][i % 2]}
            for i in range(64)
        ]
        write_json_lines("pairs.jsonl", lines)
        options = ["--steps", "60", "--rate", "0.01", "--evaluation", "pairs.jsonl", "--threads", "1"]
        result = run_json("finetune", "with_tokenizer", "pairs.jsonl", *options, "--out", "paired")
        self.assertEqual(result["metrics"]["accuracy"], 1)
        found = [
            json.loads(line)["label"] for line in run("predict", "paired", "pairs.jsonl", "--json")[0].splitlines()
        ]
        self.assertEqual(found, [line["label"] for line in lines])
        cells = "".join('"%s",%s,%s\n' % (line["text"], line["text_pair"], line["label"]) for line in lines)
        write("pairs.csv", "text,text_pair,label\n" + cells)
        self.assertEqual(run_json("evaluate", "paired", "pairs.csv")["metrics"]["accuracy"], 1)
        write_json_lines("alone.jsonl", [{"text": "the sun", "label": "no"}])
        for command, data, words in (
            (["finetune", "config.json"], ["pairs.jsonl"], ["text_pair", "tokenizer"]),
            (
                ["finetune", "with_tokenizer"],
                ["pairs.jsonl", "alone.jsonl"],
                ["pairs.jsonl", "alone.jsonl", "text_pair"],
            ),
            (["train", "with_tokenizer"], ["pairs.jsonl"], ["text_pair", "causal_lm"]),
        ):
            with self.subTest(command=command, data=data):
                self.names_what(run(*command, *data, code=1)[1], *words)

    def test_prompts_and_answers(self):
        """Prompts cannot be guessed, answers follow from them: that these alone count is seen in the loss."""
        draw = random.Random(3)
        lines = []
        for _ in range(256):
            letters = "".join(draw.choice("abcdefgh") for _ in range(4))
            lines.append({"prompt": letters + ("?" if draw.random() < 0.5 else "!"), "answer": ""})
            lines[-1]["answer"] = " yes." if lines[-1]["prompt"].endswith("?") else " no."
        write_json_lines("answers.jsonl", lines)
        options = ["answers.jsonl", "--task", "causal_lm", "--rate", "0.01", "--steps", "150"]
        result = run_json("finetune", "config.json", *options, "--evaluation", "answers.jsonl", "--out", "answering")
        self.assertLess(result["metrics"]["perplexity"], 1.1)
        self.assertEqual(run("generate", "answering", "--prompt", "hgca?", "--count", "5")[0], "hgca? yes.\n")
        self.assertEqual(run("generate", "answering", "--prompt", "bbfa!", "--count", "4")[0], "bbfa! no.\n")
        write_json_lines("prompts.jsonl", [{"prompt": line["prompt"] + line["answer"]} for line in lines])
        arguments = ["answering", "prompts.jsonl", "--text-column", "prompt"]
        self.assertGreater(run_json("evaluate", *arguments)["metrics"]["perplexity"], 2)
        self.need_tokenizers()
        options = ["answers.jsonl", "--task", "causal_lm", "--steps", "2", "--evaluation", "0.1"]
        run("finetune", "with_tokenizer", *options)
        for name, line, task, words in (
            ("tags", {"tokens": ["a"], "tags": ["b"]}, "classification", ["tags", "text"]),
            ("context", {"question": "a", "context": "b", "answers": []}, "causal_lm", ["context", "question"]),
            ("image", {"image": "a.png", "label": "b"}, "classification", ["image"]),
            ("audio", {"audio": "a.wav", "label": "b"}, "classification", ["audio"]),
            ("prompt", {"prompt": "a"}, "causal_lm", ["prompt", "answer"]),
            ("labelled", {"prompt": "a", "answer": "b", "label": "c"}, "classification", ["prompt", "causal_lm"]),
            ("both", {"text": "a", "prompt": "a", "answer": "b"}, "causal_lm", ["text", "prompt", "--text-column"]),
            ("empty", {"prompt": "a", "answer": ""}, "causal_lm", ["answer", "line 1"]),
            ("long", {"prompt": "a" * 40, "answer": "b"}, "causal_lm", ["answer", "max_length"]),
        ):
            with self.subTest(name=name):
                path = write_json_lines(name + ".jsonl", [line])
                self.names_what(run("finetune", "config.json", path, "--task", task, code=1)[1], path, *words)

    def test_presets(self):
        run("train", "gpt2-tiny", "text.txt", "--steps", "2", "--length", "16", "--out", "preset")
        found = run_json("inspect", "preset")
        self.assertEqual((found["family"], found["task"]), ("gpt2", "causal_lm"))
        self.assertEqual(found["tensors"][0]["shape"], [256, 128])
        with open("preset/config.json", encoding="utf-8") as file:
            config = json.load(file)
        self.assertEqual((config["n_layer"], config["n_embd"], config["vocab_size"]), (2, 128, 256))
        self.assertNotIn("preset", config)
        self.names_what(
            run("train", "gpt2-huge", "text.txt", code=1)[1], "gpt2-huge", "-tiny, -mini, -small or -medium"
        )
        self.assertIn("a step of 16 samples", run("inspect", "llama-mini")[0])
        self.names_what(run("generate", "gpt2-tiny", "--prompt", "a", code=1)[1], "gpt2-tiny", "No such file")

    def test_masked_language_model(self):
        vocabulary, _ = self.need_tokenizers()
        run("tokenize", "--train", "wordpiece", "--size", "200", "text.txt", "--out", "words.json")
        options = ["text.txt", "--length", "16", "--steps", "40", "--rate", "0.003", "--evaluation", "0.2"]
        result = run_json("train", "bert-tiny", *options, "--tokenizer", "words.json", "--out", "bert")
        self.assertEqual(set(result["metrics"]), {"loss", "accuracy", "perplexity"})
        found = run_json("inspect", "bert")
        self.assertEqual((found["family"], found["task"]), ("bert", "masked_lm"))
        self.assertIn("a step of 16 samples", run("inspect", "bert")[0])
        metrics = run_json("evaluate", "bert", "text.txt")["metrics"]
        self.assertLess(metrics["loss"], 5)
        again = run_json("train", "bert", *options)
        self.assertLess(again["loss"], result["loss"])
        for model, whole in ("bert", b"false"), ("whole", b"true"):
            if model == "whole":
                run_json("train", "bert", *options, "--whole-words", "--out", "whole")
            with open(os.path.join(model, "model.safetensors"), "rb") as file:
                self.assertRegex(file.read(), rb"whole_words\W+" + whole)
        self.names_what(
            run("train", "gpt2-tiny", *options, "--whole-words", code=2)[1], "--whole-words", "masked_lm", "causal_lm"
        )
        labelled = run_json("finetune", "bert", "labels.jsonl", "--epochs", "1", "--evaluation", "0.25")
        self.assertEqual(set(labelled["metrics"]), {"loss", "accuracy", "macro_f1", "calibration_error"})
        with open("pairs.jsonl", "w", encoding="utf-8") as file:
            file.write(8 * '{"text": "the sun", "text_pair": "the moon"}\n')
        run("train", "bert", "pairs.jsonl", "--steps", "2")
        run("train", "gpt2-tiny", *options, "--tokenizer", "words.json", "--task", "masked_lm")
        with open("no_mask.json", "w", encoding="utf-8") as file:
            json.dump({"model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": []}}, file)
        self.names_what(
            run("train", "bert-tiny", "text.txt", "--tokenizer", "no_mask.json", code=1)[1], "no_mask.json", "[MASK]"
        )
        self.names_what(run("train", "bert-tiny", "text.txt", code=1)[1], "masked_lm", "tokenizer")
        self.names_what(run("generate", "bert", "--prompt", "a", code=1)[1], "masked_lm", "causal_lm")

    def test_training_with_a_tokenizer(self):
        vocabulary, end = self.need_tokenizers()
        shutil.rmtree("texts", ignore_errors=True)
        os.makedirs("texts/below")
        shutil.copy("text.txt", "texts/a.txt")
        shutil.copy("text.txt", "texts/below/b.txt")
        options = [
            "with_tokenizer",
            "texts",
            "--text-end",
            "<end>",
            "--cache",
            "cache.safetensors",
            "--steps",
            "3",
            "--evaluation",
            "0.3",
        ]
        result = run_json("train", *options, "--out", "tokens")
        self.assertTrue(os.path.exists("cache.safetensors"))
        again = run_json("train", *options, "--out", "tokens_again")
        self.assertEqual(result["metrics"], again["metrics"])
        with open("tokens/tokenizer.json", "rb") as own, open("with_tokenizer/tokenizer.json", "rb") as given:
            self.assertEqual(own.read(), given.read())
        run("convert", "tokens", "tokens_converted")
        for folder in ("tokens", "tokens_converted"):  # as the transformers library reads the tokenizer.json beside it
            with open(folder + "/tokenizer_config.json", encoding="utf-8") as file:
                self.assertEqual(json.load(file)["tokenizer_class"], "PreTrainedTokenizerFast")
        inspected = run_json("inspect", "tokens")
        self.assertEqual(inspected["tokenizer"], "tokens/tokenizer.json")
        self.assertEqual(run_json("inspect", "tokens/checkpoints")["tokenizer"], "tokens/checkpoints/../tokenizer.json")
        self.assertEqual(run_json("evaluate", "tokens", "text.txt")["task"], "causal_lm")
        # the texts of tables go through it as well
        run("finetune", "tokens", "labels.jsonl", "--epochs", "1", "--out", "token_classifier")
        lines = "".join(line["text"] + "\n" for line in sentences(64))
        self.assertEqual(
            run("predict", "token_classifier", "labels.jsonl")[0],
            run("predict", "token_classifier", "-", stdin=lines)[0],
        )
        for arguments, code, words in (
            (["train", "tokens", "text.txt", "--text-end", "<nowhere>", "--steps", "1"], 1, ["<nowhere>"]),
            (["train", "config.json", "text.txt", "--text-end", "<end>"], 2, ["--text-end", "tokenizer"]),
            (["train", "config.json", "text.txt", "--cache", "c"], 2, ["--cache", "tokenizer"]),
            (["train", "config.json", "text.txt", "--tokenizer", "nowhere.json"], 1, ["nowhere.json"]),
            (
                [
                    "train",
                    json.dumps(dict(NETWORK, vocab_size=50)),
                    "text.txt",
                    "--tokenizer",
                    "with_tokenizer/tokenizer.json",
                ],
                1,
                ["tokenizer.json", str(end + 1), "50"],
            ),
        ):
            with self.subTest(arguments=arguments):
                self.names_what(run(*arguments, code=code)[1], *words)

    # ---- Ctrl-C and going on -------------------------------------------------------------------------------------

    def interrupt(self, *arguments, at_step, number=signal.SIGINT):
        """Sends a signal when the events come to a step; gives the events."""
        process = subprocess.Popen(
            [PROGRAM, *arguments, "--events"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=default_signals,
        )
        events = []
        for line in process.stdout:
            events.append(json.loads(line))
            if events[-1].get("event") == "step" and events[-1]["step"] == at_step:
                process.send_signal(number)
        process.stdout.close()
        error = process.stderr.read()
        process.stderr.close()
        self.assertEqual(process.wait(), 128 + number, error)
        return events, error

    def test_interrupt_saves_and_resume_goes_on_to_the_same_bits(self):
        options = ["train", "config.json", "text.txt", "--batch", "4", "--steps"]
        run(*options, "600", "--out", "unbroken")
        events, error = self.interrupt(*options, "600", "--out", "broken", at_step=10)
        self.assertIn("--resume", error)
        self.assertEqual(set(events[-1]), TRAINED)
        steps = events[-1]["steps"]
        self.assertGreaterEqual(steps, 10)
        self.assertLess(steps, 600)
        self.assertEqual(events[-2]["reason"], "interrupted")
        self.assertEqual(run_json("inspect", "broken")["task"], "causal_lm")
        result = run_json(*options, "600", "--out", "broken", "--resume")
        self.assertEqual(result["steps"], 600 - steps)
        for name in ("unbroken", "broken"):
            with open(name + "/model.safetensors", "rb") as file:
                content = file.read()
            if name == "unbroken":
                expected = content
        self.assertEqual(content, expected)

    def test_resume_where_nothing_is_begins(self):
        run("train", "config.json", "text.txt", "--steps", "2", "--out", "begun", "--resume")
        _, error = run("train", "config.json", "text.txt", "--steps", "2", "--out", "begun", code=1)
        self.names_what(error, "begun/checkpoints", "--resume")

    def test_interrupt_without_a_directory(self):
        events, error = self.interrupt("train", "config.json", "text.txt", "--steps", "100000", at_step=3)
        self.assertNotIn("--resume", error)
        self.assertLess(events[-1]["steps"], 100000)

    def test_terminate(self):
        self.interrupt(
            "finetune",
            "trained",
            "labels.jsonl",
            "--epochs",
            "10000",
            "--out",
            "terminated",
            at_step=3,
            number=signal.SIGTERM,
        )
        self.assertEqual(run_json("inspect", "terminated")["labels"], ["summer", "winter"])

    def test_interrupt_of_an_evaluation(self):
        write("long.txt", "the sun is warm today\n" * 1000000)
        for command in (
            ["evaluate", "trained", "long.txt"],
            [
                "train",
                "trained",
                "text.txt",
                "--evaluation",
                "long.txt",
                "--evaluate-every",
                "1",
                "--out",
                "evaluating",
                "--checkpoints",
                "0",
            ],
        ):
            with self.subTest(command=command):
                process = subprocess.Popen(
                    [PROGRAM, *command],
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                    preexec_fn=default_signals,
                )
                wait_until_signals_are_caught(process)
                time.sleep(1)
                process.send_signal(signal.SIGINT)
                if command[0] == "train":  # a second one does not wait for the evaluation
                    time.sleep(0.2)
                    process.send_signal(signal.SIGINT)
                output, error = process.communicate()
                self.assertEqual(process.returncode, 130, error)
                self.assertEqual(command[0] == "train", "loss" in output)
        self.assertTrue(os.path.exists("evaluating/model.safetensors"))

    def test_interrupt_while_waiting_for_lines(self):
        process = subprocess.Popen(
            [PROGRAM, "tokenize", "trained"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=default_signals,
        )
        process.stdin.write("ab\n")
        process.stdin.flush()
        self.assertEqual(process.stdout.readline(), "97 98\n")  # before the next line is there
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(), 130)
        process.stdin.close()
        process.stdout.close()

    def test_reader_that_goes_away_costs_no_weights(self):
        process = subprocess.Popen(
            [PROGRAM, "train", "config.json", "text.txt", "--steps", "100000", "--events", "--out", "unread"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=default_signals,
        )
        process.stdout.readline()
        process.stdout.close()
        error = process.stderr.read()
        process.stderr.close()
        self.assertEqual(process.wait(), 1)
        self.assertIn("standard output", error)
        self.assertTrue(os.path.exists("unread/model.safetensors"))

    def test_time(self):
        begin = time.monotonic()
        result = run_json("train", "config.json", "text.txt", "--steps", "100000000", "--time", "0.5")
        self.assertLess(result["steps"], 100000000)
        self.assertLess(time.monotonic() - begin, 60)

    # ---- Files that are wrong ------------------------------------------------------------------------------------

    def test_models_that_are_wrong(self):
        with open("trained/model.safetensors", "rb") as file:
            whole = file.read()
        os.makedirs("empty", exist_ok=True)
        write("nothing.safetensors", "")
        write("wrong.json", "{")
        write("list.json", "[1]")
        write("deep.json", "[" * 100000)
        write("other.json", '{"model_type": "unheard-of"}')
        write("model.gguf", "GGUF")
        with open("cut.safetensors", "wb") as file:
            file.write(whole[: len(whole) // 2])
        with open("huge.safetensors", "wb") as file:
            file.write(b"\xff" * 8 + b"{}")
        for path, words in (
            ("nowhere", ["nowhere", "No such file"]),
            ("empty", ["empty", "model.safetensors"]),
            ("nothing.safetensors", ["nothing.safetensors", "0 bytes"]),
            ("cut.safetensors", ["cut.safetensors"]),
            ("huge.safetensors", ["huge.safetensors"]),
            ("labels.jsonl", ["labels.jsonl"]),
            ("/dev/null", ["/dev/null"]),
            ("wrong.json", ["wrong.json"]),
            ("list.json", ["list.json"]),
            ("deep.json", ["deep.json"]),
            ("other.json", ["other.json", "unheard-of"]),
            ("model.gguf", ["model.gguf"]),
            ("{", ["configuration"]),
        ):
            with self.subTest(path=path):
                for command in (["inspect", path], ["train", path, "text.txt", "--steps", "1"]):
                    output, error = run(*command, code=1)
                    self.assertEqual(output, "")
                    self.names_what(error, *words)
        self.names_what(run("evaluate", "config.json", "text.txt", code=1)[1], "config.json", "no weights")
        self.names_what(run("predict", "trained", "labels.jsonl", code=1)[1], "causal_lm")

    def test_data_that_is_wrong(self):
        write("empty.txt", "")
        write("empty.jsonl", "")
        write("empty.csv", "")
        write("one.txt", "x")
        write("cut.jsonl", '{"text": "a", "label": "x"}\n{"text": "b", "lab')
        write("unlabelled.jsonl", '{"text": "a"}\n')
        write("numbers.jsonl", '{"text": 7, "label": "x"}\n')
        write("ragged.csv", "a,b,label\n1,2,x\n1,x\n")
        with open("latin.jsonl", "wb") as file:
            file.write(b'{"text": "\xe9", "label": "x"}\n')
        for arguments, words in (
            (["train", "config.json", "nowhere.txt"], ["nowhere.txt", "No such file"]),
            (["train", "config.json", "empty.txt"], ["empty.txt"]),
            (["train", "config.json", "one.txt"], ["one.txt"]),
            (["train", "config.json", "/dev/null", "--format", "text"], ["/dev/null"]),
            (["train", "config.json", "empty.txt", "--format", "tokens"], ["empty.txt"]),
            (["finetune", "trained", "empty.jsonl"], ["empty.jsonl"]),
            (["finetune", "trained", "cut.jsonl"], ["cut.jsonl", "2"]),
            (["finetune", "trained", "unlabelled.jsonl"], ["unlabelled.jsonl", "label", "--label-column"]),
            (["finetune", "trained", "numbers.jsonl"], ["numbers.jsonl"]),
            (["finetune", "trained", "latin.jsonl"], ["latin.jsonl"]),
            (["finetune", "trained", "text.txt"], ["text.txt", "classification"]),
            (["finetune", "trained", "labels.jsonl", "--text-column", "missing"], ["labels.jsonl", "missing"]),
            (["finetune", "trained", "labels.jsonl", "--label-column", "missing"], ["labels.jsonl", "missing"]),
            (["finetune", "trained", "labels.jsonl", "--evaluation", "nowhere.jsonl"], ["nowhere.jsonl"]),
            (["finetune", json.dumps(NUMBERS), "empty.csv"], ["empty.csv"]),
            (["finetune", json.dumps(NUMBERS), "ragged.csv"], ["ragged.csv", "line 3"]),
            (["finetune", json.dumps(NUMBERS), "text.txt"], ["text.txt", "mlp"]),
            (
                ["finetune", json.dumps(NUMBERS), "numbers.csv", "--label-column", "kind", "--columns", "height"],
                ["features"],
            ),
            (["predict", "classifier", "."], ["directory"]),
            (["evaluate", "classifier", "text.txt"], ["text.txt", "classification"]),
            (["train", json.dumps(dict(NETWORK, vocab_size=300)), "text.txt"], ["300", "--tokenizer"]),
        ):
            with self.subTest(arguments=arguments):
                output, error = run(*arguments, code=1)
                self.assertEqual(output, "")
                self.names_what(error, *words)

    def test_out_that_cannot_be_written(self):
        write("in_the_way", "x")
        for path, words in (
            ("in_the_way", ["in_the_way", "a file is there"]),
            ("in_the_way/below", ["in_the_way"]),
            ("/dev/null", ["/dev/null"]),
            ("/proc/none", ["/proc/none"]),
        ):
            with self.subTest(path=path):
                begin = time.monotonic()
                output, error = run("train", "config.json", "text.txt", "--steps", "1000000", "--out", path, code=1)
                self.assertEqual(output, "")
                self.names_what(error, *words)
                self.assertLess(time.monotonic() - begin, 30)  # before the training, not after it
        if os.geteuid() != 0:
            os.makedirs("read_only", exist_ok=True)
            os.chmod("read_only", 0o500)
            self.names_what(run("train", "config.json", "text.txt", "--out", "read_only", code=1)[1], "read_only")

    def test_standard_output_that_cannot_be_written(self):
        for arguments in (
            ["inspect", "trained"],
            ["inspect", "trained", "--json"],
            ["--help"],
            ["--version"],
            ["predict", "classifier", "labels.jsonl"],
            ["evaluate", "classifier", "labels.jsonl"],
        ):
            with self.subTest(arguments=arguments), open("/dev/full", "w") as full:
                self.names_what(run(*arguments, stdout=full, code=1)[1], "standard output")
        with open("/dev/full", "w") as full:
            _, error = run("train", "config.json", "text.txt", "--steps", "2", "--out", "kept", stdout=full, code=1)
        self.assertIn("standard output", error)
        self.assertTrue(os.path.exists("kept/model.safetensors"))
        # a stream that is closed is not the first file that the program opens
        with open("trained/model.safetensors", "rb") as file:
            before = file.read()
        run("-c", '"$0" inspect trained >&-', PROGRAM, code=1, executable="/bin/sh")
        with open("trained/model.safetensors", "rb") as file:
            self.assertEqual(before, file.read())

    def test_memory_is_kept_to(self):
        result = run_json("train", "config.json", "text.txt", "--steps", "2", "--batch", "256", "--memory", "4M")
        self.assertLessEqual(result["peak_bytes"], 4 << 20)
        run("train", "config.json", "text.txt", "--steps", "1", "--memory", "100k", code=1)


if __name__ == "__main__":
    unittest.main()
