//! Changing, deleting and recovering one memory (memory part, §3).

mod outcome;

use rusqlite::Connection;
use serde_json::json;

use super::content::{self, Normal};
use super::embed::Purpose;
use super::store::embeddings::{self, NewVector};
use super::store::history::{self, NewEvent};
use super::store::memories::{self, Changed, Place, Stored};
use crate::access::Visible;
use crate::app::App;
use crate::auth::Actor;
use crate::clock;
use crate::db;
use crate::http::{ApiError, Fields};

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
    /// `default_reason` is a batch's.
    pub fn parse(body: Fields<'_>, default_reason: Option<&str>) -> Result<Self, ApiError> {
        let text = |name: &str| -> Result<Option<String>, ApiError> {
            match body.text(name)? {
                Some(text) => Ok(Some(text.to_owned())),
                None if body.has(name) => Err(ApiError::bad_request(format!("{name} must be a non-empty string"))),
                None => Ok(None),
            }
        };
        let patch = Patch {
            content: text("content")?,
            kind: text("type")?,
            tags: body.tags("tags")?,
            importance: body.number("importance")?,
            pinned: body.boolean("pinned")?,
            if_version: body.positive_int("if_version")?,
            reason: required_reason(body.lenient_text("reason").or(default_reason))?,
        };
        if patch.importance.is_some_and(|n| !(0.0..=1.0).contains(&n)) {
            return Err(ApiError::bad_request("importance must be between 0 and 1"));
        }
        let empty = patch.content.is_none()
            && patch.kind.is_none()
            && patch.tags.is_none()
            && patch.importance.is_none()
            && patch.pinned.is_none();
        if empty {
            return Err(ApiError::bad_request("at least one of content, type, tags, importance or pinned is required"));
        }
        Ok(patch)
    }
}

pub fn required_reason(given: Option<&str>) -> Result<String, ApiError> {
    given.map(str::to_owned).ok_or_else(|| ApiError::bad_request("reason is required"))
}

/// Changes one memory: the vector of its new content first, then one transaction, then the index.
pub fn apply(app: &App, id: &str, patch: Patch, visible: &Visible, actor: Actor) -> Result<Outcome, ApiError> {
    let config = app.config();
    let embedder = &app.memory.embedder;
    let vector = patch.content.as_deref().and_then(|text| {
        let text = content::normalize(text).stored;
        let vector = embedder.embed(&config, &text, Purpose::Remember)?;
        Some(NewContentVector { vector, model: embedder.model(&config).name })
    });
    let (target, visible, now) = (id.to_owned(), visible.clone(), app.now());
    let outcome = app.db.write(move |c| self::patch(c, &target, &patch, vector.as_ref(), &visible, &actor, &now))?;
    if let Outcome::Updated { content_changed: true, embedded, .. } = outcome {
        if !embedded {
            embedder.tracker.missed(id);
        }
        super::follow(app, id)?;
    }
    Ok(outcome)
}

/// The row of an id, if it may be changed. One that may not be seen is none; 403 tells of a
/// credential of another project, and of a row that may be seen but is another agent's.
fn find(connection: &Connection, id: &str, visible: &Visible) -> Result<Option<Stored>, ApiError> {
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
pub fn patch(
    connection: &Connection,
    id: &str,
    patch: &Patch,
    vector: Option<&NewContentVector>,
    visible: &Visible,
    actor: &Actor,
    now: &str,
) -> Result<Outcome, ApiError> {
    let Some(row) = find(connection, id, visible)? else { return Ok(Outcome::Refused(Refusal::NotFound)) };
    if row.deleted {
        return Ok(Outcome::Refused(Refusal::IsDeleted(row.version)));
    }
    if stale(&row, patch.if_version) {
        return Ok(Outcome::Refused(Refusal::VersionConflict(row.version)));
    }
    let new_text = patch.content.as_deref().map(content::normalize).filter(|n| n.stored != row.content);
    if let Some(normal) = &new_text
        && let Some(twin) = memories::find_by_hash(connection, &row.place, &normal.hash)?
        && twin.id != id
    {
        return Ok(Outcome::Refused(Refusal::Duplicate { version: row.version, of: Some(twin.id) }));
    }
    let kind = patch.kind.as_deref().unwrap_or(&row.kind);
    let tags = patch.tags.as_ref().unwrap_or(&row.tags);
    let importance = patch.importance.unwrap_or(row.importance);
    let pinned = patch.pinned.unwrap_or(row.pinned);
    let changed_fields: Vec<&str> = [
        ("content", new_text.is_some()),
        ("type", kind != row.kind),
        ("tags", *tags != row.tags),
        ("importance", importance != row.importance),
        ("pinned", pinned != row.pinned),
    ]
    .into_iter()
    .filter_map(|(name, changed)| changed.then_some(name))
    .collect();
    if changed_fields.is_empty() {
        return Ok(Outcome::NoChanges { version: row.version });
    }
    let to = row.version + 1;
    if let Some(normal) = &new_text {
        replace_content(connection, id, &row.place, normal, vector, now)?;
    }
    memories::update(
        connection,
        &Changed { id, kind, tags: tags.as_deref(), importance, pinned, by: &actor.changed_by, now, version: to },
    )?;
    let content_changed = new_text.is_some();
    let new_content = new_text.as_ref().map_or(row.content.as_str(), |n| n.stored.as_str());
    history::add(
        connection,
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
            now,
        },
    )?;
    Ok(Outcome::Updated { from: row.version, to, content_changed, embedded: content_changed && vector.is_some() })
}

/// The new text with its vector in place of the old ones.
fn replace_content(
    connection: &Connection,
    id: &str,
    place: &Place,
    normal: &Normal,
    vector: Option<&NewContentVector>,
    now: &str,
) -> rusqlite::Result<()> {
    memories::set_content(connection, id, &normal.stored, &normal.normalized, &normal.hash)?;
    embeddings::remove(connection, id)?;
    let Some(NewContentVector { vector, model }) = vector else { return Ok(()) };
    let (hash, text) = (normal.hash.as_str(), normal.stored.as_str());
    embeddings::put(connection, &NewVector { memory_id: id, hash, place, text, vector, model, now })
}

/// A validated delete.
#[derive(Debug, Clone)]
pub struct Delete {
    pub reason: String,
    pub force: bool,
    pub if_version: Option<i64>,
}

/// Soft-deletes in the running transaction.
pub fn delete(
    connection: &Connection,
    id: &str,
    delete: &Delete,
    visible: &Visible,
    actor: &Actor,
    now: &str,
) -> Result<Outcome, ApiError> {
    let Some(row) = find(connection, id, visible)? else { return Ok(Outcome::Refused(Refusal::NotFound)) };
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
    memories::mark_deleted(connection, id, &actor.changed_by, now, to)?;
    history::add(
        connection,
        &NewEvent {
            memory_id: id,
            event: "deleted",
            old_content: Some(&row.content),
            new_content: None,
            reason: Some(&delete.reason),
            metadata: json!({ "force": delete.force, "ifVersion": delete.if_version }),
            actor,
            now,
        },
    )?;
    Ok(Outcome::Deleted { from: row.version, to })
}

/// Undoes a delete of the last 30 days in the running transaction.
pub fn recover(
    connection: &Connection,
    id: &str,
    reason: &str,
    if_version: Option<i64>,
    visible: &Visible,
    actor: &Actor,
    now: &str,
) -> Result<Outcome, ApiError> {
    let Some(row) = find(connection, id, visible)? else { return Ok(Outcome::Refused(Refusal::NotFound)) };
    if !row.deleted {
        return Ok(Outcome::Refused(Refusal::NotDeleted(row.version)));
    }
    if stale(&row, if_version) {
        return Ok(Outcome::Refused(Refusal::VersionConflict(row.version)));
    }
    if expired(row.deleted_at.as_deref(), now) {
        return Ok(Outcome::Refused(Refusal::RetentionExpired(row.version)));
    }
    let twin = match &row.hash {
        Some(hash) => memories::find_by_hash(connection, &row.place, hash)?,
        None => None,
    };
    if let Some(twin) = twin {
        return Ok(Outcome::Refused(Refusal::Duplicate { version: row.version, of: Some(twin.id) }));
    }
    let to = row.version + 1;
    match memories::mark_recovered(connection, id, &actor.changed_by, now, to) {
        Ok(()) => {}
        Err(cause) if db::is_unique_violation(&cause) => {
            // the same idempotency key is in use again
            let of = match memories::holder_of_key(connection, id)? {
                Some(holder) if visible.sees(connection, &holder)? => Some(holder),
                _ => None,
            };
            return Ok(Outcome::Refused(Refusal::Duplicate { version: row.version, of }));
        }
        Err(cause) => return Err(cause.into()),
    }
    history::add(
        connection,
        &NewEvent {
            memory_id: id,
            event: "recovered",
            old_content: None,
            new_content: Some(&row.content),
            reason: Some(reason),
            metadata: json!({ "ifVersion": if_version, "retentionWindowMs": RETENTION_MS }),
            actor,
            now,
        },
    )?;
    Ok(Outcome::Recovered { from: row.version, to })
}

fn expired(deleted_at: Option<&str>, now: &str) -> bool {
    match (deleted_at.and_then(clock::parse_stored), clock::parse_stored(now)) {
        (Some(then), Some(now)) => then.until(now).as_millis() > i128::from(RETENTION_MS),
        _ => true,
    }
}
