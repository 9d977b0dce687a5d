"""Describes the public interface as JSON, for bindings and for whoever checks them: every constant, struct with sizes
and offsets, callback and function of pretrain.h, with the comment that stands above it.

    python3 tools/describe_api.py pretrain.h OUT.json POINTER_SIZE ALIGNMENT_OF_8_BYTES

The two numbers are the target's, so that a cross build describes what it builds. The header is read as it is, without
a compiler; whatever in it is not understood is an error, so nothing can be left out unseen.

    constants   {name: number or string}, macros and enumerators alike, without what only the preprocessor reads
    types       {name: what it stands for}
    handles     [name], of structs whose insides are the library's
    structs     {name: {comment, size, alignment, fields: [{name, type, offset, size, elements}]}}; elements: in arrays
    callbacks   {name: {comment, returns, parameters: [{name, type}]}}
    functions   the same
"""

import json
import re
import sys

TOKEN = re.compile(r'/\*.*?\*/|"[^"\n]*"|[A-Za-z_]\w*|-?\d+u?|\S', re.S)
QUALIFIERS = {"const", "struct"}


def plain(comment):
    """The text of a comment, its lines joined and their stars dropped."""
    lines = (re.sub(r"^\s*\*? ?", "", line).rstrip() for line in comment[2:-2].split("\n"))
    return re.sub(r"\s+", " ", " ".join(lines)).strip()


class Header:
    def __init__(self, text, pointer_size, alignment_of_8):
        self.sizes = {"char": 1, "int32_t": 4, "uint32_t": 4, "float": 4, "int64_t": 8, "uint64_t": 8, "double": 8}
        self.sizes["size_t"] = self.pointer_size = pointer_size
        self.alignments = {8: alignment_of_8}
        self.constants, self.types, self.structs, self.callbacks, self.functions = {}, {}, {}, {}, {}
        self.handles = []
        self.tokens, self.place = self.tokenize(text), 0
        self.read()

    def tokenize(self, text):
        """Tokens with comments, without directives; those that define a constant are noted."""
        kept = []
        for line in text.replace("\\\n", " ").split("\n"):
            directive = re.match(r'#define (PT_\w+)\s+\(?(-?\d+|"[^"]*")u?\)?\s*(/\*.*)?$', line)
            if directive:
                self.constants[directive.group(1)] = json.loads(directive.group(2))
            kept.append("" if line.startswith("#") else line)
        text = re.sub(r'extern "C" \{|^\}$', "", "\n".join(kept), flags=re.M)
        found = list(TOKEN.finditer(text))
        self.first_lines = [text.count("\n", 0, token.start()) for token in found]
        self.last_lines = [text.count("\n", 0, token.end()) for token in found]
        self.begins_line = [text[: token.start()].endswith("\n") for token in found]
        return [token.group() for token in found]

    def fail(self, expected):
        found = " ".join(self.tokens[max(self.place - 12, 0) : self.place + 6])
        raise SystemExit("describe_api.py: expected %s near: %s" % (expected, found))

    def peek(self):
        """The next token that is no comment; None at the end."""
        while self.place < len(self.tokens) and self.tokens[self.place].startswith("/*"):
            self.place += 1
        return self.tokens[self.place] if self.place < len(self.tokens) else None

    def comment_above(self):
        """The text of the comment that ends on the line above the next token; "" where there is none."""
        above = self.place - 1
        if above < 0 or not self.tokens[above].startswith("/*") or not self.begins_line[above]:
            return ""
        adjoins = self.last_lines[above] + 1 == self.first_lines[self.place]
        return plain(self.tokens[above]) if adjoins else ""

    def take(self, expected=None):
        token = self.peek()
        if token is None or (expected is not None and token != expected):
            self.fail(expected or "more")
        self.place += 1
        return token

    def name(self):
        token = self.take()
        if not re.fullmatch(r"[A-Za-z_]\w*", token):
            self.fail("a name")
        return token

    def read(self):
        while True:
            token = self.peek()
            if token is None:
                return
            comment = self.comment_above()
            if token == "enum":
                self.read_enum()
            elif token == "typedef":
                self.read_typedef(comment)
            elif token == "PT_API":
                self.take()
                returns, name = self.declarator(self.base_type())
                self.functions[name] = {"comment": comment, "returns": returns, "parameters": self.parameters()}
                self.take(";")
            else:
                self.fail("enum, typedef or PT_API")

    def read_enum(self):
        self.take("enum"), self.take("{")
        while self.peek() != "}":
            name = self.name()
            self.take("=")
            self.constants[name] = int(self.take())
            if self.peek() == ",":
                self.take()
        self.take("}"), self.take(";")

    def base_type(self):
        words = [self.name()]
        while words[-1] in QUALIFIERS:
            words.append(self.name())
        return " ".join(word for word in words if word != "struct")

    def declarator(self, base):
        """The stars that belong to one name, and the name: of "*const *names" in front of a char."""
        text = base
        while self.peek() in ("*", "const"):
            token = self.take()
            text += ("" if text.endswith("*") else " ") + token if token == "*" else token
        return text, self.name()

    def parameters(self):
        self.take("(")
        found = []
        while self.peek() != ")":
            base = self.base_type()
            if base == "void" and self.peek() == ")":
                break
            kind, name = self.declarator(base)
            if self.peek() == "[":  # of a parameter: a pointer
                while self.take() != "]":
                    pass
                kind += "*" if kind.endswith("*") else " *"
            found.append({"name": name, "type": kind})
            if self.peek() == ",":
                self.take()
        self.take(")")
        return found

    def read_typedef(self, comment):
        self.take("typedef")
        if self.peek() == "struct":
            self.take()
            tag = self.name()
            if self.peek() == "{":
                return self.read_struct(tag, comment)
            self.handles.append(self.name())
            return self.take(";")
        returns = self.base_type()
        while self.peek() == "*":
            returns += " " + self.take()
        if self.peek() == "(":
            self.take("("), self.take("*")
            name = self.name()
            self.take(")")
            self.callbacks[name] = {"comment": comment, "returns": returns, "parameters": self.parameters()}
        else:
            name = self.name()
            self.types[name] = returns
            self.sizes[name] = self.sizes[returns]
        return self.take(";")

    def read_struct(self, tag, comment):
        self.take("{")
        fields, end, widest = [], 0, 1
        while self.peek() != "}":
            base = self.base_type()
            while True:
                field, alignment = self.read_field(base)
                end = (end + alignment - 1) // alignment * alignment
                field["offset"], end = end, end + field["size"]
                fields.append(field)
                widest = max(widest, alignment)
                if self.peek() != ",":
                    break
                self.take()
            self.take(";")
        self.take("}")
        name = self.name()
        self.take(";")
        if name != tag + "_t":
            self.fail(tag + "_t")
        size = (end + widest - 1) // widest * widest
        self.structs[name] = {"comment": comment, "size": size, "alignment": widest, "fields": fields}

    def read_field(self, base):
        """One field of a struct and its alignment; its offset is the caller's to say."""
        if self.peek() == "(":  # a function pointer without a name of its own
            self.take("("), self.take("*")
            name = self.name()
            self.take(")")
            parameters = ", ".join(parameter["type"] for parameter in self.parameters())
            kind, size = "%s (*)(%s)" % (base, parameters), self.pointer_size
            return {"name": name, "type": kind, "size": size}, size
        kind, name = self.declarator(base)
        if kind.endswith(("*", "const")) or kind in self.callbacks:
            size = alignment = self.pointer_size
        elif kind in self.structs:
            size, alignment = self.structs[kind]["size"], self.structs[kind]["alignment"]
        elif kind in self.sizes:
            size = self.sizes[kind]
            alignment = self.alignments.get(size, size)
        else:
            self.fail("a type that is known instead of " + kind)
        field = {"name": name, "type": kind, "size": size}
        if self.peek() == "[":
            self.take("[")
            count = self.take()
            field["elements"] = self.constants[count] if count in self.constants else int(count)
            field["size"] *= field["elements"]
            self.take("]")
        return field, alignment


def main(header, out, pointer_size, alignment_of_8):
    with open(header, encoding="utf-8") as file:
        read = Header(file.read(), int(pointer_size), int(alignment_of_8))
    version = ".".join(str(read.constants["PT_VERSION_" + part]) for part in ("MAJOR", "MINOR", "PATCH"))
    description = {"version": version, "pointer_size": read.pointer_size}
    for part in ("constants", "types", "handles", "structs", "callbacks", "functions"):
        description[part] = getattr(read, part)
    with open(out, "w", encoding="utf-8") as file:
        json.dump(description, file, indent=1, ensure_ascii=False)
        file.write("\n")


if __name__ == "__main__":
    if len(sys.argv) != 5:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
