#!/usr/bin/env python3
"""Prints speed and memory of the release build, and what each figure is held against.

Run by `make bench`. Everything stays on loopback and in temporary folders, and every loop is
bounded; nothing here asserts.
"""
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import hooks

HERE = Path(__file__).resolve().parent
# make says where cargo built
RELEASE = Path(os.environ.get("RELEASE_DIR") or HERE.parent.parent / "target" / "release")
EXAMPLES = RELEASE / "examples"
QUIET = "embedding:\n  provider: none\n"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Daemon:
    def __init__(self, config=QUIET, binary=RELEASE / "signetd"):
        self.dir = Path(tempfile.mkdtemp(prefix="bench-"))
        (self.dir / "agent.yaml").write_text(config)
        self.port = free_port()
        self.start(binary)

    def start(self, binary=RELEASE / "signetd"):
        env = {k: v for k, v in os.environ.items() if not k.startswith("SIGNET_")}
        env.update(SIGNET_WORKSPACE=str(self.dir), SIGNET_PORT=str(self.port), HOME=str(self.dir))
        began = time.perf_counter()
        self.proc = subprocess.Popen([binary, "serve"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=5) as s:
                    s.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                    if s.recv(64).startswith(b"HTTP/1.1 200"):
                        break
            except OSError:
                time.sleep(0.001)
        self.start_ms = (time.perf_counter() - began) * 1e3

    def rss_mb(self):
        for line in Path(f"/proc/{self.proc.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024

    def threads(self):
        return len(os.listdir(f"/proc/{self.proc.pid}/task"))

    def stop(self):
        self.proc.send_signal(signal.SIGTERM)
        self.proc.wait(20)

    def close(self):
        if self.proc.poll() is None:
            self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)


def load(port, connections, requests, kind, header=None):
    """requests/s, p50 ms, p99 ms, answers other than 200"""
    cmd = [EXAMPLES / "load", str(port), str(connections), str(requests), kind] + ([header] if header else [])
    out = subprocess.run(cmd, check=True, capture_output=True, text=True).stdout.split()
    return float(out[0]), float(out[1]), float(out[2]), int(out[3])


def row(name, value, target=""):
    print(f"{name:58} {value:>26}   {target}", flush=True)


def health():
    bare_port = free_port()
    bare = subprocess.Popen([EXAMPLES / "bare_http", str(bare_port)])
    daemon = Daemon()
    try:
        rates = {"bare": [], "ours": []}
        for _ in range(3):  # side by side, so that both see the same machine
            rates["bare"].append(load(bare_port, 32, 40000, "health")[0])
            rates["ours"].append(load(daemon.port, 32, 40000, "health")[0])
        bare_rate, ours = statistics.median(rates["bare"]), statistics.median(rates["ours"])
        row("GET /health, 32 connections", f"{ours:.0f}/s", "")
        row("  bare tiny_http answering a constant", f"{bare_rate:.0f}/s", "")
        row("  share of it", f"{ours / bare_rate:.0%}", "at least 80 %")
    finally:
        bare.terminate()
        bare.wait()
        daemon.close()


def start_and_idle():
    starts, idle, threads = [], [], 0
    for _ in range(5):
        daemon = Daemon("")  # everything as it comes: the embedded model is on
        starts.append(daemon.start_ms)
        time.sleep(0.5)
        idle.append(daemon.rss_mb())
        threads = daemon.threads()
        daemon.close()
    row("start to first healthy answer, fresh workspace", f"{statistics.median(starts):.0f} ms", "under 50 ms")
    row("resident memory, idle, fresh workspace", f"{statistics.median(idle):.1f} MB", "under 14 MB")
    row("threads, idle", str(threads), "under 30")


def remember():
    daemon = Daemon()
    one = load(daemon.port, 1, 3000, "remember")
    daemon.close()
    daemon = Daemon()
    eight = load(daemon.port, 8, 8000, "remember")
    daemon.stop()
    daemon.close()
    fresh = Daemon()
    fresh.stop()
    plain = float(subprocess.run([EXAMPLES / "plain_inserts", fresh.dir / "memory/memories.db", "3000"],
                                 check=True, capture_output=True, text=True).stdout)
    fresh.close()
    row("remember, 1 client", f"{one[0]:.0f}/s", f"p50 {one[1]:.2f} ms, p99 {one[2]:.2f} ms")
    row("  plain rusqlite loop, same rows, synchronous=FULL", f"{plain:.0f}/s", "")
    row("  its time over ours", f"{plain / one[0]:.2f}x", "at most 1.3x")
    row("remember, 8 clients", f"{eight[0]:.0f}/s", f"p50 {eight[1]:.2f} ms, p99 {eight[2]:.2f} ms")
    row("  over 1 client", f"{eight[0] / one[0]:.1f}x", "at least 3x")


def reference_script(daemon, *args):
    """bench.py, the load script the reference daemon was measured with."""
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        subprocess.run([sys.executable, HERE / "bench.py", "--base", f"http://127.0.0.1:{daemon.port}", "--pid",
                        str(daemon.proc.pid), "--json", out.name, *args], check=True, stdout=subprocess.DEVNULL)
        return json.load(open(out.name))


def recall():
    for name, config, wanted, memory in (("by full text (provider none)", QUIET, "under 2 / 10 ms", 40),
                                         ("by meaning (default)", "", "under 3 / 12 ms", 60)):
        daemon = Daemon(config)
        try:
            reference_script(daemon, "load", "--n", "10000", "--conc", "8")
            one = reference_script(daemon, "recall", "--corpus", "10000", "--q", "1000")
            row(f"recall {name}, 10,000 memories, 1 client", f"p50 {one['p50_ms']} ms, p99 {one['p99_ms']} ms", wanted)
            many = reference_script(daemon, "recall", "--corpus", "10000", "--q", "3000", "--conc", "25")
            row("  25 clients", f"{many['rps']:.0f}/s, p99 {many['p99_ms']} ms", f"{many['errors']} errors")
            row("  resident memory after it", f"{daemon.rss_mb():.1f} MB", f"under {memory} MB")
        finally:
            daemon.close()


def remember_with_vectors():
    rates = {}
    for name, config in (("without", QUIET), ("with", "")):
        for clients in (1, 8):
            daemon = Daemon(config)
            rates[name, clients] = load(daemon.port, clients, 3000 * clients, "remember")[0]
            daemon.close()
    for clients in (1, 8):
        with_, without = rates["with", clients], rates["without", clients]
        row(f"remember with the embedded model, {clients} client(s)", f"{with_:.0f}/s",
            f"{with_ / without:.0%} of without, at least 90 %")


def credentials():
    # local mode gets a header of the same length, which it ignores: the credential is compared, not the bytes
    rates = {}
    for name, mode in (("local", "local"), ("token", "team"), ("API key", "team")):
        daemon = Daemon(QUIET + f"auth:\n  mode: {mode}\n")
        header = f"Authorization: Bearer {'x' * 220}"
        if mode == "team":
            args = ["token", "create", "--role", "agent"] if name == "token" else ["api-key", "create", "--name", "bench"]
            env = {**os.environ, "SIGNET_WORKSPACE": str(daemon.dir)}
            made = subprocess.run([RELEASE / "signetd", *args], env=env, check=True, capture_output=True, text=True)
            header = f"Authorization: Bearer {made.stdout.strip()}"
        load(daemon.port, 8, 200, "features", header)
        rates[name] = statistics.median(load(daemon.port, 8, 20000, "features", header)[0] for _ in range(3))
        daemon.close()
    row("GET /api/features, 8 connections, local mode", f"{rates['local']:.0f}/s")
    for name in ("token", "API key"):
        row(f"  team mode with a {name}", f"{rates[name]:.0f}/s", f"{rates[name] / rates['local']:.0%} of local, at least 90 %")


def hook_latency():
    daemon = Daemon("")
    try:
        reference_script(daemon, "load", "--n", str(hooks.MEMORIES), "--conc", "8")
        hooks.run(daemon, row)
    finally:
        daemon.close()


def tools():
    """What a tool costs above its route: the same recall, one after the other, so that both meet the same machine."""
    daemon = Daemon("")
    try:
        reference_script(daemon, "load", "--n", "10000", "--conc", "8")
        client, route, tool = hooks.Client(daemon.port), [], []
        for n in range(600):
            query = f"What about memory {n % 97} of the {hooks.TOPICS[n % 8]}?"
            call = {"jsonrpc": "2.0", "id": n, "method": "tools/call",
                    "params": {"name": "memory_search", "arguments": {"query": query, "limit": 10}}}
            route.append(client.post("/api/memory/recall", {"query": query, "limit": 10})[0])
            tool.append(client.post("/mcp", call)[0])
        more = statistics.median(tool[100:]) - statistics.median(route[100:])
        row("recall by its route, 10,000 memories", hooks.percentiles(route[100:]))
        row("  by the tool memory_search of /mcp", hooks.percentiles(tool[100:]), f"{more:+.2f} ms, under 0.3 ms more")
    finally:
        daemon.close()


def size():
    for name, path in (("release", RELEASE / "signetd"), ("static", RELEASE.parent / "static/release/signetd")):
        if path.exists():
            row(f"binary, {name}", f"{path.stat().st_size / 1e6:.1f} MB", "under 20 MB")


if __name__ == "__main__":
    size()
    start_and_idle()
    health()
    remember()
    remember_with_vectors()
    recall()
    credentials()
    hook_latency()
    tools()
