"""Reads lib/kernels/*.h and writes a wrapper for every kernel: it lets the guarded device (guarded_device.c) open its
memory, checks that what the kernel is to follow is the device's, and calls the CPU's.    guard_kernels.py ROOT > OUT"""
import re
import sys

HEADERS = ("gemm.h", "recurrence.h", "kernels.h")
text = "".join(open(f"{sys.argv[1]}/lib/kernels/{name}", encoding="utf-8").read() for name in HEADERS)
text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)



def elements(item):
    """The name of a pointer, or of each of an array of them."""
    array = re.match(r"(\w+)\[(\w+)\]", item)
    if not array:
        return [item]
    size = array.group(2) if array.group(2).isdigit() else re.search(array.group(2) + r" = (\d+)", text).group(1)
    return [f"{array.group(1)}[{i}]" for i in range(int(size))]


# struct name -> its pointers, and its members that are structs; one that another struct begins with has its own line
pointers, members = {}, {}
for name, body in re.findall(r"typedef struct (pt__\w+) \{([^{}]*)\} \w+;", text):
    pointers[name + "_t"], members[name + "_t"] = [], []
    for declaration in body.split(";"):
        match = re.match(r"\s*(?:const )?(\w+)\s+(.*)", declaration.strip(), flags=re.S)
        if not match or "(" in declaration:
            continue
        for item in match.group(2).split(","):
            if item.strip().startswith("*"):
                pointers[name + "_t"] += elements(item.strip().lstrip("* "))
            elif match.group(1) in pointers:
                members[name + "_t"].append((match.group(1), item.strip()))


def paths(struct):
    found = list(pointers[struct])
    for kind, member in members[struct]:
        found += [f"{member}.{path}" for path in paths(kind)]
    return found


table = re.search(r"typedef struct pt__kernels \{(.*?)\} pt__kernels_t;", text, flags=re.S).group(1)
kernels = re.findall(r"(\w+) \(\*(\w+)\)\(pt__dev(.*?)\);", table, flags=re.S)
assert len(kernels) == table.count("pt__dev") >= 30, "a kernel's declaration was not understood"
for result, name, parameters in kernels:
    declared, checks, passed = ["pt__dev device"], [], ["guarded_cpu(device)"]
    for number, parameter in enumerate(parameters.split(",")[1:]):
        kind = re.match(r"\s*((?:const )?\w+)\s*(\**)", parameter)
        argument = f"p{number}"
        declared.append(f"{kind.group(1)} {kind.group(2)}{argument}")
        passed.append(argument)
        struct = kind.group(1).replace("const ", "")
        if not kind.group(2):
            continue
        if struct in pointers:
            checks += [f'    guarded_check(device, {argument}->{path}, "{name}: {path}");' for path in paths(struct)]
        else:
            checks.append(f'    guarded_check(device, {argument}, "{name}: pointer {number + 1}");')
    call = f"guarded_cpu(device)->kernels->{name}({', '.join(passed)})"
    print(f"static {result} guarded_{name}({', '.join(declared)})\n{{")
    if result != "void":
        print(f"    {result} result = 0;")
    print("\n".join(checks))
    print(f"    if (guarded_open(device))\n        {'' if result == 'void' else 'result = '}{call};")
    print("    guarded_close(device);")
    print("}\n" if result == "void" else "    return result;\n}\n")
print('static const pt__kernels_t guarded_kernels = {\n    .name = "guarded",')
print("".join(f"    .{name} = guarded_{name},\n" for _, name, _ in kernels) + "};")
