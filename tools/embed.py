#!/usr/bin/env python3
"""Writes the files of cl/ as bytes of a C file: embed.py OUTPUT.c FILE..."""
import os
import sys


def array(index, data):
    lines = [f"static const unsigned char file_{index}[] = {{"]
    for i in range(0, len(data), 20):
        lines.append("    " + ", ".join(str(byte) for byte in data[i:i + 20]) + ",")
    return lines + ["    0,", "};", ""]  # a zero byte after the text, not counted in its size


def main():
    output, files = sys.argv[1], sys.argv[2:]
    lines = ['#include "device/embedded.h"', ""]
    table = []
    for index, path in enumerate(files):
        with open(path, "rb") as file:
            data = file.read()
        lines += array(index, data)
        table.append(f'    {{"{os.path.basename(path)}", file_{index}, {len(data)}}},')
    lines += ["const struct clg_embedded clg_embedded[] = {"] + table + ["};"]
    lines += [f"const size_t clg_embedded_count = {len(files)};"]
    with open(output, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


main()
