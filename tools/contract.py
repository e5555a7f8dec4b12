#!/usr/bin/env python3
"""Plays what schemathesis makes of the OpenAPI document against a daemon of its own, in local and in team mode:
no 500, no answer outside its schema, no status or content type that is not in the document.

    contract.py --cmd "target/debug/signetd serve" --venv target/contract [--seconds 1200 | --examples 3]

Needs PyPI the first time. Fails when schemathesis finds something, cannot start, or plays fewer cases than a run has.
"""

import argparse
import json
import os
import re
import shlex
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

SCHEMATHESIS = "schemathesis==4.32.5"
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
# A run with fewer cases per mode has not been one.
LEAST_CASES = 500
# Reserved routes answer 501 by contract; buckets are wide so that limits hide nothing.
CONFIG = r"""
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", 501]

[[operations]]
include-path-regex = "^/api/memory/[{]id[}]"
parameters = { "path.id" = "MEMORY" }

[[operations]]
include-path = "/memory/similar"
parameters = { "query.id" = "MEMORY" }
"""
BUCKETS = ["forget", "modify", "batchForget", "forceDelete", "admin", "login", "recallLlm"]


def schemathesis(venv):
    tool = os.path.join(venv, "bin", "st")
    if not os.path.exists(tool):
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([os.path.join(venv, "bin", "pip"), "install", "-q", SCHEMATHESIS], check=True)
    return tool


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def ask(base, path, token=None, body=None):
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(base + path, data, headers), timeout=10) as answer:
        return json.load(answer)


class Daemon:
    """One in a folder of its own; ended when the block is left."""

    def __init__(self, cmd, mode, folder):
        self.folder, self.binary = folder, cmd[0]
        rates = "".join(f"    {b}: {{max: 1000000}}\n" for b in BUCKETS)
        with open(os.path.join(folder, "agent.yaml"), "w") as f:
            f.write(f"auth:\n  mode: {mode}\n  rateLimits:\n{rates}")
        self.env = dict(os.environ, HOME=folder, SIGNET_WORKSPACE=folder, RUST_LOG="warn", SIGNET_ADMIN_PASSWORD="open sesame")
        port = free_port()
        self.base = f"http://127.0.0.1:{port}"
        self.log = open(os.path.join(folder, "log"), "w+")
        self.process = subprocess.Popen(cmd + ["--port", str(port)], env=self.env, stdout=self.log, stderr=self.log)

    def __enter__(self):
        deadline = time.monotonic() + 20
        while True:
            try:
                return ask(self.base, "/health") and self
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit("the daemon does not start:\n" + self.said())
                time.sleep(0.05)

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=15)

    def said(self):
        self.log.flush()
        self.log.seek(0)
        return self.log.read()[-4000:]

    def token(self):
        made = subprocess.run(
            [self.binary, "token", "create", "--role", "admin"], env=self.env, check=True, capture_output=True, text=True
        )
        return made.stdout.strip()


def play(tool, cmd, mode, args):
    with tempfile.TemporaryDirectory() as folder, Daemon(cmd, mode, folder) as daemon:
        token = daemon.token() if mode != "local" else None
        # routes that name a memory are asked for one that is there
        stored = ask(daemon.base, "/api/memory/remember", token, {"content": "The contract is played against me"})
        config = os.path.join(folder, "schemathesis.toml")
        with open(config, "w") as f:
            f.write(CONFIG.replace("MEMORY", stored["id"]))
        run = [tool, "--config-file", config, "run", daemon.base + "/openapi.json", "--checks", CHECKS]
        run += ["--continue-on-failure", "--no-color", "--warnings", "off"]
        run += ["--max-time", str(args.seconds)] if args.seconds else ["-n", str(args.examples)]
        run += ["--phases", args.phases]
        # ends when the client leaves, and no client of this kind does; tests/session_scope.rs reads it
        run += ["--exclude-path", "/api/cross-agent/stream"]
        # JSON-RPC: its messages and refusals are not OpenAPI's; tests/mcp.rs and the cases mcp-* hold them
        run += ["--exclude-path", "/mcp"]
        run += ["--seed", str(args.seed)] if args.seed else []
        if token:
            run += ["-H", f"Authorization: Bearer {token}"]
        done = subprocess.run(run, cwd=folder, capture_output=True, text=True)
        cases = int((re.search(r"([\d,]+) generated", done.stdout) or ["", "0"])[1].replace(",", ""))
        print(f"contract, {mode} mode: {cases} requests", flush=True)
        if "panicked" in daemon.said():
            raise SystemExit("the daemon panicked:\n" + daemon.said())
        if done.returncode != 0 or cases < LEAST_CASES:
            raise SystemExit(done.stdout[-12000:] + done.stderr[-4000:])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cmd", required=True)
    parser.add_argument("--venv", required=True)
    parser.add_argument("--seconds", type=int, help="time per mode; else a bounded number of examples")
    parser.add_argument("--examples", type=int, default=3)
    parser.add_argument("--phases", default="examples,coverage,fuzzing")
    parser.add_argument("--seed", type=int)
    args = parser.parse_args()
    tool = schemathesis(os.path.abspath(args.venv))
    cmd = shlex.split(args.cmd)
    cmd[0] = os.path.abspath(cmd[0])
    for mode in ["local", "team"]:
        play(tool, cmd, mode, args)


if __name__ == "__main__":
    main()
