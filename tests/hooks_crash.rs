//! A daemon that is killed while conversations end: what was answered is there, files have whole lines, and what was
//! queued is taken up again.

mod common;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{Daemon, QUIET, eventually};
use rustix::process::Signal;
use serde_json::{Value, json};

const ROUNDS: usize = 4;
/// Answered ends before each kill.
const ENDS: usize = 12;

fn transcript(n: usize) -> String {
    let turns =
        (0..6).map(|turn| format!("User: Session {n}, question {turn}?\nAssistant: Session {n}, answer {turn}."));
    turns.collect::<Vec<_>>().join("\n")
}

/// Ends and prompts from several clients until enough were answered, then a kill; the sessions that were answered.
fn work_until_killed(daemon: &mut Daemon, next: &AtomicUsize) -> Vec<(usize, bool)> {
    let answered = Mutex::new(Vec::new());
    let pid = daemon.pid();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::AcqRel);
                    let ends = !n.is_multiple_of(3);
                    let (path, body) = if ends {
                        let body = json!({"harness": "pi", "sessionKey": format!("s{n}"), "cwd": "/srv/x", "transcript": transcript(n)});
                        ("/api/hooks/session-end", body)
                    } else {
                        let body = json!({"harness": "pi", "sessionKey": format!("s{n}"), "project": "/srv/x", "userMessage": format!("prompt {n}")});
                        ("/api/hooks/user-prompt-submit", body)
                    };
                    let answer = daemon.try_send("POST", path, body.to_string().as_bytes(), &[]);
                    let Some(answer) = answer.filter(|a| a.status == 200 && serde_json::from_slice::<Value>(&a.body).is_ok()) else { return };
                    drop(answer);
                    answered.lock().unwrap().push((n, ends));
                }
            });
        }
        eventually("work", || answered.lock().unwrap().len() >= ENDS);
        rustix::process::kill_process(pid, Signal::KILL).unwrap();
    });
    daemon.end(Signal::KILL);
    answered.into_inner().unwrap()
}

#[test]
fn what_was_answered_outlasts_a_kill() {
    let mut daemon = Daemon::start(QUIET);
    let next = AtomicUsize::new(0);
    let mut all = Vec::new();
    for _ in 0..ROUNDS {
        all.extend(work_until_killed(&mut daemon, &next));
        daemon.boot();
    }
    assert!(all.len() >= ROUNDS * ENDS);
    for (n, ended) in &all {
        let stored = daemon.get(&format!("/api/sessions/s{n}/transcript")).expect(200).json();
        let wanted = if *ended { transcript(*n) } else { format!("User: prompt {n}") };
        assert_eq!(stored["content"], wanted, "session {n}");
    }
    let path = daemon.workspace().join("memory/pi/transcripts/transcript.jsonl");
    let mut lines = String::new();
    eventually("every ended session's lines", || {
        lines = std::fs::read_to_string(&path).unwrap_or_default();
        let last = |n: &usize| lines.contains(&format!("Session {n}, answer 5."));
        all.iter().filter(|(_, ended)| *ended).all(|(n, _)| last(n))
    });
    for line in lines.lines() {
        serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("half a line: {line}"));
    }
    eventually("an empty queue", || {
        let counts = &daemon.get("/api/status").json()["transcripts"]["capture"];
        counts["pending"] == 0 && counts["processing"] == 0 && counts["failed"] == 0
    });
    assert_eq!(daemon.get("/api/status").json()["transcripts"]["capture"]["dead"], 0);
}
