"""Innermost loops of compiled code: finds them in an object file by their backward jumps, and counts what they do."""

import re
import subprocess

JUMP = re.compile(r"^j[a-z]+\s+([0-9a-f]+)\b")
REGISTER_BYTES = {"x": 16, "y": 32, "z": 64}


class Loop:
    """The instructions of one passage, in AT&T syntax, ending with the jump back."""

    def __init__(self, function, instructions):
        self.function, self.instructions = function, instructions
        text = self.instructions[:-1]
        self.fused = sum(is_fused(line) for line in text)
        self.operations = sum(operations_of(line) for line in text)
        self.loads = [bytes_of(line) for line in text if is_vector(line) and reads_memory(line)]
        self.stores = [bytes_of(line) for line in text if is_vector(line) and writes_memory(line)]
        self.vectors = sum(is_vector(line) for line in text)
        self.jumps_inside = sum(line.startswith("j") for line in text)
        compares = sum(bool(re.match(r"(cmp|test|add|sub|dec|inc|and)", line)) for line in self.instructions[-2:-1])
        self.issued = len(self.instructions) - compares  # a comparison and the jump after it are issued as one
        self.calls = sum(line.startswith("call") for line in text)

    def assembly(self):
        """A file for the models, which want a label where the loop begins; jumps out of it go there as well."""
        lines = [re.sub(r"^(j[a-z]+)\s.*", r"\1 .Lloop", line) for line in self.instructions]
        return ".Lloop:\n" + "".join(f"\t{line}\n" for line in lines)


def is_vector(line):
    return bool(re.search(r"%[xyz]mm", line))


def is_fused(line):
    return bool(re.match(r"vfn?m(add|sub)\w*p[sd]\b", line))


def operations_of(line):
    """Floating-point operations of the instruction, lane by lane; a fused multiply-add counts as two."""
    if not re.match(r"v(fn?m(add|sub)\w*|add|sub|mul|div|sqrt|max|min)p[sd]\b", line):
        return 0
    lanes = max(REGISTER_BYTES[r] for r in re.findall(r"%([xyz])mm", line)) // (8 if re.match(r"\w+pd\b", line) else 4)
    return lanes * (2 if is_fused(line) else 1)


def operands(line):
    """The operands, in AT&T's order: what is written comes last."""
    text = line.split(None, 1)[1] if " " in line or "\t" in line else ""
    return re.findall(r"(?:[^,(]|\([^)]*\))+", text)


def writes_memory(line):
    return "(" in operands(line)[-1] and not re.match(r"v?(u?comis|ptest|prefetch|cmp|test)", line)


def reads_memory(line):
    return any("(" in operand for operand in operands(line)[:-1])


def bytes_of(line):
    """What a vector instruction moves from or to memory: a broadcast one element."""
    if "broadcast" in line or "{1to" in line or re.match(r"v\w+s[sd]\b", line):
        return 8 if re.match(r"\w+sd\b", line) else 4
    return max(REGISTER_BYTES[r] for r in re.findall(r"%([xyz])mm", line))


def functions_of(path):
    """{name: [(address, instruction)]} of an object file."""
    listing = subprocess.run(
        ["objdump", "-d", "--no-show-raw-insn", str(path)], capture_output=True, text=True, check=True
    ).stdout
    functions, name = {}, None
    for line in listing.splitlines():
        heading = re.match(r"[0-9a-f]+ <(.+)>:$", line)
        if heading:
            name = heading.group(1)
            functions[name] = []
            continue
        row = re.match(r"\s*([0-9a-f]+):\t(.+)", line)
        if row and name:
            text = re.sub(r"\s+#.*| <.*>", "", row.group(2)).strip()
            functions[name].append((int(row.group(1), 16), text))
    return functions


def loops_of(function, listing):
    """Its innermost loops."""
    places = {address: i for i, (address, _) in enumerate(listing)}
    spans = set()
    for i, (address, text) in enumerate(listing):
        jump = JUMP.match(text)
        target = int(jump.group(1), 16) if jump else address + 1
        if target <= address and target in places:
            spans.add((places[target], i))
    inner = [s for s in spans if not any(o != s and s[0] <= o[0] and o[1] <= s[1] for o in spans)]
    return [Loop(function, [text for _, text in listing[begin : end + 1]]) for begin, end in sorted(inner)]


def loops_in(path, pattern):
    """Of all functions whose name the pattern matches."""
    return [
        loop
        for name, listing in functions_of(path).items()
        if re.fullmatch(pattern, name)
        for loop in loops_of(name, listing)
    ]
