//! Which memories a session is begun with: the important and the new, those the graph leads to from the project,
//! and those that the last sessions about the project talked of.

use std::collections::{HashMap, HashSet};

use super::Call;
use crate::config::{Config, SessionStart};
use crate::core::Error;
use crate::parts::knowledge::{Entity, graph, subjects};
use crate::parts::memory::{Brief, Epoch, Item};
use crate::parts::sessions::Sessions;
use crate::parts::sessions::checkpoints::Structure;
use crate::parts::sessions::hooks::age_days;
use crate::parts::sessions::hooks::prompt::terms;
use crate::parts::sessions::noted::Note;
use crate::parts::sessions::store::shown::Considered;
use crate::parts::sessions::store::{ledger, summary_jobs};

/// How the worth of a memory falls with each day, and what it must be at least.
const A_DAY: f64 = 0.95;
const LEAST: f64 = 0.2;
/// Pinned and project entities from which the graph is walked.
const PINNED: i64 = 20;
const PROJECTS: i64 = 5;
/// Constraints that are shown.
const CONSTRAINTS: usize = 50;
/// What is foreseen: sessions looked at, characters of each, terms, memories, characters of these.
const SESSIONS: i64 = 5;
const BEGINNING: i64 = 3_000;
const TERMS: usize = 6;
const FORESEEN: usize = 10;
const FORESEEN_CHARS: usize = 600;
const SURFACE: &str = "api.hooks.session-start";

/// A memory with what it is worth to this session.
#[derive(Debug, Clone)]
pub struct Candidate {
    pub memory: Brief,
    score: f64,
    source: &'static str,
}

/// What a session is begun with.
#[derive(Debug, Default)]
pub struct Chosen {
    pub memories: Vec<Candidate>,
    /// Rules that bind what the project is about: entity and text.
    pub constraints: Vec<(String, String)>,
    pub structure: Option<Structure>,
}

/// What the graph had: where it was entered, and the rules found there.
type Walked = (Option<Structure>, Vec<(String, String)>);

/// Tokens as they are counted here: an upper bound that needs no vocabulary.
pub fn tokens(text: &str) -> usize {
    text.len().div_ceil(4)
}

impl Sessions {
    /// Chooses the memories, notes what was considered, and counts what is shown.
    pub(super) fn choose(&self, call: &Call, config: &Config, start: &SessionStart) -> Result<Chosen, Error> {
        let mut all = self.scored(call, start)?;
        let (structure, constraints) = self.walk(call, config, &mut all, start.pool).unwrap_or_else(|cause| {
            log::warn!(target: "sessions", "a session begins without the graph: {cause}");
            (None, Vec::new())
        });
        let mut served: Vec<Candidate> = Vec::new();
        let mut used = 0;
        for candidate in all.iter().take(start.memories) {
            used += tokens(&candidate.memory.content);
            if used > start.most_tokens {
                break;
            }
            served.push(candidate.clone());
        }
        // less context is better than none
        served.extend(self.foreseen(call, &served).unwrap_or_default());
        let served = self.note(call, &all, served)?;
        self.memory.count_accesses(served.iter().map(|c| c.memory.id.clone()).collect());
        Ok(Chosen { memories: served, constraints, structure })
    }

    /// The newest memories by their worth, those of the project first.
    fn scored(&self, call: &Call, start: &SessionStart) -> Result<Vec<Candidate>, Error> {
        let now = self.core.clock.now();
        let newest = self.core.db.read(|c| self.memory.newest(c, &call.visible, 3 * start.pool as i64))?;
        let score = |m: &Brief| if m.pinned { 1.0 } else { m.importance * A_DAY.powf(age_days(&m.created_at, now)) };
        let worth = newest.into_iter().map(|memory| Candidate { score: score(&memory), memory, source: "effective" });
        let mut all: Vec<Candidate> = worth.filter(|c| c.score > LEAST || c.memory.pinned).collect();
        sort(&mut all, call.project.as_deref());
        all.truncate(start.pool);
        Ok(all)
    }

    /// Adds what the graph leads to from pinned entities and the project's.
    fn walk(&self, call: &Call, config: &Config, all: &mut Vec<Candidate>, pool: usize) -> Result<Walked, Error> {
        let pipeline = &config.pipeline;
        if !pipeline.graph.enabled || !pipeline.traversal.enabled {
            return Ok((None, Vec::new()));
        }
        let agent = call.agent.as_str();
        let parts = path_parts(call.project.as_deref());
        let (focal, found, constraints) = self.core.db.read(|c| {
            let mut focal: Vec<Entity> = subjects::pinned(c, agent, PINNED)?;
            if !parts.is_empty() {
                let named = subjects::projects_named(c, agent, &parts, PROJECTS)?;
                focal.extend(named.into_iter().filter(|n| !focal.contains(n)).collect::<Vec<_>>());
            }
            if focal.is_empty() {
                return Ok((focal, HashMap::new(), Vec::new()));
            }
            let filter = call.visible.conditions(c)?;
            let found = graph::walk(c, agent, &focal, &pipeline.traversal, &filter)?;
            let whole = call.bound_to().is_none();
            let mut constraints = Vec::new();
            for entity in &focal {
                let of = subjects::current_claims(c, agent, &entity.id, &filter, whole, 200)?;
                let rules = of.into_iter().filter(|claim| claim.constraint);
                constraints.extend(rules.map(|rule| (entity.name.clone(), rule.content)));
            }
            constraints.truncate(CONSTRAINTS);
            Ok((focal, found, constraints))
        })?;
        if focal.is_empty() {
            return Ok((None, constraints));
        }
        let structure = Structure {
            focal_ids: focal.iter().map(|e| e.id.clone()).collect(),
            focal_names: focal.iter().map(|e| e.name.clone()).collect(),
            constraints: constraints.len(),
            memories: found.len(),
        };
        self.join(call, all, found)?;
        sort(all, call.project.as_deref());
        all.truncate(pool);
        Ok((Some(structure), constraints))
    }

    /// Memories that were walked to join the others; of those that are there already the larger score counts.
    fn join(&self, call: &Call, all: &mut Vec<Candidate>, mut found: HashMap<i64, f64>) -> Result<(), Error> {
        for candidate in all.iter_mut() {
            if let Some(importance) = found.remove(&candidate.memory.rowid) {
                candidate.score = candidate.score.max(importance);
                candidate.source = "ka_traversal";
            }
        }
        let rowids: Vec<i64> = found.keys().copied().collect();
        let more = self.core.db.read(|c| self.memory.of_rowids(c, &rowids, &call.visible))?;
        all.extend(more.into_iter().map(|memory| {
            let walked = found.get(&memory.rowid).copied().unwrap_or(0.0);
            Candidate { score: walked.max(memory.importance), memory, source: "ka_traversal" }
        }));
        Ok(())
    }

    /// Memories of the project about what its last sessions talked of.
    fn foreseen(&self, call: &Call, served: &[Candidate]) -> Result<Vec<Candidate>, Error> {
        let Some(project) = &call.project else { return Ok(Vec::new()) };
        let said = self.core.db.read(|c| summary_jobs::beginnings(c, &call.agent, project, BEGINNING, SESSIONS))?;
        let terms = recurring(&said);
        if terms.is_empty() {
            return Ok(Vec::new());
        }
        let quoted: Vec<String> = terms.iter().map(|term| crate::db::sql::fts_quote(term)).collect();
        let expression = quoted.join(" OR ");
        let known: HashSet<&str> = served.iter().map(|c| c.memory.id.as_str()).collect();
        let limit = (FORESEEN + served.len()) as i64;
        let found = self.core.db.read(|c| self.memory.of_project(c, &expression, project, &call.visible, limit))?;
        let mut chars = 0;
        let fits = |memory: &Brief| {
            chars += memory.content.chars().count();
            chars <= FORESEEN_CHARS
        };
        let fresh = found.into_iter().filter(|memory| !known.contains(memory.id.as_str()));
        let taken = fresh.take(FORESEEN).take_while(fits);
        Ok(taken.map(|memory| Candidate { score: memory.importance, memory, source: "predicted" }).collect())
    }

    /// Notes what was considered and what is shown; what this session was shown already drops out.
    fn note(&self, call: &Call, all: &[Candidate], served: Vec<Candidate>) -> Result<Vec<Candidate>, Error> {
        let (Some(key), Ok(())) = (&call.key, self.core.mutable()) else { return Ok(served) };
        let (agent, start_key) = (call.agent.clone(), start_key(call));
        let (epoch, seen) = self.core.db.read(|c| {
            let number = ledger::current_epoch(c, &start_key, &agent)?;
            let epoch = Epoch { session_key: start_key.clone(), agent: agent.clone(), number };
            let seen = ledger::shown(c, &epoch)?;
            Ok((epoch, seen))
        })?;
        let fresh = |c: &Candidate| !seen.contains(&("memory".to_owned(), c.memory.id.clone()));
        let kept: Vec<Candidate> = served.into_iter().filter(fresh).collect();
        let shown_ids: HashSet<&str> = kept.iter().map(|c| c.memory.id.as_str()).collect();
        let beside = kept.iter().filter(|c| c.source == "predicted");
        let considered = all.iter().chain(beside).enumerate().map(|(rank, c)| Considered {
            memory_id: c.memory.id.clone(),
            source: c.source,
            score: c.score,
            rank: rank + 1,
            injected: shown_ids.contains(c.memory.id.as_str()),
        });
        let shown = kept.iter().map(|c| Item {
            kind: "memory",
            id: c.memory.id.clone(),
            score: c.score,
            source: c.source.to_owned(),
        });
        let note = Note {
            session_key: key.clone(),
            epoch,
            surface: SURFACE,
            shown: shown.collect(),
            considered: considered.collect(),
        };
        if let Some(note) = self.ledgers.noted.push(note) {
            self.core.db.write(move |tx| note.write(tx))?;
        }
        Ok(kept)
    }
}

/// The ledger that beginnings of a session have for themselves.
pub fn start_key(call: &Call) -> String {
    let part = |text: &Option<String>| text.clone().unwrap_or_default();
    format!("{}\0{}\0{}", call.harness, part(&call.project), part(&call.key))
}

/// Those of the project first, then by score.
fn sort(all: &mut [Candidate], project: Option<&str>) {
    let own = |c: &Candidate| project.is_some() && c.memory.project.as_deref() == project;
    all.sort_by(|a, b| own(b).cmp(&own(a)).then(b.score.total_cmp(&a.score)));
}

/// The last two names of a path, in lower case.
fn path_parts(project: Option<&str>) -> Vec<String> {
    let names = project.unwrap_or_default().split('/').filter(|part| part.chars().count() >= 2);
    let all: Vec<String> = names.map(str::to_lowercase).collect();
    all[all.len().saturating_sub(2)..].to_vec()
}

/// Terms of four letters and more that at least two of these texts have, the most frequent first.
fn recurring(texts: &[String]) -> Vec<String> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for text in texts {
        let plain = |term: &String| term.chars().count() >= 4 && term.chars().all(char::is_alphabetic);
        for term in terms(text).into_iter().filter(plain).filter(|term| term != "user" && term != "assistant") {
            *counts.entry(term).or_default() += 1;
        }
    }
    let mut all: Vec<(String, usize)> = counts.into_iter().filter(|(_, n)| *n >= 2).collect();
    all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    all.into_iter().take(TERMS).map(|(term, _)| term).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_that_recur_are_foreseen() {
        let texts = ["User: the kiln firmware and the kiln", "User: kiln glaze firmware", "User: other words"]
            .map(str::to_owned);
        assert_eq!(recurring(&texts), ["firmware", "kiln"]);
        assert_eq!(path_parts(Some("/home/ada/Work/Quay/")), ["work", "quay"]);
        assert!(path_parts(Some("/a/b")).is_empty() && path_parts(None).is_empty());
    }
}
