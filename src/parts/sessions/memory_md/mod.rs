//! MEMORY.md: rendered from what is stored when sessions have come to rest, after a compaction, or when asked; or
//! written as a client has made it.

mod api;
mod head;
mod projection;
mod routes;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

pub use routes::ROUTES;

use super::Sessions;
use super::store::{captures, checkpoints};
use crate::core::access::DEFAULT_AGENT;
use crate::core::{Error, Stop};
use crate::sys::{files, locks};
use crate::text::time;
use head::Unwritten;

/// A run that nobody forces comes so long after the last.
const BETWEEN: SignedDuration = SignedDuration::from_hours(1);
/// A run that found the head busy is tried again after this.
pub const RETRY: Duration = Duration::from_secs(5);
/// Agents that wait for a run at most.
const MOST: usize = 200;

/// Manifests that are told so of one head: the newest.
const REFERRED: usize = 50;

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ran {
    Written,
    Skipped(&'static str),
}

/// Whose head is to be written, and that one writes at a time.
#[derive(Default)]
pub struct Synthesis {
    /// Agents whose next run does not wait for its hour.
    forced: Mutex<BTreeSet<String>>,
    running: AtomicBool,
    wake: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

/// The one run that writes; the next may begin when it is dropped.
pub struct Run<'a>(&'a AtomicBool);

impl Drop for Run<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Synthesis {
    /// Calls this whenever a run is forced. The first caller stays.
    pub fn on_wake(&self, wake: impl Fn() + Send + Sync + 'static) {
        if self.wake.set(Box::new(wake)).is_err() {
            log::error!(target: "sessions", "the writer of MEMORY.md is woken by another already");
        }
    }

    /// An agent's head is to be written soon.
    pub fn force(&self, agent: &str) {
        self.want(agent);
        if let Some(wake) = self.wake.get() {
            wake();
        }
    }

    /// The same at the next look.
    fn want(&self, agent: &str) {
        let mut forced = locks::lock(&self.forced);
        if forced.len() < MOST {
            forced.insert(agent.to_owned());
        }
    }

    /// `None` while another run writes.
    fn begin(&self) -> Option<Run<'_>> {
        (!self.running.swap(true, Ordering::AcqRel)).then_some(Run(&self.running))
    }

    fn take(&self) -> BTreeSet<String> {
        std::mem::take(&mut *locks::lock(&self.forced))
    }
}

impl Sessions {
    /// Whether heads are written by themselves: the pipeline runs, and nobody has switched this off. It needs
    /// no model.
    pub fn synthesis_is_on(&self) -> bool {
        let config = self.core.config();
        let pipeline = &config.pipeline;
        let runs = pipeline.switches.enabled && !pipeline.switches.paused && pipeline.extraction.provider != "none";
        runs && pipeline.synthesis.enabled
    }

    /// One look for work: what is forced, and the default agent's head when sessions have come to rest.
    pub fn synthesis_turn(&self, stop: &Stop) {
        if !self.synthesis_is_on() || self.core.mutable().is_err() || self.core.db.is_blocked() {
            return;
        }
        for agent in self.synthesis.take() {
            if stop.is_stopped() {
                return self.synthesis.want(&agent);
            }
            match self.synthesise(&agent, true) {
                Ok(Ran::Skipped(BUSY)) => self.synthesis.want(&agent),
                Ok(_) => {}
                Err(cause) => log::warn!(target: "sessions", "MEMORY.md of {agent} was not written: {cause}"),
            }
        }
        let rested = self.sessions_have_rested().unwrap_or_else(|cause| {
            log::warn!(target: "sessions", "nobody knows when sessions ended: {cause}");
            false
        });
        if rested && let Err(cause) = self.synthesise(DEFAULT_AGENT, false) {
            log::warn!(target: "sessions", "MEMORY.md was not written: {cause}");
        }
    }

    /// Nobody is at work, the last session ended a while ago, and nothing was written since.
    fn sessions_have_rested(&self) -> Result<bool, Error> {
        if self.claims.any() {
            return Ok(false);
        }
        let (checkpoint, capture) = self.core.db.read(|c| Ok((checkpoints::last_end(c)?, captures::last(c)?)))?;
        let ended = [checkpoint, capture].into_iter().flatten().filter_map(|at| time::parse_stored(&at)).max();
        let Some(ended) = ended else { return Ok(false) };
        let gap = SignedDuration::from_mins(self.core.config().pipeline.synthesis.idle_gap_minutes);
        let last = self.last_run(DEFAULT_AGENT).map(time::Time::from);
        Ok(ended.until(self.core.clock.now()) >= gap && last.is_none_or(|last| last < ended))
    }

    /// Renders and writes an agent's head.
    pub fn synthesise(&self, agent: &str, forced: bool) -> Result<Ran, Error> {
        let now = self.core.clock.now();
        if !forced && self.last_run(agent).is_some_and(|last| last + BETWEEN > now) {
            return Ok(Ran::Skipped("the last run was less than an hour ago"));
        }
        if self.head_paths(agent).is_none() {
            return Ok(Ran::Skipped(head::NO_FOLDER));
        }
        let Some(_run) = self.synthesis.begin() else { return Ok(Ran::Skipped(BUSY)) };
        let projection = self.project(agent)?;
        if projection.rows == 0 {
            return Ok(Ran::Skipped("there is nothing to show yet"));
        }
        match self.write_head(agent, &projection.text, "synthesis-worker") {
            Ok(_) => {}
            Err(Unwritten::Busy) => return Ok(Ran::Skipped(BUSY)),
            Err(Unwritten::Unfit(why)) => return Ok(Ran::Skipped(why)),
            Err(Unwritten::Failed(error)) => return Err(error),
        }
        self.note_run(agent, now);
        self.refer(agent, &projection.manifests);
        Ok(Ran::Written)
    }

    /// The manifests of the sessions in a head say so.
    fn refer(&self, agent: &str, manifests: &[String]) {
        let Some((path, _)) = self.head_paths(agent) else { return };
        let named = path.strip_prefix(&self.core.env.workspace).unwrap_or(&path).display().to_string();
        for manifest in manifests.iter().take(REFERRED) {
            let Some(subject) = self.archive.subject_of(manifest) else { continue };
            let changed = self.archive.change_manifest(&subject, |document| {
                document.set("memory_md_refs", serde_json::Value::from(vec![named.clone()]));
            });
            if let Err(cause) = changed {
                log::warn!(target: "sessions", "{manifest} does not say that it is in {named}: {cause}");
            }
        }
    }

    fn run_file(&self, agent: &str) -> PathBuf {
        let name = match agent {
            DEFAULT_AGENT => "last-synthesis.json".to_owned(),
            other => {
                let safe = percent_encoding::utf8_percent_encode(other, percent_encoding::NON_ALPHANUMERIC);
                format!("last-synthesis.{safe}.json")
            }
        };
        self.core.env.daemon_dir().join(name)
    }

    fn note_run(&self, agent: &str, now: Timestamp) {
        let text = serde_json::json!({ "lastRunAt": now.as_millisecond() }).to_string();
        if let Err(cause) = files::replace(&self.run_file(agent), text.as_bytes(), 0o600) {
            log::warn!(target: "sessions", "the time of a run was not noted: {cause}");
        }
    }

    /// When an agent's head was last written by itself.
    pub fn last_run(&self, agent: &str) -> Option<Timestamp> {
        let bytes = std::fs::read(self.run_file(agent)).ok().filter(|bytes| bytes.len() < 4_096)?;
        let json: serde_json::Value = serde_json::from_slice(&bytes).ok()?;
        Timestamp::from_millisecond(json.get("lastRunAt")?.as_f64()? as i64).ok()
    }
}

/// Why a run comes again soon.
const BUSY: &str = "MEMORY.md is being written by another";
