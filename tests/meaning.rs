//! Recall by meaning through the real binary: the embedded model, servers, changes of model.

mod common;

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use common::{Daemon, eventually, open, upstream};
use rustix::process::Signal;
use serde_json::{Value, json};

/// Only the pipeline off: embeddings are the default, the embedded model.
const NATIVE: &str = "memory:\n  pipelineV2:\n    enabled: false\n";

fn recall(daemon: &Daemon, query: &str) -> Value {
    daemon.post("/api/memory/recall", &json!({ "query": query })).json()
}

fn is_hybrid(daemon: &Daemon, query: &str) -> bool {
    let answer = recall(daemon, query);
    answer["method"] == "hybrid" && answer["results"].as_array().is_some_and(|r| !r.is_empty())
}

#[test]
fn memories_are_found_by_meaning_with_no_server() {
    let daemon = Daemon::start(NATIVE);
    for text in [
        "Grandmother's physician prescribed new pills for her blood pressure",
        "The garage mended the car's brakes on Thursday",
        "We planted tomatoes and basil behind the shed",
    ] {
        daemon.remember(text);
    }
    for (question, word) in [
        ("what medicine did the doctor give", "pills"),
        ("vehicle repair", "brakes"),
        ("vegetables in the garden", "tomatoes"),
    ] {
        let found = recall(&daemon, question);
        let first = found["results"][0]["content"].as_str().unwrap_or_default();
        assert!(first.contains(word), "{question}: {found}");
    }
    let status = daemon.get("/api/embeddings/status").json();
    assert_eq!((status["provider"].as_str(), status["available"].as_bool()), (Some("native"), Some(true)));
    assert_eq!(status["dimensions"], 256);
    assert_eq!(daemon.get("/api/embeddings/health").json()["status"], "healthy");
    let exported = daemon.get("/api/embeddings?vectors=true").json();
    assert_eq!(exported["total"], 3);
    assert_eq!(exported["embeddings"][0]["vector"].as_array().map(Vec::len), Some(256));
}

#[test]
fn changes_and_deletes_reach_the_index_at_once_and_after_a_restart() {
    let mut daemon = Daemon::start(NATIVE);
    let id = daemon.remember("The ferry leaves from the northern pier");
    daemon.remember("Bread is baked before sunrise");
    let body = json!({"content": "Invoices are filed in the blue cabinet", "reason": "moved"});
    assert_eq!(daemon.send("PATCH", &format!("/api/memory/{id}"), &body.to_string()).status, 200);
    let first = |daemon: &Daemon, query: &str| recall(daemon, query)["results"][0]["id"].as_str().map(str::to_owned);
    assert_eq!(first(&daemon, "an invoice in the cupboard").as_deref(), Some(id.as_str()));
    assert_ne!(first(&daemon, "boat departure").as_deref(), Some(id.as_str()));
    daemon.end(Signal::KILL);
    daemon.boot();
    eventually("the index", || is_hybrid(&daemon, "an invoice in the cupboard"));
    assert_eq!(first(&daemon, "an invoice in the cupboard").as_deref(), Some(id.as_str()));
    assert_eq!(daemon.send("DELETE", &format!("/api/memory/{id}?reason=r"), "").status, 200);
    assert_ne!(first(&daemon, "an invoice in the cupboard").as_deref(), Some(id.as_str()));
}

#[test]
fn other_agents_and_scopes_are_not_found_by_meaning() {
    let daemon = Daemon::start(NATIVE);
    let secret =
        json!({"content": "The physician hides the pills in the attic", "agentId": "nurse", "visibility": "private"});
    daemon.post("/api/memory/remember", &secret);
    let scoped = json!({"content": "The doctor keeps medicine in the cellar", "scope": "clinic"});
    daemon.post("/api/memory/remember", &scoped);
    daemon.remember("The hospital pharmacy opens at nine");
    let found = recall(&daemon, "where does the doctor keep medicine");
    let contents: Vec<&str> =
        found["results"].as_array().unwrap().iter().map(|r| r["content"].as_str().unwrap()).collect();
    assert_eq!(contents, ["The hospital pharmacy opens at nine"]);
    let own = json!({"query": "where does the doctor keep medicine", "agentId": "nurse"});
    let own = daemon.post("/api/memory/recall", &own).json();
    assert!(own["results"][0]["content"].as_str().unwrap().contains("attic"));
}

#[test]
fn a_database_with_vectors_of_another_model_is_searched_at_once_and_embedded_anew() {
    let mut daemon = Daemon::start("embedding:\n  provider: none\nmemory:\n  pipelineV2:\n    enabled: false\n");
    for n in 0..300 {
        daemon.remember(&format!("Log entry {n}: the physician prescribed pills to patient {n}"));
    }
    daemon.end(Signal::TERM);
    let db = open(&daemon.database());
    db.execute_batch(
        "UPDATE memories SET embedding_model = 'nomic-embed-text-v1.5';
         INSERT INTO embeddings (id, content_hash, vector, dimensions, source_type, source_id, chunk_text, created_at)
           SELECT 'old-' || id, content_hash, zeroblob(3072), 768, 'memory', id, content, created_at FROM memories;",
    )
    .unwrap();
    drop(db);
    std::fs::write(daemon.workspace().join("agent.yaml"), NATIVE).unwrap();
    daemon.boot();
    // whatever is embedded by now, words find it
    assert!(!recall(&daemon, "log entry 7")["results"].as_array().unwrap().is_empty());
    let db = open(&daemon.database());
    db.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    let count = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    eventually("every memory embedded anew", || {
        assert_eq!(daemon.get("/health").status, 200);
        count("SELECT COUNT(*) FROM embeddings WHERE dimensions = 256") == 300
    });
    assert_eq!(count("SELECT COUNT(*) FROM embeddings"), 300);
    assert_eq!(count("SELECT COUNT(*) FROM memories WHERE embedding_model = 'signetd-static-256'"), 300);
    assert!(is_hybrid(&daemon, "what medicine did the doctor give"));
}

/// An Ollama that can be switched to failing; counts what it was asked.
struct Ollama {
    port: u16,
    failing: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
}

impl Ollama {
    fn start() -> Self {
        let (failing, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (fails, counts) = (Arc::clone(&failing), Arc::clone(&asked));
        let port = upstream::start(move |head, body| {
            counts.fetch_add(1, Ordering::Relaxed);
            if fails.load(Ordering::Relaxed) {
                return ("500 Internal Server Error", json!({}));
            }
            if head.starts_with("GET") {
                return ("200 OK", json!({"models": [{"name": "mock:latest"}]}));
            }
            let mut vector = [0.01; 8];
            for byte in body.bytes() {
                vector[usize::from(byte % 8)] += 1.0;
            }
            ("200 OK", json!({ "embedding": vector }))
        });
        Ollama { port, failing, asked }
    }

    fn config(&self) -> String {
        format!(
            "embedding:\n  provider: ollama\n  model: mock\n  dimensions: 8\n  base_url: http://127.0.0.1:{}\n{NATIVE}",
            self.port
        )
    }
}

#[test]
fn a_failing_server_costs_vectors_not_memories_and_the_gap_is_filled() {
    let ollama = Ollama::start();
    let daemon = Daemon::start(&ollama.config());
    ollama.failing.store(true, Ordering::Relaxed);
    let answer = daemon.post("/api/memory/remember", &json!({"content": "Written while the server was down"})).json();
    assert_eq!(answer["embedded"], false);
    assert_eq!(recall(&daemon, "written server down")["results"].as_array().unwrap().len(), 1);
    assert_eq!(daemon.get("/api/embeddings/status").json()["available"], false);
    assert_eq!(daemon.get("/api/status").json()["health"]["status"], "degraded");
    let id = answer["id"].as_str().unwrap().to_owned();
    let model_of = |id: &str| daemon.get(&format!("/api/memory/{id}")).json()["embedding_model"].clone();
    assert_eq!(model_of(&id), Value::Null);
    ollama.failing.store(false, Ordering::Relaxed);
    // by the background, which tries again later
    common::eventually("the vector of what was written meanwhile", || model_of(&id) == "mock");
    let second = daemon.post("/api/memory/remember", &json!({"content": "Written when it was back"})).json();
    assert_eq!(second["embedded"], true);
    assert_eq!(model_of(second["id"].as_str().unwrap()), "mock");
    assert!(ollama.asked.load(Ordering::Relaxed) > 0);
}

#[test]
fn a_hanging_server_starves_neither_recall_nor_remember() {
    // accepts and never answers
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let config = format!(
        "embedding:\n  provider: ollama\n  model: mock\n  dimensions: 8\n  base_url: http://127.0.0.1:{port}\n{NATIVE}"
    );
    let daemon = Daemon::start(&config);
    std::thread::scope(|scope| {
        for n in 0..12 {
            let daemon = &daemon;
            scope.spawn(move || daemon.remember(&format!("Line {n} written to a hanging server")));
        }
    });
    assert_eq!(daemon.total(), 12);
    assert_eq!(recall(&daemon, "hanging server")["results"].as_array().unwrap().len(), 10);
}

#[test]
fn neighbours_are_found_without_the_index() {
    let mut daemon = Daemon::start(NATIVE);
    let id = daemon.remember("Green apples in wooden crates");
    let near = daemon.remember("Red apples in a wooden box");
    daemon.remember("Quarterly tax filing");
    assert_eq!(daemon.get("/api/embeddings?vectors=true").json()["total"], 3);
    daemon.end(Signal::TERM);
    // no provider, no index: as in the moments after a start
    std::fs::write(daemon.workspace().join("agent.yaml"), common::QUIET).unwrap();
    daemon.boot();
    let found = daemon.get(&format!("/memory/similar?id={id}&k=1")).json();
    assert_eq!(found["results"][0]["id"], json!(near), "{found}");
}
