#!/usr/bin/env python3
"""Every public function as C that a test can call. functions.py INCLUDE_DIR OUT [HEADER_TO_LEAVE_OUT...]

Writes a line FUNCTION(name, result, PARAMETER(kind, "type", "name") ..., call) for each declaration
of the headers; tests/api/api.h tells what the words mean. A type that is not known here is an error."""
import os
import re
import sys

DECLARATION = re.compile(r"^CLG_API\s+([^;{]*?)\b(clg_\w+)\s*\(", re.M)
KINDS = {
    "clg_tensor": "TENSOR", "clg_shape": "SHAPE", "int32_t": "I32", "cl_uint": "I32", "int64_t": "I64",
    "uint64_t": "U64", "size_t": "SIZE", "float": "F32", "double": "F32", "bool": "BOOL", "cl_context": "POINTER",
    "cl_device_id": "POINTER", "cl_command_queue": "POINTER", "cl_mem": "POINTER",
}
FIELDS = {
    "TENSOR": "tensor", "SHAPE": "shape", "I32": "i32", "I64": "i64", "U64": "u64", "SIZE": "size",
    "F32": "f32", "BOOL": "flag", "POINTER": "pointer", "CALLBACK": "row", "STATUS": "status",
}


def read(folder, left_out):
    text = ""
    for header in sorted(os.listdir(os.path.join(folder, "clgrad"))):
        if header not in left_out:
            with open(os.path.join(folder, "clgrad", header), encoding="utf-8") as file:
                text += file.read() + "\n"
    return re.sub(r"/\*.*?\*/", "", text, flags=re.S)


def arguments(text, start):
    """The texts between commas up to the parenthesis that closes the one before start."""
    depth, parts, begin = 0, [], start
    for at in range(start, len(text)):
        char = text[at]
        if char == "," and depth == 0 or char == ")" and depth == 0:
            parts.append(" ".join(text[begin:at].split()))
            begin = at + 1
            if char == ")":
                return [] if parts in ([""], ["void"]) else parts
        depth += {"(": 1, ")": -1}.get(char, 0)
    raise ValueError("no end of a declaration")


def parameter(text, enums):
    if "(*" in text:
        return "CALLBACK", text, re.search(r"\(\*(\w+)\)", text).group(1)
    kind, name = re.match(r"(.*?)(\w+)$", text).groups()
    kind = kind.strip()
    if kind.endswith("*"):
        return "POINTER", kind, name
    if kind in enums:
        return "I32", kind, name
    if kind not in KINDS:
        sys.exit(f"functions.py: type '{kind}' of parameter {name} is not known")
    return KINDS[kind], kind, name


def statement(name, result, parameters):
    values = (f"in[{i}].{FIELDS[kind]}" for i, (kind, _, _) in enumerate(parameters))
    call = f"{name}({', '.join(values)})"
    if result == "VOID":
        return call
    if result == "OTHER":
        return f"(void){call}"
    return f"out->{FIELDS[result]} = {'(void *)' if result == 'POINTER' else ''}{call}"


def main():
    include, out, *left_out = sys.argv[1:]
    text = read(include, left_out)
    enums = set(re.findall(r"typedef enum (clg_\w+)", text))
    lines = []
    for match in DECLARATION.finditer(text):
        kind, name = match.group(1).strip(), match.group(2)
        result = {"clg_tensor": "TENSOR", "clg_status": "STATUS", "void": "VOID"}.get(kind, "OTHER")
        if kind.endswith("*"):
            result = "POINTER"
        parameters = [parameter(p, enums) for p in arguments(text, match.end())]
        words = " ".join(f'PARAMETER({k}, "{t}", "{n}")' for k, t, n in parameters)
        words = words or "NO_PARAMETER"
        lines.append(f'FUNCTION({name}, {result}, "{kind}", {words}, '
                     f"{statement(name, result, parameters)})")
    if not lines:
        sys.exit("functions.py: no declaration was found")
    with open(out, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


main()
