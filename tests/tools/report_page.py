"""What tools/report_page.c writes: JSON that parses, and a whole page that loads nothing and shows hostile text.

python3 tests/tools/report_page.py REPORT_PAGE_SAMPLE
"""

import html.parser
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import unittest

PROGRAM = sys.argv.pop(1)
VOID = {"meta", "br"}


class Page(html.parser.HTMLParser):
    """Fails where a tag is not closed, and where something would be loaded."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.shown = [], [], []
        self.feed(text)
        self.close()
        assert not self.open, "never closed: %s" % self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attributes:
            assert name not in ("src", "href", "onerror", "onload"), "%s has %s=%s" % (tag, name, value)

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, "</%s> within %s" % (tag, self.open)
        self.open.pop()

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        self.open.pop()

    def handle_data(self, data):
        self.shown.append(data)


def written(*arguments):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([PROGRAM, folder, *arguments], check=True)
        with open(os.path.join(folder, "report.json"), encoding="utf-8") as file:
            report = json.load(file, parse_constant=lambda name: sys.exit("%s in the JSON" % name))
        with open(os.path.join(folder, "report.html"), encoding="utf-8") as file:
            return report, file.read()


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
        report, text = written()
        page = Page(text)
        self.assertEqual(page.tags.count("svg"), 2)
        self.assertIn('name="viewport"', text)
        self.assertNotRegex(text, r"\b(nan|inf|-nan)\b|https?:|url\(")
        shown = "".join(page.shown)
        for words in ("Yes & no", "60.0 %", "steps", "loss in nats", "88.9 %", "got right", "got wrong", "chance"):
            self.assertIn(words, shown)
        self.assertEqual(len(re.findall('class="diagonal"', text)), len(report["classes"]))

    def test_nothing(self):
        report, text = written("empty")
        self.assertEqual((report["results"], report["classes"], report["next"]), ([], [], []))
        self.assertNotIn("svg", Page(text).tags)

    def test_where_it_cannot_be_written(self):
        done = subprocess.run([PROGRAM, "/no/such/directory"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("/no/such/directory/report.json: No such file", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
