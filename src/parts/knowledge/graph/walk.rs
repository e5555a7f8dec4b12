//! The walk from entities to memories: claims first, then mentions, then one link further.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::super::store::graph::{self as store, Entity};
use crate::config::Traversal;
use crate::db::sql::Conditions;

/// Rowids of memories with the highest importance met: of the claims behind which a memory stands,
/// or its own.
type Found = HashMap<i64, f64>;

/// Walks from the focal entities; only memories that the filter lets through are met.
pub fn walk(
    connection: &Connection,
    agent: &str,
    focal: &[Entity],
    limits: &Traversal,
    filter: &Conditions,
) -> rusqlite::Result<Found> {
    let mut walker =
        Walker { connection, agent, limits, filter, deadline: Instant::now() + limits.time, found: Found::new() };
    let ids: Vec<&str> = focal.iter().map(|e| e.id.as_str()).collect();
    walker.collect(&ids)?;
    if walker.may_go_on() {
        let most = (limits.branching * ids.len()) as i64;
        let targets =
            store::linked_entities(connection, agent, &ids, limits.least_strength, limits.least_confidence, most)?;
        let visited: HashSet<&str> = ids.into_iter().collect();
        let targets: Vec<&str> = targets.iter().map(String::as_str).filter(|t| !visited.contains(t)).collect();
        walker.collect(&targets)?;
    }
    Ok(walker.found)
}

struct Walker<'a> {
    connection: &'a Connection,
    agent: &'a str,
    limits: &'a Traversal,
    filter: &'a Conditions,
    deadline: Instant,
    found: Found,
}

impl Walker<'_> {
    fn may_go_on(&self) -> bool {
        self.found.len() < self.limits.memories && Instant::now() < self.deadline
    }

    /// Claims of all entities, then what mentions them.
    fn collect(&mut self, entities: &[&str]) -> rusqlite::Result<()> {
        for entity in entities {
            for aspect in store::aspects(self.connection, self.agent, entity, self.limits.aspects_per_entity)? {
                if !self.may_go_on() {
                    return Ok(());
                }
                let most = self.limits.attributes_per_aspect;
                let met = store::memories_of_aspect(self.connection, self.agent, &aspect.id, self.filter, most)?;
                self.add(met);
            }
        }
        for entity in entities {
            if !self.may_go_on() {
                return Ok(());
            }
            let most = self.limits.memories as i64;
            let met = store::memories_mentioning(self.connection, entity, self.filter, most)?;
            self.add(met);
        }
        Ok(())
    }

    fn add(&mut self, met: Vec<(i64, f64)>) {
        for (rowid, importance) in met {
            let room = self.found.len() < self.limits.memories;
            match self.found.get_mut(&rowid) {
                Some(known) => *known = known.max(importance),
                None if room => {
                    self.found.insert(rowid, importance);
                }
                None => {}
            }
        }
    }
}

/// Entities one relation away that are looked at, and memories taken, by [`linked_memories`].
const RELATED: i64 = 50;
const LINKED: usize = 200;

/// Memories that mention the focal entities or one a relation away, within the time.
pub fn linked_memories(
    connection: &Connection,
    focal: &[Entity],
    time: Duration,
    filter: &Conditions,
) -> rusqlite::Result<HashSet<i64>> {
    let deadline = Instant::now() + time;
    let mut ids: Vec<String> = focal.iter().map(|e| e.id.clone()).collect();
    let from: Vec<&str> = focal.iter().map(|e| e.id.as_str()).collect();
    ids.extend(store::related_entities(connection, &from, RELATED)?);
    let mut found = HashSet::new();
    for id in ids {
        if found.len() >= LINKED || Instant::now() >= deadline {
            break;
        }
        let met = store::memories_mentioning(connection, &id, filter, (LINKED - found.len()) as i64)?;
        found.extend(met.into_iter().map(|(rowid, _)| rowid));
    }
    Ok(found)
}
