//! What recall says beside the memories it found: why decisions were made, and what the graph knows
//! of the entities a question names (memory part, §6.5, 9 and 10).

use rusqlite::Connection;

use super::answer::{Aside, Line};
use super::filter::Filter;
use super::query::RecallQuery;
use crate::parts::knowledge::graph::{self, Described};
use crate::parts::knowledge::{Entity, KnownClaim};
use crate::parts::memory::api::{AspectAnswer, ClaimAnswer, EntityAnswer};
use crate::parts::memory::store::recall;

/// Entities described, those whose names match best.
const DESCRIBED: usize = 5;
/// Rationales shown.
const RATIONALES: i64 = 10;
/// Cards shown where the limit is small.
const CARDS: usize = 3;

/// Memories of type `rationale` that share an entity with the decisions among these lines and pass
/// the filter as every row does.
pub fn rationales(connection: &Connection, filter: &Filter<'_>, lines: &[Line]) -> rusqlite::Result<Vec<Line>> {
    let decisions: Vec<i64> = lines.iter().filter_map(Line::decision).collect();
    if decisions.is_empty() {
        return Ok(Vec::new());
    }
    let conditions = filter.conditions();
    let found = graph::rationales(connection, &decisions, &conditions, RATIONALES)?;
    let rows = recall::rows(connection, &found, &conditions)?;
    let new = rows.into_iter().filter(|row| !lines.iter().any(|l| l.id == row.id));
    Ok(new.map(|row| Line::memory(row, 0.0, "graph", None).supplementary()).collect())
}

/// What is known of the entities a question names, as far as the filter lets it be read.
pub fn described(
    connection: &Connection,
    filter: &Filter<'_>,
    query: &RecallQuery,
    focal: &[Entity],
) -> rusqlite::Result<Vec<Described>> {
    let agent = &filter.readable.agent;
    let conditions = filter.conditions();
    let whole = query.project.is_none() && query.scope.is_none();
    let mut known = Vec::new();
    for entity in focal.iter().take(DESCRIBED) {
        known.extend(graph::describe(connection, agent, entity, &conditions, whole)?);
    }
    Ok(known)
}

/// A card per entity, below every memory of the answer.
pub fn cards(known: &[Described], lines: &[Line], limit: usize, now: &str) -> Vec<Line> {
    let lowest = lines.iter().filter(|l| !l.is_supplementary()).map(|l| l.score).fold(1.0, f64::min);
    let most = CARDS.max((3 * limit).div_ceil(10));
    let card = |known: &Described| {
        let text = known.card();
        let aside = Aside {
            kind: "semantic".to_owned(),
            importance: 0.5,
            who: "signet".to_owned(),
            created_at: now.to_owned(),
            ..Aside::of(&text, usize::MAX)
        };
        let score = known.weight().min(lowest - 0.01).max(0.0);
        Line::aside(format!("constructed:{}", known.entity.name), score, "constructed", aside)
    };
    let mut cards: Vec<Line> = known.iter().take(most).map(card).collect();
    cards.sort_by(|a, b| b.score.total_cmp(&a.score));
    cards
}

/// The top-level `entities` of an answer.
pub fn entities(known: &[Described]) -> Vec<EntityAnswer> {
    let claim =
        |c: &KnownClaim| ClaimAnswer { content: c.content.clone(), status: c.status.clone(), importance: c.importance };
    let aspect = |(name, claims): &(String, Vec<KnownClaim>)| AspectAnswer {
        name: name.clone(),
        attributes: claims.iter().map(claim).collect(),
    };
    let entity = |k: &Described| EntityAnswer {
        name: k.entity.name.clone(),
        kind: k.entity.kind.clone(),
        aspects: k.aspects.iter().map(aspect).collect(),
    };
    known.iter().map(entity).collect()
}
