//! A coding agent's whole day through the daemon, as each harness calls it.

mod common;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use common::{Daemon, eventually};
use serde_json::{Value, json};

/// MEMORY.md is written where the pipeline runs; nobody answers at that address, and nobody has to.
const CONFIG: &str = "embedding:\n  provider: none\nmemory:\n  pipelineV2:\n    enabled: true\n    extraction: {provider: ollama, \
                      endpoint: 'http://127.0.0.1:9'}\n";

/// A person's machine: the daemon, a project folder, and where the harness keeps its transcript.
struct Machine {
    daemon: Daemon,
    transcript: PathBuf,
}

impl Machine {
    fn start() -> Self {
        let daemon = Daemon::start(CONFIG);
        let transcript = daemon.workspace().join("transcript.jsonl");
        std::fs::write(daemon.workspace().join("AGENTS.md"), "# House rules\n\nAnswer with the heron checklist.\n")
            .unwrap();
        Machine { daemon, transcript }
    }

    fn project(&self) -> &'static str {
        "/srv/quay"
    }

    /// `signetd hook HARNESS EVENT` with a hook's JSON; what it prints.
    fn hook(&self, harness: &str, event: &str, more: Value) -> String {
        let mut hook = json!({"session_id": "day-1", "cwd": self.project(), "transcript_path": self.transcript, "hook_event_name": event});
        hook.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let mut command = self.daemon.command(&["hook", harness, event]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(hook.to_string().as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        String::from_utf8(output.stdout).unwrap()
    }

    fn say(&self, line: Value) {
        let mut file = std::fs::File::options().create(true).append(true).open(&self.transcript).unwrap();
        writeln!(file, "{line}").unwrap();
    }

    fn stored(&self, key: &str) -> String {
        let answer = self.daemon.get(&format!("/api/sessions/{key}/transcript")).expect(200);
        answer.json()["content"].as_str().unwrap().to_owned()
    }
}

fn claude_line(role: &str, text: &str) -> Value {
    json!({"type": role, "message": {"role": role, "content": [{"type": "text", "text": text}]}})
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.to_str().unwrap().ends_with(ending)).collect()
}

#[test]
fn a_day_with_claude_code() {
    let machine = Machine::start();
    let daemon = &machine.daemon;
    let first = machine.hook("claude-code", "SessionStart", json!({"source": "startup"}));
    assert!(first.starts_with("[signet active]") && first.contains("heron checklist"), "{first}");
    for n in 0..10 {
        let prompt = format!("Question {n} about the piles of the quay extension");
        let told = machine.hook("claude-code", "UserPromptSubmit", json!({"prompt": prompt}));
        assert_eq!(told, "", "nothing is known yet");
        machine.say(claude_line("user", &prompt));
        machine.say(claude_line("assistant", &format!("Answer {n}: pile number {n} stands in the north basin.")));
    }
    let body = json!({"harness": "claude-code", "content": "The quay extension stands on three oak piles.", "sessionKey": "day-1",
                      "project": "/srv/quay", "importance": 0.9});
    daemon.post("/api/hooks/remember", &body).expect(200);
    let before =
        machine.hook("claude-code", "PreCompact", json!({"trigger": "auto", "custom_instructions": "keep the piles"}));
    assert!(before.contains("three oak piles"), "{before}");
    let checkpoints = daemon.get("/api/checkpoints/day-1").expect(200).json();
    assert_eq!(checkpoints["checkpoints"][0]["trigger"], "pre_compaction");
    let again = machine.hook("claude-code", "SessionStart", json!({"source": "compact"}));
    assert!(again.contains("heron checklist") && again.contains("three oak piles"), "{again}");
    machine.hook("claude-code", "UserPromptSubmit", json!({"prompt": "And the last pile?"}));
    machine.say(claude_line("user", "And the last pile?"));
    machine.say(claude_line("assistant", "It is of larch."));
    assert_eq!(machine.hook("claude-code", "SessionEnd", json!({"reason": "other"})), "");
    let said = machine.stored("day-1");
    assert!(said.starts_with("User: Question 0") && said.ends_with("Assistant: It is of larch."), "{said}");
    // files follow the answer
    let memory = daemon.workspace().join("memory");
    eventually("the transcript's file", || {
        !files(&memory, "--transcript.md").is_empty() && !files(&memory, "--manifest.md").is_empty()
    });
    let lines = std::fs::read_to_string(memory.join("claude-code/transcripts/transcript.jsonl")).unwrap();
    assert_eq!(lines.lines().filter(|line| line.contains("\"session_key\":\"day-1\"")).count(), 22);
    // the head is written of what there is
    let written = daemon.post("/api/synthesis/trigger", &json!({})).expect(200).json();
    assert_eq!(written["success"], true, "{written}");
    assert!(std::fs::read_to_string(daemon.workspace().join("MEMORY.md")).unwrap().contains("session=day-1 "));
    // the next day, after a night's restart
    let mut machine = machine;
    machine.daemon.end(rustix::process::Signal::TERM);
    machine.daemon.boot();
    std::fs::remove_file(&machine.transcript).unwrap();
    let next = machine.hook("claude-code", "SessionStart", json!({"session_id": "day-2", "source": "startup"}));
    for part in
        ["three oak piles", "session=day-1", "## Working Memory", "## Session Recovery Context", "heron checklist"]
    {
        assert!(next.contains(part), "{part} is missing in {next}");
    }
}

#[test]
fn a_day_with_codex() {
    let machine = Machine::start();
    let first = machine.hook("codex", "SessionStart", json!({"source": "startup"}));
    assert!(first.contains("heron checklist"));
    machine.say(json!({"type": "session_meta", "payload": {"cwd": "/home/secret-place"}}));
    for n in 0..3 {
        machine.hook("codex", "UserPromptSubmit", json!({"prompt": format!("Turn {n}")}));
        machine.say(json!({"type": "event_msg", "payload": {"type": "user_message", "message": format!("Turn {n}")}}));
        machine.say(json!({"type": "item.completed", "item": {"type": "agent_message", "text": format!("Done {n}")}}));
        assert_eq!(machine.hook("codex", "Stop", json!({})), "", "Codex takes JSON only here");
        // the same session starts again: its beginning is not shown a second time
        let again = machine.hook("codex", "SessionStart", json!({"source": "resume"}));
        assert!(again.starts_with("[memory active") && !again.contains("heron"), "{again}");
    }
    assert_eq!(
        machine.stored("day-1"),
        "User: Turn 0\nAssistant: Done 0\nUser: Turn 1\nAssistant: Done 1\nUser: Turn 2\nAssistant: Done 2"
    );
    let cleared = machine.hook("codex", "SessionStart", json!({"source": "clear"}));
    assert!(cleared.contains("heron checklist"));
    machine.daemon.get("/api/sessions/day-1/transcript").expect(404);
}

#[test]
fn a_day_with_opencode() {
    let machine = Machine::start();
    let daemon = &machine.daemon;
    let call = |name: &str, more: Value| {
        let mut body = json!({"harness": "opencode", "runtimePath": "plugin", "project": "/srv/quay"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        daemon.post(&format!("/api/hooks/{name}"), &body).expect(200).json()
    };
    call("session-start", json!({}));
    let start = call("session-start", json!({"sessionKey": "oc"}));
    assert!(start["inject"].as_str().unwrap().contains("heron checklist"));
    // it rests after every answer, and is prompted again
    for n in 0..3 {
        let prompt = call("user-prompt-submit", json!({"sessionKey": "oc", "userMessage": format!("Prompt {n}")}));
        assert_eq!(prompt["sessionKnown"], n == 0, "an end lets go of the claim, a prompt takes it again");
        let said: Vec<String> = (0..=n).map(|n| format!("User: Prompt {n}\nAssistant: Reply {n}")).collect();
        let ended =
            call("session-end", json!({"sessionKey": "oc", "reason": "session.idle", "transcript": said.join("\n")}));
        assert_eq!(ended["queued"], false);
        let twice = call("session-end", json!({"sessionKey": "oc", "reason": "session.deleted"}));
        assert_eq!((&twice["duplicateSessionEnd"], &twice["endedBy"]), (&json!(true), &json!("plugin")));
    }
    assert!(machine.stored("oc").ends_with("User: Prompt 2\nAssistant: Reply 2"));
    call("user-prompt-submit", json!({"sessionKey": "oc", "userMessage": "Long talk"}));
    assert!(!call("pre-compaction", json!({"sessionKey": "oc"}))["guidelines"].as_str().unwrap().is_empty());
    let done = call("compaction-complete", json!({"sessionKey": "oc", "summary": "We prompted three times."}));
    assert_eq!(done["contextEpoch"], 1);
    let again = call("session-start", json!({"sessionKey": "oc"}));
    assert!(again["inject"].as_str().unwrap().contains("We prompted three times."), "{again}");
    // the head follows a compaction by itself
    let head = daemon.workspace().join("MEMORY.md");
    eventually("MEMORY.md", || {
        std::fs::read_to_string(&head).is_ok_and(|text| text.contains("We prompted three times."))
    });
}

#[test]
fn a_hook_without_a_daemon_stops_nobody() {
    let daemon = Daemon::prepare(CONFIG);
    let mut command = daemon.command(&["hook", "claude-code", "session-start"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"{\"session_id\":\"x\"}").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stdout.is_empty());
    assert!(String::from_utf8_lossy(&output.stderr).contains("goes on without memory"));
}
