"""Writes lib/text/script_ranges.def: the scripts of Unicode's characters, as the package `tokenizers` (0.23) tells
them apart.

    python3 tools/script_ranges.py > lib/text/script_ranges.def

Each line begins ranges of characters, {first character, script}; a range ends where the next one begins. Scripts are
numbered from 1 on in the order of their first characters; kana count as Chinese characters. 0: no script, that is
characters that Unicode does not have, and the blank.
"""

from tokenizers.pre_tokenizers import UnicodeScripts


def pieces(text):
    return len(UnicodeScripts().pre_tokenize_str(text))


def ranges():
    found = []  # a character of each script
    last, last_script, begun = None, 0, -1
    for code in list(range(0xD800)) + list(range(0xE000, 0x110000)):
        character = chr(code)
        if pieces(character) == 0:
            script = 0
        elif last is not None and pieces(last + character) == 1:
            last, script = character, last_script
        else:
            same = [i for i, other in enumerate(found) if pieces(other + character) == 1]
            if not same:
                found.append(character)
            last, script = character, same[0] + 1 if same else len(found)
        if script:
            last_script = script
        if script != begun:
            yield code, script
            begun = script


def main():
    line = "   "
    print("/* Written by tools/script_ranges.py. */")
    for code, script in ranges():
        item = f" {{0x{code:X}, {script}}},"
        if len(line) + len(item) > 118:
            print(line)
            line = "   "
        line += item
    print(line)


main()
