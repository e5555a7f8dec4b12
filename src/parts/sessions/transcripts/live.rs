//! Sessions that have said something new: their files are written after the answer, on the thread that writes
//! files, so that no prompt waits for a disk full of history.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock};

use super::given::Given;
use crate::sys::locks;

/// Sessions that wait at most. What is left out comes with the session's next prompt or its end.
const MOST: usize = 1_000;
/// Bytes of raw transcripts that wait at most.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// A session whose files are behind.
#[derive(Debug, Clone)]
pub struct Spoken {
    pub agent: String,
    pub key: String,
    pub harness: String,
    pub project: Option<String>,
    /// The whole conversation as it was sent, for the log.
    pub raw: Option<String>,
    /// A file too large to be read while a prompt waits.
    pub unread: Option<Given>,
}

#[derive(Default)]
struct Waiting {
    sessions: HashMap<(String, String), Spoken>,
    bytes: usize,
}

/// See the module.
#[derive(Default)]
pub struct Live {
    waiting: Mutex<Waiting>,
    wake: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl Live {
    /// Calls this whenever a session waits. The first caller stays.
    pub fn on_wake(&self, wake: impl Fn() + Send + Sync + 'static) {
        if self.wake.set(Box::new(wake)).is_err() {
            log::error!(target: "sessions", "the writer of files is woken by another already");
        }
    }

    pub fn wake(&self) {
        if let Some(wake) = self.wake.get() {
            wake();
        }
    }

    /// A later word of a session takes the place of an earlier.
    pub fn push(&self, mut spoken: Spoken) {
        {
            let mut waiting = locks::lock(&self.waiting);
            let id = (spoken.agent.clone(), spoken.key.clone());
            if let Some(old) = waiting.sessions.remove(&id) {
                waiting.bytes -= old.raw.as_ref().map_or(0, String::len);
            }
            if waiting.sessions.len() >= MOST {
                return;
            }
            let bytes = spoken.raw.as_ref().map_or(0, String::len);
            if waiting.bytes + bytes > MOST_BYTES {
                spoken.raw = None;
            } else {
                waiting.bytes += bytes;
            }
            waiting.sessions.insert(id, spoken);
        }
        self.wake();
    }

    pub fn take(&self) -> Vec<Spoken> {
        let mut waiting = locks::lock(&self.waiting);
        waiting.bytes = 0;
        std::mem::take(&mut waiting.sessions).into_values().collect()
    }
}
