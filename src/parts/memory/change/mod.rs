//! Changing, deleting and recovering one memory (memory part, §3).

mod batch;
mod outcome;
pub mod retention;

use jiff::Timestamp;
use rusqlite::Connection;
use serde_json::json;

use super::Memory;
use super::api::PatchBody;
use super::remember::content::{self, Normal};
use super::store::embeddings::{self, NewVector};
use super::store::history::{self, NewEvent};
use super::store::memories::{self, Changed, Place, Stored};
use super::vectors::embed::Purpose;
use crate::core::Error;
use crate::core::access::{Actor, Visible};
use crate::db::{self, Tx};
use crate::http::input::{Loose, Text};
use crate::text::time;

pub use batch::{Batch, Forget, Unconfirmed};
pub use outcome::{Outcome, Refusal};

/// Deleted memories can be recovered for 30 days.
pub const RETENTION_DAYS: i64 = 30;
const RETENTION_MS: i64 = RETENTION_DAYS * 24 * 3_600_000;

/// A validated change of one memory; fields that are `None` stay.
#[derive(Debug, Clone, Default)]
pub struct Patch {
    pub content: Option<String>,
    pub kind: Option<String>,
    pub tags: Option<Option<String>>,
    pub importance: Option<f64>,
    pub pinned: Option<bool>,
    pub if_version: Option<i64>,
    pub reason: String,
}

impl Patch {
    /// `default_reason` is a batch's. Refuses a change of nothing, and one without a reason.
    pub fn of(body: PatchBody, default_reason: Option<&str>) -> Result<Self, Error> {
        let patch = Patch {
            content: body.content.map(|text| text.0),
            kind: body.kind.map(|text| text.0),
            tags: body.tags.map(|tags| tags.0),
            importance: body.importance.map(|n| n.0.0),
            pinned: body.pinned.map(|flag| flag.0),
            if_version: body.if_version.map(|n| n.0),
            reason: reason(&body.reason, default_reason)?,
        };
        let empty = patch.content.is_none()
            && patch.kind.is_none()
            && patch.tags.is_none()
            && patch.importance.is_none()
            && patch.pinned.is_none();
        if empty {
            return Err(Error::malformed("at least one of content, type, tags, importance or pinned is required"));
        }
        Ok(patch)
    }
}

/// Every change has a reason.
pub fn reason(given: &Loose<Text>, default: Option<&str>) -> Result<String, Error> {
    given.as_deref().or(default).map(str::to_owned).ok_or_else(|| Error::required("reason"))
}

impl Memory {
    /// Changes one memory: the vector of its new content first, then one transaction, then the index.
    pub fn patch(&self, id: &str, patch: Patch, visible: &Visible, actor: Actor) -> Result<Outcome, Error> {
        self.core.mutable()?;
        let config = self.core.config();
        let vector = patch.content.as_deref().and_then(|text| {
            let text = content::normalize(text).stored;
            let vector = self.embedder.embed(&config, &text, Purpose::Remember)?;
            Some(NewContentVector { vector, model: self.embedder.model(&config).name })
        });
        let (target, visible) = (id.to_owned(), visible.clone());
        let outcome =
            self.core.db.try_write(move |tx| patch_row(tx, &target, &patch, vector.as_ref(), &visible, &actor))?;
        if let Outcome::Updated { content_changed: true, embedded, .. } = outcome {
            if !embedded {
                self.embedder.tracker.missed(id);
            }
            self.follow(id);
        }
        Ok(outcome)
    }

    /// Soft-deletes one memory.
    pub fn delete(&self, id: &str, delete: Delete, visible: &Visible, actor: Actor) -> Result<Outcome, Error> {
        self.core.mutable()?;
        let (target, visible) = (id.to_owned(), visible.clone());
        let outcome = self.core.db.try_write(move |tx| delete_row(tx, &target, &delete, &visible, &actor))?;
        self.follow(id);
        Ok(outcome)
    }

    /// Undoes a delete of the last 30 days.
    pub fn recover(
        &self,
        id: &str,
        reason: String,
        if_version: Option<i64>,
        visible: &Visible,
        actor: Actor,
    ) -> Result<Outcome, Error> {
        self.core.mutable()?;
        let (target, visible) = (id.to_owned(), visible.clone());
        let outcome =
            self.core.db.try_write(move |tx| recover_row(tx, &target, &reason, if_version, &visible, &actor))?;
        self.follow(id);
        Ok(outcome)
    }
}

/// The row of an id, if it may be changed. One that may not be seen answers as an unknown one; refused is a
/// credential of another project, and a row that may be seen but is another agent's.
fn find(connection: &Connection, id: &str, visible: &Visible) -> Result<Option<Stored>, Error> {
    let Some(row) = memories::find(connection, id)? else { return Ok(None) };
    if visible.is_bound_elsewhere(row.place.project.as_deref()) {
        return Err(visible.project_refusal());
    }
    if !visible.sees(connection, id)? {
        return Ok(None);
    }
    visible.check_acts_for(&row.place.agent)?;
    Ok(Some(row))
}

fn stale(row: &Stored, if_version: Option<i64>) -> bool {
    if_version.is_some_and(|wanted| wanted != row.version)
}

/// A vector of a patch's new content with the model it is of.
#[derive(Debug, Clone)]
pub struct NewContentVector {
    pub vector: Vec<f32>,
    pub model: String,
}

/// Applies a patch in the running transaction.
fn patch_row(
    tx: &Tx<'_>,
    id: &str,
    patch: &Patch,
    vector: Option<&NewContentVector>,
    visible: &Visible,
    actor: &Actor,
) -> Result<Outcome, Error> {
    let Some(row) = find(tx, id, visible)? else { return Ok(Outcome::Refused(Refusal::NotFound)) };
    if row.deleted {
        return Ok(Outcome::Refused(Refusal::IsDeleted(row.version)));
    }
    if stale(&row, patch.if_version) {
        return Ok(Outcome::Refused(Refusal::VersionConflict(row.version)));
    }
    let new_text = patch.content.as_deref().map(content::normalize).filter(|n| n.stored != row.content);
    if let Some(normal) = &new_text
        && let Some(twin) = memories::find_by_hash(tx, &row.place, &normal.hash)?
        && twin.id != id
    {
        return Ok(Outcome::Refused(Refusal::Duplicate { version: row.version, of: Some(twin.id) }));
    }
    let changed_fields = changed_fields(&row, patch, new_text.is_some());
    if changed_fields.is_empty() {
        return Ok(Outcome::NoChanges { version: row.version });
    }
    let to = row.version + 1;
    if let Some(normal) = &new_text {
        replace_content(tx, id, &row.place, normal, vector)?;
    }
    memories::update(
        tx,
        &Changed {
            id,
            kind: patch.kind.as_deref().unwrap_or(&row.kind),
            tags: patch.tags.as_ref().unwrap_or(&row.tags).as_deref(),
            importance: patch.importance.unwrap_or(row.importance),
            pinned: patch.pinned.unwrap_or(row.pinned),
            by: &actor.changed_by,
            version: to,
        },
    )?;
    let content_changed = new_text.is_some();
    let new_content = new_text.as_ref().map_or(row.content.as_str(), |n| n.stored.as_str());
    history::add(
        tx,
        &NewEvent {
            memory_id: id,
            event: "updated",
            old_content: Some(&row.content),
            new_content: Some(new_content),
            reason: Some(&patch.reason),
            metadata: json!({
                "changedFields": changed_fields, "ifVersion": patch.if_version, "contentChanged": content_changed,
            }),
            actor,
        },
    )?;
    Ok(Outcome::Updated { from: row.version, to, content_changed, embedded: content_changed && vector.is_some() })
}

/// What of a row a patch changes.
fn changed_fields(row: &Stored, patch: &Patch, new_text: bool) -> Vec<&'static str> {
    let differs = [
        ("content", new_text),
        ("type", patch.kind.as_ref().is_some_and(|kind| *kind != row.kind)),
        ("tags", patch.tags.as_ref().is_some_and(|tags| *tags != row.tags)),
        ("importance", patch.importance.is_some_and(|importance| importance != row.importance)),
        ("pinned", patch.pinned.is_some_and(|pinned| pinned != row.pinned)),
    ];
    differs.into_iter().filter_map(|(name, changed)| changed.then_some(name)).collect()
}

/// The new text with its vector in place of the old ones.
fn replace_content(
    tx: &Tx<'_>,
    id: &str,
    place: &Place,
    normal: &Normal,
    vector: Option<&NewContentVector>,
) -> rusqlite::Result<()> {
    memories::set_content(tx, id, &normal.stored, &normal.normalized, &normal.hash)?;
    embeddings::remove(tx, id)?;
    let Some(NewContentVector { vector, model }) = vector else { return Ok(()) };
    let (hash, text) = (normal.hash.as_str(), normal.stored.as_str());
    embeddings::put(tx, &NewVector { memory_id: id, hash, place, text, vector, model })
}

/// A validated delete.
#[derive(Debug, Clone)]
pub struct Delete {
    pub reason: String,
    pub force: bool,
    pub if_version: Option<i64>,
}

/// Soft-deletes in the running transaction.
fn delete_row(tx: &Tx<'_>, id: &str, delete: &Delete, visible: &Visible, actor: &Actor) -> Result<Outcome, Error> {
    let Some(row) = find(tx, id, visible)? else { return Ok(Outcome::Refused(Refusal::NotFound)) };
    let refusal = if row.deleted {
        Some(Refusal::AlreadyDeleted(row.version))
    } else if stale(&row, delete.if_version) {
        Some(Refusal::VersionConflict(row.version))
    } else if row.pinned && !delete.force {
        Some(Refusal::PinnedRequiresForce(row.version))
    } else if row.pinned && actor.actor_type == "pipeline" {
        Some(Refusal::AutonomousForceDenied(row.version))
    } else {
        None
    };
    if let Some(refusal) = refusal {
        return Ok(Outcome::Refused(refusal));
    }
    let to = row.version + 1;
    memories::mark_deleted(tx, id, &actor.changed_by, to)?;
    history::add(
        tx,
        &NewEvent {
            memory_id: id,
            event: "deleted",
            old_content: Some(&row.content),
            new_content: None,
            reason: Some(&delete.reason),
            metadata: json!({ "force": delete.force, "ifVersion": delete.if_version }),
            actor,
        },
    )?;
    Ok(Outcome::Deleted { from: row.version, to })
}

/// Undoes a delete of the last 30 days in the running transaction.
fn recover_row(
    tx: &Tx<'_>,
    id: &str,
    reason: &str,
    if_version: Option<i64>,
    visible: &Visible,
    actor: &Actor,
) -> Result<Outcome, Error> {
    let Some(row) = find(tx, id, visible)? else { return Ok(Outcome::Refused(Refusal::NotFound)) };
    if !row.deleted {
        return Ok(Outcome::Refused(Refusal::NotDeleted(row.version)));
    }
    if stale(&row, if_version) {
        return Ok(Outcome::Refused(Refusal::VersionConflict(row.version)));
    }
    if expired(row.deleted_at.as_deref(), tx.at()) {
        return Ok(Outcome::Refused(Refusal::RetentionExpired(row.version)));
    }
    let twin = match &row.hash {
        Some(hash) => memories::find_by_hash(tx, &row.place, hash)?,
        None => None,
    };
    if let Some(twin) = twin {
        return Ok(Outcome::Refused(Refusal::Duplicate { version: row.version, of: Some(twin.id) }));
    }
    let to = row.version + 1;
    match memories::mark_recovered(tx, id, &actor.changed_by, to) {
        Ok(()) => {}
        Err(cause) if db::is_unique_violation(&cause) => {
            // the same idempotency key is in use again
            let of = match memories::holder_of_key(tx, id)? {
                Some(holder) if visible.sees(tx, &holder)? => Some(holder),
                _ => None,
            };
            return Ok(Outcome::Refused(Refusal::Duplicate { version: row.version, of }));
        }
        Err(cause) => return Err(cause.into()),
    }
    history::add(
        tx,
        &NewEvent {
            memory_id: id,
            event: "recovered",
            old_content: None,
            new_content: Some(&row.content),
            reason: Some(reason),
            metadata: json!({ "ifVersion": if_version, "retentionWindowMs": RETENTION_MS }),
            actor,
        },
    )?;
    Ok(Outcome::Recovered { from: row.version, to })
}

/// A time that cannot be read counts as past.
fn expired(deleted_at: Option<&str>, now: Timestamp) -> bool {
    let then = deleted_at.and_then(time::parse_stored);
    then.is_none_or(|then| then.until(now).as_millis() > i128::from(RETENTION_MS))
}
