//! Long content as linked chunks: all of them or none (memory part, §2.1).

use rusqlite::Connection;
use sha2::{Digest, Sha256};

use super::{Effects, Outcome, Policy, Remember, written_row};
use crate::agents;
use crate::http::ApiError;
use crate::memory::content::{self, Normal};
use crate::memory::store::memories::{self, Existing, NewMemory, Place};
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
        effects: &mut Effects,
    ) -> Result<Outcome, ApiError> {
        agents::register(connection, &self.place.agent, now)?;
        if let Some(known) = self.known_chunks(connection, normals)? {
            return Ok(known);
        }
        let group = self.fresh_group(connection, normals)?;
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
                hash: self.free_hash(connection, normal, &group, n)?,
                ..self.row(&whole, normal, policy, now)
            };
            memories::insert(connection, &row)?;
            self.dates.store(connection, &self.place.agent, &row.id, now)?;
            entities::add_mention(connection, &row.id, &entity, &group, 1.0, now)?;
            if policy.pipeline {
                jobs::add(connection, &row.id, "extract", now)?;
            }
            effects.written.push(written_row(connection, &row)?);
            ids.push(row.id);
        }
        Ok(Outcome::Chunked { ids, group, deduped: false })
    }

    /// The same text stored before, under the same key or as it is; 409 when the key means something
    /// else.
    fn known_chunks(&self, connection: &Connection, normals: &[Normal]) -> Result<Option<Outcome>, ApiError> {
        let conflict = |why: &str| ApiError::new(409, why);
        let mut groups = Vec::new();
        if let Some(key) = &self.key {
            if memories::find_by_key(connection, &self.place, key)?.is_some() {
                return Err(conflict("idempotencyKey belongs to another memory"));
            }
            let group = chunk_group_id(&self.place, key);
            let known = memories::chunks_of(connection, &self.place, &group)?;
            if !known.is_empty() && !self.are_same(&known, normals) {
                return Err(conflict("idempotencyKey belongs to other content"));
            }
            groups.push(group);
        }
        groups.extend((0..VARIANTS).map(|nth| text_group_id(&self.place, normals, nth)));
        for normal in normals.iter().take(LOOKED_AT) {
            let found = memories::find_by_hash(connection, &self.place, &normal.hash)?;
            groups.extend(found.filter(|row| row.is_chunk).and_then(|row| row.source_id));
        }
        for group in groups {
            let known = memories::chunks_of(connection, &self.place, &group)?;
            if !known.is_empty() && self.are_same(&known, normals) {
                let ids = known.into_iter().map(|row| row.id).collect();
                return Ok(Some(Outcome::Chunked { ids, group, deduped: true }));
            }
        }
        Ok(None)
    }

    /// Whether stored chunks are these, in the same project.
    fn are_same(&self, known: &[Existing], normals: &[Normal]) -> bool {
        known.len() == normals.len()
            && known.iter().all(|row| row.project == self.place.project)
            && known.iter().zip(normals).all(|(row, normal)| content::normalize(&row.content).hash == normal.hash)
    }

    /// A group's id that no live chunk has: of the key, else of the text, so that the text is found
    /// again. Chunks that were changed since keep the id they have.
    fn fresh_group(&self, connection: &Connection, normals: &[Normal]) -> Result<String, ApiError> {
        let group = match &self.key {
            Some(key) => return Ok(chunk_group_id(&self.place, key)),
            None => (0..VARIANTS).map(|nth| text_group_id(&self.place, normals, nth)),
        };
        for id in group {
            if memories::chunks_of(connection, &self.place, &id)?.is_empty() {
                return Ok(id);
            }
        }
        Ok(new_id())
    }

    /// A chunk's hash; where another live row has it, one of its own by its number in the group.
    fn free_hash(&self, connection: &Connection, normal: &Normal, group: &str, n: usize) -> rusqlite::Result<String> {
        if memories::find_by_hash(connection, &self.place, &normal.hash)?.is_none() {
            return Ok(normal.hash.clone());
        }
        Ok(hex(&Sha256::digest(format!("{}\0{group}\0{n}", normal.hash).as_bytes())))
    }
}

/// Chunks by which a group of the same text is looked for.
const LOOKED_AT: usize = 4;

/// Groups of one text that are told apart, when chunks of the ones before were changed.
const VARIANTS: u8 = 8;

/// The nth group of a text without a key: its hashes in the form of a UUID, as such groups have had.
fn text_group_id(place: &Place, normals: &[Normal], nth: u8) -> String {
    let mut digest = Sha256::new();
    for part in [&place.agent, &place.visibility, place.scope.as_deref().unwrap_or("__NULL__")] {
        digest.update(part.as_bytes());
        digest.update([0]);
    }
    digest.update(place.project.as_deref().unwrap_or_default().as_bytes());
    normals.iter().for_each(|normal| digest.update(normal.hash.as_bytes()));
    if nth > 0 {
        digest.update([nth]);
    }
    let digest = digest.finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

/// The group of chunks that a key names.
pub(super) fn chunk_group_id(place: &Place, key: &str) -> String {
    let scope = place.scope.as_deref().unwrap_or("__NULL__");
    let basis = [place.agent.as_str(), &place.visibility, scope, key].join("\0");
    format!("chunk-group:{}", &hex(&Sha256::digest(basis.as_bytes()))[..32])
}
