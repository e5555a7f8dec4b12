#!/usr/bin/env python3
"""Time and memory of recall at 1,000 to 1,000,000 memories, as a Markdown table.

    make growth            (or: tools/bench/growth.py [SIZE ...]; a million takes several minutes)

Databases are filled directly (examples/fill.rs), then the daemon loads its index and is asked over
HTTP. Loopback only, temporary folders, bounded counts; nothing here asserts.
"""
import http.client
import json
import subprocess
import sys
import time

from run import EXAMPLES, Daemon, load

SIZES = [1_000, 10_000, 100_000, 1_000_000]


def ready(daemon):
    """Waits until recall finds by meaning; seconds it took."""
    began = time.perf_counter()
    while not indexed(daemon):
        if time.perf_counter() - began > 600:
            raise SystemExit("the index was not loaded in ten minutes")
        time.sleep(0.05)
    return time.perf_counter() - began


def indexed(daemon):
    conn = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=60)
    conn.request("POST", "/api/memory/recall", json.dumps({"query": "kalo with miter", "limit": 1}))
    answer = json.loads(conn.getresponse().read())
    return answer["results"] and answer["method"] == "hybrid"


def main():
    print("| memories | database | index loaded | recall p50 | p99 | 25 clients | resident, idle | after 25 clients |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for size in [int(a) for a in sys.argv[1:]] or SIZES:
        daemon = Daemon("")
        try:
            daemon.stop()
            database = daemon.dir / "memory/memories.db"
            subprocess.run([EXAMPLES / "fill", database, str(size)], check=True)
            daemon.start()
            loaded = ready(daemon)
            time.sleep(1)
            idle = daemon.rss_mb()
            load(daemon.port, 1, 100, f"ask:{size}")
            _, p50, p99, bad = load(daemon.port, 1, 500, f"ask:{size}")
            rate, *_, worse = load(daemon.port, 25, 1000, f"ask:{size}")
            assert bad + worse == 0, "answers other than 200"
            print(f"| {size:,} | {database.stat().st_size / 1e6:.0f} MB | {loaded:.1f} s | {p50:.1f} ms | {p99:.1f} ms "
                  f"| {rate:.0f}/s | {idle:.0f} MB | {daemon.rss_mb():.0f} MB |", flush=True)
        finally:
            daemon.close()


if __name__ == "__main__":
    main()
