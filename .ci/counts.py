#!/usr/bin/env python3
"""Prints how many tests passed and failed: counts.py testlog.json (of Meson, an object a line)."""
import json
import sys

GOOD = {"OK", "EXPECTEDFAIL"}

passed = failed = 0
with open(sys.argv[1], encoding="utf-8") as file:
    for line in file:
        if json.loads(line)["result"] in GOOD:
            passed += 1
        else:  # a skip counts as a failure: CI installs everything
            failed += 1
print(passed, failed or int(passed == 0))
