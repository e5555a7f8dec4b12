//! A remember's structured payload into the knowledge graph (memory part, §2.7).

mod claims;
mod names;

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::Connection;
use serde_json::Value;

use super::store::entities;
use super::store::memories::NewMemory;
use crate::http::{ApiError, Fields};
use claims::{is_decision, store_claim};
use names::worth_keeping;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_words_joined() {
        assert_eq!(key("  Office Size! "), Some("office_size".into()));
        assert_eq!(key("a"), None);
    }
}
