//! The database file under the daemon: locked, deleted, replaced, overwritten, and what is kept of it.

mod common;

use common::{Daemon, QUIET, eventually};
use rustix::process::Signal;
use serde_json::json;

const NATIVE: &str = "embedding:\n  provider: native\nmemory:\n  pipelineV2:\n    enabled: false\n";

#[test]
fn a_file_locked_by_another_program_is_503_for_writes_and_nothing_for_reads() {
    let daemon = Daemon::start(NATIVE);
    let id = daemon.remember("The key hangs behind the door");
    eventually("the vector", || !daemon.get(&format!("/api/memory/{id}")).json()["embedding_model"].is_null());
    let other = common::open(&daemon.database());
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = |answer: common::Answer, what: &str| {
        assert_eq!(answer.status, 503, "{what}: {}", answer.text());
        assert!(answer.head.to_lowercase().contains("retry-after"), "{what}: {}", answer.head);
    };
    refused(daemon.post("/api/memory/remember", &json!({"content": "not now"})), "remember");
    refused(daemon.post("/api/memory/remember", &json!({"content": "Long. ".repeat(2000)})), "chunks");
    refused(daemon.send("PATCH", &format!("/api/memory/{id}"), r#"{"importance":0.2,"reason":"r"}"#), "patch");
    refused(daemon.send("DELETE", &format!("/api/memory/{id}?reason=r"), ""), "delete");
    refused(daemon.post("/api/memory/forget", &json!({"ids": [id], "mode": "execute", "reason": "r"})), "forget");
    refused(
        daemon.post("/api/memory/modify", &json!({"patches": [{"id": id, "pinned": true}], "reason": "r"})),
        "modify",
    );
    refused(daemon.post("/api/agents", &json!({"name": "ann"})), "agent");
    refused(daemon.post("/api/memory/feedback", &json!({"sessionKey": "s", "feedback": {id.as_str(): 1}})), "feedback");
    for _ in 0..20 {
        assert_eq!(daemon.recall("key door").len(), 1);
    }
    for path in [
        "/api/memories",
        "/api/memories/most-used",
        &format!("/api/memory/{id}"),
        "/memory/search?q=key",
        &format!("/memory/similar?id={id}"),
        "/api/embeddings",
        "/api/memory/timeline",
        "/health/ready",
        "/api/status",
    ] {
        assert_eq!(daemon.get(path).status, 200, "{path}");
    }
    other.execute_batch("ROLLBACK").unwrap();
    eventually("writes again", || daemon.post("/api/memory/remember", &json!({"content": "now"})).status == 200);
    // accesses that were counted meanwhile are told all the same
    assert!(daemon.get("/api/memories/most-used").json()["memories"][0]["access_count"].as_i64() >= Some(20));
}

#[test]
fn no_write_is_answered_that_is_not_in_the_file_of_that_name() {
    let mut daemon = Daemon::start(QUIET);
    daemon.remember("Kept from before");
    let (file, away) = (daemon.database(), daemon.workspace().join("away.db"));
    let write = |daemon: &Daemon| daemon.post("/api/memory/remember", &json!({"content": "Kept nowhere"})).status;
    std::fs::rename(&file, &away).unwrap();
    assert_eq!(write(&daemon), 503, "moved");
    let ready = daemon.get("/health/ready");
    assert_eq!((ready.status, ready.json()["checks"]["database"].as_str()), (503, Some("fail")));
    assert!(ready.json()["reasons"][0].as_str().unwrap().contains("deleted, replaced or moved"));
    assert_eq!(daemon.get("/api/memories").status, 503);
    std::fs::copy(&away, &file).unwrap();
    assert_eq!(write(&daemon), 503, "another file of that name");
    std::fs::rename(&away, &file).unwrap();
    assert_eq!(write(&daemon), 200, "back again");
    std::fs::remove_file(daemon.workspace().join("memory/memories.db-wal")).unwrap();
    assert_eq!(write(&daemon), 503, "without its log");
    daemon.end(Signal::KILL);
    daemon.boot();
    assert_eq!(write(&daemon), 200);
}

#[test]
fn a_link_to_the_file_is_followed_for_its_log_too() {
    let mut daemon = Daemon::prepare(QUIET);
    let real = daemon.workspace().join("disk");
    std::fs::create_dir_all(&real).unwrap();
    std::fs::write(real.join("m.db"), b"").unwrap();
    std::os::unix::fs::symlink(real.join("m.db"), daemon.database()).unwrap();
    daemon.boot();
    daemon.remember("Written through a link");
    std::fs::remove_file(real.join("m.db-wal")).unwrap();
    assert_eq!(daemon.post("/api/memory/remember", &json!({"content": "Kept nowhere"})).status, 503);
}

#[test]
fn a_file_overwritten_in_its_place_is_told_from_a_fault_of_ours() {
    let mut daemon = Daemon::start(QUIET);
    let remember = |daemon: &Daemon, from: usize| {
        (from..from + 300).for_each(|n| drop(daemon.remember(&format!("Line {n} of the log"))))
    };
    remember(&daemon, 0);
    daemon.end(Signal::TERM);
    let backup = daemon.workspace().join("backup.db");
    std::fs::copy(daemon.database(), &backup).unwrap();
    daemon.boot();
    remember(&daemon, 300);
    daemon.end(Signal::TERM);
    daemon.boot();
    // as a person does who wants the older state back and forgets the daemon
    std::fs::write(daemon.database(), std::fs::read(&backup).unwrap()).unwrap();
    for n in 0..20 {
        let answer = daemon.post("/api/memory/remember", &json!({"content": format!("After the damage {n}")}));
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert!(answer.text().contains("overwritten"), "{}", answer.text());
    }
    assert_eq!(daemon.get("/health/live").status, 200);
}

#[test]
fn what_was_deleted_long_ago_goes_and_gives_its_room_back() {
    let mut daemon = Daemon::start(QUIET);
    let ids: Vec<String> = (0..30).map(|n| daemon.remember(&format!("{n} {}", "old news ".repeat(40)))).collect();
    for id in &ids[..29] {
        assert_eq!(daemon.send("DELETE", &format!("/api/memory/{id}?reason=r"), "").status, 200);
    }
    daemon.end(Signal::TERM);
    {
        let db = common::open(&daemon.database());
        let set = |deleted_at: &str, id: &str| {
            db.execute("UPDATE memories SET deleted_at = ?1 WHERE id = ?2", [deleted_at, id]).unwrap();
        };
        ids[..20].iter().for_each(|id| set("2020-01-01T00:00:00.000Z", id));
        // whose age nobody can tell
        for (id, odd) in ids[20..29].iter().zip(["", "11/25/2020", "1600000000000", "soon"].iter().cycle()) {
            set(odd, id);
        }
        let ledger = "INSERT INTO session_recall_events (session_key, item_kind, item_id, surface, mode, created_at)
                      VALUES (?1, 'memory', ?2, 'recall', 'auto', ?3)";
        for (session, at) in
            [("unseen", "2020-01-01T00:00:00.000Z"), ("odd", "long ago"), ("seen", "2020-01-01 00:00:00")]
        {
            db.execute(ledger, [session, "m1", at]).unwrap();
        }
        // one entry of late keeps the whole ledger of a session
        db.execute(ledger, ["seen", "m2", "9999-01-01T00:00:00.000Z"]).unwrap();
    }
    daemon.boot();
    let rows = |daemon: &Daemon, sql: &str| -> i64 {
        common::open(&daemon.database()).query_row(sql, [], |row| row.get(0)).unwrap()
    };
    eventually("the purge", || rows(&daemon, "SELECT COUNT(*) FROM memories WHERE is_deleted = 1") == 9);
    eventually("the ledgers of unseen sessions to go", || {
        rows(&daemon, "SELECT COUNT(*) FROM session_recall_events WHERE session_key = 'unseen'") == 0
    });
    assert_eq!(rows(&daemon, "SELECT COUNT(*) FROM session_recall_events"), 3);
    let history = daemon.get(&format!("/api/memory/{}/history", ids[0])).json();
    assert!(history["count"].as_i64() >= Some(1), "the event stays: {history}");
    assert!(!history.to_string().contains("old news"), "{history}");
    assert_eq!(rows(&daemon, "PRAGMA auto_vacuum"), 2);
    eventually("the free pages", || rows(&daemon, "PRAGMA freelist_count") < 8);
    assert_eq!(daemon.total(), 1);
}
