//! Long content as linked chunks: all of them or none (memory part, §2.1).

use rusqlite::Connection;
use sha2::{Digest, Sha256};

use super::{Outcome, Policy, Remember, written_row};
use crate::agents;
use crate::http::ApiError;
use crate::memory::content::{self, Normal};
use crate::memory::embed::Written;
use crate::memory::store::memories::{self, NewMemory, Place};
use crate::memory::store::{entities, jobs};
use crate::memory::{hex, new_id};

impl Remember {
    /// All chunks or none. Tags, importance and pin come from the whole text's prefixes.
    pub(super) fn store_chunks(
        &self,
        connection: &Connection,
        normals: &[Normal],
        policy: Policy,
        now: &str,
        written: &mut Vec<Written>,
    ) -> Result<Outcome, ApiError> {
        agents::register(connection, &self.place.agent, now)?;
        let group = match &self.key {
            Some(key) => chunk_group_id(&self.place, key),
            None => new_id(),
        };
        if let Some(key) = &self.key
            && let Some(ids) = self.repeated_chunks(connection, key, &group, normals)?
        {
            return Ok(Outcome::Chunked { ids, group, deduped: true });
        }
        let conflict = |why: &str| ApiError::new(409, why);
        for (n, normal) in normals.iter().enumerate() {
            if normals[..n].iter().any(|earlier| earlier.hash == normal.hash) {
                return Err(conflict("two chunks of the content are the same"));
            }
            if memories::find_by_hash(connection, &self.place, &normal.hash)?.is_some() {
                return Err(conflict("a chunk of the content is stored already"));
            }
        }
        let whole = content::parse_prefixes(&self.content);
        let entity =
            entities::upsert(connection, &self.place.agent, &format!("chunk-group:{group}"), Some("chunk_group"), now)?;
        let mut ids = Vec::new();
        for (n, normal) in normals.iter().enumerate() {
            let row = NewMemory {
                source_type: "chunk".to_owned(),
                source_id: Some(group.clone()),
                idempotency_key: self.key.as_ref().map(|key| format!("{key}:chunk:{}", n + 1)),
                created_at: now.to_owned(),
                ..self.row(&whole, normal, policy, now)
            };
            memories::insert(connection, &row)?;
            self.dates.store(connection, &self.place.agent, &row.id, now)?;
            entities::add_mention(connection, &row.id, &entity, &group, 1.0, now)?;
            if policy.pipeline {
                jobs::add(connection, &row.id, "extract", now)?;
            }
            written.push(written_row(connection, &row)?);
            ids.push(row.id);
        }
        Ok(Outcome::Chunked { ids, group, deduped: false })
    }

    /// The ids of the same chunks under the same key; 409 when the key means something else.
    fn repeated_chunks(
        &self,
        connection: &Connection,
        key: &str,
        group: &str,
        normals: &[Normal],
    ) -> Result<Option<Vec<String>>, ApiError> {
        if memories::find_by_key(connection, &self.place, key)?.is_some() {
            return Err(ApiError::new(409, "idempotencyKey belongs to another memory"));
        }
        let known = memories::chunks_of(connection, &self.place, group)?;
        if known.is_empty() {
            return Ok(None);
        }
        let same = known.len() == normals.len()
            && known.iter().zip(normals).all(|(row, normal)| row.hash.as_deref() == Some(&normal.hash));
        if !same {
            return Err(ApiError::new(409, "idempotencyKey belongs to other content"));
        }
        Ok(Some(known.into_iter().map(|row| row.id).collect()))
    }
}

/// The group of chunks that a key names.
pub(super) fn chunk_group_id(place: &Place, key: &str) -> String {
    let scope = place.scope.as_deref().unwrap_or("__NULL__");
    let basis = [place.agent.as_str(), &place.visibility, scope, key].join("\0");
    format!("chunk-group:{}", &hex(&Sha256::digest(basis.as_bytes()))[..32])
}
