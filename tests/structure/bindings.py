"""The Python module takes all constants, structs and signatures from the description of the interface and holds none of
its own: it assigns no name that is a constant's, writes none of their strings, and lays out no struct and no signature
but from the description.    bindings.py SOURCE_ROOT DESCRIPTION"""

import ast
import json
import os
import sys

root, description = sys.argv[1:3]
MODULE = os.path.join(root, "examples", "python", "pretrain", "__init__.py")


def names_of(target):
    """The names that an assignment binds."""
    return {node.id for node in ast.walk(target) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def calls_kind(value):
    return any(isinstance(node, ast.Name) and node.id == "_kind" for node in ast.walk(value))


def faults(text, constants):
    """What a module with this text holds of its own: (line, what)."""
    known = {name[len("PT_") :] for name in constants}
    texts = {value for value in constants.values() if isinstance(value, str)}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.For, ast.NamedExpr)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                for name in sorted(names_of(target) & known):
                    yield node.lineno, "assigns the constant " + name
                if isinstance(target, ast.Attribute) and target.attr in ("argtypes", "restype"):
                    if not calls_kind(node.value):
                        yield node.lineno, "has a signature of its own"
                if isinstance(target, ast.Name) and target.id == "_fields_":
                    yield node.lineno, "has a struct of its own"
        elif isinstance(node, ast.ClassDef):
            for base in node.bases:
                if isinstance(base, ast.Attribute) and base.attr in ("Structure", "Union"):
                    yield node.lineno, "has a struct of its own: " + node.name
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values):
                if isinstance(key, ast.Constant) and key.value == "_fields_" and not isinstance(value, ast.Name):
                    yield node.lineno, "has a struct of its own"
        elif isinstance(node, ast.Constant) and node.value in texts:
            yield node.lineno, "holds the constant " + repr(node.value)


CONSTANTS = {"PT_FLOAT32": 1, "PT_TASK_REGRESSION": "regression"}
WRONG = [
    "FLOAT32 = 1",
    "FLOAT32, OTHER = range(1, 3)",
    "for FLOAT32 in (1,): pass",
    "task = 'regression'",
    "class A(ctypes.Structure): pass",
    "class A:\n    _fields_ = [('a', c_int32)]",
    "A = type('A', (ctypes.Structure,), {'_fields_': [('a', c_int32)]})",
    "library.pt_version.restype = c_char_p",
    "library.pt_loss.argtypes = [c_void_p]",
]
for wrong in WRONG:
    if not list(faults(wrong, CONSTANTS)):
        sys.exit("bindings.py does not find what is wrong with: " + wrong)
with open(description, encoding="utf-8") as file:
    constants = json.load(file)["constants"]
with open(MODULE, encoding="utf-8") as file:
    found = ["%s:%d: %s" % (os.path.relpath(MODULE, root), *fault) for fault in faults(file.read(), constants)]
print("\n".join(found) or "the Python module holds none of %d constants" % len(constants))
sys.exit(1 if found else 0)
