#!/usr/bin/env python3
"""Trains a recipe on five folds and compares the mean RMSE. check.py CLGRAD RECIPE LIMIT"""
import json
import math
import os
import subprocess
import sys
import tempfile


def main(command, recipe, limit):
    with tempfile.TemporaryDirectory() as folder:
        run = os.path.join(folder, "run")
        subprocess.run([command, "train", recipe, "--folds", "5", "--out", run, "--quiet"], check=True)
        with open(os.path.join(run, "log.jsonl"), encoding="utf-8") as log:
            errors = [math.sqrt(json.loads(line)["validation_loss"]) for line in log]
    mean = sum(errors) / len(errors)
    print("RMSE of the logarithm:", *(f"{e:.4f}" for e in errors), f"mean {mean:.4f}, at most {limit}")
    return len(errors) != 5 or not mean <= float(limit)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
