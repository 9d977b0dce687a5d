"""The generated description of the interface is complete and right: every function, struct and constant of the header
and of lib/pretrain.map is in it, and a C compiler agrees with every value, size, offset and signature. And the header
reads as documentation: functions, types and groups of constants have a comment above them, comments of fields and
enumerators stand above these, and no declaration is broken in front of its name.
    description.py SOURCE_ROOT DESCRIPTION COMPILER..."""

import json
import os
import re
import subprocess
import sys

root, description, *compiler = sys.argv[1:]
UNDESCRIBED = {"PT_API"}  # what only the preprocessor reads


def read(path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read()


with open(description, encoding="utf-8") as file:
    described = json.load(file)
header = re.sub(r"/\*.*?\*/", " ", read("include/pretrain.h"), flags=re.S)
errors = []


def compare(what, expected, found):
    errors.extend(f"{what} {name} is not described" for name in sorted(set(expected) - set(found)))
    errors.extend(f"{what} {name} is described, but not there" for name in sorted(set(found) - set(expected)))


macros = set(re.findall(r"#define (PT_\w+)", header)) - UNDESCRIBED
enumerators = set(re.findall(r"^    (PT_\w+) = ", header, flags=re.M))
compare("constant", macros | enumerators, described["constants"])
compare("struct", re.findall(r"^\} (pt_\w+_t);", header, flags=re.M), described["structs"])
compare("handle", re.findall(r"^typedef struct pt_\w+ (pt_\w+_t);", header, flags=re.M), described["handles"])
compare("callback", re.findall(r"\(\*(pt_\w+_fn)\)", header), described["callbacks"])
compare("function", re.findall(r"\b(pt_\w+);", read("lib/pretrain.map")), described["functions"])


def parameters(function):
    return ", ".join(parameter["type"] for parameter in function["parameters"]) or "void"


# A declaration that differs from the header's is a compiler's error.
lines = ["#include <pretrain.h>", "#define IS(what) _Static_assert(what, #what)"]
for name, value in described["constants"].items():
    if isinstance(value, str):
        lines.append(f"IS(sizeof {name} == sizeof {json.dumps(value)});")  # what it says: below
    else:
        lines.append(f"IS({name} == {value});")
for name, kind in described["types"].items():
    lines.append(f"extern {name} type_{name};\nextern {kind} type_{name};")
for name, struct in described["structs"].items():
    lines.append(f"IS(sizeof({name}) == {struct['size']}); IS(_Alignof({name}) == {struct['alignment']});")
    for field in struct["fields"]:
        inside = f"(({name} *)0)->{field['name']}"
        lines.append(f"IS(offsetof({name}, {field['name']}) == {field['offset']});")
        lines.append(f"IS(sizeof {inside} == {field['size']});")
        element = inside + "[0]" if "elements" in field else inside
        kind = field["type"]
        pointer = kind.replace("(*)", "(**)") if "(*)" in kind else kind + " *"
        lines.append(f"IS(_Generic(&{element}, {pointer}: 1, default: 0));")
for name, callback in described["callbacks"].items():
    lines.append(f"extern {name} callback_{name};")
    lines.append(f"extern {callback['returns']} (*callback_{name})({parameters(callback)});")
for name, function in described["functions"].items():
    lines.append(f"{function['returns']} {name}({parameters(function)});")
texts = {name: value for name, value in described["constants"].items() if isinstance(value, str)}
expanded = subprocess.run(
    [*compiler, "-E", "-P", "-I", os.path.join(root, "include"), "-x", "c", "-"],
    input="#include <pretrain.h>\n" + "".join(f"of_{name} {name};\n" for name in texts),
    text=True,
    capture_output=True,
).stdout
for name, value in texts.items():
    if f"of_{name} {json.dumps(value)};" not in expanded:
        errors.append(f"constant {name} is described as {json.dumps(value)}, which the compiler does not find")
done = subprocess.run(
    [
        *compiler,
        "-std=c11",
        "-I",
        os.path.join(root, "include"),
        "-Wno-redundant-decls",
        "-fsyntax-only",
        "-x",
        "c",
        "-",
    ],
    input="\n".join(lines),
    capture_output=True,
    text=True,
)
if done.returncode != 0:
    errors.append(done.stderr)
above = ""
for number, line in enumerate(read("include/pretrain.h").split("\n"), start=1):
    if re.match(r"typedef|enum|PT_API", line) and not above.endswith("*/"):
        errors.append(f"pretrain.h:{number}: no comment above: {line}")
    if re.match(r"    (?![ *]).*[;,{] */\*", line) and not line.lstrip().startswith("/*"):
        errors.append(f"pretrain.h:{number}: a comment beside what it speaks of: {line}")
    if re.match(r"pt_", line):
        errors.append(f"pretrain.h:{number}: a declaration that is broken in front of its name: {line}")
    above = line
print(
    "\n".join(errors)
    or f"{len(described['functions'])} functions, "
    f"{len(described['structs'])} structs and {len(described['constants'])} constants are described as they are"
)
sys.exit(1 if errors else 0)
