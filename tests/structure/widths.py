"""No line over 120 columns, comments included, in code, scripts and build files."""

import os
import sys

root = sys.argv[1]
WIDEST = 120
KINDS = (".c", ".h", ".cpp", ".hpp", ".py", ".sh", ".def", ".map", ".in", "meson.build", "meson_options.txt")
errors, count = [], 0
for top in ("include", "lib", "tests", "examples", "bench", "tools", "pkgconfig", ".ci"):
    for folder, folders, names in os.walk(os.path.join(root, top)):
        folders[:] = [name for name in folders if not name.startswith("__")]
        for name in names:
            path = os.path.join(folder, name)
            if not name.endswith(KINDS) and path != os.path.join(root, ".ci", "run"):
                continue
            count += 1
            with open(path, encoding="utf-8") as file:
                for number, line in enumerate(file, 1):
                    if len(line.rstrip("\n")) > WIDEST:
                        errors.append(f"{os.path.relpath(path, root)}:{number}: {len(line) - 1} columns")
print("\n".join(errors) or f"{count} files, no line over {WIDEST} columns")
sys.exit(1 if errors or count == 0 else 0)
