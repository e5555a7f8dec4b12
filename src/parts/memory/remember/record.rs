//! Memories that other parts write within their own transactions, as they are: neither split nor deduplicated.

use sha2::{Digest, Sha256};

use super::content;
use super::{Written, written_row};
use crate::db::Tx;
use crate::parts::agents;
use crate::parts::knowledge::write::link;
use crate::parts::memory::Memory;
use crate::parts::memory::store::memories::{self, NewMemory, Place};
use crate::parts::memory::vectors::embed;
use crate::text::hex;

/// A memory to be written.
#[derive(Debug, Clone)]
pub struct Record {
    pub content: String,
    pub kind: &'static str,
    pub importance: f64,
    pub tags: Option<String>,
    pub who: &'static str,
    pub source_type: String,
    pub source_id: Option<String>,
    pub place: Place,
}

/// A memory that was written; the index follows by [`Memory::follow_record`].
#[derive(Debug)]
pub struct Recorded {
    pub id: String,
    written: Written,
}

impl Record {
    /// Writes it. The same content twice is two memories.
    pub fn insert(&self, tx: &Tx<'_>) -> rusqlite::Result<Recorded> {
        agents::register(tx, &self.place.agent)?;
        let normal = content::normalize(&self.content);
        let id = tx.random_id();
        let row = NewMemory {
            hash: hex(&Sha256::digest(format!("{}\n{id}", normal.normalized).as_bytes())),
            id,
            kind: self.kind.to_owned(),
            content: normal.stored,
            normalized: normal.normalized,
            importance: self.importance,
            pinned: false,
            tags: self.tags.clone(),
            who: self.who.to_owned(),
            why: "session",
            source_type: self.source_type.clone(),
            source_id: self.source_id.clone(),
            source_path: None,
            runtime_path: None,
            idempotency_key: None,
            place: self.place.clone(),
            created_at: tx.now().to_owned(),
            extraction_status: "none",
            extraction_model: None,
        };
        memories::insert(tx, &row)?;
        link(tx, &row.place.agent, &row.id, &row.content)?;
        Ok(Recorded { written: written_row(tx, &row)?, id: row.id })
    }
}

impl Memory {
    /// After the commit: recall knows of the memory.
    pub fn follow_record(&self, recorded: &Recorded) {
        embed::after_write(self, std::slice::from_ref(&recorded.written));
    }
}
