"""The include rule: which folder of lib/ may include which. Also: no cycle of headers by way of "..", and tests only
reach in."""

import os
import re
import sys

root = sys.argv[1]
ALLOWED = {  # layer -> the layers that it may include, itself aside
    "base": [],
    "kernels": ["base"],
    "graph": ["base"],
    "ops": ["base", "graph", "kernels"],
    "plan": ["base", "graph", "kernels"],
    "models": ["base", "graph"],
    "tasks": ["base", "graph"],
    "metrics": ["base"],
    "optim": ["base", "kernels"],
    "data": ["base"],
    "text": ["base"],
    "audio": ["base"],
    "image": ["base"],
    "speech": ["base"],
    "formats": ["base"],
    "train": [
        "base",
        "kernels",
        "graph",
        "plan",
        "models",
        "tasks",
        "metrics",
        "optim",
        "data",
        "text",
        "audio",
        "image",
        "formats",
    ],
    "api": None,  # all
}
errors = []
for folder, _, names in os.walk(os.path.join(root, "lib")):
    for name in sorted(names):
        if not name.endswith((".c", ".h", ".def", ".inc")):
            continue
        path = os.path.join(folder, name)
        parts = os.path.relpath(path, os.path.join(root, "lib")).split(os.sep)
        layer = parts[0]
        if layer not in ALLOWED:
            errors.append(f"{path}: lib/{layer} is no layer of tests/structure/layers.py")
            continue
        for number, line in enumerate(open(path, encoding="utf-8"), 1):
            match = re.match(r'\s*#\s*include\s*"([^"]+)"', line)
            if not match:
                continue
            included = match.group(1)
            where = f"{os.path.relpath(path, root)}:{number}"
            if included == "pretrain.h":
                continue
            if not os.path.exists(os.path.join(root, "lib", included)):
                errors.append(f'{where}: "{included}" is not rooted at lib/')
                continue
            target = included.split("/")[0]
            if target != layer and ALLOWED[layer] is not None and target not in ALLOWED[layer]:
                errors.append(f'{where}: {layer} may not include {target} ("{included}")')
            if included.startswith("kernels/cpu/") and not where.startswith(
                ("lib/kernels/cpu/", "lib/api/context_api.c")
            ):
                errors.append(f'{where}: what only the CPU has stays in its folder ("{included}")')
            if target == "api" and layer != "api":
                errors.append(f'{where}: nothing includes api ("{included}")')
print("\n".join(errors) or "includes keep to the layers")
sys.exit(1 if errors else 0)
