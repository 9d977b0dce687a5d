"""What tools/report writes: JSON that parses, a whole page that loads nothing and shows hostile text, and PNG files.

python3 tests/tools/report_page.py REPORT_PAGE_SAMPLE
"""

import base64
import functools
import html.parser
import json
import math
import os
import re
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

PROGRAM = sys.argv.pop(1)
VOID = {"meta", "br"}


class Page(html.parser.HTMLParser):
    """Fails where a tag is not closed, and where something would be loaded."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.shown, self.pictures = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open, "never closed: %s" % self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attributes:
            assert name not in ("src", "onerror", "onload"), "%s has %s=%s" % (tag, name, value)
            if name == "href":
                assert tag == "image" and value.startswith("data:image/png;base64,"), "%s: %s" % (tag, value[:80])
                self.pictures.append(png(base64.b64decode(value.split(",")[1], validate=True)))

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, "</%s> within %s" % (tag, self.open)
        self.open.pop()

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        self.open.pop()

    def handle_data(self, data):
        self.shown.append(data)


def png(data):
    """Width, height, and rows of (red, green, blue) of a PNG file, checked to its end."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, packed, kinds = 8, b"", []
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + length]
        assert zlib.crc32(kind + body) == struct.unpack(">I", data[at + 8 + length : at + 12 + length])[0], kind
        kinds.append(kind)
        if kind == b"IHDR":
            width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", body)
            assert (depth, colour, interlaced) == (8, 2, 0)
        packed += body if kind == b"IDAT" else b""
        at += 12 + length
    assert kinds[0] == b"IHDR" and kinds[-1] == b"IEND"
    raw, size = zlib.decompress(packed), 1 + 3 * width
    assert len(raw) == height * size
    return width, height, raw


@functools.cache
def sample(*arguments):
    """The report of that kind, the page, and the PNG files by name."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([PROGRAM, folder, *arguments], check=True)
        files = {}
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), "rb") as file:
                files[name] = file.read()
    report = json.loads(files.pop("report.json"), parse_constant=lambda name: sys.exit("%s in the JSON" % name))
    return report, files.pop("report.html").decode(), files


HAS_PNG = "all.png" in sample("pictures")[2]


def written(*arguments):
    return sample(*arguments)[:2]


class Report(unittest.TestCase):
    def test_numbers(self):
        report, _ = written()
        first, second = report["results"]
        self.assertAlmostEqual(first["mean"], 0.6)
        self.assertAlmostEqual(first["standard_error"], 0.1 / math.sqrt(3))
        self.assertEqual(first["values"], [0.5, 0.7, 0.6])
        self.assertEqual((second["mean"], second["standard_error"], second["values"]), (None, None, [None]))
        self.assertEqual([item["value"] for item in report["references"]], [0.25, None])
        self.assertEqual(report["charts"][0]["curves"][0]["y"], [2, None, 0.5])
        cat, dog, empty = report["classes"]
        self.assertAlmostEqual(cat["precision"], 8 / 9)
        self.assertAlmostEqual(cat["recall"], 0.8)
        self.assertAlmostEqual(cat["f1"], 2 * (8 / 9) * 0.8 / (8 / 9 + 0.8))
        self.assertEqual((dog["support"], dog["guesses"]), (10, [1, 9, 0]))
        self.assertEqual((empty["precision"], empty["recall"], empty["f1"], empty["support"]), (None, None, None, 0))

    def test_hostile_text(self):
        report, text = written()
        self.assertIn("onerror", report["examples"][0]["text"])
        self.assertIn("caf\u00e9", report["examples"][0]["text"])
        self.assertIn("\ufffd\ufffd(\ufffd", report["examples"][0]["text"])
        self.assertEqual(report["facts"][1]["name"], '\\"\n\t')
        self.assertEqual(report["facts"][1]["value"], "\U0001f600 & \ufffd")
        page = Page(text)
        for tag in ("script", "img", "it", "b<"):
            self.assertNotIn(tag, page.tags)
        shown = "".join(page.shown)
        for words in ("<img src=x onerror=alert(1)>", "Is <it>?", "a<b", 'rate 3 & "x"', "dog \"'", "]]>--><b>"):
            self.assertIn(words, shown)
        self.assertNotIn("\x1b", text)

    def test_page(self):
        _, text = written()
        page = Page(text)
        self.assertIn('name="viewport"', text)
        self.assertIn("prefers-color-scheme:dark", text)
        self.assertNotRegex(text, r"\b(nan|inf|-nan)\b|https?:|url\(")
        shown = "".join(page.shown)
        for words in ("Yes & no", "60.0 %", "steps", "loss in nats", "88.9 %", "got right", "got wrong", "chance"):
            self.assertIn(words, shown)
        self.assertIn("cat, taken for dog \"': 2", shown)

    def test_nothing(self):
        report, text, files = sample("empty")
        self.assertEqual((report["results"], report["classes"], report["next"]), ([], [], []))
        self.assertEqual((report["expected_calibration_error"], report["filters"]), (None, None))
        self.assertNotIn("svg", Page(text).tags)
        self.assertEqual(files, {})

    def test_calibration(self):
        report, text = written()  # of certainties 0.9 (right), 1 (wrong), 0 (right), and three that do not count
        self.assertAlmostEqual(report["expected_calibration_error"], (0.1 + 1 + 1) / 3)
        bins = report["calibration"]
        self.assertEqual([one["samples"] for one in bins], [1] + [0] * 12 + [1, 1])
        self.assertEqual((bins[0]["certainty"], bins[0]["accuracy"]), (0, 1))
        self.assertEqual((bins[13]["accuracy"], bins[14]["accuracy"], bins[5]["accuracy"]), (1, 0, None))
        self.assertIn("expected calibration error 70.0 %", text)

    def test_many_classes(self):
        report, text = written("classes", "1000")
        self.assertIn("20 of 1000 classes with the lowest F1", text)
        self.assertIn("class 22, taken for", text)
        self.assertEqual(len(report["classes"]), 1000)
        self.assertEqual(len(report["confused"]), 20)
        pairs = [
            (-row[guess], truth, guess)
            for truth, row in enumerate(one["guesses"] for one in report["classes"])
            for guess in range(1000)
            if row[guess] and guess != truth
        ]
        found = [(one["truth"], one["guess"], one["samples"]) for one in report["confused"]]
        names = [one["name"] for one in report["classes"]]
        self.assertEqual(found, [(names[truth], names[guess], -count) for count, truth, guess in sorted(pairs)[:20]])
        worst = sorted(range(1000), key=lambda i: (report["classes"][i]["f1"], i))
        rows = re.findall(r"<tr><td>([^<]*)</td><td>[^<]*</td><td>[^<]*</td><td>([^<]*)</td>", text)
        self.assertEqual([name for name, _ in rows], [names[i] for i in worst[:20]])
        self.assertLess(len(text), 100000)

    def test_classes_that_are_drawn(self):
        for count in (1, 6, 12, 20, 40):
            _, text = written("classes", str(count))
            self.assertEqual(Page(text).tags.count("svg"), 1)
            self.assertEqual(len(re.findall(r"<title>[^<]*, taken for", text)), count * count)
        _, text = written("classes", "41")
        self.assertIn("What was most often taken for what", text)
        self.assertIn("Nothing was taken for", written("classes", "41", "right")[1])

    @unittest.skipUnless(HAS_PNG, "built without libpng")
    def test_pictures(self):
        report, text, files = sample("pictures")
        page = Page(text)
        self.assertEqual(len(page.pictures), 20 + 64)
        sizes = [picture[:2] for picture in page.pictures]
        self.assertEqual(sizes[:64], [(7, 7)] * 64)
        self.assertEqual(sizes[64:68] + sizes[68:70], [(32, 32)] * 3 + [(128, 96), (1, 128), (28, 28)])
        self.assertEqual(report["examples"][3]["picture"], {"width": 400, "height": 300, "channels": 3})
        self.assertEqual(report["filters"], {"name": "conv1.weight", "shape": [64, 3, 7, 7]})
        shown = "".join(page.shown)
        self.assertIn("64 filters of 7 x 7 in conv1.weight", shown)
        self.assertLess(shown.index("mistakes first"), shown.index("Some that it got right"))
        self.assertLess(shown.index("said cat, is airplane"), shown.index("said deer, is automobile"))
        self.assertEqual(sorted(files), ["all.png", "confusion.png", "curves.png", "filters.png", "predictions.png"])
        for name, data in files.items():
            width, height, _ = png(data)
            self.assertEqual(width, 1064 if name == "filters.png" else 2088)
            self.assertGreater(height, 500)

    @unittest.skipUnless(HAS_PNG, "built without libpng")
    def test_sizes_of_pictures(self):
        _, text, files = sample()
        page = Page(text)
        # a filter (another has no numbers), a pixel, and 4000 x 3000 made smaller; one without pixels is left out
        self.assertEqual([picture[:2] for picture in page.pictures], [(1, 1), (1, 1), (128, 96)])
        self.assertIn("filter 1 has weights that are no numbers", text)
        self.assertIn("predictions.png", files)

    @unittest.skipIf(HAS_PNG, "built with libpng")
    def test_without_libpng(self):
        report, text, files = sample("pictures")
        self.assertEqual(files, {})
        self.assertIn("Pictures are left out", text)
        self.assertEqual(Page(text).pictures, [])
        self.assertIn("<b>cat</b> 100.0 %, but is <b>airplane</b>", text)
        self.assertEqual(len(report["examples"]), 20)

    def test_text(self):
        _, text, files = sample("text")
        self.assertIn("a very sunny day", text)
        self.assertNotIn("predictions.png", files)
        self.assertNotIn("filters.png", files)

    def test_what_an_earlier_report_left(self):
        if not HAS_PNG:
            self.skipTest("built without libpng")
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([PROGRAM, folder, "classes", "2"], check=True)
            self.assertIn("confusion.png", os.listdir(folder))
            subprocess.run([PROGRAM, folder, "empty"], check=True)
            self.assertEqual(sorted(os.listdir(folder)), ["report.html", "report.json"])

    def test_where_it_cannot_be_written(self):
        done = subprocess.run([PROGRAM, "/no/such/directory"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("/no/such/directory/report.json: No such file", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
