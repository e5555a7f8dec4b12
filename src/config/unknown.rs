//! Keys of `memory.pipelineV2` that mean nothing: a kill switch with a letter missing is off, and its owner
//! should hear of it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Section;
use super::pipeline::{EXTRACTION, Pipeline, SAFETY, SYNTHESIS};
use super::settings::KeyTable;

/// Of the contract, read by the reference daemon and kept here; what stands below them is theirs.
const KEPT: [&str; 12] = [
    "extraction.base_url",
    "extractionBaseUrl",
    "extraction.allowRemoteProviders",
    "extraction.command",
    "extractionCommand",
    "extraction.rateLimit",
    "synthesis.base_url",
    "synthesis.max_tokens",
    "synthesis.command",
    "synthesis.rateLimit",
    "synthesis.structuredOutput",
    "telemetry.posthogApiKey",
];

/// More are not told at once.
const MOST: usize = 20;

/// Their places below the section, in the order of the file; the first twenty.
pub fn unknown_keys(section: Section<'_>) -> Vec<String> {
    let tables = Pipeline::TABLES.iter().chain([&EXTRACTION, &SYNTHESIS, &SAFETY]);
    let mut known: BTreeSet<String> = KEPT.iter().map(|key| (*key).to_owned()).collect();
    known.extend(tables.flat_map(names));
    let mut unknown = Vec::new();
    walk(section.0, "", &known, &mut unknown);
    unknown
}

fn names(table: &KeyTable) -> impl Iterator<Item = String> {
    let inside =
        |name: &str| if table.section.is_empty() { name.to_owned() } else { format!("{}.{name}", table.section) };
    table.keys.iter().flat_map(move |key| [Some(inside(key.name)), key.older.map(str::to_owned)]).flatten()
}

fn walk(value: &Value, above: &str, known: &BTreeSet<String>, unknown: &mut Vec<String>) {
    for (name, inner) in value.as_object().into_iter().flatten() {
        let path = if above.is_empty() { name.clone() } else { format!("{above}.{name}") };
        if known.contains(&path) || unknown.len() >= MOST {
            continue;
        }
        let below = format!("{path}.");
        let leads_on = known.range(below.clone()..).next().is_some_and(|key| key.starts_with(&below));
        if leads_on {
            walk(inner, &path, known, unknown);
        } else {
            unknown.push(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn misspelt_keys_are_told_and_known_ones_are_not() {
        let section = json!({
            "mutationFrozen": true,
            "mutationsFrozen": true,
            "workerPollMs": 5,
            "worker": {"pollMs": 5, "polMs": 5},
            "extraction": {"provider": "ollama", "command": {"bin": "x"}, "rateLimit": {"burstSize": 1}, "escalation": {"x": 1}},
            "dependencySynthesis": {"maxStallMs": 1},
            "reranking": {"enabled": true},
        });
        let unknown = unknown_keys(Section(&section));
        assert_eq!(unknown, ["mutationFrozen", "worker.polMs", "extraction.escalation.x", "reranking"]);
        assert!(unknown_keys(Section(&Value::Null)).is_empty());
        let shown = crate::config::Config::default().pipeline.show();
        assert!(unknown_keys(Section(&shown)).is_empty(), "what the status shows can be written into the file");
    }
}
