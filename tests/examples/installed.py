"""The library as a stranger gets it: installs the build into a temporary folder, and builds and runs there, through
pkg-config, every example in C, C++ and Python and every program in README.md and docs/, against the shared and the
static library.

    python3 tests/examples/installed.py BUILD_DIRECTORY [-k PATTERN]
"""

import glob
import json
import math
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import wave
import zlib

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EXAMPLES = os.path.join(ROOT, "examples")
BUILD = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else None
WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Werror"]
C = ["-std=c11", "-D_POSIX_C_SOURCE=200809L"]


def run(*command, **options):
    """Output of a command that must succeed."""
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", **options
    )
    if done.returncode != 0:
        raise AssertionError("%s gave %d:\n%s" % (" ".join(command), done.returncode, done.stdout[-8000:]))
    return done.stdout


def install():
    """Installs to a temporary folder, twice: with both libraries, and with the static one alone."""
    temporary = tempfile.TemporaryDirectory(prefix="installed-")
    run("meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", temporary.name)
    package = glob.glob(temporary.name + "/**/pretrain.pc", recursive=True)[0]
    with open(package) as file:
        prefix = re.search(r"^prefix=(.*)$", file.read(), re.M).group(1)
    shared, static = temporary.name + "/shared", temporary.name + "/static"
    shutil.move(temporary.name + prefix, shared)
    shutil.copytree(shared, static, symlinks=True)
    for library in glob.glob(static + "/**/libpretrain.so*", recursive=True):
        os.remove(library)
    for tree in (shared, static):  # what installing to that prefix would have written
        package = glob.glob(tree + "/**/pretrain.pc", recursive=True)[0]
        with open(package) as file:
            text = re.sub(r"^prefix=.*$", "prefix=" + tree, file.read(), flags=re.M)
        with open(package, "w") as file:
            file.write(text)
    return temporary, shared, static


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if shutil.which("pkg-config") is None:
            raise unittest.SkipTest("pkg-config is missing (Debian: pkgconf)")
        cls.temporary, cls.shared, cls.static = install()
        cls.library = glob.glob(cls.shared + "/**/libpretrain.so", recursive=True)[0]
        cls.environment = dict(
            os.environ,
            LD_LIBRARY_PATH=os.path.dirname(cls.library),
            PRETRAIN_LIBRARY=cls.library,
            PYTHONPATH=os.path.join(EXAMPLES, "python"),
            PRETRAIN_INCLUDE=cls.shared + "/include",
            PYTHONDONTWRITEBYTECODE="1",
        )

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(dir=self.temporary.name)
        self.addCleanup(self.folder.cleanup)

    def flags(self, tree, *options):
        path = os.path.dirname(glob.glob(tree + "/**/pretrain.pc", recursive=True)[0])
        environment = dict(os.environ, PKG_CONFIG_PATH=path)
        return run("pkg-config", *options, "--cflags", "--libs", "pretrain", env=environment).split()

    def compile(self, compiler, sources, tree, *options, more=()):
        program = os.path.join(self.folder.name, "program")
        run(*compiler, *sources, "-o", program, *self.flags(tree, *options), "-lm", "-pthread", *more)
        return program

    def start(self, program, *arguments, **options):
        return run(program, *arguments, cwd=self.folder.name, env=self.environment, timeout=300, **options)

    def file(self, name, text):
        path = os.path.join(self.folder.name, name)
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
        return path

    def labels(self, count=40):
        words = {
            "sea": "waves and salt and gulls",
            "hill": "stones and goats and wind",
            "town": "streets and bells and bread",
        }
        return self.file(
            "labels.jsonl",
            "".join(
                json.dumps({"text": "%s number %d" % (text, i), "label": label}) + "\n"
                for i in range(count)
                for label, text in words.items()
            ),
        )

    def text(self):
        return os.path.join(ROOT, "include", "pretrain.h")

    def test_flags_for_static_linking_are_all_there(self):
        self.compile(["cc", *C], [os.path.join(EXAMPLES, "custom_network.c")], self.static, "--static")

    # ---- C -----------------------------------------------------------------------------------------------------------

    def c_example(self, name, *arguments, tree=None, options=()):
        return self.start(
            self.compile(["cc", *C, *WARNINGS], [os.path.join(EXAMPLES, name)], tree or self.shared, *options),
            *arguments
        )

    def test_custom_network(self):
        for tree, options in ((self.shared, ()), (self.static, ("--static",))):
            output = self.c_example("custom_network.c", tree=tree, options=options)
            weights = [float(word) for word in re.search(r"should all be 1:(.*)", output).group(1).split()]
            self.assertEqual(len(weights), 10)
            for weight in weights:
                self.assertAlmostEqual(weight, 1, delta=0.02)

    def test_static_program_needs_no_shared_library(self):
        program = self.compile(["cc", *C], [os.path.join(EXAMPLES, "custom_network.c")], self.static, "--static")
        self.assertNotIn("libpretrain", run("ldd", program))

    def test_training_loop(self):
        output = self.c_example("training_loop.c", "checkpoint")
        self.assertIn("the same loss to the last bit", output)

    def test_callbacks(self):
        output = self.c_example("callbacks.c")
        self.assertIn("PT_ERR_CANCELLED", output)
        self.assertGreater(float(re.search(r"accuracy ([\d.]+)", output).group(1)), 90)

    def test_pretrain_then_finetune(self):
        output = self.c_example("pretrain.c", self.text(), "model", "30")
        first = float(re.search(r"held-out text ([\d.]+)", output).group(1))
        self.assertLess(first, 4.5)
        output = self.c_example("pretrain.c", self.text(), "model", "60")  # goes on from the checkpoint
        self.assertLess(float(re.search(r"held-out text ([\d.]+)", output).group(1)), first)
        output = self.c_example(
            "finetune.c", "model", self.labels(), "12", "gulls and waves"
        )  # until it has learnt, whatever the text was
        self.assertIn("taken over", output)
        self.assertGreater(float(re.search(r"accuracy ([\d.]+)", output).group(1)), 60)
        self.assertRegex(output, r"\d %% sea".replace("%%", "%"))
        for name in ("model/config.json", "model/model.safetensors", "model/classifier.safetensors"):
            self.assertTrue(os.path.getsize(os.path.join(self.folder.name, name)) > 0)

    def test_sentences(self):
        os.mkdir(os.path.join(self.folder.name, "texts"))
        for path in (self.text(), os.path.join(ROOT, "README.md")):
            shutil.copy(path, os.path.join(self.folder.name, "texts"))
        output = self.c_example("sentences.c", "bert", self.labels(), "2", "texts", "40")
        self.assertLess(float(re.search(r"guessed right, loss ([\d.]+)", output).group(1)), 8)
        self.assertRegex(output, r"run 2: [\d.]+ % right from scratch \(rate [\d.]+ / width\), [\d.]+ % pretrained")
        self.assertRegex(output, r"from scratch [\d.]+ ± [\d.]+ %, pretrained [\d.]+ ± [\d.]+ %, gain -?[\d.]+ ±")
        self.assertEqual(
            sorted(os.listdir(os.path.join(self.folder.name, "bert"))),
            ["classifier.safetensors", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"],
        )
        output = self.c_example("sentences.c", "bert", self.labels(), "1")  # of a directory that is there
        self.assertRegex(output, r"run 1: [\d.]+ % right from scratch \(rate [\d.]+ / width\), [\d.]+ % pretrained")
        self.vectors_of_the_guide("bert")

    def test_learn_digits(self):
        """Two kinds of bars, as MNIST's files have digits."""
        folder, count = self.folder.name, 80
        pixels = bytearray(count * 784)
        for i in range(count):
            row = (5 if i % 2 else 20) + i // 2 % 3
            pixels[i * 784 + row * 28 : i * 784 + row * 28 + 28] = bytes([200 + i % 50]) * 28
        with open(os.path.join(folder, "few-images-idx3-ubyte"), "wb") as file:
            file.write(struct.pack(">IIII", 2051, count, 28, 28) + pixels)
        with open(os.path.join(folder, "few-labels-idx1-ubyte"), "wb") as file:
            file.write(struct.pack(">II", 2049, count) + bytes(i % 2 for i in range(count)))
        output = self.c_example("learn_digits.c", "few-images-idx3-ubyte", "40", "digits.safetensors")
        self.assertGreater(float(re.search(r"([\d.]+) % of 16 digits", output).group(1)), 90)
        self.assertTrue(os.path.getsize(os.path.join(folder, "digits.safetensors")) > 0)

    def test_learn_pictures(self):
        """Two classes of colours; without libpng there is nothing that decodes them."""

        def chunk(tag, body):
            return struct.pack(">I", len(body)) + tag + body + struct.pack(">I", zlib.crc32(tag + body))

        for word, colour in (("blue", (20, 40, 200)), ("red", (200, 40, 20))):
            os.makedirs(os.path.join(self.folder.name, "colours", word))
            for i in range(20):
                row = b"\0" + bytes(min(255, part + i) for _ in range(40) for part in colour)
                header = struct.pack(">IIBBBBB", 40, 40, 8, 2, 0, 0, 0)
                with open(os.path.join(self.folder.name, "colours", word, "%02d.png" % i), "wb") as file:
                    file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header))
                    file.write(chunk(b"IDAT", zlib.compress(row * 40)) + chunk(b"IEND", b""))
        output = self.c_example("learn_pictures.c", "colours", "resnet", "2", "-", "32")
        self.assertRegex(output, r"[\d.]+ % of 8 pictures that it has not seen are right, of 2 classes")
        again = self.c_example("learn_pictures.c", "colours", "again", "1", "resnet")  # of weights that are there
        self.assertRegex(again, r"[\d.]+ % of 8 pictures")
        self.assertIn("config.json", os.listdir(os.path.join(self.folder.name, "again")))

    def test_learn_words(self):
        """A high word and a low one; without libsndfile there is nothing that decodes them."""
        for folder, count in (("spoken", 12), ("others", 3)):
            for word, hertz in (("high", 1200), ("low", 300)):
                os.makedirs(os.path.join(self.folder.name, folder, word))
                for i in range(count):
                    with wave.open(os.path.join(self.folder.name, folder, word, "%02d.wav" % i), "wb") as file:
                        file.setparams((1, 2, 8000, 0, "NONE", ""))
                        wavelength = 8000 / (hertz + 20 * i)
                        levels = [round(9000 * math.sin(2 * math.pi * t / wavelength)) for t in range(4000)]
                        file.writeframes(struct.pack("<4000h", *levels))
        output = self.c_example("learn_words.c", "spoken", "others", "8", "words.safetensors")
        self.assertRegex(output, r"[\d.]+ % of 6 recordings that it has not heard are told right")
        self.assertGreater(float(re.search(r"([\d.]+) % of 6 recordings", output).group(1)), 60)
        self.assertTrue(os.path.getsize(os.path.join(self.folder.name, "words.safetensors")) > 0)

    def vectors_of_the_guide(self, directory):
        """The lines of the guide that make vectors of two texts, with that directory."""
        with open(os.path.join(ROOT, "docs", "guide.md")) as file:
            lines = re.search(r"^## Texts as vectors.*?^```\n(.*?)^```", file.read(), re.M | re.S).group(1)
        self.assertIn('"all-MiniLM-L6-v2"', lines)
        program = """
            #include <pretrain.h>
            #include <stdio.h>

            int main(void)
            {
                pt_context_t *context;
                pt_model_t *model;
                pt_tokenizer_t *tokenizer;
                if (pt_context_create(NULL, &context) != PT_OK)
                    return 1;
                %s
                double product = 0, length = 0;
                for (int64_t i = 0; i < vectors.elements / 2; i++) {
                    product += (double)numbers[i] * numbers[vectors.elements / 2 + i];
                    length += (double)numbers[i] * numbers[i];
                }
                printf("%%lld numbers, length %%.4f, cosine %%.4f, '%%s'\\n", (long long)vectors.elements, length,
                       product, pt_last_error());
                pt_tokenizer_free(tokenizer);
                pt_model_free(model);
                pt_context_free(context);
                return 0;
            }
            """
        source = self.file("vectors.c", program % lines.replace('"all-MiniLM-L6-v2"', '"%s"' % directory))
        output = self.start(self.compile(["cc", *C, *WARNINGS], [source], self.shared))
        found = re.fullmatch(r"256 numbers, length 1\.0000, cosine (-?[\d.]+), ''\n", output)
        self.assertTrue(found, output)
        self.assertLess(float(found.group(1)), 0.9999)

    def test_examples_refuse_what_is_wrong_with_the_library_s_words(self):
        program = self.compile(["cc", *C], [os.path.join(EXAMPLES, "pretrain.c")], self.shared)
        done = subprocess.run(
            [program, "/no/such/file", "model"],
            cwd=self.folder.name,
            env=self.environment,
            capture_output=True,
            text=True,
        )
        self.assertEqual(done.returncode, 1)
        self.assertIn("/no/such/file", done.stderr)

    # ---- C++ and other compilers -------------------------------------------------------------------------------------

    def test_cplusplus(self):
        found = [compiler for compiler in ("c++", "g++", "clang++") if shutil.which(compiler)]
        if not found:
            self.skipTest("a C++ compiler is missing (Debian: g++)")
        for compiler in found:
            for standard in ("c++11", "c++17"):
                for tree, options in ((self.shared, ()), (self.static, ("--static",))):
                    output = self.start(
                        self.compile(
                            [compiler, "-std=" + standard, *WARNINGS],
                            [os.path.join(EXAMPLES, "cplusplus.cpp")],
                            tree,
                            *options
                        )
                    )
                    self.assertRegex(output, r"x is divided by 0\.56")
                    self.assertRegex(output, r"accuracy (9\d|100)")
                    self.assertIn("stopped by the callback's exception", output)
                    self.assertRegex(output, r"refused: PT_ERR_\w+: .*abacus")

    def test_all_c_examples_compile_without_warnings(self):
        found = [compiler for compiler in ("gcc", "clang") if shutil.which(compiler)]
        for compiler in found:
            for source in glob.glob(EXAMPLES + "/*.c"):
                run(
                    compiler,
                    *C,
                    "-Wconversion",
                    "-pedantic",
                    *WARNINGS,
                    "-I",
                    self.shared + "/include",
                    "-c",
                    source,
                    "-o",
                    os.devnull
                )
        if len(found) < 2:
            self.skipTest("checked with %s alone (Debian: gcc, clang)" % " ".join(found))

    # ---- Python ------------------------------------------------------------------------------------------------------

    def test_python_examples(self):
        output = self.start(sys.executable, os.path.join(EXAMPLES, "python", "custom_network.py"))
        self.assertRegex(output, r"should all be 1:( (1\.0[01]|0\.99)\d*){10}")
        output = self.start(
            sys.executable,
            os.path.join(EXAMPLES, "python", "pretrain_and_classify.py"),
            self.text(),
            self.labels(),
            "20",
        )
        self.assertRegex(output, r"accuracy on 30 held-out texts")

    def test_python_callbacks(self):
        print(self.start(sys.executable, os.path.join(ROOT, "tests", "examples", "python_callbacks.py")))

    def test_python_samples(self):
        print(self.start(sys.executable, os.path.join(ROOT, "tests", "examples", "python_samples.py")))

    def test_python_tables(self):
        print(self.start(sys.executable, os.path.join(ROOT, "tests", "examples", "python_tables.py")))

    def test_python_tokenizers(self):
        print(self.start(sys.executable, os.path.join(ROOT, "tests", "examples", "python_tokenizers.py")))

    def test_python_says_where_it_looked(self):
        done = subprocess.run(
            [sys.executable, "-c", "import pretrain"],
            env=dict(self.environment, PRETRAIN_LIBRARY="/no/such/file.so"),
            capture_output=True,
            text=True,
        )
        self.assertIn("set PRETRAIN_LIBRARY", done.stderr)

    # ---- Documents ---------------------------------------------------------------------------------------------------

    def shell(self, code):
        """Commands of a document, with small files under the names that they use."""
        for name in ("run", "classifier", "pretrained", "iris"):  # of another document
            shutil.rmtree(os.path.join(self.folder.name, name), ignore_errors=True)
        network = {"model_type": "gpt2", "vocab_size": 256, "n_positions": 32, "n_embd": 8, "n_layer": 1, "n_head": 1}
        self.file("config.json", json.dumps(network))
        for name in ("book.txt", "text.txt"):
            self.file(name, "The sun is warm today. The moon is cold tonight. " * 60)
        with open(self.labels()) as file:
            texts = file.read()
        for name in ("questions.jsonl", "test.jsonl"):
            self.file(name, texts)
        rows = ["%d.5,%d.2,%d.1,0.%d" % (i % 7, i % 3, i % 5, i) for i in range(40)]
        heading = "sepal_length,sepal_width,petal_length,petal_width"
        self.file("new.csv", "\n".join([heading] + rows) + "\n")
        self.file(
            "iris.csv",
            "\n".join([heading + ",species"] + [row + ",setosa" for row in rows[1:]] + [rows[0] + ",virginica"]) + "\n",
        )
        environment = dict(self.environment, PATH=self.shared + "/bin:" + os.environ["PATH"])
        run("sh", "-eu", "-c", code, cwd=self.folder.name, env=environment, timeout=300)

    def test_programs_in_the_documents(self):
        ran = {"c": 0, "python": 0, "sh": 0}
        for path in [os.path.join(ROOT, "README.md")] + sorted(glob.glob(ROOT + "/docs/*.md")):
            with open(path) as file:
                blocks = re.findall(r"^```(\w+)\n(.*?)^```", file.read(), re.M | re.S)
            for language, code in blocks:
                with self.subTest(path=os.path.relpath(path, ROOT), begin=code[:60]):
                    if language == "c":
                        self.start(
                            self.compile(
                                ["cc", "-std=c11", "-Wall", "-Wextra", "-Werror"],
                                [self.file("block.c", code)],
                                self.shared,
                            )
                        )
                    elif language == "python":
                        shutil.copy(os.path.join(ROOT, "README.md"), self.folder.name)
                        self.start(sys.executable, self.file("block.py", code))
                    elif language == "sh":
                        self.shell(code)
                    else:
                        self.fail("a block of %s, which no test runs" % language)
                    ran[language] += 1
        self.assertGreater(ran["c"], 1)
        self.assertGreater(ran["python"], 1)
        self.assertGreater(ran["sh"], 1)

    def test_links_in_the_documents(self):
        for path in [os.path.join(ROOT, "README.md")] + glob.glob(ROOT + "/docs/*.md"):
            with open(path) as file:
                for link in re.findall(r"\]\(([^)#:]+)\)", file.read()):
                    self.assertTrue(
                        os.path.exists(os.path.join(os.path.dirname(path), link)), "%s links to %s" % (path, link)
                    )

    # ---- The quickstart ----------------------------------------------------------------------------------------------

    def quickstart(self):
        sources = glob.glob(EXAMPLES + "/quickstart*.c") + glob.glob(os.path.join(ROOT, "tools", "report", "*.c"))
        return self.compile(["cc", *C, "-O1"], sources, self.shared)

    small = "--width 8 --vocabulary 400 --batch 16 --steps 20 --finetune-steps 8 --minutes 5".split()

    def test_quickstart_with_texts_of_one_s_own(self):
        output = self.start(
            self.quickstart(),
            *["--text", self.text(), "--labels", self.labels(), "--out", "out", "--seeds", "2", "--per-class", "8"],
            *self.small
        )
        for words in ("chance 33.3 %", "most frequent class 33.3 %", "character n-grams", "from scratch", "pretrained"):
            self.assertIn(words, output)
        self.assertRegex(output, r"(Yes|Not here): with 8 labelled texts a class the pretrained network ")
        with open(os.path.join(self.folder.name, "out", "report.json")) as file:
            report = json.load(file)
        self.assertEqual(
            [result["name"] for result in report["results"]], ["character n-grams", "from scratch", "pretrained"]
        )
        for result in report["results"]:
            self.assertEqual(len(result["values"]), 2)
            self.assertTrue(0 <= result["mean"] <= 1 and result["standard_error"] >= 0)
        self.assertEqual(report["results"][0]["mean"], 1)  # each class has words of its own
        self.assertIn(report["answer"], output)
        self.assertEqual([item["name"] for item in report["classes"]], ["hill", "sea", "town"])
        self.assertEqual([item["support"] for item in report["classes"]], [13, 13, 13])
        self.assertTrue(all(sum(item["guesses"]) == item["support"] for item in report["classes"]))
        self.assertEqual(len(report["charts"][1]["curves"]), 3)
        facts = {fact["name"]: fact["value"] for fact in report["facts"]}
        for name in ("date", "libpretrain", "processor", "seeds", "how rates were chosen", "time", "memory"):
            self.assertTrue(facts[name])
        self.assertIn("--per-class 8", facts["command to repeat it"])
        for name in ("model", "tokenizer"):
            self.assertGreater(os.path.getsize(os.path.join(self.folder.name, facts[name])), 0)
        with open(os.path.join(self.folder.name, "out", "report.html")) as file:
            self.assertIn(report["answer"].split(":")[1].split("(")[0].split(".")[0], file.read())

    def packages(self, apt_get):
        """quickstart_packages.sh with another apt-get."""
        if not os.path.exists("/usr/lib/apt/apt-helper"):
            self.skipTest("apt is missing: no Debian")
        folder = os.path.join(self.folder.name, "bin")
        os.mkdir(folder)
        path = os.path.join(folder, "apt-get")
        with open(path, "w") as file:
            file.write("#!/bin/sh\n" + apt_get)
        os.chmod(path, 0o755)
        return subprocess.run(
            ["sh", os.path.join(EXAMPLES, "quickstart_packages.sh"), "out"],
            cwd=self.folder.name,
            env=dict(os.environ, PATH=folder + ":" + os.environ["PATH"]),
            capture_output=True,
            text=True,
        )

    def test_quickstart_s_texts_are_packages(self):
        packages = self.file(
            "Packages",
            "Package: quake\nSource: q (1.2)\nDescription: shoots\nDescription-md5: 3a\nSection: contrib/games\n\n"
            "Package: quake-doc\nSource: q\nDescription-md5: 3b\nSection: doc\n\n"
            "Package: tool\nDescription-md5: 1c\nSection: utils\n\n"
            "Package: sums\nDescription-md5: 2d\nSection: math",
        )
        translations = self.file(
            "Translation-en",
            'Package: quake\nDescription-md5: 3a\nDescription-en: shoots\n a "hero" of C:\\\n .\n and runs\n\n'
            "Package: quake-doc\nDescription-md5: 3b\nDescription-en: how to shoot\n\n"
            "Package: tool\nDescription-md5: 1c\nDescription-en: does\n it all\n\n"
            "Package: sums\nDescription-md5: 2d\nDescription-en: adds\tup",
        )
        done = self.packages(
            "case $* in *Packages*) echo %s ;; *Translations*) echo %s ;; esac\n" % (packages, translations)
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        with open(os.path.join(self.folder.name, "out", "labelled.jsonl")) as file:
            self.assertEqual(
                [json.loads(line) for line in file],
                [
                    {"text": "adds up", "label": "math"},
                    {"text": 'shoots\na "hero" of C:\\\nand runs', "label": "games"},
                ],
            )
        with open(os.path.join(self.folder.name, "out", "unlabelled.txt")) as file:
            self.assertEqual(file.read(), "does\nit all\n\n")

    def test_quickstart_says_what_to_do_without_a_network(self):
        done = self.packages("[ $1 = update ] && { echo 'E: no network'; exit 100; }\nexit 0\n")
        self.assertEqual(done.returncode, 1)
        self.assertIn("E: no network", done.stderr)
        self.assertIn("\n    apt-get update -o Acquire::Languages=en\n", done.stderr)
        self.assertIn("--labels FILE", done.stderr)

    def test_quickstart_refuses_bad_input(self):
        program = self.quickstart()
        good = self.labels()
        for arguments, words in (
            (["--labels", "/no/such/file"], "/no/such/file"),
            (
                ["--labels", self.file("a.jsonl", '{"text": "a", "label": "b"}\n{"text": 3, "label": "b"}\n')],
                "line 2|:2",
            ),
            (["--labels", self.file("b.jsonl", "what is this\n")], "b.jsonl"),
            (["--labels", self.file("c.jsonl", "")], "c.jsonl"),
            (["--labels", good, "--per-class", "1000"], "1000 to learn from"),
            (["--labels", good, "--text", "/no/such/text"], "/no/such/text"),
            (["--labels", good, "--text", self.file("bytes.txt", "a\udcff"), "--minutes", "1"], "UTF-8"),
            ([], "--labels FILE is needed"),
            (["--minutes", "soon"], "--minutes soon is not understood"),
            (["--pages", "3"], "--pages 3 is not understood"),
        ):
            done = subprocess.run(
                [program, "--out", "out", "--steps", "2", *arguments],
                cwd=self.folder.name,
                env=self.environment,
                capture_output=True,
                text=True,
            )
            self.assertIn(done.returncode, (1, 2), arguments)
            self.assertRegex(done.stderr, words)

    def test_quickstart_script_says_what_is_missing(self):
        """On a machine with a compiler and nothing else, for somebody who is not root."""
        tools = os.path.join(self.folder.name, "tools")
        os.mkdir(tools)
        for name in ("sh", "dirname", "cc", "cat", "printf"):
            os.symlink(shutil.which(name), os.path.join(tools, name))
        with open(os.path.join(tools, "id"), "w") as file:
            file.write("#!/bin/sh\necho 1000\n")
        os.chmod(os.path.join(tools, "id"), 0o755)
        done = subprocess.run(
            ["sh", os.path.join(EXAMPLES, "quickstart.sh")],
            cwd=self.folder.name,
            env={"PATH": tools},
            capture_output=True,
            text=True,
        )
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"\n    apt-get install -y --no-install-recommends .*meson ninja-build pkgconf")
        self.assertNotIn("gcc", done.stderr)

    def test_quickstart_script_lists_its_options(self):
        self.assertEqual(
            run("sh", os.path.join(EXAMPLES, "quickstart.sh"), "--help"), self.start(self.quickstart(), "--help")
        )

    def test_quickstart_script_is_plain_sh(self):
        run("sh", "-n", os.path.join(EXAMPLES, "quickstart.sh"))
        if shutil.which("dash"):
            run("dash", "-n", os.path.join(EXAMPLES, "quickstart.sh"))
        else:
            self.skipTest("checked with sh alone (Debian: dash)")


if __name__ == "__main__":
    if BUILD is None:
        sys.exit(__doc__)
    unittest.main(verbosity=2)
