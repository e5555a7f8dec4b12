#!/usr/bin/env python3
"""Fetches the official MCP clients that the tests drive the daemon with, into a folder of their own.

    mcp_clients.py FOLDER

Python's goes to FOLDER/python (a virtual environment), TypeScript's to FOLDER/node. What cannot be fetched (no registry,
no npm) is named in a line, and its tests are skipped; a client that was fetched before stays.
"""
import shutil
import subprocess
import sys
from pathlib import Path

PYTHON = "mcp==2.3.0"
NODE = "@modelcontextprotocol/sdk@1.32.2"
# Seconds that one step may take.
LIMIT = 120


def run(*command):
    subprocess.run(command, check=True, capture_output=True, timeout=LIMIT)


def python(folder):
    run(sys.executable, "-m", "venv", str(folder))
    run(str(folder / "bin/pip"), "install", "-q", "--disable-pip-version-check", PYTHON)


def node(folder):
    folder.mkdir(parents=True, exist_ok=True)
    run("npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", str(folder), NODE)


def fetch(what, spec, folder, how):
    """A mark says that everything is there: a fetch that was broken off is begun anew."""
    mark = folder / "fetched"
    if mark.exists() and mark.read_text() == spec:
        return
    shutil.rmtree(folder, ignore_errors=True)
    try:
        how(folder)
        mark.write_text(spec)
    except (OSError, subprocess.SubprocessError) as cause:
        why = (getattr(cause, "stderr", None) or b"").decode(errors="replace").strip().splitlines()
        shutil.rmtree(folder, ignore_errors=True)
        print(f"SKIPPED: the tests with the {what} client of MCP, {spec} cannot be fetched: {(why or [str(cause)])[-1]}")


if __name__ == "__main__":
    where = Path(sys.argv[1])
    fetch("Python", PYTHON, where / "python", python)
    fetch("TypeScript", NODE, where / "node", node)
