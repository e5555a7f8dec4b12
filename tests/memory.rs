//! The memory routes by hand: what the conformance cases do not say.

mod common;

use common::{Daemon, QUIET};
use serde_json::json;

#[test]
fn concurrent_identical_writes_are_one_memory() {
    let daemon = Daemon::start(QUIET);
    let answers: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| daemon.post("/api/memory/remember", &json!({"content": "One and only"})).json()))
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert_eq!(answers.iter().filter(|a| a["deduped"].is_null()).count(), 1);
    assert!(answers.iter().all(|a| a["id"] == answers[0]["id"]));
    assert_eq!(daemon.total(), 1);
}

#[test]
fn a_recall_looks_past_the_best_matches_of_others() {
    let daemon = Daemon::start(QUIET);
    for n in 0..700 {
        let body = json!({"content": format!("Heron heron heron sighting number {n}"), "agentId": "warden", "visibility": "private"});
        assert_eq!(daemon.post("/api/memory/remember", &body).status, 200);
    }
    daemon.remember("A long note in which a single heron is only mentioned among many other words of the marsh");
    let found = daemon.recall("heron");
    assert_eq!(found.len(), 1, "{found:?}");
    // and the score is held against what the caller may see
    let answer = daemon.post("/api/memory/recall", &json!({"query": "heron"})).json();
    assert_eq!(answer["results"][0]["score"].as_f64().map(|s| s >= 1.0), Some(true), "{answer}");
}

#[test]
fn deleted_memories_are_in_no_list() {
    let daemon = Daemon::start(QUIET);
    let id = daemon.remember("The violin is in the attic");
    daemon.recall("violin");
    assert_eq!(daemon.send("DELETE", &format!("/api/memory/{id}?reason=r"), "").status, 200);
    assert!(daemon.recall("violin").is_empty());
    for path in ["/api/memories/most-used", "/api/memories"] {
        assert_eq!(daemon.get(path).json()["memories"], json!([]), "{path}");
    }
    for path in ["/memory/search?q=violin", "/memory/search?type=fact"] {
        assert_eq!(daemon.get(path).json()["results"], json!([]), "{path}");
    }
    assert_eq!(daemon.get("/memory/search?distinct=who").json()["values"], json!([]));
}

#[test]
fn structured_claims_reach_the_graph_and_newer_ones_replace_older() {
    let daemon = Daemon::start(QUIET);
    let claim = |text: &str, at: &str| {
        json!({
            "content": format!("Notes: {text}"), "createdAt": at,
            "structured": {
                "entities": [{"source": "Harbour Office", "sourceType": "place", "relationship": "hosts", "target": "Ada", "targetType": "person"}],
                "aspects": [{"entityName": "Harbour Office", "entityType": "place", "aspect": "size",
                             "attributes": [{"content": text, "claimKey": "desk count"}]}],
            },
        })
    };
    let first = daemon.post("/api/memory/remember", &claim("the office has 20 desks", "2024-01-01")).json();
    assert_eq!((first["structured"].clone(), first["entities_linked"].clone()), (json!(true), json!(2)));
    daemon.post("/api/memory/remember", &claim("the office has 30 desks", "2024-02-01"));
    let db = common::open(&daemon.database());
    let states: Vec<(String, String)> = db
        .prepare("SELECT content, status FROM entity_attributes ORDER BY created_at")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(
        states,
        [("the office has 20 desks".into(), "superseded".into()), ("the office has 30 desks".into(), "active".into())]
    );
    let linked = daemon.remember("Met with Ada about the pier");
    let mentions: i64 = db
        .query_row("SELECT COUNT(*) FROM memory_entity_mentions WHERE memory_id = ?1", [linked], |row| row.get(0))
        .unwrap();
    assert_eq!(mentions, 1);
}

#[test]
fn a_memory_is_found_by_its_structured_claims() {
    let daemon = Daemon::start(QUIET);
    let body = json!({
        "content": "Minutes of the Tuesday round",
        "structured": {"aspects": [{"entityName": "Harbour Office", "entityType": "place", "aspect": "database",
            "attributes": [{"content": "runs postgres in the basement", "importance": 0.9, "confidence": 1.0}]}]},
    });
    daemon.post("/api/memory/remember", &body);
    daemon.remember("Lunch was late");
    let answer = daemon.post("/api/memory/recall", &json!({"query": "postgres basement database"})).json();
    assert_eq!(answer["results"][0]["content"], "Minutes of the Tuesday round", "{answer}");
    assert_eq!(answer["results"][0]["source"], "structured");
}

#[test]
fn other_forms_and_misspelt_words_find_a_memory_when_nothing_else_does() {
    let daemon = Daemon::start(QUIET);
    let javier = "Javier counted the pelicans at the bay";
    for text in [javier, "Deployments happen on Thursdays", "Nothing here is planned"] {
        daemon.remember(text);
    }
    for (question, found) in [
        ("pelican", javier),
        ("counts pelican", javier),
        ("deploying", "Deployments happen on Thursdays"),
        ("javeir", javier),
        ("deploiments", "Deployments happen on Thursdays"),
    ] {
        assert_eq!(daemon.recall(question), [found], "{question}");
    }
    for question in ["zebra", "plane", "javelin"] {
        assert!(daemon.recall(question).is_empty(), "{question}");
    }
}

#[test]
fn a_memory_whose_key_is_in_use_again_is_not_recovered() {
    let daemon = Daemon::start(QUIET);
    let remember = |text: &str| {
        let body = json!({"content": text, "idempotencyKey": "k"});
        daemon.post("/api/memory/remember", &body).json()["id"].as_str().unwrap().to_owned()
    };
    let first = remember("The first draft");
    assert_eq!(daemon.send("DELETE", &format!("/api/memory/{first}?reason=r"), "").status, 200);
    let second = remember("The second draft");
    let refused = daemon.post(&format!("/api/memory/{first}/recover"), &json!({"reason": "r"}));
    assert_eq!(refused.status, 409);
    assert_eq!(refused.json()["duplicateMemoryId"], json!(second));
}

#[test]
fn what_others_have_does_not_decide_how_ones_own_memories_are_searched() {
    let daemon = Daemon::start(QUIET);
    for text in ["Heron ledger of the marsh", "Javeir was here"] {
        let body = json!({"content": text, "agentId": "warden", "visibility": "private"});
        assert_eq!(daemon.post("/api/memory/remember", &body).status, 200);
    }
    daemon.remember("Heron nests in the reeds");
    daemon.remember("Javier counted them");
    // all words, or the very word, are in memories of another agent only
    assert_eq!(daemon.recall("heron ledger"), ["Heron nests in the reeds"]);
    assert_eq!(daemon.recall("javeir"), ["Javier counted them"]);
}

#[test]
fn odd_characters_in_a_question_are_no_error() {
    let daemon = Daemon::start(QUIET);
    let note = daemon.remember("Harbour note");
    for question in
        ["\0", "harbour\0note", "\u{1}harbour", "'; DROP TABLE memories", "NEAR(harbour", "harbour AND", "%_%"]
    {
        let answer = daemon.post("/api/memory/recall", &json!({ "query": question }));
        assert_eq!(answer.status, 200, "{question:?}: {}", answer.text());
    }
    assert_eq!(daemon.recall("harbour\0note").len(), 1);
    assert_eq!(daemon.get(&format!("/api/memory/{note}")).status, 200);
}
