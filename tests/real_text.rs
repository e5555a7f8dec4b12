//! The project's own prose, sentence by sentence, remembered and asked for.

mod common;

use common::Daemon;
use serde_json::json;

/// Sentences of a Markdown text that are long enough to mean something.
fn sentences(text: &str) -> Vec<String> {
    let prose: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with(['|', '`', ' ', '#', '-', '\t']) && !line.contains("```"))
        .collect();
    prose
        .join(" ")
        .split(". ")
        .map(|s| s.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|s| (40..700).contains(&s.chars().count()))
        .collect()
}

#[test]
fn sentences_of_the_documentation_are_found_by_their_rarer_words() {
    let daemon = Daemon::start("memory:\n  pipelineV2:\n    enabled: false\n");
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all: Vec<String> = Vec::new();
    for file in [
        "README.md",
        "docs/architecture.md",
        "docs/dependencies.md",
        "docs/performance.md",
        "docs/tailscale.md",
        "docs/api/memory.md",
        "docs/api/auth.md",
        "vendor/tiny_http/README.md",
    ] {
        all.extend(sentences(&std::fs::read_to_string(root.join(file)).unwrap()));
    }
    all.sort();
    all.dedup();
    assert!(all.len() >= 60, "{} sentences", all.len());
    for sentence in &all {
        assert_eq!(daemon.post("/api/memory/remember", &json!({ "content": sentence })).status, 200);
    }
    let mut found = 0;
    for sentence in &all {
        let mut words: Vec<&str> = sentence.split(|c: char| !c.is_alphanumeric()).filter(|w| w.len() > 5).collect();
        words.sort_by_key(|w| std::cmp::Reverse(w.len()));
        words.truncate(4);
        let question = format!("what is said of {}?", words.join(" and "));
        let answer = daemon.post("/api/memory/recall", &json!({ "query": question, "limit": 3 })).json();
        let start: String = sentence.chars().take(40).collect();
        found += usize::from(
            answer["results"].as_array().unwrap().iter().any(|r| r["content"].as_str().unwrap().starts_with(&start)),
        );
    }
    let share = found as f64 / all.len() as f64;
    assert!(share > 0.9, "{found} of {}", all.len());
}
