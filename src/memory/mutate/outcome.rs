//! What a change of a memory came to, and how the contract says it.

use serde_json::{Value, json};

use super::RETENTION_DAYS;

/// What a change came to, with the status words of the contract.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    Updated { from: i64, to: i64, content_changed: bool, embedded: bool },
    NoChanges { version: i64 },
    Deleted { from: i64, to: i64 },
    Recovered { from: i64, to: i64 },
    Refused(Refusal),
}

/// Why nothing was changed.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    NotFound,
    /// The change is for a live row.
    IsDeleted(i64),
    AlreadyDeleted(i64),
    NotDeleted(i64),
    VersionConflict(i64),
    Duplicate {
        version: i64,
        /// `None` when it may not be seen.
        of: Option<String>,
    },
    PinnedRequiresForce(i64),
    AutonomousForceDenied(i64),
    RetentionExpired(i64),
}

impl Refusal {
    fn parts(&self) -> (u16, &'static str, Option<i64>, Option<&'static str>) {
        match self {
            Refusal::NotFound => (404, "not_found", None, Some("Memory not found")),
            Refusal::IsDeleted(v) => (409, "deleted", Some(*v), Some("Memory is deleted")),
            Refusal::AlreadyDeleted(v) => (409, "already_deleted", Some(*v), None),
            Refusal::NotDeleted(v) => (409, "not_deleted", Some(*v), Some("Memory is not deleted")),
            Refusal::VersionConflict(v) => (409, "version_conflict", Some(*v), Some("The memory has another version")),
            Refusal::Duplicate { version, .. } => {
                (409, "duplicate_content_hash", Some(*version), Some("Another memory has the same content"))
            }
            Refusal::PinnedRequiresForce(v) => {
                (409, "pinned_requires_force", Some(*v), Some("A pinned memory is only deleted with force"))
            }
            Refusal::AutonomousForceDenied(v) => {
                (403, "autonomous_force_denied", Some(*v), Some("A pipeline may not force a pinned memory"))
            }
            Refusal::RetentionExpired(v) => {
                (409, "retention_expired", Some(*v), Some("The time for recovering has passed"))
            }
        }
    }
}

impl Outcome {
    /// HTTP status and body.
    pub fn answer(&self, id: &str) -> (u16, Value) {
        let (status, mut body) = match self {
            Outcome::Updated { from, to, content_changed, embedded } => {
                let mut body = json!({
                    "id": id, "status": "updated", "currentVersion": from, "newVersion": to,
                    "contentChanged": content_changed,
                });
                if *embedded {
                    body["embedded"] = Value::Bool(true);
                }
                (200, body)
            }
            Outcome::NoChanges { version } => {
                (200, json!({ "id": id, "status": "no_changes", "currentVersion": version }))
            }
            Outcome::Deleted { from, to } => {
                (200, json!({ "id": id, "status": "deleted", "currentVersion": from, "newVersion": to }))
            }
            Outcome::Recovered { from, to } => (
                200,
                json!({
                    "id": id, "status": "recovered", "currentVersion": from, "newVersion": to,
                    "retentionDays": RETENTION_DAYS,
                }),
            ),
            Outcome::Refused(refusal) => {
                let (status, word, version, error) = refusal.parts();
                let mut body = json!({ "id": id, "status": word });
                if let Some(version) = version {
                    body["currentVersion"] = Value::from(version);
                }
                if let Some(error) = error {
                    body["error"] = Value::from(error);
                }
                (status, body)
            }
        };
        if let Outcome::Refused(Refusal::Duplicate { of: Some(of), .. }) = self {
            body["duplicateMemoryId"] = Value::from(of.as_str());
        }
        (status, body)
    }
}
