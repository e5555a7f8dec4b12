//! What runs beside the hooks: files of what was said, checkpoints that came due, MEMORY.md, and what is past its
//! time. One thread writes files, so that two never write the same.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::SignedDuration;

use super::Sessions;
use super::ledger;
use super::memory_md::RETRY;
use super::store::{captures, transcripts as store};
use super::transcripts::{Author, CaptureQueue, CaptureWorker, Origin, Spoken, is_noise};
use crate::core::Stop;
use crate::db::Error;
use crate::sys::files;
use crate::text::time;
use crate::work::{Queue, Ticker, Tickers, sweep};

/// Captures are looked for so often, and whenever one is queued.
const CAPTURES: Duration = Duration::from_secs(30);
/// Claims that ran out are swept so often.
const CLAIMS: Duration = Duration::from_secs(15 * 60);
const A_DAY: Duration = Duration::from_secs(24 * 3_600);
/// Days that jobs stay after they were done.
const DONE_DAYS: i64 = 14;
/// What of an agent's name is written otherwise in a file's.
const UNSAFE: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');
/// Rows that go at a time, and transcripts that are looked at.
const ROWS: i64 = 500;
const PAGE: i64 = 200;

impl Sessions {
    /// Starts the thread that writes files; the queue of an earlier run is taken up.
    pub fn start_writer(self: &Arc<Self>, stop: &Stop) -> Result<Tickers, Error> {
        let worker = Arc::new(CaptureWorker::new(Arc::clone(&self.core), Arc::clone(&self.archive)));
        let queue = Queue::open(Arc::clone(&self.core.db), Arc::new(CaptureQueue), vec![worker], || 300_000)?;
        let (live, backfill, heads) = (Arc::clone(self), Arc::clone(self), Arc::clone(self));
        let files = move |stop: &Stop| {
            live.write_noted();
            live.write_live(stop);
            queue.work(stop);
        };
        let pieces = vec![
            Ticker::new("files", || CAPTURES, files).first(Duration::ZERO),
            Ticker::new("backfill", || A_DAY, move |stop| backfill.backfill(stop)).first(RETRY),
            Ticker::new("MEMORY.md", || RETRY, move |stop| heads.synthesis_turn(stop)).first(RETRY),
        ];
        let tickers = Tickers::start("sessions", stop, pieces).map_err(|cause| Error::Unusable(cause.to_string()))?;
        self.live.on_wake(tickers.waker("files"));
        self.ledgers.noted.on_wake(tickers.waker("files"));
        self.synthesis.on_wake(tickers.waker("MEMORY.md"));
        Ok(tickers)
    }

    /// Short pieces for the shared thread.
    pub fn tickers(self: &Arc<Self>) -> Vec<Ticker> {
        let (due, claims) = (Arc::clone(self), Arc::clone(self));
        vec![
            Ticker::new("checkpoints due", || Duration::from_secs(1), move |_| due.write_due(false)),
            Ticker::new("claims", || CLAIMS, move |_| claims.claims.sweep()),
        ]
    }

    /// Sweeps of what is past its time.
    pub fn sweeps(self: &Arc<Self>) -> Vec<Ticker> {
        let sessions = Arc::clone(self);
        let old = sweep("checkpoints and captures", move |stop, until| sessions.forget_old(stop, until));
        vec![ledger::sweep_ticker(Arc::clone(&self.core)), old]
    }

    fn forget_old(&self, stop: &Stop, until: Instant) -> Result<bool, Error> {
        if self.core.mutable().is_err() || self.core.db.is_blocked() {
            return Ok(false);
        }
        let before = time::iso(self.core.clock.now() - SignedDuration::from_hours(24 * DONE_DAYS));
        let mut done = false;
        while !done && Instant::now() < until && !stop.is_stopped() {
            let day = before.clone();
            let purged = self.core.db.write(move |tx| captures::purge(tx, &day, ROWS))?;
            done = self.prune_checkpoints()? && (purged as i64) < ROWS;
        }
        Ok(done)
    }

    /// Before the end: what waits in memory only.
    pub fn flush(&self) {
        self.peers.close();
        self.write_due(true);
        self.write_noted();
    }

    /// What sessions were begun with. A failure costs who rates or replays a few rows.
    /// A few rows at a time: a prompt that has something to write meanwhile waits for those, not for all.
    pub(super) fn write_noted(&self) {
        while !self.ledgers.noted.is_empty() {
            let ledgers = Arc::clone(&self.ledgers);
            if let Err(cause) = self.core.db.write(move |tx| ledgers.noted.write_next(tx)) {
                log::warn!(target: "sessions", "what sessions were begun with was not noted: {cause}");
                return;
            }
        }
    }

    /// Files of sessions that have said something new.
    fn write_live(&self, stop: &Stop) {
        for spoken in self.live.take() {
            if stop.is_stopped() {
                return;
            }
            if let Err(cause) = self.write_spoken(&spoken) {
                log::warn!(target: "sessions", "the lines of a session are behind: {cause}");
            }
        }
    }

    fn write_spoken(&self, spoken: &Spoken) -> Result<(), Box<dyn std::error::Error>> {
        let mut raw = spoken.raw.clone();
        if let Some(given) = &spoken.unread
            && let Some((read, said)) = given.said(&spoken.harness, &self.core.env)
        {
            let owner = store::Owner {
                agent: spoken.agent.clone(),
                key: spoken.key.clone(),
                harness: spoken.harness.clone(),
                project: spoken.project.clone(),
            };
            self.store_whole(owner, said)?;
            raw = Some(read.text);
        }
        if let Some(raw) = &raw {
            self.archive.log_latest(&spoken.agent, &spoken.key, raw)?;
        }
        let stored = self.core.db.read(|c| store::find(c, &spoken.agent, &spoken.key, None))?;
        let Some(stored) = stored else { return Ok(()) };
        let project = stored.project.as_deref().or(spoken.project.as_deref());
        if is_noise(project, Some(&spoken.key), None, &spoken.harness) {
            return Ok(());
        }
        let author = author(&spoken.agent, &spoken.key, &spoken.harness);
        let format = if raw.is_some() { "normalized" } else { "live" };
        let project = project.map(str::to_owned);
        let origin = Origin { captured_at: self.core.now(), format, path: None, project };
        Ok(self.archive.write_lines(&author, &stored.content, &origin)?)
    }

    /// Transcripts of harnesses that have no file of lines yet: those of a time before there were such files.
    fn backfill(&self, stop: &Stop) {
        if self.core.mutable().is_err() {
            return;
        }
        let agents = self.core.db.read(store::agents).unwrap_or_default();
        for agent in agents {
            if let Err(cause) = self.backfill_agent(&agent, stop) {
                log::warn!(target: "sessions", "older transcripts of {agent} have no lines yet: {cause}");
            }
        }
    }

    fn backfill_agent(&self, agent: &str, stop: &Stop) -> Result<(), Box<dyn std::error::Error>> {
        let safe = percent_encoding::utf8_percent_encode(agent, UNSAFE);
        let marker = self.core.env.workspace.join(format!("memory/.canonical-transcript-backfill-v1.{safe}"));
        if marker.exists() {
            return Ok(());
        }
        let mut after = String::new();
        loop {
            let keys = self.core.db.read(|c| store::keys(c, agent, &after, PAGE))?;
            let Some(last) = keys.last().cloned() else { break };
            for key in keys {
                if stop.is_stopped() {
                    return Ok(());
                }
                let Some(stored) = self.core.db.read(|c| store::find(c, agent, &key, None))? else { continue };
                let harness = stored.harness.clone().unwrap_or_else(|| "unknown".to_owned());
                if !is_noise(stored.project.as_deref(), Some(&key), None, &harness) {
                    let (captured_at, project) = (stored.updated_at, stored.project);
                    let origin = Origin { captured_at, format: "db", path: None, project };
                    self.archive.write_missing(&author(agent, &key, &harness), &stored.content, &origin)?;
                }
            }
            after = last;
        }
        Ok(files::replace(&marker, b"", 0o600)?)
    }
}

fn author(agent: &str, key: &str, harness: &str) -> Author {
    Author { agent: agent.to_owned(), harness: harness.to_owned(), key: key.to_owned() }
}
