//! Corrections of the order by what a memory is (memory part, §6.5, 3).

use std::collections::{HashMap, HashSet};

use rusqlite::Connection;

use super::rank::Ranked;
use super::words;
use crate::parts::knowledge;
use crate::text;

/// A memory found without a word of the question in it.
const WORDLESS: f64 = 0.5;
/// Scores up to this are left alone.
const WORDLESS_FROM: f64 = 0.3;
/// A memory that only speaks of what every other speaks of.
const HUB: f64 = 0.7;
/// A percentile of fewer entities would be their greatest.
const ENTITIES: usize = 10;
const DECISION: f64 = 1.2;
const PREFERENCE: f64 = 1.6;
const WITH_DATE: f64 = 1.1;
/// Characters from which on a date tells something.
const DATED_LENGTH: usize = 50;

pub fn dampen(
    connection: &Connection,
    question: &str,
    wanted: &[String],
    ranked: &mut [Ranked],
) -> rusqlite::Result<()> {
    let asks_preference = words::stems(question).iter().any(|w| PREFERRING.contains(&w.as_str()));
    let hubs = hubs(connection, ranked)?;
    for line in ranked {
        let mut factor = kind_factor(line, asks_preference);
        if is_wordless(line, wanted) {
            factor *= WORDLESS;
        }
        if hubs.contains(&line.row.rowid) {
            factor *= HUB;
        }
        line.multiply(factor);
    }
    Ok(())
}

/// Questions for what somebody likes.
const PREFERRING: [&str; 6] = ["prefer", "preference", "favorite", "favourite", "like", "enjoy"];

fn kind_factor(line: &Ranked, asks_preference: bool) -> f64 {
    let content = &line.row.content;
    match line.row.kind.as_str() {
        "constraint" | "decision" => DECISION,
        "preference" if asks_preference && content.contains("## Preferences") => PREFERENCE,
        _ if content.chars().count() >= DATED_LENGTH && has_date(content) => WITH_DATE,
        _ => 1.0,
    }
}

/// An ISO date, or the English name of a month.
fn has_date(content: &str) -> bool {
    let iso = |word: &str| {
        let digits =
            |part: Option<&str>, n: usize| part.is_some_and(|p| p.len() == n && p.bytes().all(|b| b.is_ascii_digit()));
        let mut parts = word.split('-');
        digits(parts.next(), 4) && digits(parts.next(), 2) && digits(parts.next().map(|p| p.get(..2).unwrap_or(p)), 2)
    };
    content.split(|c: char| !(c.is_alphanumeric() || c == '-')).any(|w| is_month(w) || iso(w))
}

/// A month's name begins with a capital: "they march on" is no date.
fn is_month(word: &str) -> bool {
    word.starts_with(char::is_uppercase) && text::MONTHS.contains(&word.to_ascii_lowercase().as_str())
}

/// Vectors of a server may find what has nothing to do with the question. The embedded model's
/// relevance has looked at every word already.
fn is_wordless(line: &Ranked, wanted: &[String]) -> bool {
    let by_text = !matches!(line.source, "keyword" | "hint") && line.signals.meaning.is_none();
    if !by_text || line.score <= WORDLESS_FROM {
        return false;
    }
    let content = line.row.content.to_lowercase();
    !wanted.iter().any(|w| content.contains(w.as_str()))
}

/// Rowids of memories all of whose entities are among the most mentioned tenth of those in play.
fn hubs(connection: &Connection, ranked: &[Ranked]) -> rusqlite::Result<HashSet<i64>> {
    if !knowledge::any_entity(connection)? {
        return Ok(HashSet::new());
    }
    let rowids: Vec<i64> = ranked.iter().map(|r| r.row.rowid).collect();
    let mentions = knowledge::mentioned_by(connection, &rowids)?;
    let counts: HashMap<&str, i64> = mentions.iter().map(|m| (m.entity.as_str(), m.mentions)).collect();
    if counts.len() < ENTITIES {
        return Ok(HashSet::new());
    }
    let mut sorted: Vec<i64> = counts.into_values().collect();
    sorted.sort_unstable();
    let threshold = sorted[sorted.len() * 9 / 10];
    let mut all_above: HashMap<i64, bool> = HashMap::new();
    for mention in &mentions {
        *all_above.entry(mention.rowid).or_insert(true) &= mention.mentions >= threshold;
    }
    Ok(all_above.into_iter().filter_map(|(rowid, above)| above.then_some(rowid)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_seen() {
        for text in ["shipped on 2024-05-13T10:00", "since March they", "2024-05-13."] {
            assert!(has_date(text), "{text}");
        }
        for text in ["they march on", "version 12-34-56", "call 2024-555"] {
            assert!(!has_date(text), "{text}");
        }
    }
}
