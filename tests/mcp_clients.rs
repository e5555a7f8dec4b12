//! The official clients of MCP, Python's and TypeScript's, drive the daemon: `make test` fetches them
//! (tools/fetch.py); a client that is not there is passed over with a line that says so.

mod common;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::{Daemon, QUIET, TEAM};
use serde_json::{Value, json};

/// Where the clients were fetched to: beside the build.
fn fetched() -> PathBuf {
    let binary = Path::new(env!("CARGO_BIN_EXE_signetd"));
    binary.ancestors().nth(2).unwrap().join("mcp")
}

/// The command of a client, if it is there.
fn client(name: &str) -> Option<Command> {
    let folder = fetched().join(name);
    if !folder.join("fetched").exists() {
        eprintln!("SKIPPED: the {name} client of MCP is not in {}; make test fetches it", folder.display());
        return None;
    }
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mcp");
    let mut command = match name {
        "python" => Command::new(folder.join("bin/python")),
        _ => Command::new("node"),
    };
    command.arg(scripts.join(if name == "python" { "client.py" } else { "client.mjs" })).env("MCP_NODE", &folder);
    Some(command)
}

/// A call of every tool; those that need what is not there fail, and say so.
fn calls() -> Value {
    json!([
        ["memory_store", {"content": "The heron nests by the quay", "hints": ["where does the heron nest"], "project": "/srv/a",
            "tags": "birds, quay", "importance": 0.6}],
        ["memory_search", {"query": "heron nest", "limit": 5}],
        ["signet_recall", {"query": "heron nest", "score_min": 0.01}],
        ["signet_source_search", {"query": "heron"}],
        ["memory_get", {"id": "{id}"}],
        ["memory_list", {"limit": 5}],
        ["memory_modify", {"id": "{id}", "reason": "moved", "content": "The heron nests by the mill"}],
        ["memory_feedback", {"session_key": "s", "ratings": {"{id}": 0.5}}],
        ["memory_forget", {"id": "{id}", "reason": "gone"}],
        ["signet_save_note", {"content": "A plan for tomorrow", "title": "Plan"}],
        ["session_search", {"query": "anything"}],
        ["signet_session_search", {"query": "anything", "limit": 2}],
        ["session_bypass", {"session_key": "nobody", "enabled": true}],
        ["lcm_expand", {"id": "none"}],
        ["agent_peers", {"limit": 5}],
        ["agent_message_send", {"content": "the vent is stuck", "broadcast": true, "type": "info"}],
        ["agent_message_inbox", {"limit": 5}],
        ["memory_store", {"content": "The stork sleeps on the roof", "hints": ["where does the stork sleep"]}],
    ])
}
/// They look for what is not there.
const FAIL: [&str; 2] = ["session_bypass", "lcm_expand"];

/// What a client printed.
fn play(mut command: Command, daemon: &Daemon, target: &[&str]) -> Value {
    // a client starts the server with what it has itself
    for (name, value) in daemon.command(&[]).get_envs() {
        value.map(|value| command.env(name, value));
    }
    command.args(target).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(calls().to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    let line = told.lines().last().unwrap_or_default();
    serde_json::from_str(line).unwrap_or_else(|_| panic!("{told}{}", String::from_utf8_lossy(&output.stderr)))
}

/// Every tool was listed and called, and did what it is for.
fn hold(played: &Value, refused: &[&str]) {
    assert_eq!(played["server"], "signet");
    let listed: BTreeSet<&str> =
        played["tools"].as_array().unwrap().iter().map(|tool| tool.as_str().unwrap()).collect();
    let results = played["results"].as_array().unwrap();
    let called: BTreeSet<&str> = results.iter().map(|result| result["tool"].as_str().unwrap()).collect();
    assert_eq!(listed, called, "a tool without a call here");
    for result in results {
        let tool = result["tool"].as_str().unwrap();
        let fails = FAIL.contains(&tool) || refused.contains(&tool);
        assert_eq!(result["failed"], fails, "{result}");
        assert!(fails || result["data"].as_object().is_some_and(|data| !data.is_empty()), "no data: {result}");
    }
    if refused.is_empty() {
        let of = |tool: &str| results.iter().find(|result| result["tool"] == tool).unwrap();
        assert!(of("memory_search")["text"].as_str().unwrap().contains("heron nests by the quay"));
        assert_eq!(of("memory_get")["data"]["tags"], "birds,quay");
    }
}

fn drive(name: &str) {
    if client(name).is_none() {
        return;
    }
    let command = || client(name).unwrap();
    let local = Daemon::start(QUIET);
    let binary = local.command(&[]).get_program().to_str().unwrap().to_owned();
    let url = |daemon: &Daemon| format!("http://127.0.0.1:{}/mcp", daemon.port);
    hold(&play(command(), &local, &["http", &url(&local)]), &[]);
    hold(&play(command(), &local, &["stdio", &binary, "mcp"]), &[]);
    let alone = Daemon::prepare(QUIET);
    hold(&play(command(), &alone, &["stdio", &binary, "mcp"]), &[]);
    let team = Daemon::start(&format!("{QUIET}{TEAM}"));
    let key = |arguments: &[&str]| {
        let output = team.command(&[&["api-key", "create"], arguments].concat()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.split_whitespace().find(|word| word.starts_with("sig_sk_")).unwrap_or_else(|| panic!("{text}")).to_owned()
    };
    let reader = key(&["--name", "reader", "--role", "readonly"]);
    let writes =
        ["memory_store", "memory_modify", "memory_forget", "signet_save_note", "agent_message_send", "memory_get"];
    hold(&play(command(), &team, &["http", &url(&team), &reader]), &writes);
    let scoped = key(&["--name", "scoped", "--role", "agent", "--agent", "heron"]);
    let played = play(command(), &team, &["stdio", &binary, "mcp", "--api-key", &scoped]);
    hold(&played, &[]);
    // what a key bound to an agent stores is that agent's
    let heron = team.as_role("agent").acting_for("heron").ask(&json!({"query": "stork sleeps"}));
    assert!(heron.to_string().contains("on the roof"), "{heron}");
    let other = team.as_role("agent").acting_for("crane").ask(&json!({"query": "stork sleeps"}));
    assert!(!other.to_string().contains("on the roof"), "{other}");
}

#[test]
fn the_python_client_uses_every_tool() {
    drive("python");
}

#[test]
fn the_typescript_client_uses_every_tool() {
    drive("node");
}
