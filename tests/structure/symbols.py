"""One list of what is exported: the header's PT_API declarations, the version script, docs/symbols-in-versions and the
built library say the same, and nothing else leaves the library."""

import os
import re
import subprocess
import sys

root, library = sys.argv[1], sys.argv[2]


def read(path):
    return open(os.path.join(root, path), encoding="utf-8").read()


without_comments = re.sub(r"/\*.*?\*/", " ", read("include/pretrain.h"), flags=re.S)
header = set(re.findall(r"\bPT_API\b[^;{]*?\b(pt_\w+)\s*\(", without_comments))
declared = set(re.findall(r"\b(pt_\w+)\s*\([^;{}]*\)\s*;", without_comments))
script = re.sub(r"/\*.*?\*/|#[^\n]*", " ", read("lib/pretrain.map"), flags=re.S)
exported_by_script = set(re.findall(r"\b(pt_\w+)\s*;", script))
listed = {}
errors = []
for line in read("docs/symbols-in-versions").split("\n"):
    if line.strip() and not line.startswith("#"):
        name, version = line.split()
        if name in listed:
            errors.append(f"docs/symbols-in-versions has {name} twice")
        listed[name] = version


def compare(a_name, a, b_name, b):
    errors.extend(f"{name} is in {a_name}, not in {b_name}" for name in sorted(set(a) - set(b)))
    errors.extend(f"{name} is in {b_name}, not in {a_name}" for name in sorted(set(b) - set(a)))


if "*" in re.sub(r"local:\s*\*\s*;", "", script):
    errors.append("lib/pretrain.map exports by pattern; it must name each symbol")
errors.extend(f"pretrain.h declares {name} without PT_API" for name in sorted(declared - header))
compare("pretrain.h", header, "lib/pretrain.map", exported_by_script)
compare("pretrain.h", header, "docs/symbols-in-versions", listed)
if os.path.exists(library):
    lines = subprocess.run(
        ["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True
    ).stdout.split("\n")
    built = {line.split()[-1].split("@")[0] for line in lines if line.split()}
    versions = {name for name in built if re.fullmatch(r"PT_[0-9.]+", name)}
    sanitizers = {name for name in built if name.startswith(("__asan", "__ubsan", "__odr_asan", "__lsan"))}
    compare("pretrain.h", header, os.path.basename(library), built - versions - sanitizers)
print("\n".join(errors) or f"{len(header)} exported functions, the same everywhere")
sys.exit(1 if errors else 0)
