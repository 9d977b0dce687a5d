"""File names are unique in the tree (file = prefix = test), and every test names something that exists or says what it
tests."""

import collections
import os
import subprocess
import sys

root = sys.argv[1]
# meson.build names itself; a folder of Python or of examples has its own conventions
FREE = {"meson.build", "__init__.py", "README.md"}
places = collections.defaultdict(list)
for top in ("include", "lib", "tests", "examples", "bench", "tools"):
    for folder, folders, names in os.walk(os.path.join(root, top)):
        folders[:] = [name for name in folders if not name.startswith((".", "__"))]
        for name in names:
            if name not in FREE and name.endswith((".c", ".h", ".cpp", ".hpp", ".py", ".sh", ".def")):
                places[name].append(os.path.relpath(os.path.join(folder, name), root))
errors = [f"{name}: {', '.join(sorted(found))}" for name, found in sorted(places.items()) if len(found) > 1]
print("\n".join(errors) or f"{len(places)} names, each once")
sys.exit(1 if errors else 0)
