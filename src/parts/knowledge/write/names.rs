//! Names that the graph should know, and those that say nothing (memory part, §2.7).

use super::canonical;
use crate::text::MONTHS;

const TYPES: [&str; 11] = [
    "person",
    "organization",
    "project",
    "product",
    "system",
    "tool",
    "artifact",
    "document",
    "source",
    "place",
    "event",
];
/// Types whose short names are names all the same.
const CONCRETE: [&str; 7] = ["person", "organization", "project", "product", "system", "tool", "place"];
const NO_NAMES: &[&str] = &[
    "i",
    "me",
    "my",
    "we",
    "us",
    "our",
    "you",
    "your",
    "he",
    "him",
    "his",
    "she",
    "her",
    "it",
    "its",
    "they",
    "them",
    "their",
    "this",
    "that",
    "these",
    "those",
    "a",
    "an",
    "the",
    "someone",
    "something",
    "everyone",
    "everything",
    "user",
    "assistant",
    "agent",
    "summary",
    "sender",
    "author",
    "system",
    "human",
    "speaker",
    "message",
    "conversation",
    "session",
    "memory",
    "note",
    "context",
    "none",
    "null",
    "unknown",
];
const ROLE_LABELS: [&str; 9] =
    ["user:", "assistant:", "system:", "human:", "speaker:", "sender:", "current ", "pending ", "primary "];
const DATE_WORDS: &[&str] = &[
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "today",
    "yesterday",
    "tomorrow",
    "week",
    "month",
    "year",
    "day",
];
const EVENT_VERBS: &[&str] = &[
    "met",
    "meeting",
    "launch",
    "launched",
    "visit",
    "visited",
    "attended",
    "started",
    "finished",
    "moved",
    "released",
    "shipped",
    "happened",
    "celebrated",
    "wedding",
    "party",
    "conference",
    "trip",
];

/// Whether a name is one that the graph should know.
pub fn worth_keeping(name: &str, kind: Option<&str>) -> bool {
    let lower = canonical(name);
    if lower.is_empty() || !lower.chars().any(char::is_alphabetic) || NO_NAMES.contains(&lower.as_str()) {
        return false;
    }
    if ROLE_LABELS.iter().any(|label| lower.starts_with(label)) {
        return false;
    }
    if kind.is_some_and(|k| !TYPES.contains(&k)) {
        return false;
    }
    if kind == Some("event") {
        let dated = lower.split(|c: char| !c.is_alphanumeric()).any(|w| {
            MONTHS.contains(&w)
                || DATE_WORDS.contains(&w)
                || EVENT_VERBS.contains(&w)
                || w.len() == 4 && w.bytes().all(|b| b.is_ascii_digit())
        });
        if !dated {
            return false;
        }
    }
    lower.chars().count() >= 4 || kind.is_some_and(|k| CONCRETE.contains(&k))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_low_quality_are_dropped() {
        for (name, kind) in [
            ("42", None),
            ("user", None),
            ("assistant: hi", None),
            ("abc", None),
            ("Lunch", Some("event")),
            ("Rust", Some("language")),
        ] {
            assert!(!worth_keeping(name, kind), "{name}");
        }
        for (name, kind) in [("Ada", Some("person")), ("Grafana", None), ("Launch in May 2024", Some("event"))] {
            assert!(worth_keeping(name, kind), "{name}");
        }
    }
}
