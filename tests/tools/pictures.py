"""The program `pretrain` on pictures: learnt from folders and IDX files, measured, told apart; and what is wrong with
them.

    python3 tests/tools/pictures.py BUILD_DIRECTORY PROGRAM [-k PATTERN]
"""

import json
import os
import random
import shutil
import struct
import sys
import tempfile
import unittest
import zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from program import run, run_json, write

SIDE = 12
# small enough for a test, with all that a ResNet has
NETWORK = {
    "model_type": "resnet",
    "image_size": SIDE,
    "embedding_size": 8,
    "hidden_sizes": [8, 8],
    "depths": [1, 1],
    "layer_type": "basic",
}
TOLD = {"loss", "accuracy", "macro_f1", "calibration_error"}


def png(name, rows, kind=2):
    """A picture whose rows are bytes, of colours (kind 2) or gray (0)."""

    def chunk(tag, body):
        return struct.pack(">I", len(body)) + tag + body + struct.pack(">I", zlib.crc32(tag + body))

    width = len(rows[0]) // (3 if kind == 2 else 1)
    header = struct.pack(">IIBBBBB", width, len(rows), 8, kind, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows))
    with open(name, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b""))
    return name


def coloured(draw, colour, side=SIDE + 4):
    """Noise around a colour."""
    return [
        [min(255, max(0, part + draw.randrange(-40, 40))) for _ in range(side) for part in colour] for _ in range(side)
    ]


def folder(name, classes, each, seed):
    draw = random.Random(seed)
    for word, colour in classes.items():
        os.makedirs(os.path.join(name, word))
        for i in range(each):
            png(os.path.join(name, word, "%02d.png" % i), coloured(draw, colour))
    return name


def idx(name, each):
    """Digits as MNIST has them: of class k a bar in row k."""
    draw = random.Random(3)
    pixels, labels = b"", b""
    for i in range(each * 2):
        picture = bytearray(28 * 28)
        for x in range(28):
            picture[(6 if i % 2 else 20) * 28 + x] = draw.randrange(200, 256)
        pixels += bytes(picture)
        labels += bytes([i % 2])
    with open(name + "-images-idx3-ubyte", "wb") as file:
        file.write(struct.pack(">IIII", 2051, each * 2, 28, 28) + pixels)
    with open(name + "-labels-idx1-ubyte", "wb") as file:
        file.write(struct.pack(">II", 2049, each * 2) + labels)
    return name + "-images-idx3-ubyte"


class Pictures(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.before = os.getcwd()
        cls.folder = tempfile.mkdtemp(prefix="pictures-")
        os.chdir(cls.folder)
        write("config.json", json.dumps(NETWORK))
        folder("colours", {"blue": (30, 30, 200), "red": (200, 30, 30)}, 24, 1)
        folder("others", {"blue": (30, 30, 200), "red": (200, 30, 30)}, 6, 2)
        run("finetune", "config.json", "colours", "--epochs", "4", "--rate", "0.02", "--out", "model", "--seed", "1")

    @classmethod
    def tearDownClass(cls):
        os.chdir(cls.before)
        shutil.rmtree(cls.folder)

    def test_what_was_learnt_is_told_of_others(self):
        result = run_json("evaluate", "model", "others")
        self.assertEqual((result["task"], result["samples"]), ("classification", 12))
        self.assertEqual(set(result["metrics"]), TOLD)
        self.assertEqual(result["metrics"]["accuracy"], 1)
        lines = [json.loads(line) for line in run("predict", "model", "others", "--json")[0].splitlines()]
        self.assertEqual(
            [line["image"] for line in lines][:1] + [line["image"] for line in lines][-1:],
            ["blue/00.png", "red/05.png"],
        )
        for line in lines:
            self.assertEqual(line["label"], line["image"].split("/")[0])
            self.assertAlmostEqual(sum(line["scores"].values()), 1, 5)
        name, label, probability = run("predict", "model", "others/red/03.png")[0].strip().split("\t")
        self.assertEqual((name, label), ("03.png", "red"))
        self.assertGreater(float(probability), 0.5)

    def test_neighbours_tell_classes(self):
        found = run_json("evaluate", "model", "others", "--reference", "colours", "--neighbours", "3")
        self.assertEqual((found["samples"], found["neighbours"], found["metrics"]), (12, 3, {"accuracy": 1.0}))
        self.assertEqual(found["references"], sum(len(files) for _, _, files in os.walk("colours")))
        # of a class that the reference has not, no sample can be told
        folder("reds", {"red": (200, 30, 30)}, 4, 9)
        told = run_json("evaluate", "model", "others", "--reference", "reds")
        self.assertEqual((told["neighbours"], told["metrics"]["accuracy"]), (20, 6 / 12))
        self.assertIn("accuracy   1\n", run("evaluate", "model", "others", "--reference", "colours")[0])
        self.assertIn("--reference", run("evaluate", "model", "others", "--neighbours", "3", code=2)[1])
        self.assertIn("--neighbours", run("evaluate", "model", "others", "--neighbours", "0", code=2)[1])
        self.assertIn("nothing", run("evaluate", "model", "others", "--reference", "nothing", code=1)[1])

    def test_several_folders_are_one(self):
        parts = [run_json("evaluate", "model", name) for name in ("others", "colours")]
        both = run_json("evaluate", "model", "others", "colours")
        self.assertEqual(both["samples"], sum(part["samples"] for part in parts))
        loss = sum(part["samples"] * part["metrics"]["loss"] for part in parts) / both["samples"]
        self.assertAlmostEqual(both["metrics"]["loss"], loss, 5)

    def test_the_same_bits_with_any_threads(self):
        told = {
            run(
                "finetune",
                "config.json",
                "colours",
                "--steps",
                "3",
                "--threads",
                threads,
                "--seed",
                "4",
                "--augment",
                "strong",
                "--evaluation",
                "0.25",
            )[0].split("seconds")[0]
            for threads in ("1", "3")
        }
        self.assertEqual(len(told), 1, told)

    def test_evaluation_part_is_not_varied_and_not_learnt_from(self):
        result = run_json(
            "finetune",
            "config.json",
            "colours",
            "--epochs",
            "3",
            "--rate",
            "0.02",
            "--evaluation",
            "0.25",
            "--out",
            "parted",
        )
        self.assertEqual(set(result["metrics"]), TOLD)
        self.assertEqual(
            run_json("finetune", "config.json", "colours", "--steps", "2", "--evaluation", "others")["steps"], 2
        )

    def test_mixtures(self):
        run("finetune", "model", "colours", "--mixup", "0.2", "--cutmix", "1", "--steps", "6", "--out", "mixed")
        self.assertEqual(run_json("evaluate", "mixed", "others")["metrics"]["accuracy"], 1)
        write("numbers.csv", "a,b,label\n1,2,x\n3,4,y\n")
        config = '{"model_type": "mlp", "input_size": 2, "hidden_sizes": [4]}'
        self.assertIn("--mixup", run("finetune", config, "numbers.csv", "--mixup", "1", code=2)[1])

    def test_probe_learns_the_head_alone(self):
        run("finetune", "model", "colours", "--probe", "--steps", "4", "--rate", "0.05", "--out", "probed")
        trunks = []
        for name in ("model", "probed"):
            with open(os.path.join(name, "model.safetensors"), "rb") as file:
                size = struct.unpack("<Q", file.read(8))[0]
                header, body = json.loads(file.read(size)), file.read()
            trunks.append(
                {
                    key: body[slice(*entry["data_offsets"])]
                    for key, entry in header.items()
                    if key != "__metadata__" and not key.startswith("classifier")
                }
            )
        self.assertEqual(trunks[0], trunks[1])
        self.assertGreater(len(trunks[0]), 10)
        self.assertEqual(run_json("evaluate", "probed", "others")["metrics"]["accuracy"], 1)

    def test_new_classes_get_a_new_head(self):
        folder("three", {"green": (30, 200, 30), "red": (200, 30, 30), "white": (230, 230, 230)}, 8, 5)
        error = run("finetune", "model", "three", "--steps", "2", "--out", "changed")[1]
        self.assertIn("other classes", error)
        labels = run_json("inspect", "changed")["labels"]
        self.assertEqual(labels, ["green", "red", "white"])

    def test_a_part_of_the_classes_keeps_their_numbers(self):
        folder("red only", {"red": (200, 30, 30)}, 4, 6)
        self.assertEqual(run_json("evaluate", "model", "red only")["metrics"]["accuracy"], 1)
        folder("green only", {"green": (30, 200, 30)}, 4, 7)
        error = run("evaluate", "model", "green only", code=1)[1]
        self.assertIn("green", error)

    def test_digits(self):
        images = idx("two", 40)
        result = run_json("finetune", "digits", images, "--epochs", "2", "--rate", "0.01", "--evaluation", "0.25")
        self.assertEqual(set(result["metrics"]), TOLD)
        self.assertGreater(result["metrics"]["accuracy"], 0.9)

    def test_broken_pictures_are_named(self):
        shutil.copytree("others", "broken")
        with open("broken/blue/01.png", "r+b") as file:
            file.truncate(60)
        write("broken/blue/notes.txt", "no picture")
        os.makedirs("broken/green")
        error = run("finetune", "config.json", "broken", "--steps", "2")[1]
        for word in ("notes.txt", "green"):
            self.assertIn(word, error)
        output, error = run("predict", "model", "broken/blue", "--json")
        lines = [json.loads(line) for line in output.splitlines()]
        self.assertEqual([line["image"] for line in lines if "error" in line], ["01.png"])
        self.assertIn("01.png", error)
        plain = run("predict", "model", "broken/blue")[0].splitlines()
        self.assertEqual(len(plain), 5)

    def test_what_is_refused(self):
        os.makedirs("nothing", exist_ok=True)
        png("gray.png", [[9] * 8] * 8, 0)
        for arguments, code, words in (
            (("finetune", "config.json", "nothing"), 1, ("nothing", "no picture")),
            (("finetune", "config.json", "missing"), 1, ("missing",)),
            (("finetune", "config.json", "others/red"), 1, ("without classes",)),
            (("finetune", "config.json", "others", "colours"), 2, ("one directory",)),
            (("finetune", "config.json", "others", "--length", "7"), 2, ("--length",)),
            (("evaluate", "model", "gray.png"), 1, ("label",)),
            (("finetune", "no-such-preset", "others"), 1, ("no-such-preset",)),
        ):
            error = run(*arguments, code=code)[1]
            for word in words:
                self.assertIn(word, error)


if __name__ == "__main__":
    unittest.main(verbosity=0)
