//! What a running session has done since its last checkpoint, counted in memory.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::parts::sessions::claims::SessionId;
use crate::sys::clock::Clock;
use crate::sys::locks;
use crate::text::one_line;

/// Sessions counted at most; those that were silent longest go first.
const MOST: usize = 1_000;
/// What is remembered of a session.
const QUERIES: usize = 20;
const REMEMBERS: usize = 10;
const SNIPPETS: usize = 10;
/// Characters of a snippet.
const SNIPPET: usize = 200;
/// A periodic checkpoint is written so long after it is due: what comes meanwhile goes into it.
const DELAY: SignedDuration = SignedDuration::from_millis(2_500);

crate::names! {
    /// Why a checkpoint is made.
    pub enum Trigger {
        Periodic = "periodic",
        PreCompaction = "pre_compaction",
        SessionEnd = "session_end",
        Extract = "mid_session_extract",
    }
}

/// What the graph had for a session when it began.
#[derive(Debug, Clone, Default)]
pub struct Structure {
    pub focal_ids: Vec<String>,
    pub focal_names: Vec<String>,
    pub constraints: usize,
    pub memories: usize,
}

/// What a session has done.
#[derive(Debug, Clone)]
pub struct Progress {
    /// As the client wrote it.
    pub key: String,
    pub harness: String,
    pub project: Option<String>,
    pub started: Timestamp,
    pub prompts: i64,
    pub prompts_since: i64,
    pub queries: VecDeque<String>,
    pub remembers: VecDeque<String>,
    pub snippets: VecDeque<String>,
    pub structure: Option<Structure>,
    last_checkpoint: Timestamp,
    due: Option<Timestamp>,
    touched: Timestamp,
}

/// When a periodic checkpoint is made.
#[derive(Debug, Clone, Copy)]
pub struct Rhythm {
    pub prompts: i64,
    pub every: Duration,
}

pub struct Continuity {
    clock: Arc<dyn Clock>,
    sessions: Mutex<HashMap<SessionId, Progress>>,
}

fn push(list: &mut VecDeque<String>, item: String, most: usize) {
    list.push_back(item);
    while list.len() > most {
        list.pop_front();
    }
}

/// The beginning of a message on one line.
fn snippet(message: &str) -> String {
    let head: String = message.chars().take(SNIPPET * 4).collect();
    one_line(&head).chars().take(SNIPPET).collect()
}

impl Continuity {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Continuity { clock, sessions: Mutex::default() }
    }

    /// A session begins to be counted; one that is counted already goes on.
    pub fn begin(&self, id: &SessionId, key: &str, harness: &str, project: Option<&str>, structure: Option<Structure>) {
        let now = self.clock.now();
        let mut sessions = locks::lock(&self.sessions);
        if sessions.len() >= MOST && !sessions.contains_key(id) {
            let oldest = sessions.iter().min_by_key(|(_, p)| p.touched).map(|(id, _)| id.clone());
            oldest.and_then(|id| sessions.remove(&id));
        }
        let progress = sessions.entry(id.clone()).or_insert_with(|| Progress {
            key: key.to_owned(),
            harness: harness.to_owned(),
            project: None,
            started: now,
            prompts: 0,
            prompts_since: 0,
            queries: VecDeque::new(),
            remembers: VecDeque::new(),
            snippets: VecDeque::new(),
            structure: None,
            last_checkpoint: now,
            due: None,
            touched: now,
        });
        progress.touched = now;
        progress.project = project.map(str::to_owned).or(progress.project.take());
        progress.structure = structure.or(progress.structure.take());
    }

    /// Counts a prompt; whether a periodic checkpoint came due by it.
    pub fn prompt(&self, id: &SessionId, terms: &str, message: &str, rhythm: Rhythm) -> bool {
        let now = self.clock.now();
        let mut sessions = locks::lock(&self.sessions);
        let Some(p) = sessions.get_mut(id) else { return false };
        p.prompts += 1;
        p.prompts_since += 1;
        p.touched = now;
        if !terms.is_empty() {
            push(&mut p.queries, terms.to_owned(), QUERIES);
        }
        push(&mut p.snippets, snippet(message), SNIPPETS);
        let passed = p.last_checkpoint.duration_until(now);
        let comes_due = p.due.is_none()
            && (p.prompts_since >= rhythm.prompts
                || Duration::try_from(passed).is_ok_and(|passed| passed >= rhythm.every));
        if comes_due {
            p.due = Some(now + DELAY);
        }
        comes_due
    }

    /// Notes what a session remembered.
    pub fn remembered(&self, id: &SessionId, content: &str) {
        if let Some(p) = locks::lock(&self.sessions).get_mut(id) {
            push(&mut p.remembers, content.chars().take(SNIPPET).collect(), REMEMBERS);
        }
    }

    /// Sessions whose checkpoint is due; `all` without waiting.
    pub fn due(&self, all: bool) -> Vec<SessionId> {
        let now = self.clock.now();
        let sessions = locks::lock(&self.sessions);
        sessions.iter().filter(|(_, p)| p.due.is_some_and(|due| all || due <= now)).map(|(id, _)| id.clone()).collect()
    }

    /// What a checkpoint is made of. Counting begins anew from here.
    pub fn take(&self, id: &SessionId) -> Option<Progress> {
        let now = self.clock.now();
        let mut sessions = locks::lock(&self.sessions);
        let p = sessions.get_mut(id)?;
        let taken = p.clone();
        p.due = None;
        p.prompts_since = 0;
        p.last_checkpoint = now;
        Some(taken)
    }

    /// The project of a session that is counted.
    pub fn project(&self, id: &SessionId) -> Option<Option<String>> {
        locks::lock(&self.sessions).get(id).map(|p| p.project.clone())
    }

    /// How many prompts were counted.
    pub fn prompts(&self, id: &SessionId) -> i64 {
        locks::lock(&self.sessions).get(id).map_or(0, |p| p.prompts)
    }

    /// A session is counted no longer; what it had done.
    pub fn end(&self, id: &SessionId) -> Option<Progress> {
        locks::lock(&self.sessions).remove(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::clock::SetClock;

    const RHYTHM: Rhythm = Rhythm { prompts: 3, every: Duration::from_secs(900) };

    #[test]
    fn a_checkpoint_comes_due_by_prompts_or_by_time() {
        let clock = Arc::new(SetClock::at(1_700_000_000_000));
        let counting = Continuity::new(clock.clone());
        let id = SessionId::of("ada", "s");
        assert!(!counting.prompt(&id, "", "not counted", RHYTHM));
        counting.begin(&id, "s", "pi", Some("/p"), None);
        let prompt = || counting.prompt(&id, "a b", "some  words", RHYTHM);
        assert!(!prompt() && !prompt() && prompt() && !prompt());
        assert!(counting.due(false).is_empty() && counting.due(true).len() == 1);
        clock.advance(2_500);
        assert_eq!(counting.due(false), std::slice::from_ref(&id));
        let taken = counting.take(&id).unwrap();
        assert_eq!(
            (taken.prompts, taken.prompts_since, taken.queries.len(), &*taken.snippets[0]),
            (4, 4, 4, "some words")
        );
        assert!(counting.due(true).is_empty() && !prompt());
        clock.advance(900_000);
        assert!(prompt(), "by time");
        counting.begin(&id, "s", "pi", None, None);
        let ended = counting.end(&id).unwrap();
        assert_eq!((ended.prompts, ended.project.as_deref()), (6, Some("/p")), "a second start goes on");
        assert_eq!(counting.prompts(&id), 0);
    }

    #[test]
    fn the_number_of_sessions_is_bounded() {
        let clock = Arc::new(SetClock::at(0));
        let counting = Continuity::new(clock.clone());
        for n in 0..=MOST {
            clock.advance(1);
            counting.begin(&SessionId::of("ada", &n.to_string()), "s", "pi", None, None);
        }
        assert_eq!(counting.sessions.lock().unwrap().len(), MOST);
        assert!(counting.end(&SessionId::of("ada", "0")).is_none());
    }
}
