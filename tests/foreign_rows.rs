//! Rows that other programs wrote oddly, and rows whose removal or repetition once failed.

mod common;

use common::{Daemon, QUIET};
use serde_json::{Value, json};

/// Values that SQLite lets other programs put into any column.
const ODD: [&str; 6] = ["'high'", "x'ff00fe'", "'0.9 of 1'", "NULL", "9e999", "''"];

fn columns(daemon: &Daemon) -> Vec<(String, bool)> {
    let db = common::open(&daemon.database());
    let mut statement = db.prepare("SELECT name, \"notnull\" FROM pragma_table_info('memories')").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn a_value_of_the_wrong_type_in_any_column_fails_nothing() {
    let mut daemon = Daemon::start(&QUIET.replace("provider: none", "provider: native"));
    daemon.remember("The ferry leaves at dusk");
    let odd = daemon.remember("The ferry returns at dawn");
    for (column, not_null) in columns(&daemon) {
        if ["id", "content_hash", "scope"].contains(&column.as_str()) {
            continue;
        }
        for value in ODD {
            if not_null && value == "NULL" {
                continue;
            }
            let db = common::open(&daemon.database());
            let old: rusqlite::types::Value = db
                .query_row(&format!("SELECT \"{column}\" FROM memories WHERE id = ?1"), [&odd], |r| r.get(0))
                .unwrap();
            let set = db.execute(&format!("UPDATE memories SET \"{column}\" = {value} WHERE id = ?1"), [&odd]);
            if set.is_err() {
                continue;
            }
            for path in [
                "/api/memories",
                "/api/memories/most-used",
                "/memory/search?q=ferry",
                "/api/memory/timeline",
                "/api/memory/review-queue",
                "/api/embeddings",
                &format!("/api/memory/{odd}"),
                &format!("/memory/similar?id={odd}"),
            ] {
                let answer = daemon.get(path);
                assert!([200, 404, 400].contains(&answer.status), "{column} = {value}: {path}: {}", answer.text());
            }
            assert!(daemon.recall("ferry dusk").contains(&"The ferry leaves at dusk".to_owned()), "{column} = {value}");
            db.execute(&format!("UPDATE memories SET \"{column}\" = ?1 WHERE id = ?2"), rusqlite::params![old, odd])
                .unwrap();
        }
    }
    // what a start reads of them
    let db = common::open(&daemon.database());
    db.execute(
        "UPDATE memories SET importance = 'high', content = x'466572727920ff', created_at = 7 WHERE id = ?1",
        [&odd],
    )
    .unwrap();
    db.execute("UPDATE embeddings SET vector = 'text', dimensions = 'many' WHERE source_id = ?1", [&odd]).unwrap();
    daemon.end(rustix::process::Signal::TERM);
    daemon.boot();
    assert!(!daemon.recall("ferry at dusk").is_empty());
    let doctor = daemon.command(&["doctor"]).output().unwrap();
    assert!(
        String::from_utf8_lossy(&doctor.stdout).contains("importance"),
        "{}",
        String::from_utf8_lossy(&doctor.stdout)
    );
}

#[test]
fn an_agent_goes_with_all_its_rows_whatever_they_equal() {
    let daemon = Daemon::start(QUIET);
    for name in ["ann", "bob"] {
        daemon.post("/api/agents", &json!({"name": name}));
    }
    for agent in ["ann", "bob", "default"] {
        for (visibility, project) in [("private", "/p"), ("global", "/p"), ("private", "/q"), ("global", "/q")] {
            let body = json!({"content": "One sentence for all", "agentId": agent, "visibility": visibility, "project": project,
                "sourceId": "same", "idempotencyKey": format!("{agent}{visibility}{project}")});
            daemon.post("/api/memory/remember", &body);
        }
    }
    for name in ["ann", "bob"] {
        let gone = daemon.send("DELETE", &format!("/api/agents/{name}"), "");
        assert_eq!(gone.status, 200, "{}", gone.text());
    }
    assert!(daemon.total() >= 1);
    assert!(daemon.command(&["check"]).status().unwrap().success());
}

#[test]
fn long_content_is_saved_again_and_with_repeated_passages() {
    let daemon = Daemon::start(QUIET);
    let passage = "The lighthouse keeper writes the weather into his book every evening at nine. ".repeat(300);
    let other = "Nothing of the kind was seen at the southern pier in all that winter, he says. ".repeat(300);
    for content in [format!("{passage}{other}{passage}"), passage.clone(), format!("{other}{passage}"), passage] {
        for _ in 0..2 {
            let answer = daemon.post("/api/memory/remember", &json!({"content": content}));
            assert_eq!(answer.status, 200, "{}", answer.text());
            let ids = answer.json()["ids"].as_array().unwrap().clone();
            for id in &ids {
                assert_eq!(daemon.get(&format!("/api/memory/{}", id.as_str().unwrap())).status, 200);
            }
        }
    }
    let found = daemon.recall("southern pier winter");
    assert!(found.iter().any(|c| c.contains("southern pier")));
}

#[test]
fn large_filters_are_refused_or_served_but_never_a_fault() {
    let daemon = Daemon::start(QUIET);
    let tags: Vec<String> = (0..1500).map(|n| format!("t{n}")).collect();
    let long = "x".repeat(60_000);
    let tag_text = tags.join(",");
    for (method, path, body) in [
        ("GET", format!("/memory/search?q=a&tags={tag_text}"), Value::Null),
        ("GET", format!("/memory/search?q={long}"), Value::Null),
        ("GET", format!("/memory/search?q=a&tags={long}"), Value::Null),
        ("GET", format!("/api/memory/search?q={long}"), Value::Null),
        ("POST", "/api/memory/recall".into(), json!({"query": "a", "tags": tag_text})),
        ("POST", "/api/memory/recall".into(), json!({"query": long})),
        ("POST", "/api/memory/recall".into(), json!({"query": "a", "tags": [long]})),
        ("POST", "/api/memory/recall".into(), json!({"query": "a", "who": long, "type": long, "project": long})),
        ("POST", "/api/memory/forget".into(), json!({"query": long})),
        ("POST", "/api/memory/forget".into(), json!({"query": "a", "tags": tag_text})),
        ("POST", "/api/memory/forget".into(), json!({"ids": tags, "reason": "r"})),
        ("POST", "/api/memory/remember".into(), json!({"content": "a", "tags": tags})),
        ("POST", "/api/memory/remember".into(), json!({"content": "b", "tags": [long]})),
    ] {
        let answer = if body.is_null() { daemon.send(method, &path, "") } else { daemon.post(&path, &body) };
        assert!(
            [200, 202, 400, 413, 414, 431].contains(&answer.status),
            "{method} {}: {}",
            &path[..40.min(path.len())],
            answer.status
        );
    }
}

#[test]
fn half_characters_cost_nothing_on_any_route_that_takes_text() {
    let daemon = Daemon::start(QUIET);
    let saved = daemon.send("POST", "/api/memory/remember", r#"{"content":"half \ud83d an emoji","tags":["\udc00"]}"#);
    assert_eq!(saved.status, 200, "{}", saved.text());
    for (path, body) in [
        ("/api/memory/recall", r#"{"query":"half \ud83d emoji"}"#),
        ("/api/memory/remember", r#"{"content":"whole \ud83d\ude00","\ud83d":1}"#),
        ("/api/config", r#"{"file":"MEMORY.md","content":"half \ud83d"}"#),
        ("/api/agents", r#"{"name":"ann","readPolicy":"isolated"}"#),
    ] {
        let answer = daemon.send("POST", path, body);
        assert!(answer.status < 300, "{path} {body}: {}", answer.text());
    }
    assert_eq!(daemon.recall("half emoji")[0], "half \u{fffd} an emoji");
}

#[test]
fn times_reach_from_the_first_to_the_last_year() {
    let daemon = Daemon::start(QUIET);
    for (at, status) in [
        ("9999-12-31T23:59:59Z", 200),
        ("9999-12-31T23:59:59.500001Z", 200),
        ("2026-05-04", 200),
        ("2026-05-04T10:00:00+05:30", 200),
        ("2026-05-04T10:00:00-11:00", 200),
        ("+10000-01-01T00:00:00Z", 400),
        ("2026-13-01", 400),
        ("yesterday", 400),
    ] {
        let answer = daemon.post("/api/memory/remember", &json!({"content": format!("Seen at {at}"), "createdAt": at}));
        assert_eq!(answer.status, status, "{at}: {}", answer.text());
    }
    let found = |start: &str, end: &str| {
        let body = json!({"query": "Seen at", "time": {"start": start, "end": end}, "limit": 20});
        let answer = daemon.post("/api/memory/recall", &body);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let results = answer.json()["results"].as_array().unwrap().clone();
        results.iter().map(|r| r["content"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found("9999-01-01", "9999-12-31").len(), 2);
    // 10:00 at +05:30 is 04:30 UTC, and at -11:00 is 21:00
    assert_eq!(found("2026-05-04T04:00:00Z", "2026-05-04T05:00:00Z"), ["Seen at 2026-05-04T10:00:00+05:30"]);
    assert_eq!(found("2026-05-04", "2026-05-04").len(), 3, "a bare end is the whole day");
}
