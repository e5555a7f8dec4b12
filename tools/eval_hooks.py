#!/usr/bin/env python3
"""What does a prompt's context hold? LoCoMo conversations played as sessions through the hooks.

    eval_hooks.py --cmd "target/release/signetd serve" --eval ../shared/eval [--data FILE] [--limit-conversations N]

Every turn is a prompt of its day's session, and a claim about its speaker, as a harness that extracts by itself would
remember it. Then every question is a prompt of a new session. Printed for two budgets: how often the injected text holds the
evidence of the question (all of it on average, any of it), how often anything is injected, and how many of the injected
characters are evidence. No model is called. Standard library only.
"""
import argparse
import importlib.util
import json
import shlex
import statistics
import time
from pathlib import Path

# characters of a prompt's context
BUDGETS = (500, 4000)


def runner(folder):
    """The daemon that locomo.py starts and asks."""
    spec = importlib.util.spec_from_file_location("locomo", Path(folder) / "locomo.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def one_line(text):
    return " ".join(text.split())


def play(daemon, turns):
    sessions = {}
    for turn in turns:
        sessions.setdefault(turn["at"][:10], []).append(turn)
    for day, said in sessions.items():
        call = {"harness": "eval", "sessionKey": f"day-{day}", "project": "/srv/eval"}
        daemon.call("POST", "/api/hooks/session-start", call)
        for turn in said:
            text = one_line(turn["text"])
            daemon.call("POST", "/api/hooks/user-prompt-submit", {**call, "userMessage": f"{turn['who']}: {text}"})
            claim = {"content": text, "groupKey": day, "claimKey": f"turn_{turn['id']}", "importance": 0.5, "confidence": 0.9}
            status, answer = daemon.call("POST", "/api/hooks/remember", {
                **call, "content": f"{turn['who']}: {text}", "createdAt": turn["at"], "who": turn["who"],
                "structured": {"aspects": [{"entityName": turn["who"], "entityType": "person", "aspect": "said", "attributes": [claim]}]}})
            if status != 200:
                raise SystemExit(f"remember answered {status}: {answer}")
        daemon.call("POST", "/api/hooks/session-end", {**call, "cwd": "/srv/eval"})


def ask(daemon, conversation, seen):
    texts = {turn["id"]: one_line(turn["text"]) for turn in conversation["turns"]}
    for n, qa in enumerate(conversation["qa"]):
        began = time.perf_counter()
        _, answer = daemon.call("POST", "/api/hooks/user-prompt-submit",
                                {"harness": "eval", "sessionKey": f"ask-{n}", "userMessage": qa["q"]})
        seen["ms"].append((time.perf_counter() - began) * 1e3)
        lines = answer["inject"].split("## Relevant Entity Context")[-1]
        found = [texts[e] for e in qa["evidence"] if e in texts and texts[e] in lines]
        seen["share"].append(len(found) / len(qa["evidence"]))
        seen["any"].append(bool(found))
        seen["injected"].append(bool(answer["inject"]))
        seen["chars"] += len(lines.strip())
        seen["evidence"] += sum(len(text) for text in found)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cmd", required=True)
    parser.add_argument("--eval", required=True, help="the folder with locomo.py and its data")
    parser.add_argument("--data")
    parser.add_argument("--limit-conversations", type=int, default=99)
    args = parser.parse_args()
    locomo = runner(args.eval)
    data = json.loads(Path(args.data or Path(args.eval) / "locomo-dev.json").read_text())["conversations"]
    words = shlex.split(args.cmd)
    words[0] = str(Path(words[0]).resolve())
    for budget in BUDGETS:
        seen = {"ms": [], "share": [], "any": [], "injected": [], "chars": 0, "evidence": 0}
        config = {"hooks": {"userPromptSubmit": {"maxInjectChars": budget}}, "memory": {"pipelineV2": {"enabled": False}}}
        for name in list(data)[: args.limit_conversations]:
            daemon = locomo.Daemon(words, config)
            try:
                play(daemon, data[name]["turns"])
                ask(daemon, data[name], seen)
            finally:
                daemon.close()
        ms = sorted(seen["ms"])
        mean = statistics.fmean
        print(f"{budget:5} characters  questions {len(ms)}  injected {mean(seen['injected']):.3f}  evidence {mean(seen['share']):.3f}  "
              f"any of it {mean(seen['any']):.3f}  of the characters {seen['evidence'] / max(1, seen['chars']):.3f}  "
              f"prompt p50 {ms[len(ms) // 2]:.1f} ms  p95 {ms[int(len(ms) * .95)]:.1f} ms", flush=True)


if __name__ == "__main__":
    main()
