//! Claims of a memory, and the older ones that they replace (memory part, §2.7).

use std::collections::HashSet;

use super::structured::{NewClaim, Subject};
use crate::db::Tx;
use crate::parts::knowledge::store::entities::{self, Attribute, NewAttribute};

const DECISIONS: &[&str] = &[
    "decided to",
    "decided on",
    "decided against",
    "switched from",
    "switched to",
    "migrated from",
    "migrated to",
    "went with",
    "settled on",
    "committed to",
    "sticking with",
    "adopted",
    "will use",
    "architecture decision",
    "design decision",
];

/// Decision language makes a memory's claims constraints.
pub fn is_decision(text: &str) -> bool {
    let lower = text.to_lowercase();
    let over = |verb: &str| lower.find(verb).is_some_and(|at| lower[at..].contains(" over "));
    DECISIONS.iter().any(|d| lower.contains(d)) || over("chose") || over("prefers")
}

pub fn store_claim(tx: &Tx<'_>, memory: &Subject, aspect_id: &str, claim: &NewClaim) -> rusqlite::Result<()> {
    let (kind, importance) = if memory.is_decision { ("constraint", 0.85) } else { ("attribute", 0.5) };
    let normalized = claim.content.trim().to_lowercase();
    let added = entities::add_attribute(
        tx,
        &NewAttribute {
            aspect_id,
            agent: &memory.agent,
            memory_id: &memory.id,
            kind,
            content: &claim.content,
            normalized: &normalized,
            confidence: claim.confidence,
            importance: claim.importance.unwrap_or(importance),
            group_key: claim.group_key.as_deref(),
            claim_key: claim.claim_key.as_deref(),
            created_at: &memory.created_at,
        },
    )?;
    let (Some(id), Some(claim_key), "attribute") = (added, &claim.claim_key, kind) else { return Ok(()) };
    let fresh = Attribute { id, normalized, created_at: memory.created_at.clone() };
    let group = claim.group_key.as_deref();
    let bound_to = memory.bound_to.as_deref();
    for rival in entities::rivals(tx, &memory.agent, bound_to, aspect_id, group, claim_key, &fresh.id)? {
        let (older, newer) = if rival.created_at <= fresh.created_at { (&rival, &fresh) } else { (&fresh, &rival) };
        if replaces(newer, older) {
            entities::supersede(tx, &older.id, &newer.id)?;
        }
    }
    Ok(())
}

const UPDATE_WORDS: [&str; 13] = [
    "currently",
    "now",
    "recently",
    "lately",
    "updated",
    "changed",
    "switched",
    "replaced",
    "no longer",
    "not anymore",
    "instead",
    "previously",
    "formerly",
];

/// Whether the newer of two claims with the same keys makes the older one obsolete.
fn replaces(newer: &Attribute, older: &Attribute) -> bool {
    let words = |text: &str| -> HashSet<String> {
        text.split(|c: char| !c.is_alphanumeric()).filter(|w| w.chars().count() >= 2).map(str::to_owned).collect()
    };
    let numbers = |text: &str| -> HashSet<String> {
        text.split(|c: char| !c.is_ascii_digit() && c != '.')
            .map(|n| n.trim_matches('.').to_owned())
            .filter(|n| !n.is_empty())
            .collect()
    };
    let overlap = words(&newer.normalized).intersection(&words(&older.normalized)).count();
    let says_update = UPDATE_WORDS
        .iter()
        .any(|w| newer.normalized.split(|c: char| !c.is_alphanumeric()).collect::<Vec<_>>().join(" ").contains(w));
    (overlap >= 3 && numbers(&newer.normalized) != numbers(&older.normalized)) || (overlap >= 4 && says_update)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_numbers_or_update_words_supersede() {
        let claim = |text: &str| Attribute { id: String::new(), normalized: text.into(), created_at: String::new() };
        assert!(replaces(&claim("the office has 30 desks"), &claim("the office has 20 desks")));
        assert!(!replaces(&claim("the office has 20 desks"), &claim("the office has 20 desks here")));
        assert!(replaces(&claim("the main office is now in bern"), &claim("the main office is in basel")));
    }

    #[test]
    fn decisions_are_recognised() {
        assert!(is_decision("We chose SQLite over Postgres"));
        assert!(is_decision("Ada settled on Rust"));
        assert!(!is_decision("The sky is blue"));
    }
}
