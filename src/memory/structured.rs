//! A remember's structured payload into the knowledge graph (memory part, §2.7).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rusqlite::Connection;
use serde_json::Value;

use super::link::canonical;
use super::store::entities::{self, Attribute, NewAttribute};
use super::store::memories::NewMemory;
use crate::http::{ApiError, Fields};

/// Items of each list of a payload, and claims in all.
const MOST: usize = 500;
const MOST_CLAIMS: usize = 5_000;
/// Entities of a payload that are joined with each other.
const JOINED: usize = 24;
/// Steps of one transaction: some twenty milliseconds, so that one payload does not hold up others.
const STEPS: usize = 250;

#[derive(Debug, Clone, Default)]
pub struct Structured {
    triples: Vec<Triple>,
    aspects: Vec<Aspect>,
    pub hints: Vec<String>,
}

#[derive(Debug, Clone)]
struct Triple {
    source: (String, Option<String>),
    relationship: String,
    target: (String, Option<String>),
    confidence: f64,
}

#[derive(Debug, Clone)]
struct Aspect {
    entity: (String, Option<String>),
    name: String,
    claims: Vec<Claim>,
}

#[derive(Debug, Clone)]
struct Claim {
    content: String,
    group_key: Option<String>,
    claim_key: Option<String>,
    confidence: f64,
    importance: Option<f64>,
}

impl Structured {
    /// 400 when a member is no list or there is too much of it; items without their required fields
    /// are skipped.
    pub fn parse(payload: Fields<'_>) -> Result<Self, ApiError> {
        let list = |name: &str| -> Result<Vec<Fields<'_>>, ApiError> {
            match payload.raw(name) {
                None | Some(Value::Null) => Ok(Vec::new()),
                Some(Value::Array(items)) if items.len() <= MOST => {
                    Ok(items.iter().filter_map(Value::as_object).map(Fields).collect())
                }
                Some(Value::Array(_)) => {
                    Err(ApiError::bad_request(format!("structured.{name} may have {MOST} items at most")))
                }
                Some(_) => Err(ApiError::bad_request(format!("structured.{name} must be a list"))),
            }
        };
        let triples = list("entities")?.into_iter().filter_map(triple).collect();
        let aspects: Vec<Aspect> = list("aspects")?.into_iter().filter_map(aspect).collect();
        if aspects.iter().map(|a| a.claims.len()).sum::<usize>() > MOST_CLAIMS {
            return Err(ApiError::bad_request(format!("structured.aspects may have {MOST_CLAIMS} attributes at most")));
        }
        let hints = super::remember::hint_texts(payload.raw("hints"))
            .map_err(|_| ApiError::bad_request("structured.hints must be a list"))?;
        Ok(Structured { triples, aspects, hints })
    }
}

/// One thing to write of a payload, by its places in it.
#[derive(Debug, Clone, Copy)]
enum Step {
    Triple(usize),
    Aspect(usize),
    Claim(usize, usize),
    /// Two of the described entities.
    Pair(usize, usize),
}

/// A payload on its way into the graph, a transaction's worth at a time.
#[derive(Debug, Clone)]
pub struct Writing {
    payload: Arc<Structured>,
    memory: Arc<Subject>,
    /// What is left, the next last.
    steps: Vec<Step>,
    /// Ids of the aspects met so far.
    aspect_ids: HashMap<usize, String>,
    /// Entities with aspects, in their order.
    described: Vec<String>,
    /// Mentions that are new.
    pub linked: usize,
}

/// The memory that a payload describes.
#[derive(Debug)]
struct Subject {
    id: String,
    agent: String,
    /// The project of a credential that is bound to one: claims of others are not its to replace.
    bound_to: Option<String>,
    created_at: String,
    is_decision: bool,
}

impl Writing {
    pub fn of(payload: &Structured, memory: &NewMemory, bound_to: Option<&str>) -> Self {
        let claims = |(n, aspect): (usize, &Aspect)| {
            std::iter::once(Step::Aspect(n)).chain((0..aspect.claims.len()).map(move |c| Step::Claim(n, c)))
        };
        let described = payload.aspects.len().min(JOINED);
        let pairs = (0..described).flat_map(|a| (a + 1..described).map(move |b| Step::Pair(a, b)));
        let mut steps: Vec<Step> = (0..payload.triples.len())
            .map(Step::Triple)
            .chain(payload.aspects.iter().enumerate().flat_map(claims))
            .chain(pairs)
            .collect();
        steps.reverse();
        Writing {
            payload: Arc::new(payload.clone()),
            memory: Arc::new(Subject {
                id: memory.id.clone(),
                agent: memory.place.agent.clone(),
                bound_to: bound_to.map(str::to_owned),
                created_at: memory.created_at.clone(),
                is_decision: is_decision(&memory.content),
            }),
            steps,
            aspect_ids: HashMap::new(),
            described: Vec::new(),
            linked: 0,
        }
    }

    pub fn is_done(&self) -> bool {
        self.steps.is_empty()
    }

    /// Writes the next steps in a savepoint. Their failure never fails the memory; what is left is
    /// given up then.
    pub fn advance(&mut self, connection: &Connection, now: &str) {
        let before = self.clone();
        let written = connection.execute_batch("SAVEPOINT graph").and_then(|()| {
            let written = self.write(connection, now);
            let end = if written.is_ok() { "RELEASE graph" } else { "ROLLBACK TO graph; RELEASE graph" };
            connection.execute_batch(end)?;
            written
        });
        if let Err(cause) = written {
            log::warn!(target: "memory", "structured payload of {} was not linked: {cause}", self.memory.id);
            *self = Writing { steps: Vec::new(), ..before };
        }
    }

    fn write(&mut self, connection: &Connection, now: &str) -> rusqlite::Result<()> {
        let payload = Arc::clone(&self.payload);
        for _ in 0..STEPS {
            let Some(step) = self.steps.pop() else { return Ok(()) };
            match step {
                Step::Triple(n) => self.write_triple(connection, &payload.triples[n], now)?,
                Step::Aspect(n) => self.write_aspect(connection, n, &payload.aspects[n], now)?,
                Step::Claim(n, c) => {
                    if let Some(aspect_id) = self.aspect_ids.get(&n) {
                        store_claim(connection, &self.memory, aspect_id, &payload.aspects[n].claims[c], now)?;
                    }
                }
                Step::Pair(a, b) => {
                    if let (Some(a), Some(b)) = (self.described.get(a), self.described.get(b)) {
                        let why = "described together in one memory";
                        entities::relate(connection, &self.memory.agent, a, b, why, now)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn write_triple(&mut self, connection: &Connection, triple: &Triple, now: &str) -> rusqlite::Result<()> {
        let ends = [&triple.source, &triple.target];
        if !ends.iter().all(|(name, kind)| worth_keeping(name, kind.as_deref())) {
            return Ok(());
        }
        let mut ids = Vec::new();
        for (name, kind) in ends {
            let id = entities::upsert(connection, &self.memory.agent, name, kind.as_deref(), now)?;
            self.linked += entities::add_mention(connection, &self.memory.id, &id, name, triple.confidence, now)?;
            ids.push(id);
        }
        entities::upsert_relation(connection, &ids[0], &ids[1], &triple.relationship, triple.confidence, now)
    }

    fn write_aspect(&mut self, connection: &Connection, n: usize, aspect: &Aspect, now: &str) -> rusqlite::Result<()> {
        let (name, kind) = &aspect.entity;
        if !worth_keeping(name, kind.as_deref()) {
            return Ok(());
        }
        let agent = &self.memory.agent;
        let entity = entities::upsert(connection, agent, name, kind.as_deref(), now)?;
        self.linked += entities::add_mention(connection, &self.memory.id, &entity, name, 0.7, now)?;
        self.aspect_ids.insert(n, entities::upsert_aspect(connection, agent, &entity, &aspect.name, now)?);
        if !self.described.contains(&entity) {
            self.described.push(entity);
        }
        Ok(())
    }
}

fn triple(item: Fields<'_>) -> Option<Triple> {
    let end = |name: &str, kind: &str| {
        Some((item.lenient_text(name)?.to_owned(), item.lenient_text(kind).map(str::to_owned)))
    };
    Some(Triple {
        source: end("source", "sourceType")?,
        relationship: item.lenient_text("relationship")?.to_owned(),
        target: end("target", "targetType")?,
        confidence: number(item, "confidence").unwrap_or(0.7),
    })
}

fn aspect(item: Fields<'_>) -> Option<Aspect> {
    let claims = item.raw("attributes").and_then(Value::as_array).into_iter().flatten();
    Some(Aspect {
        entity: (item.lenient_text("entityName")?.to_owned(), item.lenient_text("entityType").map(str::to_owned)),
        name: item.lenient_text("aspect")?.to_owned(),
        claims: claims
            .filter_map(Value::as_object)
            .take(MOST_CLAIMS + 1)
            .filter_map(|map| {
                let claim = Fields(map);
                Some(Claim {
                    content: claim.lenient_text("content")?.to_owned(),
                    group_key: claim.lenient_text("groupKey").and_then(key),
                    claim_key: claim.lenient_text("claimKey").and_then(key),
                    confidence: number(claim, "confidence").unwrap_or(0.7),
                    importance: number(claim, "importance"),
                })
            })
            .collect(),
    })
}

fn number(item: Fields<'_>, name: &str) -> Option<f64> {
    item.raw(name).and_then(Value::as_f64).map(|n| n.clamp(0.0, 1.0))
}

/// Lower case, other characters made single `_`; shorter than 3 is none.
fn key(text: &str) -> Option<String> {
    let mut key = String::new();
    for c in text.to_lowercase().chars() {
        if c.is_ascii_alphanumeric() {
            key.push(c);
        } else if !key.ends_with('_') {
            key.push('_');
        }
    }
    let key: String = key.trim_matches('_').chars().take(120).collect();
    (key.len() >= 3).then_some(key)
}

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
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
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
fn worth_keeping(name: &str, kind: Option<&str>) -> bool {
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
            DATE_WORDS.contains(&w) || EVENT_VERBS.contains(&w) || w.len() == 4 && w.bytes().all(|b| b.is_ascii_digit())
        });
        if !dated {
            return false;
        }
    }
    lower.chars().count() >= 4 || kind.is_some_and(|k| CONCRETE.contains(&k))
}

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
fn is_decision(text: &str) -> bool {
    let lower = text.to_lowercase();
    let over = |verb: &str| lower.find(verb).is_some_and(|at| lower[at..].contains(" over "));
    DECISIONS.iter().any(|d| lower.contains(d)) || over("chose") || over("prefers")
}

fn store_claim(
    connection: &Connection,
    memory: &Subject,
    aspect_id: &str,
    claim: &Claim,
    now: &str,
) -> rusqlite::Result<()> {
    let (kind, importance) = if memory.is_decision { ("constraint", 0.85) } else { ("attribute", 0.5) };
    let normalized = claim.content.trim().to_lowercase();
    let added = entities::add_attribute(
        connection,
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
            now,
        },
    )?;
    let (Some(id), Some(claim_key), "attribute") = (added, &claim.claim_key, kind) else { return Ok(()) };
    let fresh = Attribute { id, normalized, created_at: memory.created_at.clone() };
    let group = claim.group_key.as_deref();
    let bound_to = memory.bound_to.as_deref();
    for rival in entities::rivals(connection, &memory.agent, bound_to, aspect_id, group, claim_key, &fresh.id)? {
        let (older, newer) = if rival.created_at <= fresh.created_at { (&rival, &fresh) } else { (&fresh, &rival) };
        if replaces(newer, older) {
            entities::supersede(connection, &older.id, &newer.id, now)?;
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

    #[test]
    fn newer_numbers_or_update_words_supersede() {
        let claim = |text: &str| Attribute { id: String::new(), normalized: text.into(), created_at: String::new() };
        assert!(replaces(&claim("the office has 30 desks"), &claim("the office has 20 desks")));
        assert!(!replaces(&claim("the office has 20 desks"), &claim("the office has 20 desks here")));
        assert!(replaces(&claim("the main office is now in bern"), &claim("the main office is in basel")));
        assert_eq!(key("  Office Size! "), Some("office_size".into()));
        assert_eq!(key("a"), None);
    }

    #[test]
    fn decisions_are_recognised() {
        assert!(is_decision("We chose SQLite over Postgres"));
        assert!(is_decision("Ada settled on Rust"));
        assert!(!is_decision("The sky is blue"));
    }
}
