//! Start, stop, restart, and what the daemon leaves in its folder.

mod common;

use common::{Daemon, QUIET, eventually};
use rustix::process::Signal;

#[test]
fn a_signal_stops_the_daemon_cleanly_and_memories_stay() {
    let mut daemon = Daemon::start(QUIET);
    daemon.remember("The spare key hangs behind the boiler");
    let state = daemon.workspace().join(".daemon");
    assert_eq!(std::fs::read_to_string(state.join("pid")).unwrap(), daemon.pid().as_raw_nonzero().to_string());
    assert!(daemon.end(Signal::TERM).success());
    assert!(!state.join("pid").exists());
    let start = std::fs::read_to_string(state.join("last-healthy-start")).unwrap();
    assert!(start.contains("startedAt"));
    daemon.boot();
    assert_eq!(daemon.recall("spare key"), ["The spare key hangs behind the boiler"]);
}

#[test]
fn a_second_daemon_on_the_same_workspace_is_refused() {
    let daemon = Daemon::start(QUIET);
    let second = daemon.command(&["serve", "--port", &common::free_port().to_string()]).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("another daemon"));
    assert_eq!(daemon.get("/health").status, 200);
}

#[test]
fn the_daemon_waits_for_a_taken_port() {
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut daemon = Daemon::prepare(QUIET);
    daemon.port = holder.local_addr().unwrap().port();
    let log = daemon.workspace().join("wait.log");
    let mut child = daemon.command(&["serve"]).stderr(std::fs::File::create(&log).unwrap()).spawn().unwrap();
    eventually("the warning", || std::fs::read_to_string(&log).unwrap().contains("in use"));
    drop(holder);
    eventually("the start", || daemon.try_send("GET", "/health", b"", &[]).is_some_and(|a| a.status == 200));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn config_changes_take_effect_without_a_restart() {
    let daemon = Daemon::start(QUIET);
    daemon.remember("Before the freeze");
    let frozen = "embedding:\n  provider: none\nmemory:\n  pipelineV2:\n    mutationsFrozen: true\n";
    std::fs::write(daemon.workspace().join("agent.yaml"), frozen).unwrap();
    eventually("the freeze", || {
        daemon.send("POST", "/api/memory/remember", r#"{"content":"Nothing new"}"#).status == 503
    });
    assert_eq!(daemon.recall("freeze"), ["Before the freeze"]);
}

#[test]
fn a_broken_config_at_the_first_start_means_defaults_on_loopback_and_is_said() {
    let daemon = Daemon::start("embedding: [unclosed");
    let status = daemon.get("/api/status").json();
    assert_eq!(status["networkMode"], "localhost");
    assert_eq!(status["configProblem"]["file"], "agent.yaml");
    assert!(status["configProblem"]["line"].is_number(), "{status}");
}

#[test]
fn commands_print_what_a_person_needs() {
    let daemon = Daemon::prepare(QUIET);
    let out = |args: &[&str]| daemon.command(args).output().unwrap();
    let help = out(&["--help"]);
    assert!(help.status.success() && String::from_utf8_lossy(&help.stdout).contains("Usage: signetd"));
    assert!(String::from_utf8_lossy(&out(&["routes"]).stdout).contains("POST\t/api/memory/recall\trecall"));
    assert!(out(&["version"]).status.success());
    assert_eq!(out(&["dance"]).status.code(), Some(2));
    assert!(out(&["check"]).status.success());
    std::fs::write(daemon.workspace().join("agent.yaml"), "a: [").unwrap();
    assert_eq!(out(&["check"]).status.code(), Some(1));
}
