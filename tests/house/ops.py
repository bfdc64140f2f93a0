#!/usr/bin/env python3
"""docs/ops.md is what the command prints. ops.py SOURCE_ROOT COMMAND"""
import difflib
import os
import subprocess
import sys


def main():
    root, command = sys.argv[1:3]
    path = os.path.join(root, "docs", "ops.md")
    with open(path, encoding="utf-8") as file:
        have = file.read().splitlines(keepends=True)
    printed = subprocess.run([command, "selftest", "--list"], check=True, capture_output=True,
                             encoding="utf-8").stdout.splitlines(keepends=True)
    if have == printed:
        return
    sys.stdout.writelines(difflib.unified_diff(have, printed, "docs/ops.md", "printed"))
    sys.exit("docs/ops.md is not what `clgrad selftest --list` prints: write that into it")


main()
