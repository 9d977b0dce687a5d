"""No files of lib/ need each other in a circle: none calls a function, or takes its address, of a file from which the
way leads back. Read from the built objects, where neither headers nor comments can hide a call. Data does not count: a
table of descriptors lists files and calls none of them, and who finds one there calls what it does not know."""

import collections
import json
import os
import subprocess
import sys

root, build = sys.argv[1], sys.argv[2]
commands = os.path.join(build, "compile_commands.json")
if not os.path.exists(commands):
    print("no compile_commands.json, which tells each object's source: this build is not ninja's")
    sys.exit(77)

lib = os.path.join(os.path.realpath(root), "lib")
sources = {}  # object -> file within lib/
for entry in json.load(open(commands, encoding="utf-8")):
    source = os.path.realpath(os.path.join(entry["directory"], entry["file"]))
    built = os.path.join(entry["directory"], entry["output"])
    if source.startswith(lib + os.sep) and os.path.exists(built):
        sources[built] = os.path.relpath(source, lib)

defined = {}  # function -> the file that has it
needed = collections.defaultdict(set)  # file -> symbols that others have
listing = subprocess.run(["nm", "-P"] + sorted(sources), capture_output=True, text=True, check=True).stdout
file = None
for line in listing.split("\n"):
    words = line.split()
    if line.endswith(":") and line[:-1] in sources:
        file = sources[line[:-1]]
    elif len(words) >= 2 and words[1] in "TW":
        defined[words[0]] = file
    elif len(words) >= 2 and words[1] == "U":
        needed[file].add(words[0])

calls = collections.defaultdict(lambda: collections.defaultdict(set))  # file -> file -> functions
for file, symbols in needed.items():
    for symbol in symbols:
        if defined.get(symbol, file) != file:
            calls[file][defined[symbol]].add(symbol)


def reached(start):
    found, left = set(), [start]
    while left:
        for file in calls[left.pop()].keys() - found:
            found.add(file)
            left.append(file)
    return found


every = {file: reached(file) for file in sorted(set(sources.values()))}
circles = {
    frozenset(other for other in found if file in every[other]) for file, found in every.items() if file in found
}
for circle in circles:
    print(f"{len(circle)} files of lib/ in a circle:")
    for file in sorted(circle):
        for other in sorted(calls[file].keys() & circle):
            print(f"    {file} needs {other}: {', '.join(sorted(calls[file][other]))}")
edges = sum(len(others) for others in calls.values())
if edges < len(every):
    print(f"{edges} calls between {len(every)} files were found: the objects cannot be read")
    sys.exit(1)
print(f"{len(every)} files, {edges} times one needs another, {len(circles)} circles")
sys.exit(1 if circles else 0)
