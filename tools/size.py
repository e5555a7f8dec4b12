#!/usr/bin/env python3
"""Prints the size of the static binary and of its code, part by part; fails above the budget.

    size.py UNSTRIPPED --budget-mb 20

UNSTRIPPED is a release build with its symbols; `nm` and `strip` of binutils are needed, as linking is.
"""

import argparse
import collections
import os
import re
import subprocess
import sys
import tempfile

# Longer paths first: what a symbol is counted to. Rust mangles a path into its words.
OURS = re.compile(r"signetd::(parts::\w+|\w+)")
CRATE = re.compile(r"^<*(?:\w+ as )?&?(?:mut )?([A-Za-z_][A-Za-z0-9_]*)::")


def room(symbol):
    ours = OURS.search(symbol)
    if ours:
        return "signetd " + ours.group(1).replace("::", "/")
    if symbol.startswith("sqlite3") or re.match(r"^(fts5|fts3|jsonEach|json|btree|vdbe|pager|os|unix|wal)", symbol):
        return "SQLite"
    crate = CRATE.match(symbol)
    if crate:
        return crate.group(1)
    return "C and others"


def sizes(binary):
    text = subprocess.run(["nm", "-S", "-C", "--defined-only", binary], check=True, capture_output=True, text=True).stdout
    code, constants = collections.Counter(), collections.Counter()
    for line in text.splitlines():
        fields = line.split(" ", 3)
        if len(fields) == 4 and len(fields[1]) == 16:
            kind = code if fields[2] in "tTwW" else constants if fields[2] in "rRdD" else None
            if kind is not None:
                kind[room(fields[3])] += int(fields[1], 16)
    return code, constants


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("binary")
    parser.add_argument("--budget-mb", type=float, required=True)
    args = parser.parse_args()
    code, constants = sizes(args.binary)
    if not any(name.startswith("signetd parts/") for name in code):
        raise SystemExit(f"{args.binary} has no symbols to count")
    ours = {name: size for name, size in code.items() if name.startswith("signetd")}
    others = {name: size for name, size in code.items() if name not in ours}
    for title, table, most in [("ours", ours, 40), ("others", others, 14)]:
        print(f"code, {title}: {sum(table.values()) / 1e3:.0f} kB")
        for name, size in sorted(table.items(), key=lambda row: -row[1])[:most]:
            print(f"  {size / 1e3:9.1f} kB  {name}")
    print(f"constants that have names: {sum(constants.values()) / 1e6:.1f} MB")
    with tempfile.TemporaryDirectory() as folder:
        stripped = os.path.join(folder, "signetd")
        subprocess.run(["strip", "-o", stripped, args.binary], check=True)
        size = os.path.getsize(stripped) / 1e6
    print(f"static binary, stripped: {size:.2f} MB of {args.budget_mb:.0f} MB")
    sys.exit(0 if size <= args.budget_mb else 1)


if __name__ == "__main__":
    main()
