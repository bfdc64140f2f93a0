#!/usr/bin/env python3
"""Every public header compiles alone, as C11 and as C++17. headers.py INCLUDE_DIR CC CXX"""
import os
import subprocess
import sys

FLAGS = ["-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only"]


def main():
    folder, cc, cxx = sys.argv[1:]
    headers = sorted(os.listdir(os.path.join(folder, "clgrad")))
    failed = 0
    for header in headers:
        text = f"#include <clgrad/{header}>\n"
        for compiler, language, standard in ((cc, "c", "c11"), (cxx, "c++", "c++17")):
            run = subprocess.run(
                compiler.split() + [f"-std={standard}", *FLAGS, "-I", folder, "-x", language, "-"],
                input=text, text=True, check=False)
            if run.returncode != 0:
                print(f"{header} does not compile alone as {standard}")
                failed += 1
    print(f"{len(headers)} headers, {failed} failures")
    sys.exit(1 if failed or not headers else 0)


main()
