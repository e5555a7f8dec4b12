#!/usr/bin/env python3
"""Boots the ARM binary under qemu-user-static, remembers, recalls by meaning, backs up, and prints what memory it takes.

    smoke.py [BINARY]      (default: target/arm64/signetd)
"""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
QEMU = "qemu-aarch64-static"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def ask(port, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def wait_until_healthy(port, process):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            return ask(port, "/health")
        except OSError:
            time.sleep(0.05)
    raise SystemExit("it does not answer")


def main(binary):
    if not shutil.which(QEMU):
        raise SystemExit(f"{QEMU} is not installed (Debian: qemu-user-static)")
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        # the two settings keep it from beginning anew, which the kernel cannot do for another machine's program
        env = dict(HOME=folder, PATH=os.environ["PATH"], SIGNET_WORKSPACE=f"{folder}/w", SIGNET_PORT=str(port),
                   MALLOC_ARENA_MAX="2", MALLOC_MMAP_THRESHOLD_="1048576")
        daemon = subprocess.Popen([QEMU, binary, "serve"], env=env, stderr=subprocess.DEVNULL)
        try:
            wait_until_healthy(port, daemon)
            ask(port, "/api/memory/remember", {"content": "Grandmother takes her pills at eight"})
            ask(port, "/api/memory/remember", {"content": "The garage mended the car brakes"})
            found = ask(port, "/api/memory/recall", {"query": "vehicle repair"})["results"]
            if "brakes" not in found[0]["content"] or found[0]["source"] != "vector":
                raise SystemExit(f"not found by meaning: {found}")
            resident = next(line for line in Path(f"/proc/{daemon.pid}/status").read_text().splitlines() if "VmRSS" in line)
            backup = subprocess.run([QEMU, binary, "backup", f"{folder}/backups"], env=env, check=True, capture_output=True, text=True)
            print(f"{binary} under {QEMU}: answers, remembers, recalls by meaning, backs up")
            print(f"  {resident.split(None, 1)[1]} resident, with what qemu takes to translate it")
            print(f"  {backup.stdout.strip()}")
        finally:
            daemon.send_signal(signal.SIGTERM)
            ended = daemon.wait(30)
        if ended:
            raise SystemExit(f"it ended with {ended}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "target/arm64/signetd"))
