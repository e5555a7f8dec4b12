#!/usr/bin/env python3
"""What a daemon has to live through: index reloads under load, and kills under writes.

    torture.py --cmd "target/release/signetd serve" [--reloads 500] [--clients 25] [--rounds 40]

1. Clients recall, list and remember while the index is loaded anew again and again (each time an
   agent is removed). Everybody must be answered, and SIGTERM must end the daemon.
2. Clients remember, edit and delete until SIGKILL, round after round on one workspace. After each
   start every answered change must be there, and the file must be sound.

Exit status 1 at the first thing lost or stuck. Loopback and a temporary folder only.
"""
import argparse
import http.client
import json
import os
import random
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

STUCK = 60  # seconds after which a request counts as never answered


class Daemon:
    def __init__(self, cmd, folder, native):
        self.cmd, self.folder = cmd, Path(folder)
        workspace = self.folder / "agents"
        (workspace / "memory").mkdir(parents=True, exist_ok=True)
        provider = "native" if native else "none"
        (workspace / "agent.yaml").write_text(
            f"embedding:\n  provider: {provider}\nmemory:\n  pipelineV2:\n    enabled: false\n")
        self.workspace = workspace

    def start(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        env = {k: v for k, v in os.environ.items() if not k.startswith("SIGNET_")}
        env.update(HOME=str(self.folder), SIGNET_WORKSPACE=str(self.workspace), SIGNET_PORT=str(self.port),
                   SIGNET_BIND="127.0.0.1")
        self.process = subprocess.Popen(self.cmd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        end = time.monotonic() + STUCK
        while True:
            try:
                if self.client().ask("GET", "/health")[0] == 200:
                    return
            except OSError:
                pass
            if time.monotonic() > end or self.process.poll() is not None:
                fail(f"the daemon did not start (status {self.process.poll()})")
            time.sleep(0.02)

    def client(self):
        return Client(self.port)

    def end(self, how):
        self.process.send_signal(how)
        try:
            self.process.wait(STUCK)
        except subprocess.TimeoutExpired:
            self.process.kill()
            fail(f"{how.name} did not end the daemon")


class Client:
    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=STUCK)

    def ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        self.connection.request(method, path, data, {"Content-Type": "application/json"} if data else {})
        answer = self.connection.getresponse()
        raw = answer.read()
        return answer.status, json.loads(raw) if raw[:1] in (b"{", b"[") else raw


def fail(why):
    print(f"torture: {why}", flush=True)
    os._exit(1)


def words(rng, n):
    return " ".join(rng.choice(["harbour", "boat", "weir", "heron", "kettle", "lamp", "tide", "rope"]) + str(rng.randrange(400))
                    for _ in range(n))


def reloads(cmd, count, clients):
    """Recalls and writes beside index reloads; nobody may be left standing."""
    with tempfile.TemporaryDirectory(prefix="torture-") as folder:
        daemon = Daemon(cmd, folder, native=True)
        daemon.start()
        first, rng = daemon.client(), random.Random(1)
        for n in range(1500):
            first.ask("POST", "/api/memory/remember", {"content": f"{n} {words(rng, 12)}"})
        over, answered = threading.Event(), [0] * clients

        def work(n):
            rng, client = random.Random(n), daemon.client()
            while not over.is_set():
                kind = rng.randrange(4)
                try:
                    if kind == 0:
                        status, _ = client.ask("POST", "/api/memory/remember", {"content": f"{n} {words(rng, 9)}"})
                    elif kind == 1:
                        status, _ = client.ask("GET", "/api/memories?limit=20")
                    else:
                        status, _ = client.ask("POST", "/api/memory/recall", {"query": words(rng, 4)})
                except OSError as cause:
                    return fail(f"a client was not answered: {cause!r}")
                if status not in (200, 503):
                    return fail(f"a client was answered {status}")
                answered[n] += 1

        threads = [threading.Thread(target=work, args=(n,)) for n in range(clients)]
        for thread in threads:
            thread.start()
        began = time.monotonic()
        for n in range(count):
            first.ask("POST", "/api/agents", {"name": f"agent{n}"})
            status, _ = first.ask("DELETE", f"/api/agents/agent{n}?purge=true")
            if status != 200:
                fail(f"removing an agent was answered {status}")
        over.set()
        for thread in threads:
            thread.join(STUCK)
            if thread.is_alive():
                fail("a client is stuck")
        daemon.end(signal.SIGTERM)
        print(f"torture: {count} reloads under {clients} clients, {sum(answered)} requests answered in "
              f"{time.monotonic() - began:.0f} s, stopped cleanly", flush=True)


class Book:
    """What was answered, by id: the content, or None of what was deleted."""

    def __init__(self):
        self.lock, self.rows, self.unsure = threading.Lock(), {}, set()


def change(client, book, mine, rng, n):
    """One change; what is not answered may or may not have happened."""
    kind = rng.random()
    if kind < 0.6 or not mine:
        content = f"{n} {words(rng, 6)} {rng.random()}"
        status, got = client.ask("POST", "/api/memory/remember", {"content": content})
        if status == 200:
            mine.append(got["id"])
            with book.lock:
                book.rows[got["id"]] = content
        return
    target = rng.choice(mine)
    with book.lock:
        book.unsure.add(target)
    if kind < 0.85:
        content = f"{n} edited {words(rng, 6)} {rng.random()}"
        status, _ = client.ask("PATCH", f"/api/memory/{target}", {"content": content, "reason": "r"})
    else:
        content = None
        status, _ = client.ask("DELETE", f"/api/memory/{target}?reason=r")
        mine.remove(target)
    if status == 200:
        with book.lock:
            book.rows[target] = content
            book.unsure.discard(target)


def kills(cmd, rounds, clients=8):
    """SIGKILL under writes, again and again; nothing that was answered may be lost."""
    with tempfile.TemporaryDirectory(prefix="torture-") as folder:
        daemon, book, checked = Daemon(cmd, folder, native=False), Book(), 0
        daemon.start()
        for turn in range(rounds):
            def work(n):
                rng, client, mine = random.Random((turn, n).__hash__()), daemon.client(), []
                try:
                    while True:
                        change(client, book, mine, rng, n)
                except (OSError, http.client.HTTPException):
                    return

            threads = [threading.Thread(target=work, args=(n,)) for n in range(clients)]
            for thread in threads:
                thread.start()
            time.sleep(random.Random(turn).uniform(0.05, 0.6))
            daemon.end(signal.SIGKILL)
            for thread in threads:
                thread.join(STUCK)
            daemon.start()
            client = daemon.client()
            for memory, content in book.rows.items():
                if memory in book.unsure:
                    continue
                status, got = client.ask("GET", f"/api/memory/{memory}")
                if content is None:
                    lost = status == 200 and not got.get("is_deleted")
                else:
                    lost = status != 200 or got["content"] != content
                if lost:
                    fail(f"round {turn}: {memory} should be {content!r} and is {status} {got}")
                checked += 1
            # each round looks at its own changes
            with book.lock:
                book.rows.clear()
                book.unsure.clear()
        daemon.end(signal.SIGTERM)
        env = dict(os.environ, HOME=folder, SIGNET_WORKSPACE=str(daemon.workspace))
        sound = subprocess.run([*cmd[:1], "check"], env=env, stdout=subprocess.DEVNULL)
        if sound.returncode != 0:
            fail("the file is not sound")
        print(f"torture: {rounds} kills, {checked} answered changes looked at, none lost, the file is sound", flush=True)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--cmd", required=True)
    ap.add_argument("--reloads", type=int, default=500)
    ap.add_argument("--clients", type=int, default=25)
    ap.add_argument("--rounds", type=int, default=40)
    args = ap.parse_args()
    cmd = shlex.split(args.cmd)
    reloads(cmd, args.reloads, args.clients)
    kills(cmd, args.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
