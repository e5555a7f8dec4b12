//! Recall beyond words and vectors: the graph, superseded claims, rationales, sources, a model.

mod common;

use std::io::Write;

use common::{Daemon, QUIET, open, upstream};
use serde_json::{Value, json};

fn line<'a>(answer: &'a Value, id: &str) -> &'a Value {
    let lines = answer["results"].as_array().expect("results");
    lines.iter().find(|l| l["id"] == id).unwrap_or_else(|| panic!("no {id} in {answer}"))
}

#[test]
fn a_walk_from_the_named_entity_finds_what_no_word_does() {
    let daemon = Daemon::start(QUIET);
    let us = daemon.as_nobody();
    let id = us.memory("Minutes of round nine").claims("Harbour Office", "heating", &[("gas boiler", 0.9)]).save();
    daemon.remember("Lunch was late");
    let answer = us.ask(&json!({"query": "harbour"}));
    assert_eq!(line(&answer, &id)["source"], "traversal", "{answer}");
    assert_eq!(answer["entities"][0]["name"], "Harbour Office");
    assert_eq!(answer["entities"][0]["aspects"][0]["attributes"][0]["content"], "gas boiler");
    let card = line(&answer, "constructed:Harbour Office");
    assert_eq!(card["content"], "[Harbour Office (place)]\n- heating: gas boiler");
    assert!(card["score"].as_f64() < line(&answer, &id)["score"].as_f64(), "{answer}");
    let full = us.ask(&json!({"query": "harbour", "limit": 1}));
    assert_eq!(full["results"].as_array().map(Vec::len), Some(1), "cards only fill room: {full}");
    let none = us.ask(&json!({"query": "weather"}));
    assert!(none["entities"].is_null() && none["results"] == json!([]), "{none}");
}

#[test]
fn a_link_is_followed_once() {
    let daemon = Daemon::start(QUIET);
    let us = daemon.as_nobody();
    us.memory("Two offices")
        .claims("Harbour Office", "post", &[("box 4", 0.5)])
        .claims("Pier Canteen", "post", &[("box 5", 0.5)])
        .save();
    let far = us.memory("Menu of round two").claims("Pier Canteen", "kitchen", &[("new ovens", 0.9)]).save();
    // such a link is made with too little confidence × strength to be followed
    let db = open(&daemon.database());
    assert!(!us.ask(&json!({"query": "harbour"})).to_string().contains(&far));
    db.execute("UPDATE entity_dependencies SET strength = 0.9, confidence = 0.9", []).expect("an update");
    assert_eq!(line(&us.ask(&json!({"query": "harbour"})), &far)["source"], "traversal");
}

#[test]
fn the_graph_shows_nothing_of_memories_that_may_not_be_read() {
    let daemon = Daemon::start(QUIET);
    let us = daemon.as_nobody();
    us.memory("Plan of the vault")
        .claims("Harbour Office", "vault", &[("behind the map", 0.9)])
        .project("/secret")
        .save();
    us.memory("Plan of the tank").claims("Harbour Office", "water", &[("on the roof", 0.9)]).project("/open").save();
    let gone = us.memory("Plan of the attic").claims("Harbour Office", "attic", &[("full of rope", 0.9)]).save();
    us.delete(&format!("/api/memory/{gone}?reason=r")).expect(200);
    let answer = us.ask(&json!({"query": "harbour office", "project": "/open"})).to_string();
    assert!(answer.contains("on the roof") && !answer.contains("behind the map"), "{answer}");
    assert!(!answer.contains("full of rope") && !answer.contains("Plan of the vault"), "{answer}");
    let stranger = us.ask(&json!({"query": "harbour office", "agentId": "stranger"}));
    assert_eq!((&stranger["results"], stranger["entities"].is_null()), (&json!([]), true), "{stranger}");
}

#[test]
fn without_a_primary_walk_the_graph_raises_what_it_is_linked_to() {
    let config = format!("{QUIET}    traversal: {{ primary: false }}\n");
    let daemon = Daemon::start(&config);
    let us = daemon.as_nobody();
    let id = us.memory("Minutes of round nine").claims("Harbour Office", "heating", &[("gas boiler", 0.9)]).save();
    let answer = us.ask(&json!({"query": "harbour"}));
    assert_eq!(line(&answer, &id)["source"], "ka_traversal", "{answer}");
}

#[test]
fn a_memory_whose_claims_were_superseded_says_so() {
    let daemon = Daemon::start(QUIET);
    let us = daemon.as_nobody();
    let old = us
        .memory("Desks counted first")
        .claims("Harbour Office", "size", &[("the office has 20 desks", 0.5)])
        .with("createdAt", "2024-01-01")
        .save();
    let new = us
        .memory("Desks counted again")
        .claims("Harbour Office", "size", &[("the office has 30 desks", 0.5)])
        .with("createdAt", "2024-02-01")
        .save();
    let answer = us.ask(&json!({"query": "desks counted"}));
    let (old, new) = (line(&answer, &old), line(&answer, &new));
    assert_eq!(
        old["content"],
        "[Signet currentness]\nSuperseded: the office has 20 desks (now: the office has 30 desks)\n\nDesks counted first"
    );
    assert_eq!((new["content"].as_str(), old["content_length"].as_i64()), (Some("Desks counted again"), Some(19)));
    assert!(new["score"].as_f64() > old["score"].as_f64(), "{answer}");
}

#[test]
fn decisions_come_with_their_reasons() {
    let daemon = Daemon::start(QUIET);
    let us = daemon.as_nobody();
    us.memory("Notes").claims("Harbour Office", "heating", &[("gas boiler", 0.5)]).save();
    let decision = daemon.remember("We decided that Harbour Office gets a boiler");
    let reason = daemon.remember("Winters near Harbour Office are cold");
    us.patch(&format!("/api/memory/{reason}"), &json!({"type": "rationale", "reason": "why"})).expect(200);
    let answer = us.ask(&json!({"query": "decided boiler"}));
    assert_eq!(answer["results"][0]["id"], json!(decision));
    let line = line(&answer, &reason);
    assert_eq!(
        (&line["source"], &line["supplementary"], line["score"].as_f64()),
        (&json!("graph"), &json!(true), Some(0.0))
    );
    assert_eq!(answer["meta"]["hasSupplementary"], true);
    let narrow = us.ask(&json!({"query": "decided boiler", "type": "decision"}));
    assert!(!narrow.to_string().contains(&reason), "a filter is for every row: {narrow}");
}

const ARTIFACTS: &str = "
    INSERT INTO memory_artifacts (agent_id, source_path, source_sha256, source_kind, session_id, session_token, harness,
        captured_at, content, updated_at, is_deleted)
    VALUES
      ('default', '/v/Tides.md', 'x', 'source_obsidian_markdown', 's', 't', 'obsidian', '2024-01-01', 'Spring tides reach five metres', '2024-01-01', 0),
      ('default', '/v/Gone.md', 'x', 'source_obsidian_markdown', 's', 't', 'obsidian', '2024-01-01', 'Spring tides of old', '2024-01-01', 1),
      ('other', '/v/Foreign.md', 'x', 'source_obsidian_markdown', 's', 't', 'obsidian', '2024-01-01', 'Spring tides elsewhere', '2024-01-01', 0),
      ('default', '/s/summary.md', 'x', 'summary', 's', 't', 'codex', '2024-01-01', 'Spring tides of a session', '2024-01-01', 0),
      ('default', '/c/MEMORY.md', 'x', 'native_memory_registry', 's', 't', 'codex', '2024-01-01', 'Check spring tides first', '2024-01-01', 0);";

#[test]
fn sources_fill_the_room_that_memories_leave() {
    let daemon = Daemon::start(QUIET);
    let us = daemon.as_nobody();
    open(&daemon.database()).execute_batch(ARTIFACTS).expect("artifacts");
    let memory = daemon.remember("The spring tides come on Sunday");
    let answer = us.ask(&json!({"query": "spring tides"}));
    let sources: Vec<_> = answer["results"].as_array().unwrap().iter().map(|l| l["source"].as_str().unwrap()).collect();
    assert_eq!(sources.len(), 3, "{answer}");
    assert_eq!(answer["results"][0]["id"], json!(memory));
    assert!(sources.contains(&"source_obsidian") && sources.contains(&"native_memory"), "{answer}");
    let note = answer["results"].as_array().unwrap().iter().find(|l| l["source"] == "source_obsidian").unwrap();
    assert_eq!(note["content"], "[Obsidian vault note: /v/Tides.md]\nSpring tides reach five metres");
    assert_eq!((&note["supplementary"], &note["source_path"]), (&json!(true), &json!("/v/Tides.md")));
    assert_eq!(note["tags"], "obsidian,source,source_obsidian_markdown");
    let only = us.ask(&json!({"query": "spring tides", "sourceOnly": true}));
    assert_eq!(only["results"].as_array().map(Vec::len), Some(2), "{only}");
    for narrow in [json!({"query": "spring tides", "limit": 1}), json!({"query": "spring tides", "type": "fact"})] {
        assert_eq!(us.ask(&narrow)["results"].as_array().map(Vec::len), Some(1), "{narrow}");
    }
    let session = json!({"query": "spring tides", "sessionKey": "s-1"});
    assert_eq!(us.ask(&session)["results"].as_array().map(Vec::len), Some(3));
    let again = us.ask(&session);
    assert_eq!((&again["results"], &again["meta"]["dedupe"]["suppressed"]), (&json!([]), &json!(3)), "{again}");
}

#[test]
fn chunks_of_sources_are_found_by_meaning() {
    let daemon = Daemon::start("memory:\n  pipelineV2:\n    enabled: false\n");
    let us = daemon.as_nobody();
    let text = "The physician prescribed new pills for the blood pressure";
    let id = daemon.remember(text);
    assert_eq!(daemon.get("/api/embeddings?vectors=true").json()["total"], 1);
    us.delete(&format!("/api/memory/{id}?reason=r")).expect(200);
    open(&daemon.database())
        .execute(
            "UPDATE embeddings SET source_type = 'source_chunk', source_id = 'vault:note', agent_id = 'default',
               chunk_text = 'source_provider: obsidian' || char(10) || 'source_path: /v/Health.md' || char(10, 10) || ?1",
            [text],
        )
        .expect("a chunk");
    let answer = us.ask(&json!({"query": "what medicine did the doctor give"}));
    let line = &answer["results"][0];
    assert_eq!(
        (&line["source"], &line["source_path"]),
        (&json!("source_obsidian"), &json!("/v/Health.md")),
        "{answer}"
    );
    assert_eq!((&line["type"], &answer["method"]), (&json!("source_obsidian_chunk"), &json!("hybrid")));
    let narrowed = us.ask(&json!({"query": "medicine doctor", "project": "/p"}));
    assert_eq!(narrowed["results"], json!([]));
}

#[test]
fn a_model_may_judge_the_candidates_and_sum_them_up() {
    let port = upstream::start(|_, body| {
        let text = if body.contains("scores") { "{\"scores\": [0.0, 1.0]}" } else { "Boats are kept dry." };
        ("200 OK", json!({"choices": [{"message": {"content": text}}]}))
    });
    let config = format!("{}{QUIET}    reranker: {{ useExtractionModel: true }}\n", common::inference(port));
    let daemon = Daemon::start(&config);
    let us = daemon.as_nobody();
    daemon.remember("Boats boats boats in the boat house");
    daemon.remember("Two boats lie in a very long list of many other things that are kept in sheds here");
    let answer = us.ask(&json!({"query": "boats"}));
    let lines = answer["results"].as_array().unwrap();
    assert_eq!((&lines[0]["source"], &lines[0]["content"]), (&json!("llm_summary"), &json!("Boats are kept dry.")));
    assert!(lines[0]["id"].as_str().unwrap().starts_with("summary:"), "{answer}");
    // without the model the first memory is the better match; it scored 0
    assert!(lines[1]["score"].as_f64() >= lines[2]["score"].as_f64(), "{answer}");
    assert!(lines.iter().any(|l| l["score"].as_f64() == Some(0.65)), "{answer}");
}

#[test]
fn a_model_that_hangs_costs_the_order_nothing_and_starves_no_other_recall() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("an address").port();
    let daemon = Daemon::start(&format!("{}{QUIET}", common::inference(port)));
    let us = daemon.as_nobody();
    daemon.remember("Boats are in the boat house");
    let body = json!({"query": "boats", "aggregate": true}).to_string();
    let length = body.len();
    let request =
        format!("POST /api/memory/recall HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\n\r\n{body}");
    // more aggregates wait for the model than there are workers in any lane
    let mut waiting: Vec<_> = (0..12).map(|_| daemon.connect()).collect();
    for stream in &mut waiting {
        stream.write_all(request.as_bytes()).expect("a request");
    }
    silent.accept().expect("the first aggregate asks the model");
    for _ in 0..3 {
        assert_eq!(us.ask(&json!({"query": "boats"}))["results"].as_array().map(Vec::len), Some(1));
    }
    // had recall waited for a worker, the aggregates would have been given up before
    assert!(waiting.iter().all(common::is_unanswered), "recall waited for the model");
}
