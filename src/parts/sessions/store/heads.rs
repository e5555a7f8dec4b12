//! `memory_md_heads`: the rendered MEMORY.md of each agent, and who may write it now.

use crate::db::{Tx, sql};
use crate::text::time;
use jiff::SignedDuration;

/// Takes the lease of an agent's head; `None` while another holds it.
pub fn lease(tx: &Tx<'_>, agent: &str, owner: &str, lasts: SignedDuration) -> rusqlite::Result<Option<String>> {
    let (token, until) = (tx.random_id(), time::iso(tx.at() + lasts));
    let taken = sql::execute(
        tx,
        "INSERT INTO memory_md_heads (agent_id, updated_at, lease_token, lease_owner, lease_expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (agent_id) DO UPDATE SET lease_token = ?3, lease_owner = ?4, lease_expires_at = ?5
         WHERE lease_token IS NULL OR lease_expires_at IS NULL OR lease_expires_at <= ?2",
        (agent, tx.now(), &token, owner, &until),
    )?;
    Ok((taken > 0).then_some(token))
}

/// Stores the content under a lease and lets go of it; false when the lease is another's by now.
pub fn store(tx: &Tx<'_>, agent: &str, token: &str, content: &str, hash: &str) -> rusqlite::Result<bool> {
    let stored = sql::execute(
        tx,
        "UPDATE memory_md_heads SET content = ?3, revision = revision + (content_hash <> ?4), content_hash = ?4,
           updated_at = ?5, lease_token = NULL, lease_owner = NULL, lease_expires_at = NULL
         WHERE agent_id = ?1 AND lease_token = ?2",
        (agent, token, content, hash, tx.now()),
    )?;
    Ok(stored > 0)
}
