#!/usr/bin/env python3
"""What the libraries export and call. symbols.py INCLUDE_DIR BUILD_DIR [--release]

Every global symbol starts with clg_; the shared libraries export exactly what the public headers
declare; nothing exits, prints, or goes round the context's allocator; no variable is global but those
that threads and forks make necessary."""
import os
import re
import subprocess
import sys

TRAIN_HEADERS = {"data.h", "train.h"}
DECLARATION = re.compile(r"^CLG_API\s[^;{]*?\b(clg_\w+)\s*\(", re.M)

FORBIDDEN = {
    "exit", "_Exit", "quick_exit", "abort", "printf", "vprintf", "puts", "putchar",
    "__printf_chk", "__vprintf_chk", "perror", "stdout", "stderr", "strcpy", "strcat", "sprintf",
    "__strcpy_chk", "__strcat_chk", "__sprintf_chk", "setenv", "putenv", "unsetenv", "setlocale",
    "rand", "srand", "signal", "system",
}
# What one file may call, and no other.
ALONE = {
    "getenv": "src_base_environment.c.o",
    "secure_getenv": "src_base_environment.c.o",
    "fork": "src_device_why_drivers.c.o",
    "_exit": "src_device_why_drivers.c.o",
    "malloc": "src_base_context.c.o",
    "calloc": "src_base_context.c.o",
    "realloc": "src_base_context.c.o",
    "free": "src_base_context.c.o",
    "strdup": "none",
    "strndup": "none",
    "asprintf": "none",
}
RELEASE = {"__assert_fail"}
# Variables that outlive a context, and why.
GLOBAL = {
    "once", "watching", "forks",  # base/fork.c: a handler of fork() is the process's
    "first_use",                  # device/fork.c: so is OpenCL
    "first_calls",                # device/enumerate.c: PoCL's set-up is not safe in two threads
    "lock", "sessions",           # gemm/clblast.c: CLBlast's cache is the process's
}
VARIABLE = re.compile(r"^\S+ .*\sO\s+\.t?(?:bss|data)(?!\.rel\.ro)\S*\s+\S+\s+(\S+)$", re.M)


def nm(*arguments):
    run = subprocess.run(["nm", *arguments], stdout=subprocess.PIPE, text=True, check=True)
    return run.stdout


def exported(library):
    return {line.split()[-1].split("@")[0] for line in nm("-D", "--defined-only", library).splitlines()}


def declared(folder, headers):
    found = set()
    for header in headers:
        with open(os.path.join(folder, "clgrad", header), encoding="utf-8") as file:
            found |= set(DECLARATION.findall(file.read()))
    return found


def check_exports(library, wanted):
    found = exported(library)
    name = os.path.basename(library)
    for symbol in sorted(found - wanted):
        yield f"{name} exports {symbol}, which no public header declares"
    for symbol in sorted(wanted - found):
        yield f"{name} does not export {symbol}, which a public header declares"


def members(archive):
    """(object file, kind, symbol) of every global symbol of a static library."""
    member = None
    for line in nm("-g", archive).splitlines():
        if line.endswith(":"):
            member = line[:-1]
        elif line.strip():
            *_, kind, symbol = line.split()
            yield member, kind, symbol


def check_archive(archive, forbidden):
    name = os.path.basename(archive)
    for member, kind, symbol in members(archive):
        if kind != "U":
            if not symbol.startswith("clg_"):
                yield f"{name}: {member} defines {symbol}, which does not start with clg_"
        elif symbol in forbidden:
            yield f"{name}: {member} uses {symbol}"
        elif symbol == "free" and name == "libclgrad-train.a":
            pass  # of jansson's strings
        elif symbol in ALONE and not member.endswith(ALONE[symbol]):
            yield f"{name}: {member} uses {symbol}, which only {ALONE[symbol]} may"


def check_variables(archive):
    run = subprocess.run(["objdump", "-t", archive], stdout=subprocess.PIPE, text=True, check=True)
    for variable in sorted({name.split(".")[0] for name in VARIABLE.findall(run.stdout)} - GLOBAL):
        yield f"{os.path.basename(archive)}: {variable} is global state, which a library must not have"


def main():
    include, build = sys.argv[1:3]
    forbidden = FORBIDDEN | (RELEASE if "--release" in sys.argv else set())
    core = set(os.listdir(os.path.join(include, "clgrad"))) - TRAIN_HEADERS
    wrong = []
    for name, headers in (("clgrad", core), ("clgrad-train", TRAIN_HEADERS)):
        wrong += check_exports(f"{build}/lib{name}.so", declared(include, headers))
        wrong += check_archive(f"{build}/lib{name}.a", forbidden)
        wrong += check_variables(f"{build}/lib{name}.a")
    print("\n".join(sorted(set(wrong)) + [f"{len(set(wrong))} wrong symbols"]))
    sys.exit(1 if wrong else 0)


main()
