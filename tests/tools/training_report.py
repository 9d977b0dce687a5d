"""What the program's report says of a training on pictures: the samples and filters that it shows, and where it goes.

python3 tests/tools/training_report.py TRAINING_REPORT_SAMPLE
"""

import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

PROGRAM = os.path.abspath(sys.argv.pop(1))


def run(*arguments, code=0):
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True)
    assert done.returncode == code, "%s gave %d\n%s\n%s" % (arguments, done.returncode, done.stdout, done.stderr)
    return done.stdout, done.stderr


def write_picture(path, width, height, channel, draw):
    """A PNG file whose pixels are bright in one channel."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    pixels = [[draw.randrange(64) + (190 if i % 3 == channel else 0) for i in range(3 * width)] for _ in range(height)]
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)))
        file.write(chunk(b"IDAT", zlib.compress(b"".join(b"\0" + bytes(row) for row in pixels))) + chunk(b"IEND", b""))


class Report(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.before = os.getcwd()
        cls.folder = tempfile.TemporaryDirectory()
        os.chdir(cls.folder.name)
        output, cls.notes = run("all/of it")
        cls.accuracy, cls.calibration_error = [float(word) for word in output.split()]
        cls.has_png = "libpng" not in cls.notes

    @classmethod
    def tearDownClass(cls):
        os.chdir(cls.before)
        cls.folder.cleanup()

    def test_directory(self):
        pictures = ["confusion.png", "curves.png", "filters.png", "predictions.png"] if self.has_png else []
        self.assertEqual(sorted(os.listdir("all/of it")), sorted(pictures + ["report.html", "report.json"]))

    def test_json(self):
        with open("all/of it/report.json", encoding="utf-8") as file:
            report = json.load(file)
        self.assertEqual([one["name"] for one in report["classes"]], ["blue", "green", "red"])
        guesses = [one["guesses"] for one in report["classes"]]
        self.assertEqual(sum(sum(row) for row in guesses), 30)
        right = sum(guesses[i][i] for i in range(3))
        self.assertAlmostEqual(right / 30, self.accuracy, places=6)
        self.assertAlmostEqual(report["results"][0]["mean"], right / 30)
        self.assertEqual(sum(one["samples"] for one in report["calibration"]), 30)
        self.assertAlmostEqual(report["expected_calibration_error"], self.calibration_error, places=6)
        self.assertEqual(report["filters"], {"name": "first.weight", "shape": [4, 3, 8, 8]})
        self.assertNotIn("files passed over", [fact["name"] for fact in report["facts"]])
        examples = report["examples"]
        wrong = [one["certainty"] for one in examples if one["truth"] != one["guess"]]
        self.assertEqual(wrong, sorted(wrong, reverse=True))
        self.assertEqual(len(wrong), min(12, 30 - right))
        self.assertGreater(len(wrong), 0)
        self.assertEqual(len(examples) - len(wrong), min(6, right))
        self.assertTrue(all(one["truth"] == one["guess"] for one in examples[len(wrong) :]))
        for one in examples:
            self.assertEqual(one["picture"], {"width": 8, "height": 8, "channels": 3})
        if self.has_png:
            with open("all/of it/report.html", encoding="utf-8") as file:
                self.assertEqual(file.read().count("data:image/png;base64,"), len(examples) + 4)

    def test_pictures_of_a_directory(self):
        if not self.has_png:
            self.skipTest("built without libpng")
        draw = random.Random(1)
        for channel, name in enumerate(["red", "green", "blue"]):
            os.makedirs(os.path.join("pictures", name))
            for i in range(20):
                write_picture(os.path.join("pictures", name, "%02d.png" % i), 8 + i % 3, 8, channel, draw)
        with open("pictures/blue/words.txt", "w", encoding="utf-8") as file:
            file.write("no picture")
        run("pictures.json", "pictures")
        with open("pictures.json", encoding="utf-8") as file:
            report = json.load(file)
        facts = {fact["name"]: fact["value"] for fact in report["facts"]}
        self.assertRegex(facts["files passed over"], "^1, among them .*words.txt: ")
        self.assertEqual([one["name"] for one in report["classes"]], ["blue", "green", "red"])
        self.assertEqual(sum(one["support"] for one in report["classes"]), 30)
        self.assertGreater(len(report["examples"]), 5)
        for one in report["examples"]:
            self.assertEqual(one["picture"], {"width": 8, "height": 8, "channels": 3})

    def test_files(self):
        run("new/page.html")
        run("new/same.json")
        with open("new/page.html", encoding="utf-8") as file:
            self.assertTrue(file.read().startswith("<!doctype html>"))
        with open("new/same.json", encoding="utf-8") as file:
            self.assertEqual(json.load(file)["title"], "What has the network learnt?")
        self.assertEqual(sorted(os.listdir("new")), ["page.html", "same.json"])
        if self.has_png:
            run("new/all.png")
            with open("new/all.png", "rb") as file:
                self.assertEqual(file.read(8), b"\x89PNG\r\n\x1a\n")
        else:
            self.assertIn("all.png: this build writes no PNG", run("new/all.png", code=1)[1])
            self.assertFalse(os.path.exists("new/all.png"))

    def test_where_it_cannot_go(self):
        error = run("page.pdf", code=2)[1]
        for words in ("page.pdf", ".html, .json or .png", "directory"):
            self.assertIn(words, error)
        with open("a file", "w", encoding="utf-8"):
            pass
        self.assertIn("a file: a file is there, expected a directory", run("a file", code=1)[1])
        self.assertIn("a file", run("a file/x.html", code=1)[1])
        self.assertIn("a path of 5000 bytes", run("x" * 5000, code=1)[1])
        os.makedirs("dots.in.name")
        run("dots.in.name")
        run("with.dots/")
        self.assertIn("report.html", os.listdir("dots.in.name"))
        self.assertIn("report.html", os.listdir("with.dots"))

    def test_disk_that_is_full(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("there is no /dev/full")
        for name in ("full.html", "full.json") + (("full.png",) if self.has_png else ()):
            os.symlink("/dev/full", name)
            self.assertIn(name + ": No space left", run(name, code=1)[1])


if __name__ == "__main__":
    unittest.main(verbosity=2)
