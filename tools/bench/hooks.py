"""What a hook costs a person: session-start and user-prompt-submit beside ten thousand memories and five hundred sessions,
while conversations end in the background; and the memory of a hundred sessions at once."""
import http.client
import json
import multiprocessing
import threading
import time

# memories, sessions that were there before, sessions at once
MEMORIES = 10_000
SESSIONS = 500
LIVE = 100
TOPICS = ["harbour", "kiln", "orchard", "ledger", "turbine", "archive", "viaduct", "greenhouse"]


class Client:
    def __init__(self, port):
        self.conn = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def post(self, path, body):
        data = json.dumps(body).encode()
        began = time.perf_counter()
        self.conn.request("POST", path, data, {"Content-Type": "application/json"})
        answer = self.conn.getresponse()
        raw = answer.read()
        took = (time.perf_counter() - began) * 1e3
        if answer.status != 200:
            raise SystemExit(f"{path} answered {answer.status}: {raw[:200]}")
        return took, json.loads(raw)


def transcript(n, turns):
    topic = TOPICS[n % len(TOPICS)]
    return "\n".join(f"User: Question {t} of session {n} about the {topic}?\nAssistant: Answer {t}: the {topic} needs {t} new parts."
                     for t in range(turns))


def fill(client):
    """Projects with claims, so that prompts have something to find, and sessions that have ended."""
    for n in range(200):
        name = f"Project {TOPICS[n % 8].title()} {n}"
        claims = [{"content": f"{name} keeps its {kind} in the {TOPICS[(n + k) % 8]} hall", "claimKey": f"{kind}_place",
                   "groupKey": "places", "importance": 0.8, "confidence": 0.9} for k, kind in enumerate(["tools", "plans", "keys", "spares"])]
        client.post("/api/memory/remember", {
            "content": f"{name} was founded in hall {n}", "project": f"/srv/p{n % 20}",
            "structured": {"aspects": [{"entityName": name, "entityType": "project", "aspect": "storage", "attributes": claims}]}})
    for n in range(SESSIONS):
        client.post("/api/hooks/session-end", {"harness": "pi", "sessionKey": f"old-{n}", "cwd": f"/srv/p{n % 20}",
                                               "transcript": transcript(n, 20)})


def percentiles(times):
    times = sorted(times)
    return f"p50 {times[len(times) // 2]:.1f} ms, p99 {times[int(len(times) * 0.99)]:.1f} ms"


def background(port, stop):
    """A conversation ends every fifty milliseconds. Runs in a process of its own: two threads of one Python wait for each other."""
    client, n = Client(port), 0
    while not stop.wait(0.05):
        n += 1
        client.post("/api/hooks/session-end", {"harness": "pi", "sessionKey": f"bg-{n}", "cwd": "/srv/bg", "transcript": transcript(n, 60)})


def run(daemon, row):
    client = Client(daemon.port)
    fill(client)
    stop = multiprocessing.Event()
    beside = multiprocessing.Process(target=background, args=(daemon.port, stop))
    beside.start()
    try:
        starts, prompts, appends = [], [], []
        for n in range(300):
            call = {"harness": "claude-code", "sessionKey": f"s{n}", "project": f"/srv/p{n % 20}", "runtimePath": "legacy"}
            starts.append(client.post("/api/hooks/session-start", call)[0])
            name = f"Project {TOPICS[n % 8].title()} {n % 200}"
            prompts.append(client.post("/api/hooks/user-prompt-submit",
                                       {**call, "userMessage": f"Where does {name} keep its tools and plans?"})[0])
            appends.append(client.post("/api/hooks/user-prompt-submit",
                                       {**call, "userMessage": f"And the keys of {name}?", "transcript": transcript(n, 150)})[0])
    finally:
        stop.set()
        beside.join()
    size = len(transcript(1, 150)) // 1024
    row(f"session-start, {MEMORIES:,} memories, {SESSIONS} sessions", percentiles(starts), "p99 under 15 ms")
    row("  user-prompt-submit", percentiles(prompts), "p99 under 15 ms")
    row(f"  the same with a transcript of {size} KiB", percentiles(appends), "p99 under 15 ms")
    live(daemon, row)


def live(daemon, row):
    """Sessions at once, each with a client of its own."""
    def one(n):
        client = Client(daemon.port)
        call = {"harness": "pi", "sessionKey": f"live-{n}", "project": f"/srv/p{n % 20}", "runtimePath": "plugin"}
        client.post("/api/hooks/session-start", call)
        for turn in range(10):
            client.post("/api/hooks/user-prompt-submit", {**call, "userMessage": f"Prompt {turn} about the {TOPICS[n % 8]}",
                                                          "lastAssistantMessage": "It is in the hall. " * 40})
    threads = [threading.Thread(target=one, args=(n,)) for n in range(LIVE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    row(f"resident memory after {LIVE} sessions at once", f"{daemon.rss_mb():.1f} MB", "under 60 MB")
