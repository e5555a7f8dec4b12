//! What a change of a memory came to, and how the contract says it.

use super::RETENTION_DAYS;
use crate::parts::memory::api::ChangeAnswer;

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
    /// The contract's word, the version that is there, and why.
    fn parts(&self) -> (&'static str, Option<i64>, Option<&'static str>) {
        match self {
            Refusal::NotFound => ("not_found", None, Some("Memory not found")),
            Refusal::IsDeleted(v) => ("deleted", Some(*v), Some("Memory is deleted")),
            Refusal::AlreadyDeleted(v) => ("already_deleted", Some(*v), None),
            Refusal::NotDeleted(v) => ("not_deleted", Some(*v), Some("Memory is not deleted")),
            Refusal::VersionConflict(v) => ("version_conflict", Some(*v), Some("The memory has another version")),
            Refusal::Duplicate { version, .. } => {
                ("duplicate_content_hash", Some(*version), Some("Another memory has the same content"))
            }
            Refusal::PinnedRequiresForce(v) => {
                ("pinned_requires_force", Some(*v), Some("A pinned memory is only deleted with force"))
            }
            Refusal::AutonomousForceDenied(v) => {
                ("autonomous_force_denied", Some(*v), Some("A pipeline may not force a pinned memory"))
            }
            Refusal::RetentionExpired(v) => ("retention_expired", Some(*v), Some("The time for recovering has passed")),
        }
    }
}

impl ChangeAnswer {
    fn of(id: Option<&str>, status: &'static str) -> Self {
        ChangeAnswer {
            id: id.map(str::to_owned),
            status,
            error: None,
            current_version: None,
            new_version: None,
            content_changed: None,
            embedded: None,
            retention_days: None,
            duplicate_memory_id: None,
        }
    }

    /// Of a change that cannot be read.
    pub fn invalid(id: Option<&str>, error: String) -> Self {
        ChangeAnswer { error: Some(error), ..Self::of(id, "invalid_request") }
    }

    fn moved(id: &str, status: &'static str, from: i64, to: i64) -> Self {
        ChangeAnswer { current_version: Some(from), new_version: Some(to), ..Self::of(Some(id), status) }
    }
}

impl Outcome {
    /// In the words of the contract.
    pub fn answer(&self, id: &str) -> ChangeAnswer {
        match self {
            Outcome::Updated { from, to, content_changed, embedded } => ChangeAnswer {
                content_changed: Some(*content_changed),
                embedded: embedded.then_some(true),
                ..ChangeAnswer::moved(id, "updated", *from, *to)
            },
            Outcome::NoChanges { version } => {
                ChangeAnswer { current_version: Some(*version), ..ChangeAnswer::of(Some(id), "no_changes") }
            }
            Outcome::Deleted { from, to } => ChangeAnswer::moved(id, "deleted", *from, *to),
            Outcome::Recovered { from, to } => ChangeAnswer {
                retention_days: Some(RETENTION_DAYS),
                ..ChangeAnswer::moved(id, "recovered", *from, *to)
            },
            Outcome::Refused(refusal) => {
                let (word, version, error) = refusal.parts();
                let duplicate_memory_id = match refusal {
                    Refusal::Duplicate { of, .. } => of.clone(),
                    _ => None,
                };
                ChangeAnswer {
                    error: error.map(str::to_owned),
                    current_version: version,
                    duplicate_memory_id,
                    ..ChangeAnswer::of(Some(id), word)
                }
            }
        }
    }
}
