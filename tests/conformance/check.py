#!/usr/bin/env python3
"""Runs conformance cases and holds the outcome against pending.txt.

    check.py --cmd "target/debug/signetd serve" [--shared DIR]

Without --shared every case of cases/ is played; with it, every case in DIR whose part
stands in parts.txt. pending.txt names cases that need something not built yet:
`FILE/CASE: what it waits for`. The run fails when a case outside it fails, and when
one inside it passes (then its line must go).
"""
import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def lines(name):
    path = HERE / name
    text = path.read_text() if path.exists() else ""
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--cmd", required=True)
    ap.add_argument("--shared", type=Path, help="play the cases of this folder for the parts that are done")
    args = ap.parse_args()
    # a case's name may hold ": " itself
    pending = {}
    names = {f"{f.stem}/{c['name']}" for f in (args.shared or HERE / "cases").glob("*.json")
             for c in json.loads(f.read_text())["cases"]}
    for line in lines("pending.txt"):
        name = next((n for n in names if line.startswith(n + ": ")), None)
        if name is None:
            print(f"conformance: pending.txt names no case: {line}")
            return 1
        pending[name] = line
    if args.shared:
        files = [f for part in lines("parts.txt") for f in sorted(args.shared.glob(f"{part}-*.json"))]
    else:
        files = sorted((HERE / "cases").glob("*.json"))
    if not files:
        print("conformance: 0 passed, 0 failed")
        return 0
    run = subprocess.run(
        [sys.executable, HERE / "run.py", "-v", "--cmd", args.cmd, "--cases", *map(str, files)],
        stdout=subprocess.PIPE, text=True)
    passed, failed, waiting, wrong = 0, 0, 0, []
    waits = False
    for line in run.stdout.splitlines():
        ok = re.match(r"ok   (.+)$", line)
        bad = re.match(r"FAIL (.+?)( \(step \d+\))?$", line)
        if ok:
            passed += 1
            if ok[1] in pending:
                wrong.append(f"{ok[1]} passes: take its line out of pending.txt")
        elif bad:
            waits = bad[1] in pending
            waiting, failed = waiting + waits, failed + (not waits)
            if not waits:
                wrong.append(f"{bad[1]} fails")
                print(line)
        elif line.startswith("     ") and not waits:
            print(line)
    for line in wrong:
        print(f"conformance: {line}")
    print(f"conformance: {passed} passed, {failed} failed, {waiting} skipped")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
