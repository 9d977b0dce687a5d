"""In a host that is built for debugging the library's files are optimised, and the host's are not."""

import json
import sys

levels = {"library": set(), "host": set()}
with open(sys.argv[1], encoding="utf-8") as file:
    for entry in json.load(file):
        side = "library" if "subprojects/pretrain" in entry["file"] else "host"
        levels[side].add([word for word in entry["command"].split() if word.startswith("-O")][-1])
print(levels)
sys.exit(0 if levels == {"library": {"-O2", "-O3"}, "host": {"-O0"}} else "the library is optimised with its host")
