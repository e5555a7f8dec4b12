//! The background embedder: memories without a vector of the present model get one.
//!
//! After a start and after a change of model it walks over all memories, newest first; then only
//! over those whose vector could not be made when they were written.

use std::collections::{HashSet, VecDeque};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::{Model, Purpose};
use crate::config::{Config, Provider};
use crate::core::Stop;
use crate::db::Error;
use crate::parts::memory::Memory;
use crate::parts::memory::api::TrackerAnswer;
use crate::parts::memory::store::embeddings::{self, NewVector, Unembedded};
use crate::parts::memory::vectors::index;
use crate::sys::locks::{self, Held};

/// Rows looked at per step of the walk.
const SPAN: i64 = 200;
/// The embedded model needs no rest between its batches; a batch is one transaction, which others wait for.
const NATIVE_BATCH: usize = 24;
/// Work of one tick, after which others have their turn.
const TICK: Duration = Duration::from_millis(300);
/// Memories written since the last turn that call the daemon busy.
const BUSY: usize = 100;
/// Longest that a route waits for vectors to be written.
const SETTLE: Duration = Duration::from_secs(2);
/// Memories that wait for another try.
const MOST_WAITING: usize = 50_000;
/// Pauses before a failed memory is tried again.
const BACKOFF: [Duration; 4] =
    [Duration::from_secs(60), Duration::from_secs(300), Duration::from_secs(1800), Duration::from_secs(3600)];

#[derive(Default)]
pub struct Tracker {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    model: Option<Model>,
    /// The index does not fit the database any more.
    reload: bool,
    /// The walk goes on below this rowid; `None` when it is done.
    below: Option<i64>,
    waiting: VecDeque<Waiting>,
    /// Came since the last turn.
    arrived: usize,
    processed: u64,
    failed: u64,
    skipped: u64,
    last_cycle_at: Option<String>,
}

struct Waiting {
    id: String,
    tries: usize,
    due: Instant,
}

impl Tracker {
    fn lock(&self) -> Held<std::sync::MutexGuard<'_, State>> {
        locks::lock(&self.state)
    }

    /// A memory was written without its vector.
    pub fn missed(&self, id: &str) {
        let mut state = self.lock();
        state.arrived += 1;
        if state.waiting.len() < MOST_WAITING {
            state.waiting.push_back(Waiting { id: id.to_owned(), tries: 0, due: Instant::now() });
        } else {
            // the walk over all memories will find it
            state.below = Some(i64::MAX);
        }
    }

    /// The index is loaded anew at the next turn.
    pub fn request_reload(&self) {
        self.lock().reload = true;
    }

    fn is_waiting(&self) -> bool {
        !self.lock().waiting.is_empty()
    }

    /// Many memories are being written right now: their vectors, which are in the index already,
    /// can wait until that is over, unless too many do.
    fn should_yield(&self) -> bool {
        let mut state = self.lock();
        let arrived = std::mem::take(&mut state.arrived);
        arrived > BUSY && state.waiting.len() < MOST_WAITING / 2
    }

    /// `None` when it is off.
    pub fn answer(&self, config: &Config) -> Option<TrackerAnswer> {
        if !is_on(config) {
            return None;
        }
        let state = self.lock();
        Some(TrackerAnswer {
            running: true,
            processed: state.processed,
            failed: state.failed,
            skipped_cycles: state.skipped,
            last_cycle_at: state.last_cycle_at.clone(),
            queue_depth: state.waiting.len(),
        })
    }
}

fn is_on(config: &Config) -> bool {
    config.pipeline.embedding_tracker.enabled && config.embedding.provider != Provider::None
}

/// One turn of the background embedder.
pub fn tick(memory: &Memory, stop: &Stop) {
    if let Err(cause) = try_tick(memory, stop) {
        log::warn!(target: "embedding", "background embedder: {cause}");
    }
}

fn try_tick(memory: &Memory, stop: &Stop) -> Result<(), Error> {
    let config = memory.core.config();
    let tracker = &memory.embedder.tracker;
    let model = memory.embedder.model(&config);
    let changed = {
        let mut state = tracker.lock();
        let reload = std::mem::take(&mut state.reload);
        if state.model.as_ref() != Some(&model) {
            let first = state.model.is_none();
            state.model = Some(model.clone());
            state.below = Some(i64::MAX);
            reload || !first
        } else {
            reload
        }
    };
    if changed {
        // vectors of two models are never compared
        index::load(memory).inspect_err(|_| tracker.request_reload())?;
    }
    if !is_on(&config) {
        return Ok(());
    }
    if model.native && tracker.should_yield() {
        return Ok(());
    }
    tracker.lock().last_cycle_at = Some(memory.core.now());
    let began = Instant::now();
    while began.elapsed() < TICK && !stop.is_stopped() {
        let batch = next_batch(memory, &config, &model)?;
        let Some(batch) = batch else { break };
        if !embed_batch(memory, &config, &model, batch)? {
            tracker.lock().skipped += 1;
            break;
        }
    }
    Ok(())
}

/// Writes the vectors that wait, so that a route can show them; only the embedded model's, which
/// take no time to make.
pub fn settle(memory: &Memory) {
    let config = memory.core.config();
    let model = memory.embedder.model(&config);
    let tracker = &memory.embedder.tracker;
    let began = Instant::now();
    // a read does not wait for another program to let go of the file
    while model.native && !memory.core.db.is_blocked() && tracker.is_waiting() && began.elapsed() < SETTLE {
        let written = next_batch(memory, &config, &model)
            .and_then(|batch| embed_batch(memory, &config, &model, batch.unwrap_or_default()));
        if let Err(cause) = written {
            log::warn!(target: "embedding", "vectors were not written: {cause}");
            return;
        }
    }
}

/// The same for one memory.
pub fn settle_one(memory: &Memory, id: &str) {
    let config = memory.core.config();
    let model = memory.embedder.model(&config);
    let waits = model.native
        && !memory.core.db.is_blocked()
        && memory.embedder.tracker.lock().waiting.iter().any(|w| w.id == id);
    if !waits {
        return;
    }
    let written = memory
        .core
        .db
        .read(|c| embeddings::unembedded_of(c, id))
        .and_then(|row| embed_batch(memory, &config, &model, row.into_iter().collect()));
    if let Err(cause) = written {
        log::warn!(target: "embedding", "a vector was not written: {cause}");
    }
}

/// What is due, or the next stretch of the walk; `None` when there is nothing to do.
fn next_batch(memory: &Memory, config: &Config, model: &Model) -> Result<Option<Vec<Unembedded>>, Error> {
    let tracker = &memory.embedder.tracker;
    let most = if model.native { NATIVE_BATCH } else { config.pipeline.embedding_tracker.batch };
    let due: Vec<String> = {
        let now = Instant::now();
        let state = tracker.lock();
        state.waiting.iter().filter(|w| w.due <= now).take(most).map(|w| w.id.clone()).collect()
    };
    if !due.is_empty() {
        let found = memory
            .core
            .db
            .read(|c| due.iter().map(|id| embeddings::unembedded_of(c, id)).collect::<Result<Vec<_>, _>>())?;
        let found: Vec<Unembedded> = found.into_iter().flatten().collect();
        // those that were deleted meanwhile need no vector
        let gone: HashSet<&String> = due.iter().filter(|id| !found.iter().any(|f| f.id == **id)).collect();
        if !gone.is_empty() {
            tracker.lock().waiting.retain(|w| !gone.contains(&w.id));
        }
        return Ok(Some(found));
    }
    let Some(below) = tracker.lock().below else { return Ok(None) };
    let span = SPAN.min(most as i64 * 4);
    let (rows, lowest) = memory.core.db.read(|c| embeddings::unembedded_before(c, below, &model.name, span))?;
    tracker.lock().below = lowest;
    Ok(Some(rows))
}

/// False when the provider does not answer: what is left waits for its next turn.
fn embed_batch(memory: &Memory, config: &Config, model: &Model, batch: Vec<Unembedded>) -> Result<bool, Error> {
    let embedder = &memory.embedder;
    let mut made = Vec::new();
    let mut alive = true;
    for row in batch {
        let vector = if alive { embedder.embed(config, &row.content, Purpose::Background) } else { None };
        match vector {
            Some(vector) => made.push((row, vector)),
            // a text without words has no vector, now or later
            None if model.native => embedder.tracker.lock().waiting.retain(|w| w.id != row.id),
            None => {
                alive = false;
                put_off(&embedder.tracker, &row.id);
            }
        }
    }
    if made.is_empty() {
        return Ok(alive);
    }
    let name = model.name.clone();
    let made = memory.core.db.write(move |tx| {
        for (row, vector) in &made {
            let vector = NewVector {
                memory_id: &row.id,
                hash: &row.hash,
                place: &row.place,
                text: &row.content,
                vector,
                model: &name,
            };
            embeddings::put(tx, &vector)?;
        }
        Ok(made)
    })?;
    let mut state = embedder.tracker.lock();
    state.processed += made.len() as u64;
    let written: HashSet<&String> = made.iter().map(|(row, _)| &row.id).collect();
    state.waiting.retain(|w| !written.contains(&w.id));
    drop(state);
    for (row, vector) in &made {
        memory.index.set_vector(row.rowid, vector);
    }
    Ok(alive)
}

fn put_off(tracker: &Tracker, id: &str) {
    let mut state = tracker.lock();
    state.failed += 1;
    let now = Instant::now();
    let room = state.waiting.len() < MOST_WAITING;
    match state.waiting.iter_mut().find(|w| w.id == id) {
        Some(waiting) => {
            waiting.due = now + BACKOFF[waiting.tries.min(BACKOFF.len() - 1)];
            waiting.tries += 1;
        }
        None if room => {
            state.waiting.push_back(Waiting { id: id.to_owned(), tries: 1, due: now + BACKOFF[0] });
        }
        None => {}
    }
}
