//! What is known of an entity, in short: its weightiest aspects with their claims, what it is bound
//! by and what it is linked to.

use rusqlite::Connection;

use super::super::store::graph::{self as store, Entity, KnownClaim};
use crate::db::sql::Conditions;

/// Aspects shown of an entity, and claims of each.
const ASPECTS: i64 = 10;
const CLAIMS: i64 = 5;
/// Linked entities named.
const LINKED: i64 = 5;
/// Characters of a card.
const CARD: usize = 900;

#[derive(Debug)]
pub struct Described {
    pub entity: Entity,
    /// Aspects that have something to say.
    pub aspects: Vec<(String, Vec<KnownClaim>)>,
    linked: Vec<String>,
}

/// `None` when nothing is known that the caller may read. `whole` says that the caller sees the
/// agent's whole graph: claims without a memory behind them, and links.
pub fn describe(
    connection: &Connection,
    agent: &str,
    entity: &Entity,
    filter: &Conditions,
    whole: bool,
) -> rusqlite::Result<Option<Described>> {
    let mut aspects = Vec::new();
    for aspect in store::aspects(connection, agent, &entity.id, ASPECTS)? {
        let claims = store::claims_of_aspect(connection, agent, &aspect.id, filter, whole, CLAIMS)?;
        if !claims.is_empty() {
            aspects.push((aspect.name, claims));
        }
    }
    if aspects.is_empty() {
        return Ok(None);
    }
    let linked = if whole { store::names_of_linked(connection, agent, &entity.id, LINKED)? } else { Vec::new() };
    Ok(Some(Described { entity: entity.clone(), aspects, linked }))
}

impl Described {
    fn constraints(&self) -> Vec<&str> {
        let claims = self.aspects.iter().flat_map(|(_, claims)| claims);
        claims.filter(|c| c.constraint).map(|c| c.content.as_str()).collect()
    }

    /// How much is known: more aspects, claims and above all constraints make a card worth more.
    pub fn weight(&self) -> f64 {
        let claims: usize = self.aspects.iter().map(|(_, claims)| claims.len()).sum();
        let constraints = self.constraints().len();
        0.15 * self.aspects.len() as f64 + 0.05 * (claims - constraints) as f64 + 0.2 * constraints as f64
    }

    /// `[Name (type)]`, a line per aspect, what binds the entity, what it is linked to.
    pub fn card(&self) -> String {
        let mut lines = vec![format!("[{} ({})]", self.entity.name, self.entity.kind)];
        for (name, claims) in &self.aspects {
            let known: Vec<&str> = claims.iter().filter(|c| !c.constraint).map(|c| c.content.as_str()).collect();
            if !known.is_empty() {
                lines.push(format!("- {name}: {}", known.join("; ")));
            }
        }
        let constraints = self.constraints();
        if !constraints.is_empty() {
            lines.push(format!("- Constraints: {}", constraints.join("; ")));
        }
        if !self.linked.is_empty() {
            lines.push(format!("- Related: {}", self.linked.join(", ")));
        }
        lines.join("\n").chars().take(CARD).collect()
    }
}
