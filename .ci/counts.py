#!/usr/bin/env python3
"""Prints how many tests passed and failed: counts.py testlog.json (of Meson, an object a line)."""
import json
import sys

GOOD = {"OK", "EXPECTEDFAIL"}

passed = failed = 0
with open(sys.argv[1], encoding="utf-8") as file:
    for line in file:
        program = json.loads(line)
        skips = sum(program.get(stream, "").count("[SKIP] ") for stream in ("stdout", "stderr"))
        if program["result"] in GOOD and not skips:
            passed += 1
        else:  # a skip counts as a failure: CI installs everything
            failed += max(1, skips)
print(passed, failed or int(passed == 0))
