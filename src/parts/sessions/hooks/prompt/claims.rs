//! Which claims about a named entity answer a prompt: by their words, and by their meaning where vectors are had.

use std::collections::{HashMap, HashSet};

use super::entities::{Named, plain_words};
use crate::parts::knowledge::CurrentClaim;
use crate::text::one_line;

/// Words that ask for nothing in particular.
const GENERIC: [&str; 20] = [
    "context",
    "current",
    "currently",
    "prompt",
    "relevant",
    "view",
    "information",
    "details",
    "status",
    "latest",
    "overview",
    "summary",
    "background",
    "anything",
    "everything",
    "something",
    "know",
    "known",
    "show",
    "give",
];
/// Aspects whose claims are shown of one entity.
const ASPECTS: usize = 3;
/// Lines shown at most.
const LINES: usize = 8;

/// A claim that answers, of which entity, and how well.
#[derive(Debug, Clone)]
pub struct Hit {
    pub entity: String,
    pub claim: CurrentClaim,
    /// Whether it answers, as the contract has it: 0 to 1.
    pub score: f64,
    /// Which answers better of those that answer.
    pub relevance: f64,
}

// Tuned on the LoCoMo development conversations (`make eval-hooks`, docs/performance.md).
/// A claim whose memory meets the question so well that this times it reaches the least score answers, without any
/// word in common.
const MET: f64 = 1.25;
/// What the share of the words and the nearness of meaning count beside how well the memory meets the question.
const SHARE: f64 = 0.3;
const NEARNESS: f64 = 0.1;

/// What speaks for a claim, each 0 to 1.
#[derive(Debug, Clone, Copy)]
pub struct Signals {
    /// See [`lexical`].
    pub words: f64,
    /// See [`Rarity::share`].
    pub share: f64,
    /// Cosine of question and claim.
    pub near: f64,
    /// How well its memory meets the question, with those saved around it; 0 with another model than the embedded.
    pub met: f64,
}

impl Signals {
    /// Whether it answers, as the contract has it: the better of words and meaning.
    pub fn score(&self) -> f64 {
        self.words.max(self.near).max((MET * self.met).min(1.0))
    }

    /// Which answers better of those that answer.
    pub fn relevance(&self) -> f64 {
        // without the embedded model words and nearness have to do
        let (share, near) = if self.met > 0.0 { (SHARE, NEARNESS) } else { (1.0, 0.5) };
        self.met + share * self.share + near * self.near
    }
}

/// How rare each term of a question is among the claims that are looked at.
pub struct Rarity(HashMap<String, f64>);

impl Rarity {
    pub fn of(known: &[CurrentClaim], asked: &[&String]) -> Self {
        let sets: Vec<HashSet<String>> = known.iter().map(all_words).collect();
        let weight = |term: &&String| {
            let with = sets.iter().filter(|set| has(set, term)).count() as f64;
            (((sets.len() as f64 + 1.0) / (with + 0.5)).ln()).max(0.0)
        };
        Rarity(asked.iter().map(|term| ((*term).clone(), weight(term))).collect())
    }

    /// The share of the question, by the rarity of its terms, that a claim has.
    pub fn share(&self, claim: &CurrentClaim, asked: &[&String]) -> f64 {
        let set = all_words(claim);
        let weight = |term: &&String| self.0.get(*term).copied().unwrap_or(0.0);
        let all: f64 = asked.iter().map(&weight).sum();
        let shared: f64 = asked.iter().filter(|term| has(&set, term)).map(weight).sum();
        if all > 0.0 { shared / all } else { 0.0 }
    }
}

fn has(set: &HashSet<String>, term: &str) -> bool {
    set.contains(term) || set.contains(&singular(term))
}

/// The words of a claim: its content and what it is called.
fn all_words(claim: &CurrentClaim) -> HashSet<String> {
    let mut words = word_set(&claim.content);
    words.extend(word_set(claim.claim.as_deref().unwrap_or_default()));
    words
}

/// The terms of a question without the words of the entity it names.
pub fn asked_of<'a>(terms: &'a [String], named: &[Named]) -> Vec<&'a String> {
    let own: HashSet<&String> = named.iter().flat_map(|named| &named.words).collect();
    let is_own =
        |term: &String| plain_words(term).iter().all(|word| own.contains(word) || own.contains(&singular(word)));
    terms.iter().filter(|term| !is_own(term)).collect()
}

fn singular(word: &str) -> String {
    word.strip_suffix('s').unwrap_or(word).to_owned()
}

/// The words of a text, each also without a closing s.
fn word_set(text: &str) -> HashSet<String> {
    let words = plain_words(text);
    words.iter().map(|word| singular(word)).chain(words.iter().cloned()).collect()
}

/// How well a claim's words answer, 0 to 1.
pub fn lexical(claim: &CurrentClaim, asked: &[&String]) -> f64 {
    let content = word_set(&claim.content);
    let key = word_set(claim.claim.as_deref().unwrap_or_default());
    let group = word_set(claim.group.as_deref().unwrap_or_default());
    let shared = |set: &HashSet<String>| {
        asked.iter().filter(|term| set.contains(**term) || set.contains(&singular(term))).count()
    };
    let in_content = shared(&content);
    let mut in_key = shared(&key);
    if in_key > 0 {
        in_key += shared(&group);
    }
    if in_content == 0 && in_key == 0 {
        return 0.0;
    }
    let base = if in_key > 0 { 0.80 } else { 0.72 };
    (base + 0.18 * claim.importance.clamp(0.0, 1.0) + 0.10 * claim.confidence.clamp(0.0, 1.0)).min(1.0)
}

/// Whether a question asks for nothing in particular.
pub fn is_generic(asked: &[&String]) -> bool {
    asked.iter().all(|term| GENERIC.contains(&term.as_str()))
}

/// The newest version of each claim; those that nobody has sorted are left out.
pub fn current(claims: Vec<CurrentClaim>) -> Vec<CurrentClaim> {
    let name = |c: &CurrentClaim| (c.aspect.clone(), c.constraint, c.group.clone(), c.claim.clone());
    let mut newest: HashMap<_, i64> = HashMap::new();
    for claim in claims.iter().filter(|c| c.claim.is_some()) {
        let known = newest.entry(name(claim)).or_insert(claim.version);
        *known = (*known).max(claim.version);
    }
    let is_current = |c: &CurrentClaim| newest.get(&name(c)).is_none_or(|version| *version == c.version);
    let unsorted =
        |c: &CurrentClaim| c.group.as_deref() == Some("general") && c.claim.as_deref() == Some("uncategorized");
    claims.into_iter().filter(|claim| is_current(claim) && !unsorted(claim)).collect()
}

/// The best claims of one entity, of three aspects at most.
pub fn best(mut hits: Vec<Hit>, least: f64) -> Vec<Hit> {
    hits.retain(|hit| hit.score >= least);
    hits.sort_by(|a, b| {
        let by_worth = b.claim.importance.total_cmp(&a.claim.importance);
        b.score.total_cmp(&a.score).then(b.relevance.total_cmp(&a.relevance)).then(by_worth)
    });
    let mut aspects: Vec<String> = Vec::new();
    let mut kept = Vec::new();
    for hit in hits {
        if !aspects.contains(&hit.claim.aspect) {
            if aspects.len() == ASPECTS {
                break;
            }
            aspects.push(hit.claim.aspect.clone());
        }
        kept.push(hit);
    }
    kept
}

/// The lines that fit: the most relevant are taken, one that is too long is passed over. Constraints are shown first,
/// then the important, then the new.
pub fn lines(mut hits: Vec<Hit>, most_chars: usize) -> Vec<String> {
    hits.sort_by(|a, b| b.claim.constraint.cmp(&a.claim.constraint).then(b.relevance.total_cmp(&a.relevance)));
    let mut taken: Vec<(Hit, String)> = Vec::new();
    let mut used = 0;
    for hit in hits {
        let line = line(&hit);
        let chars = line.chars().count() + 1;
        if taken.len() < LINES && used + chars <= most_chars {
            used += chars;
            taken.push((hit, line));
        }
    }
    taken.sort_by(|(a, _), (b, _)| {
        let (a, b) = (&a.claim, &b.claim);
        b.constraint
            .cmp(&a.constraint)
            .then(b.importance.total_cmp(&a.importance))
            .then(b.created_at.cmp(&a.created_at))
    });
    taken.into_iter().map(|(_, line)| line).collect()
}

fn line(hit: &Hit) -> String {
    let c = &hit.claim;
    let kind = if c.constraint { "constraint" } else { "attribute" };
    let some = |text: &Option<String>| text.as_deref().map(one_line).filter(|text| !text.is_empty());
    let source = match (some(&c.source_kind), some(&c.source_id)) {
        (Some(kind), Some(id)) => format!("{kind}:{id}"),
        _ => match (&c.memory_id, some(&c.source_path)) {
            (Some(memory), _) => format!("memory:{memory}"),
            (None, Some(path)) => path,
            (None, None) => format!("v{}", c.version),
        },
    };
    let group = some(&c.group).unwrap_or_else(|| "general".to_owned());
    let claim = some(&c.claim).unwrap_or_else(|| "uncategorized".to_owned());
    let (entity, aspect, content) = (one_line(&hit.entity), one_line(&c.aspect), one_line(&c.content));
    format!("- [{kind}] {entity} / {aspect} / {group} / {claim}: {content} ({source})")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(aspect: &str, key: &str, content: &str, importance: f64) -> CurrentClaim {
        CurrentClaim {
            aspect: aspect.into(),
            constraint: false,
            content: content.into(),
            importance,
            confidence: 0.5,
            group: Some("setup".into()),
            claim: Some(key.into()),
            version: 1,
            memory_id: Some("m".into()),
            source_kind: None,
            source_id: None,
            source_path: None,
            created_at: String::new(),
        }
    }

    fn terms(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn claims_are_scored_by_their_words() {
        let asked = terms("hosting providers");
        let asked: Vec<&String> = asked.iter().collect();
        let by_key = lexical(&claim("a", "hosting_provider", "runs at Hetzner", 0.5), &asked);
        let by_content = lexical(&claim("a", "bill", "the provider bills monthly", 0.5), &asked);
        assert!((by_key - 0.94).abs() < 1e-9 && (by_content - 0.86).abs() < 1e-9, "{by_key} {by_content}");
        assert_eq!(lexical(&claim("a", "setup", "other words", 1.0), &asked), 0.0, "the group alone says nothing");
    }

    #[test]
    fn lines_fit_and_long_ones_are_passed_over() {
        let hit = |content: &str| Hit {
            entity: "E".into(),
            claim: claim("a", "k", content, 0.5),
            score: 1.0,
            relevance: 0.0,
        };
        let all = [hit("one"), hit(&"x".repeat(100)), hit("two")];
        let kept = lines(all.to_vec(), 100);
        assert_eq!(
            kept,
            ["- [attribute] E / a / setup / k: one (memory:m)", "- [attribute] E / a / setup / k: two (memory:m)"]
        );
    }

    #[test]
    fn older_versions_and_unsorted_claims_are_left_out() {
        let newer = CurrentClaim { version: 2, ..claim("a", "k", "new", 0.5) };
        let unsorted = CurrentClaim { group: Some("general".into()), ..claim("a", "uncategorized", "x", 0.5) };
        let kept = current(vec![claim("a", "k", "old", 0.9), newer, unsorted, claim("a", "other", "stays", 0.1)]);
        assert_eq!(kept.iter().map(|c| c.content.as_str()).collect::<Vec<_>>(), ["new", "stays"]);
    }

    #[test]
    fn three_aspects_are_enough() {
        let hits = (0..5).map(|n| Hit {
            entity: "E".into(),
            claim: claim(&n.to_string(), "k", "c", 0.5),
            score: 0.9 - f64::from(n) / 100.0,
            relevance: 0.0,
        });
        assert_eq!(best(hits.collect(), 0.8).len(), 3);
    }
}
