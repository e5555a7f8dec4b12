//! Where fresh ids come from: an argument, so that a test can tell them beforehand.

use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

pub trait Ids: Send + Sync {
    /// The id of a row that clients name (a memory, an entity): nothing can be told from it.
    fn random(&self) -> String;

    /// The id of a row that clients do not name (a job, a hint, an event): ordered by time, so that its
    /// index grows at one end and a write touches fewer pages.
    fn ordered(&self) -> String;
}

/// UUIDs of version 4 and 7.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemIds;

impl Ids for SystemIds {
    fn random(&self) -> String {
        Uuid::new_v4().to_string()
    }

    fn ordered(&self) -> String {
        Uuid::now_v7().to_string()
    }
}

/// `id-1`, `id-2`, …
#[derive(Debug, Default)]
pub struct CountedIds(AtomicU64);

impl Ids for CountedIds {
    fn random(&self) -> String {
        format!("id-{}", self.0.fetch_add(1, Ordering::AcqRel) + 1)
    }

    fn ordered(&self) -> String {
        self.random()
    }
}
