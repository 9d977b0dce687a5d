"""Keeps what a program of bench/ printed in RESULTS.md: a section for each processor, a dated part for each table."""

import contextlib
import io
import pathlib
import re
import sys

import machine

RESULTS = pathlib.Path(__file__).resolve().parent / "RESULTS.md"


def print_table(headings, rows):
    print("| " + " | ".join(headings) + " |\n|" + " --- |" * len(headings))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def section_of(text, heading, level):
    """(begin, end) of the section `heading` of this level; None where there is none."""
    found = re.search(rf"^{'#' * level} {re.escape(heading)}(?: \(\d{{4}}-\d\d-\d\d\))?$", text, re.M)
    if not found:
        return None
    following = re.search(rf"^#{{1,{level}}} ", text[found.end() :], re.M)
    return found.start(), found.end() + following.start() if following else len(text)


def keep(section, title, command, output):
    """Puts `output` under the section and title, in the place of what stood there."""
    text = RESULTS.read_text()
    if section_of(text, section, 2) is None:
        text = f"{text.rstrip()}\n\n## {section}\n\n{machine.describe()}.\n"
    begin, end = section_of(text, section, 2)
    body = text[begin:end]
    part = f"### {title} ({machine.today()})\n\n`{command}`\n\n{output.strip()}\n\n"
    place = section_of(body, title, 3)
    body = body[: place[0]] + part + body[place[1] :] if place else f"{body.rstrip()}\n\n{part}"
    RESULTS.write_text((text[:begin] + body + text[end:]).rstrip() + "\n")


class Both(io.StringIO):
    """Keeps what is printed, and prints it."""

    def write(self, text):
        sys.__stdout__.write(text)
        sys.__stdout__.flush()
        return super().write(text)


@contextlib.contextmanager
def recording(wanted, section, title):
    """What is printed meanwhile goes into RESULTS.md as well, where `wanted` and nothing failed."""
    if not wanted:
        yield
        return
    output = Both()
    with contextlib.redirect_stdout(output):
        yield
    shown = [word for word in sys.argv[1:] if word != "--record"]
    shown = [pathlib.Path(word).name if word.startswith("/") else word for word in shown]  # no machine's folders
    keep(section, title, " ".join([pathlib.Path(sys.argv[0]).name, *shown]), output.getvalue())
