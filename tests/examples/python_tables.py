"""What the library reads from CSV is what Python's csv module reads: random tables, written with every quirk that the
module can write or that files have (separators, quotation marks, line ends, a byte order mark, missing cells, blank
lines at the end), are read by both. Run by installed.py, or by hand:

    PYTHONPATH=examples/python PRETRAIN_LIBRARY=build/lib/libpretrain.so python3 tests/examples/python_tables.py
"""

import csv
import io
import math
import os
import random
import struct
import tempfile
import unittest

import pretrain

TEXTS = [
    "plain",
    "with, comma",
    "semi;colon",
    'a "quoted" word',
    '"',
    "tab\there",
    "two\nlines",
    "crlf\r\nin it",
    "é",
    " x ",
]
MISSING = -12345.0


def float32(value):
    return struct.unpack("f", struct.pack("f", value))[0]


class Tables(unittest.TestCase):
    def setUp(self):
        self.context = pretrain.Context(threads=1)
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        graph = self.context.graph()  # gives its inputs back
        one = graph.parameter("one", [1], pretrain.INIT_CONSTANT, 1.0)
        x = graph.input("x", pretrain.FLOAT32, pretrain.DIM_BATCH, 3)
        graph.output("o", graph.mul(x, one))
        self.identity = self.context.model(graph)

    def write(self, content):
        path = os.path.join(self.folder.name, "table.csv")
        with open(path, "wb") as file:
            file.write(content)
        return path

    def compare(self, content, separator, places, headings):
        """The three columns of numbers at `places`, as both see them."""
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=separator, strict=True))
        rows = [row for row in rows if row]  # an empty line is no record
        expected = []
        for row in rows[headings:]:
            cells = [row[place].strip(" \t") for place in places]
            expected += [MISSING if cell in ("", "NA") else float32(float(cell)) for cell in cells]
        names = [rows[0][place] if headings else "#%d" % (place + 1) for place in places]
        data = self.context.csv(
            self.write(content),
            [("x", names, pretrain.COLUMN_NUMBER, 3, MISSING)],
            separator=separator,
            missing="NA",
            flags=0 if headings else pretrain.TABLE_NO_HEADINGS,
        )
        self.assertEqual(len(data), len(rows) - headings)
        self.assertEqual(list(self.identity.predict(data, "o")), expected)

    def test_random_tables(self):
        for seed in range(300):
            draw = random.Random(seed)
            separator = draw.choice([",", ";", "\t", "|", ":", " ", "~"])
            width, height, headings = draw.randint(3, 9), draw.randint(1, 12), draw.randint(0, 1)
            numbers = [draw.random() < 0.7 for _ in range(width)]
            numbers[:3] = [True] * 3
            draw.shuffle(numbers)
            places = draw.sample([place for place in range(width) if numbers[place]], 3)

            def cell(is_number):
                if not is_number:
                    return draw.choice(TEXTS)
                if draw.random() < 0.1:
                    return draw.choice(["", "NA"])
                return draw.choice(["%d", "%.3f", "%e", "%+.9g"]) % draw.uniform(-1000, 1000)

            rows = [[cell(is_number) for is_number in numbers] for _ in range(height)]
            if headings:
                rows.insert(0, ["%s %d" % (draw.choice(TEXTS), place) for place in range(width)])
            text = io.StringIO(newline="")
            csv.writer(
                text,
                delimiter=separator,
                lineterminator=draw.choice(["\n", "\r\n"]),
                quoting=draw.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
            ).writerows(rows)
            content = text.getvalue().encode()
            if draw.random() < 0.2:
                content = content.rstrip(b"\r\n")  # the last line has no end
            elif draw.random() < 0.4:
                content += draw.choice([b"\n", b"\r\n", b"\n\n\r\n"])
            if draw.random() < 0.3:
                content = b"\xef\xbb\xbf" + content
            with self.subTest(seed=seed):
                self.compare(content, separator, places, headings)

    def test_files_as_they_are(self):
        excel = b'\xef\xbb\xbf"id";"price, net";"weight";"name"\r\n1;2.5;;"a;b"\r\n2;;3;"c ""d"""\r\n;NA;4;\r\n'
        self.compare(excel, ";", [2, 0, 1], 1)
        self.compare(b"5\t6\t7\n8\t\t9", "\t", [0, 1, 2], 0)
        self.compare(b"a,b,c\n-0,+1e-3,.5\n1., 2 ,3\n\n", ",", [0, 1, 2], 1)

    def test_what_the_csv_module_reads_and_no_number_is(self):
        for text, found in [("1,2,x", 'found "x"'), ("1,2,1_000", 'found "1_000"'), ("nan,1,2", 'found "nan"')]:
            columns = [("x", ["#1", "#2", "#3"], pretrain.COLUMN_NUMBER)]
            with self.assertRaisesRegex(pretrain.Error, "line 1, column . .*" + found):
                self.context.csv(self.write(text.encode()), columns, flags=pretrain.TABLE_NO_HEADINGS)
        with self.assertRaisesRegex(pretrain.Error, "separator is 34"):
            self.context.csv(self.write(b"1"), [("x", "#1", pretrain.COLUMN_NUMBER)], separator='"')

    def test_missing_numbers_become_the_mean(self):
        path = self.write(b"a;b;c\n1;5;\n3;NA;0\n;9;4\n")
        columns = [("x", ["a", "b", "c"], pretrain.COLUMN_NUMBER, 3, math.nan)]
        data = self.context.csv(path, columns, separator=";", missing="NA")
        with self.assertRaisesRegex(pretrain.Error, "NORMALIZE_FILL"):
            data.normalize(self.identity, "x")
        data.normalize(self.identity, "x", flags=pretrain.NORMALIZE_FILL)
        self.assertEqual(list(self.identity.predict(data, "o")), [-1.0, -1.0, 0.0, 1.0, 0.0, -1.0, 0.0, 1.0, 1.0])

    def test_missing_values_of_json(self):
        path = self.write(b'{"a": 1, "b": null, "c": 3}\n{"c": 4, "a": 5}\n')
        data = self.context.jsonl(path, [("x", ["c", "a", "b"], pretrain.COLUMN_NUMBER, 3, 0.5)])
        self.assertEqual(list(self.identity.predict(data, "o")), [3.0, 1.0, 0.5, 4.0, 5.0, 0.5])
        nan = self.context.jsonl(path, [("x", ["c", "a", "b"], pretrain.COLUMN_NUMBER, 3, math.nan)])
        with self.assertRaisesRegex(pretrain.Error, 'sample 0.*"x"'):
            self.identity.predict(nan, "o")


if __name__ == "__main__":
    unittest.main()
