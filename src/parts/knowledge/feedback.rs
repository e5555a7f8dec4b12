//! What a rating of a shown memory teaches the graph: the path that led to it, its aspects and links
//! move, and entities that are of use together become linked (memory part, `POST /api/memory/feedback`).

use serde_json::{Value, json};
use sha1::{Digest, Sha1};

use super::store::feedback as store;
use crate::db::Tx;
use crate::text::hex;

/// Items of each kind on a path.
const MOST: usize = 50;

/// The way through the graph that led to a memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Path {
    pub entities: Vec<String>,
    pub aspects: Vec<String>,
    pub dependencies: Vec<String>,
}

impl Path {
    pub fn parse(value: &Value) -> Self {
        let list = |names: [&str; 2]| -> Vec<String> {
            let items = names.iter().find_map(|n| value.get(*n)).and_then(Value::as_array).into_iter().flatten();
            items.filter_map(|v| v.as_str().map(str::to_owned)).take(MOST).collect()
        };
        Path {
            entities: list(["entity_ids", "entityIds"]),
            aspects: list(["aspect_ids", "aspectIds"]),
            dependencies: list(["dependency_ids", "dependencyIds"]),
        }
    }

    pub fn from_text(text: &str) -> Option<Self> {
        Some(Self::parse(&serde_json::from_str(text).ok()?))
    }

    pub fn is_empty(&self) -> bool {
        self.entities.is_empty() && self.aspects.is_empty() && self.dependencies.is_empty()
    }

    pub fn to_text(&self) -> String {
        json!({ "entity_ids": self.entities, "aspect_ids": self.aspects, "dependency_ids": self.dependencies })
            .to_string()
    }

    pub fn hash(&self) -> String {
        hex(&Sha1::digest(self.to_text().as_bytes()))
    }
}

/// What a rating is worth beside itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reward {
    pub forward: f64,
    pub update: f64,
    pub downstream: f64,
    pub dead_end: f64,
}

impl Reward {
    pub fn parse(value: Option<&Value>) -> Self {
        let part = |names: [&str; 2]| match names.iter().find_map(|n| value?.get(*n)) {
            Some(Value::Bool(true)) => 1.0,
            Some(Value::Number(n)) => n.as_f64().unwrap_or(0.0).clamp(0.0, 1.0),
            _ => 0.0,
        };
        Reward {
            forward: part(["forward_citation", "forwardCitation"]),
            update: part(["update_after_retrieval", "updateAfterRetrieval"]),
            downstream: part(["downstream_creation", "downstreamCreation"]),
            dead_end: part(["dead_end", "deadEnd"]),
        }
    }

    pub fn total(self) -> f64 {
        self.forward + 0.5 * self.update + 0.6 * self.downstream - 0.15 * self.dead_end
    }
}

/// One rating with what is known of the way to its memory.
#[derive(Debug)]
pub struct Rating<'a> {
    pub agent: &'a str,
    pub session_key: &'a str,
    pub memory_id: &'a str,
    /// −1 to 1.
    pub rating: f64,
    /// The path that the client names.
    pub named: Option<Path>,
    /// The path that was noted when the memory was shown.
    pub noted: Option<Path>,
    pub reward: Reward,
    /// Least and greatest weight of an aspect.
    pub bounds: (f64, f64),
}

/// Counts of what the graph learned.
#[derive(Debug, Default, Clone, Copy)]
pub struct Learned {
    pub propagated: usize,
    pub dependencies: usize,
    pub cooccurrences: usize,
}

/// Learns from one rating; entities that it found useful join `useful`.
pub fn learn(tx: &Tx<'_>, r: &Rating<'_>, learned: &mut Learned, useful: &mut Vec<String>) -> rusqlite::Result<()> {
    store::note_session(tx, r.agent, r.session_key)?;
    let path = match (&r.named, &r.noted) {
        (Some(path), _) => store::own_path(tx, r.agent, path)?,
        (None, Some(path)) => path.clone(),
        (None, None) => store::inferred_path(tx, r.agent, r.memory_id)?,
    };
    if path.is_empty() {
        return Ok(());
    }
    store::add_event(
        tx,
        &store::Rated {
            agent: r.agent,
            session_key: r.session_key,
            memory_id: r.memory_id,
            path: &path,
            rating: r.rating,
            reward: r.reward,
        },
    )?;
    learned.propagated += store::move_aspects(tx, &path, r.rating, r.bounds)?;
    learned.dependencies += store::move_dependencies(tx, &path, r.rating)?;
    if r.rating > 0.0 {
        let fresh: Vec<String> = path.entities.into_iter().filter(|e| !useful.contains(e)).collect();
        useful.extend(fresh);
    }
    Ok(())
}

/// Counts the entities that a session found useful, each with the others.
pub fn learn_together(
    tx: &Tx<'_>,
    agent: &str,
    session_key: &str,
    useful: &[String],
    learned: &mut Learned,
) -> rusqlite::Result<()> {
    learned.cooccurrences = store::count_useful(tx, agent, session_key, useful)?;
    Ok(())
}
