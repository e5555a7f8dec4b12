//! Long content as linked chunks: all of them or none (memory part, §2.1).

use rusqlite::Connection;
use sha2::{Digest, Sha256};

use super::content::{self, Normal};
use super::{Remember, Remembered, Writer, written_row};
use crate::core::Error;
use crate::db::Tx;
use crate::parts::agents;
use crate::parts::knowledge;
use crate::parts::memory::api::Chunked;
use crate::parts::memory::beside::JobKind;
use crate::parts::memory::store::memories::{self, Existing, NewMemory, Place};
use crate::text::hex;

impl Remember {
    /// All chunks or none. Tags, importance and pin come from the whole text's prefixes.
    pub(super) fn store_chunks(
        &self,
        tx: &Tx<'_>,
        normals: &[Normal],
        writer: &mut Writer,
    ) -> Result<Remembered, Error> {
        agents::register(tx, &self.place.agent)?;
        if let Some(known) = self.known_chunks(tx, normals)? {
            return Ok(known);
        }
        let group = self.fresh_group(tx, normals)?;
        let whole = content::parse_prefixes(&self.content);
        let name = format!("chunk-group:{group}");
        let entity = knowledge::upsert_entity(tx, &self.place.agent, &name, Some("chunk_group"))?;
        let mut ids = Vec::new();
        for (n, normal) in normals.iter().enumerate() {
            let row = NewMemory {
                source_type: "chunk".to_owned(),
                source_id: Some(group.clone()),
                idempotency_key: self.key.as_ref().map(|key| format!("{key}:chunk:{}", n + 1)),
                created_at: tx.now().to_owned(),
                hash: self.free_hash(tx, normal, &group, n)?,
                ..self.row(tx, &whole, normal, writer.policy)
            };
            memories::insert(tx, &row)?;
            self.dates.store(tx, &self.place.agent, &row.id)?;
            knowledge::add_mention(tx, &row.id, &entity, &group, 1.0)?;
            if writer.policy.pipeline {
                writer.beside.jobs.queue(tx, &row.id, JobKind::Extract)?;
            }
            writer.written.push(written_row(tx, &row)?);
            ids.push(row.id);
        }
        Ok(chunked(ids, group, false))
    }

    /// The same text stored before, under the same key or as it is; a conflict when the key means
    /// something else.
    fn known_chunks(&self, connection: &Connection, normals: &[Normal]) -> Result<Option<Remembered>, Error> {
        let conflict = |why: &'static str| Error::conflict(why);
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
                return Ok(Some(chunked(ids, group, true)));
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
    fn fresh_group(&self, tx: &Tx<'_>, normals: &[Normal]) -> rusqlite::Result<String> {
        let group = match &self.key {
            Some(key) => return Ok(chunk_group_id(&self.place, key)),
            None => (0..VARIANTS).map(|nth| text_group_id(&self.place, normals, nth)),
        };
        for id in group {
            if memories::chunks_of(tx, &self.place, &id)?.is_empty() {
                return Ok(id);
            }
        }
        Ok(tx.random_id())
    }

    /// A chunk's hash; where another live row has it, one of its own by its number in the group.
    fn free_hash(&self, connection: &Connection, normal: &Normal, group: &str, n: usize) -> rusqlite::Result<String> {
        if memories::find_by_hash(connection, &self.place, &normal.hash)?.is_none() {
            return Ok(normal.hash.clone());
        }
        Ok(hex(&Sha256::digest(format!("{}\0{group}\0{n}", normal.hash).as_bytes())))
    }
}

fn chunked(ids: Vec<String>, group_id: String, deduped: bool) -> Remembered {
    Remembered::Chunked(Chunked {
        chunked: true,
        chunk_count: ids.len(),
        ids,
        group_id,
        deduped: deduped.then_some(true),
    })
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
