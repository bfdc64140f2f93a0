#!/usr/bin/env python3
"""The floors of docs/architecture.md: no include points up or to a neighbour. floors.py SOURCE_ROOT"""
import os
import re
import sys

FLOORS = {
    "base": 0, "device": 1, "gemm": 2, "store": 2, "graph": 3, "ops": 4, "plan": 5, "nn": 6,
    "optim": 6, "data": 7, "train": 8, "selftest": 8, "cli": 9,
}
# Public headers that do not carry the name of their floor.
HEADERS = {
    "status": "base", "version": "base", "context": "base", "shape": "base", "clgrad": "optim", "schedule": "optim",
    "opencl": "device", # the bridge: the device floor and the plan implement its two halves
}
# libclgrad-train is a client of the public headers; the base is linked into it.
TRAIN = {"data", "train"}
# Who may see OpenCL: the device floor, CLBlast's provider, and the file behind clgrad/opencl.h.
SEES_OPENCL = re.compile(r"src/device/|src/gemm/clblast\.c$|src/plan/opencl\.c$|include/clgrad/opencl\.h$")
# A table is no code of its floor: recipes have their keys from it.
TABLES = {"src/optim/optim.def"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def sources(root):
    for folder in ("include", "src"):
        for path, _, names in os.walk(os.path.join(root, folder)):
            for name in names:
                if name.endswith((".c", ".h", ".def")):
                    yield os.path.relpath(os.path.join(path, name), root)


def includes(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return INCLUDE.findall(file.read())


def resolve(root, path, mark, name):
    """The file of the project that an include names, or None."""
    places = ["include", "src"] if mark == "<" else [os.path.dirname(path), "src", "include"]
    for place in places:
        if os.path.isfile(os.path.join(root, place, name)):
            return os.path.normpath(os.path.join(place, name))
    return None


def floor_of(path):
    parts = path.split(os.sep)
    if parts[0] == "src":
        return parts[1]
    stem = os.path.splitext(parts[-1])[0]
    return HEADERS.get(stem, stem)


def complaint(path, target):
    """What is wrong with the include, or None."""
    mine, its = floor_of(path), floor_of(target)
    for name, file in ((mine, path), (its, target)):
        if name not in FLOORS:
            return f"{file} is on no floor: add '{name}' to floors.py"
    public = target.startswith("include")
    if path.startswith("include"):
        if not public:
            return "a public header includes an internal one"
        return None if path.endswith(("/clgrad.h", "/opencl.h")) or FLOORS[its] <= FLOORS[mine] else "points up"
    if mine in TRAIN and not public and target not in TABLES and its not in {mine, "base"} | (TRAIN if mine == "train" else set()):
        return "libclgrad-train may use public headers and the base only"
    if mine == its or FLOORS[its] < FLOORS[mine]:
        return None
    if public and FLOORS[its] == FLOORS[mine]:
        return None if mine == its else "points to a neighbour"
    return "points up" if FLOORS[its] > FLOORS[mine] else "points to a neighbour"


def opencl_users(root, graph):
    """Files that see OpenCL's headers, through whatever they include."""
    seen = {path for path, found in graph.items()
            if any(re.match(r"CL/|OpenCL/|clblast", name) for _, name in found)}
    grown = True
    while grown:
        grown = False
        for path, found in graph.items():
            targets = {resolve(root, path, mark, name) for mark, name in found}
            if path not in seen and targets & seen:
                seen.add(path)
                grown = True
    return seen


def main():
    root = sys.argv[1]
    graph = {path: includes(root, path) for path in sorted(sources(root))}
    wrong = []
    checked = 0
    for path, found in graph.items():
        for mark, name in found:
            target = resolve(root, path, mark, name)
            if target is None:
                if mark == '"':
                    wrong.append(f"{path}: #include \"{name}\" is no file of the project")
                continue
            checked += 1
            text = complaint(path, target)
            if text:
                wrong.append(f"{path}: #include of {target}: {text}")
    for path in sorted(opencl_users(root, graph)):
        if not SEES_OPENCL.search(path):
            wrong.append(f"{path}: sees OpenCL's headers")
    print("\n".join(wrong + [f"{checked} includes in {len(graph)} files, {len(wrong)} wrong"]))
    if checked < 100:
        sys.exit("too few includes: is this the root of the sources?")
    sys.exit(1 if wrong else 0)


main()
