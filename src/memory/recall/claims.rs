//! The channel of structured claims (memory part, §6.4): memories whose claims meet the question.

use std::collections::{HashMap, HashSet};

use rusqlite::Connection;

use super::words::is_stop_word;
use crate::db::sql::Conditions;
use crate::memory::store::claims::{self, Claim};

/// Words of the question that are searched for.
const WORDS: usize = 18;
/// Claims taken.
const MOST: i64 = 1_600;

/// Words of a text: lower case, endings off, no stop words.
fn stems(text: &str) -> Vec<String> {
    let mut seen = HashSet::new();
    text.to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| w.chars().count() >= 2 && !is_stop_word(w))
        .map(stem)
        .filter(|w| seen.insert(w.clone()))
        .collect()
}

/// `ies` → `y`, `ing`, `ed` and `s` off, where enough is left.
fn stem(word: &str) -> String {
    let length = word.chars().count();
    for (ending, longer_than, instead) in [("ies", 4, "y"), ("ing", 5, ""), ("ed", 4, ""), ("s", 3, "")] {
        if let Some(start) = word.strip_suffix(ending).filter(|_| length > longer_than) {
            return format!("{start}{instead}");
        }
    }
    word.to_owned()
}

/// Scores of 0 to 1 by rowid.
pub fn find(
    connection: &Connection,
    agent: &str,
    question: &str,
    filter: &Conditions,
) -> rusqlite::Result<Vec<(i64, f64)>> {
    if !claims::any(connection)? {
        return Ok(Vec::new());
    }
    let wanted = stems(question);
    let searched: Vec<String> = wanted.iter().filter(|w| w.chars().count() >= 3).take(WORDS).cloned().collect();
    if searched.is_empty() {
        return Ok(Vec::new());
    }
    let found = claims::containing(connection, agent, &searched, filter, MOST)?;
    Ok(score(&wanted, &found))
}

/// The share of the question's words that a memory's claims have together, weighted by the best
/// importance and confidence among them.
fn score(wanted: &[String], found: &[Claim]) -> Vec<(i64, f64)> {
    let mut memories: HashMap<i64, (HashSet<String>, f64, f64)> = HashMap::new();
    for claim in found {
        let (words, importance, confidence) = memories.entry(claim.rowid).or_default();
        words.extend(stems(&claim.text));
        *importance = importance.max(claim.importance);
        *confidence = confidence.max(claim.confidence);
    }
    memories
        .into_iter()
        .map(|(rowid, (words, importance, confidence))| {
            let met = wanted.iter().filter(|w| words.contains(*w)).count();
            let coverage = met as f64 / wanted.len() as f64;
            (rowid, (coverage * (0.55 + 0.3 * importance + 0.15 * confidence)).clamp(0.0, 1.0))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coverage_counts_all_claims_of_a_memory_together() {
        let claim = |rowid, text: &str| Claim { rowid, text: text.into(), importance: 0.5, confidence: 1.0 };
        let wanted = stems("Which databases are deployed in Oslo?");
        assert_eq!(wanted, ["database", "deploy", "oslo"]);
        let found =
            [claim(1, "storage engine database postgres"), claim(1, "site deployed oslo"), claim(2, "site oslo")];
        let mut scores = score(&wanted, &found);
        scores.sort_by_key(|(rowid, _)| *rowid);
        assert!((scores[0].1 - 0.85).abs() < 1e-9 && scores[1].1 < 0.3, "{scores:?}");
    }
}
