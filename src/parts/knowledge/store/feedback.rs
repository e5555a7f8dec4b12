//! The tables that ratings move: paths, aspects, dependencies, co-occurrence.

use rusqlite::Connection;
use serde_json::Value;

use crate::db::{Tx, sql};
use crate::parts::knowledge::feedback::{Path, Reward};

/// How far one rating moves what lies on the path.
const ASPECT_STEP: f64 = 0.02;
const STRENGTH_STEP: f64 = 0.04;
const CONFIDENCE_STEP: f64 = 0.05;
const LEARNING_RATE: f64 = 0.1;
/// Claims a path is inferred from.
const INFERRED: i64 = 5;
/// Entities of a session that are counted together.
const MOST: usize = 50;

/// Notes that a session rated something.
pub fn note_session(tx: &Tx<'_>, agent: &str, session_key: &str) -> rusqlite::Result<()> {
    sql::execute(
        tx,
        "INSERT OR IGNORE INTO path_feedback_sessions (agent_id, session_key, created_at) VALUES (?1, ?2, ?3)",
        (agent, session_key, tx.now()),
    )?;
    Ok(())
}

/// The entities and aspects of a memory's first active claims.
pub fn inferred_path(connection: &Connection, agent: &str, memory_id: &str) -> rusqlite::Result<Path> {
    let found: Vec<(String, String)> = sql::rows(
        connection,
        "SELECT p.entity_id, p.id FROM entity_attributes a INDEXED BY idx_signetd_attributes_memory
         JOIN entity_aspects p ON p.id = a.aspect_id
         WHERE a.memory_id = ?1 AND a.agent_id = ?2 AND a.status = 'active' ORDER BY a.importance DESC LIMIT ?3",
        (memory_id, agent, INFERRED),
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let mut path = Path::default();
    for (entity, aspect) in found {
        if !path.entities.contains(&entity) {
            path.entities.push(entity);
        }
        if !path.aspects.contains(&aspect) {
            path.aspects.push(aspect);
        }
    }
    Ok(path)
}

/// What of a path that a client names belongs to the agent.
pub fn own_path(connection: &Connection, agent: &str, path: &Path) -> rusqlite::Result<Path> {
    let own = |table: &str, ids: &[String]| -> rusqlite::Result<Vec<String>> {
        let text =
            format!("SELECT t.id FROM json_each(?1) j CROSS JOIN {table} t ON t.id = j.value WHERE t.agent_id = ?2");
        sql::rows(connection, &text, (Value::from(ids).to_string(), agent), |row| row.get(0))
    };
    Ok(Path {
        entities: own("entities", &path.entities)?,
        aspects: own("entity_aspects", &path.aspects)?,
        dependencies: own("entity_dependencies", &path.dependencies)?,
    })
}

/// One rated path.
#[derive(Debug)]
pub struct Rated<'a> {
    pub agent: &'a str,
    pub session_key: &'a str,
    pub memory_id: &'a str,
    pub path: &'a Path,
    pub rating: f64,
    pub reward: Reward,
}

/// Logs the rating and moves the path's running value.
pub fn add_event(tx: &Tx<'_>, r: &Rated<'_>) -> rusqlite::Result<()> {
    let (hash, text, total) = (r.path.hash(), r.path.to_text(), r.reward.total());
    sql::execute(
        tx,
        "INSERT INTO path_feedback_events (id, agent_id, session_key, memory_id, path_hash, path_json, rating, reward,
           reward_forward, reward_update, reward_downstream, reward_dead_end, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        rusqlite::params![
            tx.ordered_id(),
            r.agent,
            r.session_key,
            r.memory_id,
            hash,
            text,
            r.rating,
            total,
            r.reward.forward,
            r.reward.update,
            r.reward.downstream,
            r.reward.dead_end,
            tx.now()
        ],
    )?;
    let sign = |wanted: std::cmp::Ordering| i64::from(r.rating.total_cmp(&0.0) == wanted);
    sql::execute(
        tx,
        "INSERT INTO path_feedback_stats (agent_id, path_hash, path_json, q_value, sample_count, positive_count,
           negative_count, neutral_count, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4 * ?5, 1, ?6, ?7, ?8, ?9, ?9)
         ON CONFLICT (agent_id, path_hash) DO UPDATE SET q_value = q_value + ?4 * (?5 - q_value),
           sample_count = sample_count + 1, positive_count = positive_count + ?6,
           negative_count = negative_count + ?7, neutral_count = neutral_count + ?8, updated_at = ?9",
        (
            r.agent,
            hash,
            text,
            LEARNING_RATE,
            total,
            sign(std::cmp::Ordering::Greater),
            sign(std::cmp::Ordering::Less),
            i64::from(r.rating == 0.0),
            tx.now(),
        ),
    )?;
    Ok(())
}

/// Moves the weights of the path's aspects; how many.
pub fn move_aspects(tx: &Tx<'_>, path: &Path, rating: f64, (least, most): (f64, f64)) -> rusqlite::Result<usize> {
    let mut moved = 0;
    for aspect in &path.aspects {
        moved += sql::execute(
            tx,
            "UPDATE entity_aspects SET weight = MIN(?4, MAX(?3, weight + ?2)), updated_at = ?5 WHERE id = ?1",
            (aspect, ASPECT_STEP * rating, least, most, tx.now()),
        )?;
    }
    Ok(moved)
}

/// Reasons from weakest to strongest; ratings move an edge along them.
const LADDER: [&str; 4] = ["llm-uncertain", "single-memory", "pattern-matched", "multi-memory"];

/// The confidence that a reason alone gives.
fn base(reason: &str) -> f64 {
    match reason {
        "user-asserted" => 1.0,
        "multi-memory" => 0.9,
        "single-memory" => 0.7,
        "pattern-matched" => 0.5,
        "inferred" => 0.4,
        "llm-uncertain" => 0.3,
        _ => 0.7,
    }
}

fn step(reason: &str, up: bool) -> String {
    match (LADDER.iter().position(|r| *r == reason), up) {
        (None, true) if reason.is_empty() => LADDER[1].to_owned(),
        (None, _) => reason.to_owned(),
        (Some(at), true) => LADDER[(at + 1).min(LADDER.len() - 1)].to_owned(),
        (Some(at), false) => LADDER[at.saturating_sub(1)].to_owned(),
    }
}

/// Moves strength, reason and confidence of the path's edges; how many.
pub fn move_dependencies(tx: &Tx<'_>, path: &Path, rating: f64) -> rusqlite::Result<usize> {
    let mut moved = 0;
    if rating == 0.0 {
        return Ok(0);
    }
    for id in &path.dependencies {
        let known: Option<(Option<String>, f64)> = sql::row(
            tx,
            "SELECT reason, COALESCE(confidence, 0.7) FROM entity_dependencies WHERE id = ?1",
            [id],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let Some((reason, confidence)) = known else { continue };
        let reason = step(reason.as_deref().unwrap_or_default(), rating > 0.0);
        let shifted = confidence + CONFIDENCE_STEP * rating;
        let bounded = if rating > 0.0 { shifted.max(base(&reason)) } else { shifted.min(base(&reason)) };
        moved += sql::execute(
            tx,
            "UPDATE entity_dependencies SET strength = MIN(1.0, MAX(0.1, strength + ?2)), reason = NULLIF(?3, ''),
               confidence = ?4, updated_at = ?5 WHERE id = ?1",
            (id, STRENGTH_STEP * rating, reason, bounded.clamp(0.2, 1.0), tx.now()),
        )?;
    }
    Ok(moved)
}

/// Sessions after which a pair can become an edge, and how strongly it must hang together.
const PAIR_SESSIONS: i64 = 3;
const LEAST_NPMI: f64 = 0.15;
/// Such edges of one entity.
const MOST_EDGES: i64 = 20;

/// Counts entities that were useful in a session and their pairs; pairs that keep occurring
/// together become `related_to` edges. Returns the pairs counted.
pub fn count_useful(tx: &Tx<'_>, agent: &str, session_key: &str, entities: &[String]) -> rusqlite::Result<usize> {
    let mut entities: Vec<&String> = entities.iter().take(MOST).collect();
    entities.sort();
    for entity in &entities {
        sql::execute(
            tx,
            "INSERT INTO entity_retrieval_stats (agent_id, entity_id, session_count, last_session_key, created_at, updated_at)
             VALUES (?1, ?2, 1, ?3, ?4, ?4)
             ON CONFLICT (agent_id, entity_id) DO UPDATE SET session_count = session_count + 1, last_session_key = ?3,
               updated_at = ?4 WHERE last_session_key IS NOT ?3",
            (agent, entity, session_key, tx.now()),
        )?;
    }
    let mut pairs = 0;
    for (n, a) in entities.iter().enumerate() {
        for b in &entities[n + 1..] {
            pairs += sql::execute(
                tx,
                "INSERT INTO entity_cooccurrence (agent_id, source_entity_id, target_entity_id, session_count,
                   last_session_key, created_at, updated_at) VALUES (?1, ?2, ?3, 1, ?4, ?5, ?5)
                 ON CONFLICT (agent_id, source_entity_id, target_entity_id) DO UPDATE SET
                   session_count = session_count + 1, last_session_key = ?4, updated_at = ?5
                 WHERE last_session_key IS NOT ?4",
                (agent, a, b, session_key, tx.now()),
            )?;
            relate(tx, agent, a, b)?;
        }
    }
    Ok(pairs)
}

fn relate(tx: &Tx<'_>, agent: &str, a: &str, b: &str) -> rusqlite::Result<()> {
    let counts: Option<(i64, i64, i64, i64)> = sql::row(
        tx,
        "SELECT c.session_count, x.session_count, y.session_count,
           (SELECT COUNT(*) FROM path_feedback_sessions WHERE agent_id = ?1)
         FROM entity_cooccurrence c
         JOIN entity_retrieval_stats x ON x.agent_id = ?1 AND x.entity_id = ?2
         JOIN entity_retrieval_stats y ON y.agent_id = ?1 AND y.entity_id = ?3
         WHERE c.agent_id = ?1 AND c.source_entity_id = ?2 AND c.target_entity_id = ?3",
        (agent, a, b),
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
    )?;
    let Some((both, with_a, with_b, sessions)) = counts else { return Ok(()) };
    if both < PAIR_SESSIONS || sessions <= 1 {
        return Ok(());
    }
    let share = |n: i64| n as f64 / sessions as f64;
    let npmi = npmi(share(both), share(with_a), share(with_b));
    if npmi < LEAST_NPMI {
        return Ok(());
    }
    let strength = (0.3 + 0.5 * npmi).clamp(0.3, 0.9);
    for (source, target) in [(a, b), (b, a)] {
        sql::execute(
            tx,
            "INSERT INTO entity_dependencies (id, source_entity_id, target_entity_id, agent_id, dependency_type, strength,
               confidence, reason, created_at, updated_at)
             SELECT ?1, ?2, ?3, ?4, 'related_to', ?5, 0.5, 'pattern-matched', ?6, ?6
             WHERE (SELECT COUNT(*) FROM entity_dependencies WHERE source_entity_id = ?2 AND agent_id = ?4
                    AND dependency_type = 'related_to' AND reason = 'pattern-matched') < ?7
             ON CONFLICT (source_entity_id, target_entity_id, dependency_type, agent_id) DO NOTHING",
            (tx.random_id(), source, target, agent, strength, tx.now(), MOST_EDGES),
        )?;
    }
    Ok(())
}

/// Normalised pointwise mutual information (Bouma 2009): 1 for things always together.
fn npmi(both: f64, a: f64, b: f64) -> f64 {
    if both >= 1.0 {
        return 1.0;
    }
    (both / (a * b)).ln() / -both.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_climb_and_fall_by_one_step() {
        assert_eq!(step("", true), "single-memory");
        assert_eq!(step("llm-uncertain", true), "single-memory");
        assert_eq!(step("multi-memory", true), "multi-memory");
        assert_eq!(step("pattern-matched", false), "single-memory");
        assert_eq!(step("user-asserted", false), "user-asserted");
    }

    #[test]
    fn pairs_that_meet_by_chance_have_no_information() {
        assert!(npmi(0.25, 0.5, 0.5).abs() < 1e-9);
        assert!((npmi(0.5, 0.5, 0.5) - 1.0).abs() < 1e-9);
    }
}
