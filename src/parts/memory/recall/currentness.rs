//! Whether what a memory claims is still so: claims of it that newer ones have superseded lower it,
//! and its content says so (memory part, §6.5, 4).

use std::collections::HashMap;

use rusqlite::Connection;

use super::filter::Filter;
use super::rank::Ranked;
use crate::parts::knowledge::{Fact, claims};
use crate::text::one_line;

const ALL_SUPERSEDED: f64 = 0.65;
const PARTLY_SUPERSEDED: f64 = 0.85;
const ALL_ACTIVE: f64 = 1.03;
/// Facts of each kind that the note names, and characters of one.
const NAMED: usize = 3;
const FACT: usize = 160;

/// Weighs rows by the state of their claims and notes what is no longer so.
pub fn weigh(connection: &Connection, filter: &Filter<'_>, ranked: &mut [Ranked]) -> rusqlite::Result<()> {
    if ranked.is_empty() || !claims::any(connection)? {
        return Ok(());
    }
    let ids: Vec<&str> = ranked.iter().map(|r| r.row.id.as_str()).collect();
    let facts = claims::facts(connection, &filter.readable.agent, &ids, &filter.place_conditions())?;
    let mut by_memory: HashMap<&str, Vec<&Fact>> = HashMap::new();
    for fact in &facts {
        by_memory.entry(&fact.memory_id).or_default().push(fact);
    }
    for line in ranked {
        let Some(facts) = by_memory.get(line.row.id.as_str()) else { continue };
        let superseded = facts.iter().filter(|f| f.superseded).count();
        line.multiply(match superseded {
            0 => ALL_ACTIVE,
            n if n == facts.len() => ALL_SUPERSEDED,
            _ => PARTLY_SUPERSEDED,
        });
        line.note = (superseded > 0).then(|| note(facts));
    }
    Ok(())
}

fn note(facts: &[&Fact]) -> String {
    let mut lines = vec!["[Signet currentness]".to_owned()];
    let current = facts.iter().filter(|f| !f.superseded).take(NAMED);
    lines.extend(current.map(|f| format!("Current: {}", short(&f.content))));
    let superseded = facts.iter().filter(|f| f.superseded).take(NAMED);
    lines.extend(superseded.map(|f| match &f.replacement {
        Some(replacement) => format!("Superseded: {} (now: {})", short(&f.content), short(replacement)),
        None => format!("Superseded: {}", short(&f.content)),
    }));
    lines.join("\n")
}

fn short(text: &str) -> String {
    one_line(text).chars().take(FACT).collect()
}
