#!/usr/bin/env python3
"""Runs a test that must fail: must_fail.py TEXT PROGRAM. Passes when it fails and says TEXT."""
import subprocess
import sys

text, program = sys.argv[1:]
run = subprocess.run([program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                     errors="replace", check=False)
print(run.stdout)
if run.returncode == 0:
    sys.exit(f"{program} passed")
if text not in run.stdout:
    sys.exit(f"{program} failed, but did not say '{text}'")
