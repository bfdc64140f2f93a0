#!/usr/bin/env python3
"""Docs that repeat the sources do so rightly. docs.py SOURCE_ROOT"""
import os
import re
import sys


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read()


def code_blocks(text):
    return re.findall(r"^```c\n(.*?)^```", text, re.M | re.S)


def lines_of(text):
    """Lines without comments and indentation."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    return [line.strip() for line in text.splitlines() if line.strip()]


def check_example(root):
    """Every line of the README's C example stands in examples/mlp.c, in the same order."""
    example = iter(lines_of(read(root, "examples/mlp.c")))
    blocks = code_blocks(read(root, "README.md"))
    if not blocks:
        yield "README.md has no C example"
    for line in lines_of("\n".join(blocks)):
        if line not in example:
            yield f"README.md: '{line}' is not in examples/mlp.c, or not in this order"
            return


def check_length(root):
    for name in ("examples/mlp.c", "examples/custom-layer.c"):
        count = len(read(root, name).splitlines())
        if count >= 60:
            yield f"{name} has {count} lines, and promises to stay under 60"


def check_environment(root):
    docs = read(root, "docs/environment.md")
    names = set()
    for path, _, files in os.walk(os.path.join(root, "src")):
        for name in files:
            if name.endswith(".c"):
                text = read(path, name)
                names |= set(re.findall(r'(?:clg_environment|getenv|setenv)\("(\w+)"', text))
    for name in sorted(names):
        if f"`{name}`" not in docs:
            yield f"docs/environment.md does not tell about {name}"
    if not names:
        yield "no variable was found in the sources"


def check_links(root):
    for path in ["README.md"] + ["docs/" + name for name in sorted(os.listdir(root + "/docs"))]:
        for target in re.findall(r"\]\(([^)#:]+)\)", read(root, path)):
            if not os.path.exists(os.path.join(root, os.path.dirname(path), target)):
                yield f"{path}: {target} does not exist"


def main():
    root = sys.argv[1]
    wrong = [text for check in (check_example, check_length, check_environment, check_links)
             for text in check(root)]
    print("\n".join(wrong + [f"{len(wrong)} wrong"]))
    sys.exit(1 if wrong else 0)


main()
