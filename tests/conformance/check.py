#!/usr/bin/env python3
"""Plays the conformance cases, files side by side, and holds the outcome against pending.txt.

    check.py --cmd "COMMAND serve"         plays every case of cases/
    check.py --same-as ../shared/conformance   compares runner and cases with the original, plays nothing

pending.txt names cases that need something not built yet: `FILE/CASE: what it waits for`.
The run fails when a case outside it fails, when one inside it passes (then its line must
go), and when the cases that were played are not those that stand in the files: a daemon
that cannot start plays none.
"""
import argparse
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
# a file takes a daemon and waits most of its time
AT_ONCE = 2 * (os.cpu_count() or 1)
# seconds for one file: the longest takes some twenty
LONGEST = 180


def lines(name):
    text = (HERE / name).read_text()
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def cases_of(path):
    return [f"{path.stem}/{case['name']}" for case in json.loads(path.read_text())["cases"]]


def pending(names):
    """Case → its line; a case's name may hold ": " itself."""
    found = {}
    for line in lines("pending.txt"):
        name = next((n for n in names if line.startswith(n + ": ")), None)
        if name is None:
            sys.exit(f"conformance: pending.txt names no case: {line}")
        found[name] = line
    return found


def play(path, cmd):
    """The cases of a file that were played, each with whether it passed and what the runner said of it."""
    try:
        run = subprocess.run([sys.executable, HERE / "run.py", "-v", "--cmd", cmd, "--cases", str(path)],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=LONGEST)
        text = run.stdout
    except subprocess.TimeoutExpired:
        return {}, [f"not done after {LONGEST} s"]
    played, other, said = {}, [], None
    for line in text.splitlines():
        ok = re.match(r"ok   (.+)$", line)
        bad = re.match(r"FAIL (.+?)(?: \(step \d+\))?$", line)
        if ok or bad:
            said = []
            played[(ok or bad)[1]] = (bool(ok), said)
        elif line.startswith("     ") and said is not None:
            said.append(line)
        elif not re.match(r"\d+ passed, \d+ failed$", line):
            other.append(line)
    return played, other


def check(cmd):
    files = sorted((HERE / "cases").glob("*.json"))
    expected = {path: cases_of(path) for path in files}
    names = [name for of_file in expected.values() for name in of_file]
    waiting = pending(names)
    wrong, passed, failed = [], 0, 0
    # limits fill up again while a busy machine sends what is to reach them: such files have the machine to themselves
    alone = [path for path in files if '"status": 429' in path.read_text()]
    outcomes = [(path, play(path, cmd)) for path in alone]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        beside = [path for path in files if path not in alone]
        outcomes += zip(beside, pool.map(lambda path: play(path, cmd), beside))
        for path, (played, other) in outcomes:
            missing = [name for name in expected[path] if name not in played]
            if missing or len(played) != len(expected[path]):
                wrong.append(f"{path.name}: {len(played)} of {len(expected[path])} cases were played")
                print("\n".join(other[-20:]))
            for name, (ok, said) in played.items():
                passed, failed = passed + ok, failed + (not ok)
                if ok and name in waiting:
                    wrong.append(f"{name} passes: take its line out of pending.txt")
                if not ok and name not in waiting:
                    wrong.append(f"{name} fails")
                    print("\n".join([f"FAIL {name}", *said]))
    for line in wrong:
        print(f"conformance: {line}")
    print(f"conformance: {len(names)} cases in {len(files)} files: {passed} passed, {failed} failed, "
          f"{len(waiting)} of them pending")
    return 1 if wrong or not names else 0


def compare(original):
    """Runner, format and the cases of every part that is done are those of the original, byte for byte."""
    pairs = [(HERE / name, original / name) for name in ("run.py", "FORMAT.md")]
    for part in lines("parts.txt"):
        found = sorted((original / "cases").glob(f"{part}-*.json"))
        if not found:
            print(f"conformance: no case of part {part} in {original}")
            return 1
        pairs += [(HERE / "cases" / path.name, path) for path in found]
    differing = [ours for ours, theirs in pairs if not ours.exists() or ours.read_bytes() != theirs.read_bytes()]
    for path in differing:
        print(f"conformance: {path.relative_to(HERE)} is not as in {original}")
    return 1 if differing else 0


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = ap.add_mutually_exclusive_group(required=True)
    what.add_argument("--cmd", help="command that starts the daemon in the foreground")
    what.add_argument("--same-as", type=Path, metavar="DIR", help="the original's folder")
    args = ap.parse_args()
    return compare(args.same_as) if args.same_as else check(args.cmd)


if __name__ == "__main__":
    sys.exit(main())
