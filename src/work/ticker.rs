//! Periodic work: each piece with a name, when it is due, and what it last did.
//!
//! Pieces that take long have a thread of their own; short ones share one, one after the other. A piece
//! that panics is logged and runs again at its next time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::Stop;
use crate::sys::locks;

type Every = Box<dyn Fn() -> Duration + Send>;
type Run = Box<dyn Fn(&Stop) + Send>;

/// One piece of periodic work.
pub struct Ticker {
    name: &'static str,
    first: Duration,
    pub(super) every: Every,
    pub(super) run: Run,
}

impl Ticker {
    /// Runs so long after the start for the first time, and then as long after the end of each run as
    /// `every` says at that moment.
    pub fn new(
        name: &'static str,
        every: impl Fn() -> Duration + Send + 'static,
        run: impl Fn(&Stop) + Send + 'static,
    ) -> Self {
        Ticker { name, first: every(), every: Box::new(every), run: Box::new(run) }
    }

    /// A first run at another time than the others.
    pub fn first(mut self, after: Duration) -> Self {
        self.first = after;
        self
    }
}

/// What a piece last did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Last {
    pub runs: u64,
    pub took: Option<Duration>,
    /// Runs that panicked.
    pub failed: u64,
}

struct Slot {
    name: &'static str,
    due: Instant,
    paused: bool,
    last: Last,
}

#[derive(Default)]
struct Shared {
    slots: Mutex<Vec<Slot>>,
    changed: Condvar,
}

impl Shared {
    fn slots(&self) -> MutexGuard<'_, Vec<Slot>> {
        // no work runs under this lock
        locks::whole(self.slots.lock())
    }
}

/// A thread that runs some pieces, one at a time.
pub struct Tickers {
    shared: Arc<Shared>,
    stop: Stop,
    thread: JoinHandle<()>,
}

impl Tickers {
    pub fn start(thread: &str, stop: &Stop, pieces: Vec<Ticker>) -> std::io::Result<Self> {
        let stop = stop.child();
        let now = Instant::now();
        let slot =
            |piece: &Ticker| Slot { name: piece.name, due: now + piece.first, paused: false, last: Last::default() };
        let shared = Arc::new(Shared { slots: Mutex::new(pieces.iter().map(slot).collect()), ..Shared::default() });
        let (seen, token) = (Arc::clone(&shared), stop.clone());
        let thread = std::thread::Builder::new().name(thread.to_owned()).spawn(move || run(&seen, &pieces, &token))?;
        Ok(Tickers { shared, stop, thread })
    }

    fn change(&self, name: &str, change: impl Fn(&mut Slot)) {
        self.shared.slots().iter_mut().filter(|slot| slot.name == name).for_each(change);
        self.shared.changed.notify_all();
    }

    /// Runs a piece as soon as its thread is free.
    pub fn wake(&self, name: &str) {
        self.change(name, |slot| slot.due = Instant::now());
    }

    /// The same, for who may be asked to wake it from anywhere.
    pub fn waker(&self, name: &'static str) -> impl Fn() + Send + Sync + 'static {
        let shared = Arc::clone(&self.shared);
        move || {
            shared.slots().iter_mut().filter(|slot| slot.name == name).for_each(|slot| slot.due = Instant::now());
            shared.changed.notify_all();
        }
    }

    /// While it is paused a piece does not run, whatever is due.
    pub fn pause(&self, name: &str, paused: bool) {
        self.change(name, |slot| slot.paused = paused);
    }

    /// What each piece last did, by name.
    pub fn last(&self) -> Vec<(&'static str, Last)> {
        self.shared.slots().iter().map(|slot| (slot.name, slot.last)).collect()
    }

    /// Ends the thread, waiting for the running piece, but not for ever; whether it has ended.
    pub fn end(self, limit: Duration) -> bool {
        self.stop.stop();
        self.shared.changed.notify_all();
        let deadline = Instant::now() + limit;
        let mut slots = self.shared.slots();
        while !self.thread.is_finished() {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else {
                let name = self.thread.thread().name().unwrap_or_default().to_owned();
                log::warn!(target: "work", "{name} still runs and is left behind");
                return false;
            };
            // the thread's end is no change of the slots: look again soon
            slots = locks::whole(self.shared.changed.wait_timeout(slots, left.min(LOOK))).0;
        }
        true
    }
}

/// From a run that panicked to the next.
const AFTER_A_FAILURE: Duration = Duration::from_secs(10);
/// Longer pauses are cut to this, which the clock can count.
const LONGEST_PAUSE: Duration = Duration::from_secs(30 * 86_400);

/// How often a waiting end looks whether its thread has ended, and a thread whether it is stopped.
const LOOK: Duration = Duration::from_millis(20);
/// Longest that a thread without due work sleeps in one go.
const SLEEP: Duration = Duration::from_secs(1);

fn run(shared: &Shared, pieces: &[Ticker], stop: &Stop) {
    let mut slots = shared.slots();
    while !stop.is_stopped() {
        let now = Instant::now();
        let next = slots.iter().enumerate().filter(|(_, slot)| !slot.paused).min_by_key(|(_, slot)| slot.due);
        let (at, due) = next.map_or((0, now + SLEEP), |(at, slot)| (at, slot.due));
        if due > now || slots.is_empty() {
            // a stop of the whole daemon does not know this condition: it is looked for once a second
            slots = locks::whole(shared.changed.wait_timeout(slots, (due - now).min(SLEEP))).0;
            continue;
        }
        drop(slots);
        let piece = &pieces[at];
        let pause = catch_unwind(AssertUnwindSafe(|| {
            (piece.run)(stop);
            (piece.every)()
        }));
        let failed = pause.is_err();
        if failed {
            log::error!(target: "work", "the run of {} failed", piece.name);
        }
        let took = now.elapsed();
        let next = Instant::now() + pause.unwrap_or(AFTER_A_FAILURE).min(LONGEST_PAUSE);
        slots = shared.slots();
        let slot = &mut slots[at];
        // woken while it ran: it runs once more
        slot.due = if slot.due > now { slot.due.min(next) } else { next };
        let Last { runs, failed: before, .. } = slot.last;
        slot.last = Last { runs: runs + 1, took: Some(took), failed: before + u64::from(failed) };
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const LIMIT: Duration = Duration::from_secs(10);

    fn eventually(mut done: impl FnMut() -> bool) {
        let deadline = Instant::now() + LIMIT;
        while !done() {
            assert!(Instant::now() < deadline);
            std::thread::yield_now();
        }
    }

    fn counted(name: &'static str, every: Duration) -> (Arc<AtomicUsize>, Ticker) {
        let count = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&count);
        (
            count,
            Ticker::new(
                name,
                move || every,
                move |_| {
                    seen.fetch_add(1, Ordering::AcqRel);
                },
            ),
        )
    }

    #[test]
    fn pieces_run_when_due_and_go_on_after_a_failure() {
        let (count, piece) = counted("good", Duration::ZERO);
        let bad = Ticker::new("bad", || Duration::ZERO, |_| panic!("for the test"));
        let tickers = Tickers::start("test", &Stop::new(), vec![bad, piece]).unwrap();
        eventually(|| count.load(Ordering::Acquire) > 3);
        let last = tickers.last();
        assert!(last.iter().any(|(name, last)| *name == "bad" && last.failed > 0));
        tickers.end(LIMIT);
    }

    #[test]
    fn a_piece_is_woken_paused_and_tells_what_it_did() {
        let (count, piece) = counted("sleepy", HOUR);
        let tickers = Tickers::start("test", &Stop::new(), vec![piece]).unwrap();
        tickers.wake("sleepy");
        eventually(|| count.load(Ordering::Acquire) == 1 && tickers.last()[0].1.runs == 1);
        tickers.pause("sleepy", true);
        tickers.wake("sleepy");
        tickers.pause("other", true);
        assert_eq!(count.load(Ordering::Acquire), 1);
        tickers.pause("sleepy", false);
        eventually(|| count.load(Ordering::Acquire) == 2);
        tickers.end(LIMIT);
    }

    #[test]
    fn the_end_wakes_what_waits_and_leaves_what_hangs() {
        let stop = Stop::new();
        let waits = Ticker::new("waits", || Duration::ZERO, |stop| assert!(stop.wait(HOUR)));
        let tickers = Tickers::start("test", &stop, vec![waits]).unwrap();
        tickers.end(LIMIT);
        let (release, hang) = crossbeam_channel::bounded::<()>(0);
        let hangs = Ticker::new("hangs", || Duration::ZERO, move |_| assert!(hang.recv().is_err()));
        let tickers = Tickers::start("test", &stop, vec![hangs]).unwrap();
        let began = Instant::now();
        tickers.end(Duration::from_millis(30));
        assert!(began.elapsed() < LIMIT);
        drop(release);
    }
}
