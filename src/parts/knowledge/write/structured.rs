//! A structured payload on its way into the graph (memory part, §2.7).

use std::collections::HashMap;
use std::sync::Arc;

use super::api::{AspectInput, ClaimInput, StructuredInput, TripleInput};
use super::claims::{is_decision, store_claim};
use super::names::worth_keeping;
use crate::core::Error;
use crate::db::Tx;
use crate::http::input::{Nested, Text};
use crate::parts::knowledge::store::entities;

/// Claims of a payload in all.
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
    claims: Vec<NewClaim>,
}

#[derive(Debug, Clone)]
pub(super) struct NewClaim {
    pub content: String,
    pub group_key: Option<String>,
    pub claim_key: Option<String>,
    pub confidence: f64,
    pub importance: Option<f64>,
}

impl Structured {
    /// Refuses more claims than are taken.
    pub fn of(input: StructuredInput) -> Result<Self, Error> {
        let aspects: Vec<Aspect> = input.aspects.0.into_iter().map(|Nested(a)| Aspect::of(a)).collect();
        if aspects.iter().map(|a| a.claims.len()).sum::<usize>() > MOST_CLAIMS {
            return Err(Error::invalid("structured.aspects", format!("may have {MOST_CLAIMS} attributes at most")));
        }
        let triples = input.entities.0.into_iter().map(|Nested(t)| Triple::of(t)).collect();
        Ok(Structured { triples, aspects, hints: input.hints.0 })
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
#[derive(Debug, Clone)]
pub struct Subject {
    pub id: String,
    pub agent: String,
    /// The project of a credential that is bound to one: claims of others are not its to replace.
    pub bound_to: Option<String>,
    pub created_at: String,
    pub is_decision: bool,
}

impl Subject {
    /// `content` decides whether it tells of a decision.
    pub fn of(id: &str, agent: &str, created_at: &str, content: &str, bound_to: Option<&str>) -> Self {
        Subject {
            id: id.to_owned(),
            agent: agent.to_owned(),
            bound_to: bound_to.map(str::to_owned),
            created_at: created_at.to_owned(),
            is_decision: is_decision(content),
        }
    }
}

impl Writing {
    pub fn of(payload: &Structured, memory: Subject) -> Self {
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
            memory: Arc::new(memory),
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
    pub fn advance(&mut self, tx: &Tx<'_>) {
        let before = self.clone();
        if let Err(cause) = tx.savepoint(|tx| self.write(tx)) {
            log::warn!(target: "knowledge", "structured payload of {} was not linked: {cause}", self.memory.id);
            *self = Writing { steps: Vec::new(), ..before };
        }
    }

    fn write(&mut self, tx: &Tx<'_>) -> rusqlite::Result<()> {
        let payload = Arc::clone(&self.payload);
        for _ in 0..STEPS {
            let Some(step) = self.steps.pop() else { return Ok(()) };
            match step {
                Step::Triple(n) => self.write_triple(tx, &payload.triples[n])?,
                Step::Aspect(n) => self.write_aspect(tx, n, &payload.aspects[n])?,
                Step::Claim(n, c) => {
                    if let Some(aspect_id) = self.aspect_ids.get(&n) {
                        store_claim(tx, &self.memory, aspect_id, &payload.aspects[n].claims[c])?;
                    }
                }
                Step::Pair(a, b) => {
                    if let (Some(a), Some(b)) = (self.described.get(a), self.described.get(b)) {
                        let why = "described together in one memory";
                        entities::relate(tx, &self.memory.agent, a, b, why)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn write_triple(&mut self, tx: &Tx<'_>, triple: &Triple) -> rusqlite::Result<()> {
        let ends = [&triple.source, &triple.target];
        if !ends.iter().all(|(name, kind)| worth_keeping(name, kind.as_deref())) {
            return Ok(());
        }
        let mut ids = Vec::new();
        for (name, kind) in ends {
            let id = entities::upsert(tx, &self.memory.agent, name, kind.as_deref())?;
            self.linked += entities::add_mention(tx, &self.memory.id, &id, name, triple.confidence)?;
            ids.push(id);
        }
        entities::upsert_relation(tx, &ids[0], &ids[1], &triple.relationship, triple.confidence)
    }

    fn write_aspect(&mut self, tx: &Tx<'_>, n: usize, aspect: &Aspect) -> rusqlite::Result<()> {
        let (name, kind) = &aspect.entity;
        if !worth_keeping(name, kind.as_deref()) {
            return Ok(());
        }
        let agent = &self.memory.agent;
        let entity = entities::upsert(tx, agent, name, kind.as_deref())?;
        self.linked += entities::add_mention(tx, &self.memory.id, &entity, name, 0.7)?;
        self.aspect_ids.insert(n, entities::upsert_aspect(tx, agent, &entity, &aspect.name)?);
        if !self.described.contains(&entity) {
            self.described.push(entity);
        }
        Ok(())
    }
}

impl Triple {
    fn of(input: TripleInput) -> Self {
        Triple {
            source: (input.source.0, input.source_type.into_string()),
            relationship: input.relationship.0,
            target: (input.target.0, input.target_type.into_string()),
            confidence: input.confidence.0.unwrap_or(0.7),
        }
    }
}

impl Aspect {
    fn of(input: AspectInput) -> Self {
        Aspect {
            entity: (input.entity_name.0, input.entity_type.into_string()),
            name: input.aspect.0,
            claims: input.attributes.0.into_iter().map(|Nested(c)| NewClaim::of(c)).collect(),
        }
    }
}

impl NewClaim {
    fn of(input: ClaimInput) -> Self {
        let key_of = |text: Option<Text>| text.and_then(|t| key(&t));
        NewClaim {
            content: input.content.0,
            group_key: key_of(input.group_key.0),
            claim_key: key_of(input.claim_key.0),
            confidence: input.confidence.0.unwrap_or(0.7),
            importance: input.importance.0,
        }
    }
}

/// Lower case, other characters made single `_`; `None` when fewer than 3 characters are left.
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
