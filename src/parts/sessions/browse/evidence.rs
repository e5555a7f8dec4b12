//! What is known to have happened in a session, from four places, as events in one form.

use serde_json::{Map, Value, json};

use super::{EvidenceEvent, EvidenceRef};
use crate::parts::documents::artifacts::Lineage;
use crate::parts::knowledge::Assertion;
use crate::parts::memory::Search;
use crate::parts::sessions::store::ledger::Shown;
use crate::text::one_line;

/// Characters of a label.
const LABEL: usize = 120;

fn label(text: &str) -> String {
    one_line(text).chars().take(LABEL).collect()
}

fn payload(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// A recall and, if it found anything, what it found.
pub fn of_search(search: Search) -> Vec<EvidenceEvent> {
    let refs: Vec<EvidenceRef> = search.results.iter().filter_map(result).collect();
    let requested = EvidenceEvent {
        id: format!("telemetry:{}:query", search.id),
        kind: "recall.requested",
        at: search.created_at.clone(),
        title: "Recall requested".to_owned(),
        detail: search.query,
        refs: Vec::new(),
        payload: payload(json!({
            "route": search.route, "resultCount": search.result_count, "durationMs": search.duration_ms,
            "topScore": search.top_score,
        })),
    };
    if search.result_count == 0 {
        return vec![requested];
    }
    let results = EvidenceEvent {
        id: format!("telemetry:{}:results", search.id),
        kind: "recall.result",
        at: search.created_at,
        title: "Recall answered".to_owned(),
        detail: format!("{} results", search.result_count),
        refs,
        payload: Map::new(),
    };
    vec![requested, results]
}

fn result(row: &Value) -> Option<EvidenceRef> {
    let id = row.get("id")?.as_str()?.to_owned();
    let content = row.get("content").and_then(Value::as_str).unwrap_or(&id);
    Some(EvidenceRef {
        kind: kind_of(&id),
        label: label(content),
        score: row.get("score").and_then(Value::as_f64),
        status: None,
        source_path: None,
        id,
    })
}

fn kind_of(id: &str) -> &'static str {
    match id.split_once(':') {
        Some(("source-chunk", _)) => "source",
        Some(("native-artifact", _)) => "source_artifact",
        _ => "memory",
    }
}

/// An item that the session was shown; `content` of a memory that may be seen.
pub fn of_shown(shown: Shown, content: Option<&str>) -> EvidenceEvent {
    let kind = match shown.kind.as_str() {
        "source_chunk" => "source",
        "native_artifact" => "source_artifact",
        _ => "memory",
    };
    EvidenceEvent {
        id: format!("context:{}:{}:{}", shown.created_at, shown.kind, shown.id),
        kind: "context.recalled",
        at: shown.created_at,
        title: "Put into the context".to_owned(),
        detail: label(content.unwrap_or(&shown.id)),
        refs: vec![EvidenceRef {
            kind,
            label: label(content.unwrap_or(&shown.id)),
            id: shown.id,
            score: shown.score,
            status: None,
            source_path: None,
        }],
        payload: payload(json!({ "surface": shown.surface, "mode": shown.mode, "source": shown.source })),
    }
}

/// A file that was written about the session.
pub fn of_artifact(file: Lineage) -> EvidenceEvent {
    EvidenceEvent {
        id: format!("artifact:{}", file.path),
        kind: "artifact.written",
        at: file.ended_at.clone().unwrap_or_else(|| file.captured_at.clone()),
        title: format!("Wrote a {}", file.kind),
        detail: file.sentence.clone().unwrap_or_else(|| file.path.clone()),
        refs: vec![EvidenceRef {
            kind: "source_artifact",
            id: file.path.clone(),
            label: file.kind.clone(),
            score: None,
            status: None,
            source_path: Some(file.path.clone()),
        }],
        payload: payload(json!({ "kind": file.kind, "harness": file.harness, "project": file.project })),
    }
}

/// Something that was asserted from it.
pub fn of_assertion(assertion: Assertion) -> EvidenceEvent {
    EvidenceEvent {
        id: format!("assertion:{}", assertion.id),
        kind: "assertion.created",
        at: assertion.at,
        title: format!("{} {}", assertion.speaker.as_deref().unwrap_or("Somebody"), assertion.predicate),
        detail: label(&assertion.content),
        refs: vec![EvidenceRef {
            kind: "assertion",
            id: assertion.id,
            label: label(&assertion.content),
            score: None,
            status: Some(assertion.status),
            source_path: None,
        }],
        payload: Map::new(),
    }
}
