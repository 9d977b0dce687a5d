"""Nothing in lib/ prints, exits, aborts, allocates behind the host's back or changes process-wide state; no static data
is mutable but what is thread-local. Looks at the sources, and at what the built library imports and holds."""

import os
import re
import shutil
import subprocess
import sys

root, library = sys.argv[1], sys.argv[2]
FORBIDDEN = {  # function: why
    "printf": "prints",
    "fprintf": "prints",
    "vprintf": "prints",
    "vfprintf": "prints",
    "puts": "prints",
    "fputs": "prints",
    "putchar": "prints",
    "perror": "prints",
    "abort": "ends the host",
    "exit": "ends the host",
    "_exit": "ends the host",
    "_Exit": "ends the host",
    "quick_exit": "ends the host",
    "assert": "ends the host",
    "raise": "ends the host",
    "setlocale": "is process-wide",
    "signal": "is process-wide",
    "sigaction": "is process-wide",
    "atexit": "is process-wide",
    "setenv": "is process-wide",
    "putenv": "is process-wide",
    "chdir": "is process-wide",
    "umask": "is process-wide",
    "srand": "is process-wide",
    "rand": "is process-wide",
    "strtok": "has hidden state",
    "strerror": "has hidden state",
    "localtime": "has hidden state",
    "gmtime": "has hidden state",
    "fork": "copies the host",
    "system": "runs a shell",
    "realloc": "bypasses base/memory.h",
    "strdup": "bypasses base/memory.h",
    "qsort": "allocates behind the host's back",
    "malloc": "bypasses base/memory.h",
    "calloc": "bypasses base/memory.h",
    "free": "bypasses base/memory.h",
    "alloca": "is bounded by nothing",
    "sprintf": "is bounded by nothing",
    "strcat": "is bounded by nothing",
    "strcpy": "is bounded by nothing",
    "gets": "is bounded by nothing",
}
PERMITTED = {("lib/base/memory.c", name) for name in ("malloc", "calloc", "free")}  # the default allocator
# A mutex that has to be the whole process's: an OpenBLAS without locks takes one caller at a time, whichever context
# calls.
PERMITTED_DATA = {"serial_blas"}
errors = []


def code_only(text):
    """The text with comments and literals blanked, lines kept."""
    pattern = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
    return re.sub(pattern, lambda match: re.sub(r"[^\n]", " ", match.group(0)), text, flags=re.S)


for folder, _, names in os.walk(os.path.join(root, "lib")):
    for name in sorted(names):
        if not name.endswith((".c", ".h", ".def", ".inc")):
            continue
        path = os.path.relpath(os.path.join(folder, name), root)
        code = code_only(open(os.path.join(root, path), encoding="utf-8").read())
        for number, line in enumerate(code.split("\n"), 1):
            for call in re.finditer(r"(?<![\w.>])(\w+)\s*\(", line):
                function = call.group(1)
                if function in FORBIDDEN and (path, function) not in PERMITTED:
                    errors.append(f"{path}:{number}: {function}() {FORBIDDEN[function]}")

nm = shutil.which("nm")
if nm and os.path.exists(library):
    for line in subprocess.run(
        [nm, "-D", "--undefined-only", library], capture_output=True, text=True, check=True
    ).stdout.split("\n"):
        name = line.split()[-1].split("@")[0] if line.split() else ""
        # fprintf and the like may come from a static dependency; our own sources are covered above
        if name in (
            "abort",
            "exit",
            "_exit",
            "printf",
            "puts",
            "perror",
            "setlocale",
            "srand",
            "rand",
            "__assert_fail",
            "stdout",
            "stderr",
        ):
            errors.append(f"{os.path.basename(library)} imports {name}")
    sanitized = "__asan" in subprocess.run([nm, "-D", library], capture_output=True, text=True, check=True).stdout
    compiler_owned = (
        "completed.",
        "__dso_handle",
        "__TMC_END__",
        "__bss_start",
        "_edata",
        "_end",
        "_DYNAMIC",
        "_GLOBAL_OFFSET_TABLE_",
        "__frame_dummy",
        "__do_global_dtors",
        "__FRAME_END__",
        "__init_array_",  # the linker's own, which some name: mold
        "__fini_array_",
        "__TMC_LIST__",
    )
    symbols = (
        []
        if sanitized
        else subprocess.run([nm, library], capture_output=True, text=True, check=True).stdout.split("\n")
    )
    elf = subprocess.run(["readelf", "-SW", library], capture_output=True, text=True).stdout
    relro = [(int(m[1], 16), int(m[1], 16) + int(m[2], 16)) for m in
             re.finditer(r"\.data\.rel\.ro\S*\s+\S+\s+([0-9a-f]+)\s+[0-9a-f]+\s+([0-9a-f]+)", elf)]
    thread_local = set(
        re.findall(
            r"TLS\s+\S+\s+\S+\s+\S+\s+(\S+)",
            subprocess.run(["readelf", "-sW", library], capture_output=True, text=True).stdout,
        )
    )
    for line in symbols:
        fields = line.split()
        if (
            len(fields) != 3
            or fields[2] in PERMITTED_DATA
            or fields[1] not in "dDbB"
            or fields[2].startswith(compiler_owned)
            or fields[2] in thread_local
            or fields[2] in ("end", "edata", "$tlsld")
            or fields[2].endswith(("$got", "$gottp", "$tlsgd", "$tlsdesc"))
        ):
            continue
        address = int(fields[0], 16)
        if not any(low <= address < high for low, high in relro):
            errors.append(f"{os.path.basename(library)} holds mutable data: {fields[2]}")
print("\n".join(errors) or "silent, and without state of its own")
sys.exit(1 if errors else 0)
