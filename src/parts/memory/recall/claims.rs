//! The channel of structured claims (memory part, §6.4): memories whose claims meet the question.

use std::collections::{HashMap, HashSet};

use rusqlite::Connection;

use super::expressions::{Join, expression_of_forms};
use super::words::stems;
use crate::db::sql::Conditions;
use crate::parts::knowledge::{FoundClaim, claims};

/// Words of the question that are searched for, synonyms included.
const WORDS: usize = 18;
/// Claims taken, of those that match by their words and of those that match by their aspect.
const MOST: i64 = 160;
/// What a synonym counts of the word itself.
const SYNONYM: f64 = 0.65;

/// Stems that stand for one another.
const SYNONYMS: [&[&str]; 5] = [ADVICE, &["current", "latest", "now", "today", "recent"], COLLEAGUE, MUSIC, USE];
const ADVICE: &[&str] = &["advice", "tip", "idea", "guidance", "hint", "recommendation", "suggestion"];
const COLLEAGUE: &[&str] = &["colleague", "coworker", "team", "teammate", "workmate"];
const MUSIC: &[&str] = &["music", "song", "playlist", "album", "tune"];
const USE: &[&str] = &["use", "prefer", "favor", "choose", "pick"];
/// Words of keeping in touch, and of being far apart.
const CONNECT: &[&str] = &["connect", "connection", "collaborate", "bond"];
const REMOTE: &[&str] = &["remote", "remotely"];
/// Aspects that a question for advice is about.
const ADVISING: [&str; 7] = ["prefer", "favor", "decision", "decid", "plan", "goal", "habit"];

/// A word of the question.
struct Wanted {
    stem: String,
    synonyms: Vec<&'static str>,
    weight: f64,
}

impl Wanted {
    fn of(stem: String) -> Self {
        let among = |set: &[&str]| set.contains(&stem.as_str());
        let weight = match () {
            () if among(COLLEAGUE) => 1.7,
            () if among(CONNECT) => 1.5,
            () if among(REMOTE) => 1.3,
            () if among(ADVICE) => 0.55,
            () => 1.0,
        };
        let set = SYNONYMS.into_iter().find(|set| among(set)).unwrap_or_default();
        let synonyms = set.iter().filter(|s| **s != stem).copied().collect();
        Wanted { stem, synonyms, weight }
    }

    /// How well these words meet it, 0 to 1.
    fn met_by(&self, words: &HashSet<String>) -> f64 {
        if words.contains(&self.stem) {
            1.0
        } else if self.synonyms.iter().any(|s| words.contains(*s)) {
            SYNONYM
        } else {
            0.0
        }
    }
}

/// Scores of 0 to 1 by rowid. `words` are those of the question that are worth looking for.
pub fn find(
    connection: &Connection,
    agent: &str,
    question: &str,
    words: &[String],
    filter: &Conditions,
) -> rusqlite::Result<Vec<(i64, f64)>> {
    if !claims::any(connection)? {
        return Ok(Vec::new());
    }
    let wanted: Vec<Wanted> = stems(question).into_iter().map(Wanted::of).collect();
    let synonyms = wanted.iter().flat_map(|w| w.synonyms.iter().map(|s| (*s).to_owned()));
    let searched: Vec<String> = words.iter().cloned().chain(synonyms).take(WORDS).collect();
    if searched.is_empty() || wanted.is_empty() {
        return Ok(Vec::new());
    }
    let Some(expression) = expression_of_forms(&searched, Join::Any) else { return Ok(Vec::new()) };
    Ok(score(&wanted, &claims::matching(connection, agent, &expression, filter, MOST)?))
}

/// What the claims of one memory say together.
#[derive(Default)]
struct Together {
    words: HashSet<String>,
    importance: f64,
    confidence: f64,
    advising: bool,
}

/// The share of the question's words that a memory's claims have together, weighted by the best
/// importance and confidence among them.
fn score(wanted: &[Wanted], found: &[FoundClaim]) -> Vec<(i64, f64)> {
    let mut memories: HashMap<i64, Together> = HashMap::new();
    for claim in found {
        let memory = memories.entry(claim.rowid).or_default();
        memory.words.extend(stems(&claim.aspect));
        memory.words.extend(stems(&claim.text));
        memory.importance = memory.importance.max(claim.importance);
        memory.confidence = memory.confidence.max(claim.confidence);
        let aspect = claim.aspect.to_lowercase();
        memory.advising |= ADVISING.iter().any(|a| aspect.contains(a));
    }
    let total: f64 = wanted.iter().map(|w| w.weight).sum();
    let asks_advice = wanted.iter().any(|w| ADVICE.contains(&w.stem.as_str()));
    let score = |memory: &Together| {
        let coverage = wanted.iter().map(|w| w.weight * w.met_by(&memory.words)).sum::<f64>() / total;
        let advised = asks_advice && memory.advising && coverage >= 0.2;
        let telling = wanted.iter().any(|w| w.weight >= 1.5 && w.met_by(&memory.words) > 0.0);
        let score = coverage * (0.55 + 0.3 * memory.importance + 0.15 * memory.confidence);
        (score + if advised { 0.08 } else { 0.0 } + if telling { 0.18 } else { 0.0 }).clamp(0.0, 1.0)
    };
    memories.iter().map(|(rowid, memory)| (*rowid, score(memory))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(question: &str, claims: &[(i64, &str, &str)]) -> HashMap<i64, f64> {
        let wanted: Vec<Wanted> = stems(question).into_iter().map(Wanted::of).collect();
        let claim = |(rowid, aspect, text): &(i64, &str, &str)| FoundClaim {
            rowid: *rowid,
            aspect: (*aspect).to_owned(),
            text: (*text).to_owned(),
            importance: 0.5,
            confidence: 1.0,
        };
        score(&wanted, &claims.iter().map(claim).collect::<Vec<_>>()).into_iter().collect()
    }

    #[test]
    fn coverage_counts_all_claims_of_a_memory_together() {
        assert_eq!(stems("Which databases are deployed in Oslo?"), ["database", "deploy", "oslo"]);
        let found = scores(
            "Which databases are deployed in Oslo?",
            &[(1, "storage", "engine database postgres"), (1, "site", "deployed oslo"), (2, "site", "oslo")],
        );
        assert!((found[&1] - 0.85).abs() < 1e-9 && found[&2] < 0.3, "{found:?}");
    }

    #[test]
    fn synonyms_count_in_part_and_advice_looks_at_preferences() {
        let found = scores("favourite song", &[(1, "music", "favourite jazz playlist"), (2, "x", "favourite song")]);
        assert!((found[&1] - 0.85 * 1.65 / 2.0).abs() < 1e-9 && found[&1] < found[&2], "{found:?}");
        let found = scores("tips for oslo", &[(1, "preferences", "oslo"), (2, "places", "oslo")]);
        assert!((found[&1] - found[&2] - 0.08).abs() < 1e-9, "{found:?}");
    }
}
