//! Every statement that a request runs is explained: none reads a whole table of rows.

mod common;

use common::{Daemon, QUIET};
use serde_json::{Value, json};

/// Tables that grow with what people save.
const LARGE: [&str; 18] = [
    "memories",
    "memory_history",
    "embeddings",
    "entities",
    "entity_attributes",
    "entity_aspects",
    "memory_entity_mentions",
    "memory_hints",
    "session_recall_events",
    "memory_artifacts",
    "temporal_edges",
    "memory_jobs",
    "session_transcripts",
    "session_summaries",
    "session_checkpoints",
    "session_memories",
    "summary_jobs",
    "transcript_capture_jobs",
];

/// Statements that look at all rows because that is what they are asked for: parts of their text, and why.
const ALL_ROWS: &[(&str, &str)] = &[
    ("LIKE", "a text that is no full-text expression is looked for in every row"),
    ("COUNT(*)", "a total is a count of all"),
    ("GROUP BY", "a sum over all"),
    ("SELECT EXISTS (SELECT 1 FROM", "ends at the first row"),
    ("INSERT INTO signetd_terms_due", "once, when a file lacks the table"),
];

fn play(daemon: &Daemon) {
    let mut ids = Vec::new();
    for n in 0..30 {
        let body = json!({
            "content": format!("Ada wrote note {n} about the harbour in Bern"), "tags": "a,b", "project": "/p", "sourceId": format!("s{n}"),
            "idempotencyKey": format!("k{n}"), "hints": ["who wrote"], "createdAt": "2026-05-04T10:00:00Z",
            "structured": {"entities": [{"source": "Ada", "relationship": "writes", "target": "Bern"}],
                "aspects": [{"entityName": "Ada", "aspect": "notes", "attributes": [{"content": format!("note number {n}"), "claimKey": "note_number"}]}]},
        });
        ids.push(daemon.post("/api/memory/remember", &body).json()["id"].as_str().unwrap().to_owned());
    }
    daemon.post("/api/memory/remember", &json!({"content": "Long passage. ".repeat(2000)}));
    for route in daemon.routes() {
        let path = route[1].replace(":id", &ids[0]).replace(":name", "ann");
        for more in [
            "?reason=r",
            "?q=harbour&tags=a&since=2020-01-01&limit=5&agentId=ann&project=/p",
            &format!("?id={}&k=3&query=Ada", ids[1]),
        ] {
            daemon.send(&route[0], &format!("{path}{more}"), r#"{"reason":"r","name":"ann","readPolicy":"shared"}"#);
        }
    }
    for body in [
        json!({"query": "harbour Ada", "sessionKey": "s", "project": "/p", "expand": true}),
        json!({"query": "what did Ada write on 4 May 2026?"}),
        json!({"query": "harbor", "time": {"start": "2026-05-01", "end": "2026-06-01"}, "tags": "a", "type": "fact", "who": "ada"}),
        json!({"query": "港", "pinned": true, "importance_min": 0.1, "since": "2020-01-01", "sourceOnly": true}),
    ] {
        daemon.post("/api/memory/recall", &body);
    }
    daemon.post("/api/memory/forget", &json!({"query": "harbour", "mode": "preview", "project": "/p"}));
    daemon.post("/api/memory/forget", &json!({"ids": [ids[2]], "mode": "execute", "reason": "r"}));
    daemon.post(
        "/api/memory/modify",
        &json!({"reason": "r", "patches": [{"id": ids[3], "content": "Changed content here"}]}),
    );
    daemon.post("/api/memory/feedback", &json!({"sessionKey": "s", "feedback": {ids[4].as_str(): 1}}));
    play_a_session(daemon, &json!({"harness": "pi", "sessionKey": "s", "project": "/p", "runtimePath": "plugin"}));
    play_a_session(daemon, &json!({"harness": "pi", "sessionKey": "agent:ann:subagent:x", "project": "/p"}));
    daemon.send("DELETE", "/api/agents/ann?purge=true", "");
}

/// A conversation from its beginning to its end, and what is looked at of it.
fn play_a_session(daemon: &Daemon, call: &Value) {
    let hook = |name: &str, more: Value| {
        let mut body = call.clone();
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        daemon.post(&format!("/api/hooks/{name}"), &body).expect(200);
    };
    let said = (0..20)
        .map(|n| format!("User: Question {n} about the harbour in Bern?\nAssistant: Answer {n}."))
        .collect::<Vec<_>>();
    hook("session-start", json!({"source": "startup"}));
    hook("user-prompt-submit", json!({"userMessage": "What did Ada write about the harbour?"}));
    hook("user-prompt-submit", json!({"userMessage": "And then?", "transcript": said.join("\n")}));
    hook("session-checkpoint-extract", json!({"transcript": said.join("\n")}));
    hook("pre-compaction", json!({"sessionContext": "half way"}));
    hook("compaction-complete", json!({"summary": "We talked about the harbour in Bern."}));
    hook("user-prompt-submit", json!({"userMessage": "Go on with the harbour"}));
    hook("session-start", json!({"source": "clear"}));
    hook("session-end", json!({"transcript": said.join("\n"), "cwd": "/p"}));
    daemon.post(
        "/api/hooks/skill-invocation",
        &json!({"harness": "pi", "skill": "x", "sessionId": "s", "toolUseId": "t"}),
    );
    let key = call["sessionKey"].as_str().unwrap();
    let agent = if key == "s" { "default" } else { "ann" };
    for path in ["transcript", "blackbox"] {
        daemon.get(&format!("/api/sessions/{key}/{path}?agent_id={agent}"));
    }
    daemon
        .post("/api/sessions/search", &json!({"query": "harbour Bern", "agentId": agent, "project": "/p"}))
        .expect(200);
    daemon.post("/api/sessions/search", &json!({"query": "arbou", "agentId": agent})).expect(200);
    let summaries =
        daemon.get(&format!("/api/sessions/summaries?agent_id={agent}&project=/p&depth=0")).expect(200).json();
    let id = &summaries["summaries"][0]["id"];
    daemon.post("/api/sessions/summaries/expand", &json!({"id": id, "agentId": agent})).expect(200);
    daemon.get(&format!("/api/checkpoints?project=/p&agent_id={agent}")).expect(200);
    daemon.post("/api/hooks/synthesis", &json!({"agentId": agent})).expect(200);
}

#[test]
fn no_statement_of_a_request_reads_all_rows_of_a_large_table() {
    let config = QUIET.replace("provider: none", "provider: native").replace("enabled: false", "enabled: true");
    let mut daemon = Daemon::prepare(&config);
    let log = daemon.workspace().join("statements");
    daemon.boot_with(|command| {
        command.env("SIGNETD_TRACE_SQL", &log);
    });
    play(&daemon);
    daemon.end(rustix::process::Signal::TERM);
    let mut statements: Vec<String> = std::fs::read_to_string(&log)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap().as_str().unwrap().to_owned())
        .filter(|text| {
            ["SELECT", "UPDATE", "DELETE", "INSERT", "WITH"].iter().any(|verb| text.trim_start().starts_with(verb))
        })
        .collect();
    statements.sort();
    statements.dedup();
    assert!(statements.len() > 100, "only {} statements were seen", statements.len());
    let db = common::open(&daemon.database());
    let mut wrong = Vec::new();
    for text in &statements {
        let Ok(mut explained) = db.prepare(&format!("EXPLAIN QUERY PLAN {text}")) else { continue };
        let unbound = rusqlite::params_from_iter((0..explained.parameter_count()).map(|_| rusqlite::types::Null));
        let plan: Vec<String> = explained.query_map(unbound, |row| row.get(3)).unwrap().map(Result::unwrap).collect();
        // an alias stands in the plan instead of the table's name
        let names = |line: &str| {
            let name = line.strip_prefix("SCAN ")?.split(' ').next()?.to_owned();
            let table = LARGE.iter().find(|t| {
                **t == name || text.contains(&format!("{t} {name}")) || text.contains(&format!("{t} AS {name}"))
            });
            table.map(|table| format!("{table}: {line}"))
        };
        let by_index = |line: &str| line.contains("USING");
        let limited =
            text.contains("ORDER BY") && text.contains("LIMIT") && !plan.iter().any(|l| l.contains("TEMP B-TREE"));
        let scans: Vec<String> =
            plan.iter().filter(|line| !(by_index(line) && limited)).filter_map(|line| names(line)).collect();
        if !scans.is_empty() && !ALL_ROWS.iter().any(|(part, _)| text.contains(part)) {
            wrong.push(format!("{scans:?}\n    {}", text.split_whitespace().collect::<Vec<_>>().join(" ")));
        }
    }
    assert!(wrong.is_empty(), "{} of {} statements:\n{}", wrong.len(), statements.len(), wrong.join("\n"));
}
