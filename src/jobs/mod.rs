//! The background runner: one thread that runs periodic tasks, each when it is due.
//!
//! Tasks must be short; a task that panics is logged and runs again at its next time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// One periodic task.
pub struct Task<S> {
    pub name: &'static str,
    /// How long after the start it runs for the first time.
    pub first: Duration,
    pub every: Duration,
    pub run: fn(&S),
}

#[derive(Default)]
struct State {
    stopped: bool,
    ended: bool,
}

#[derive(Default)]
struct Stop {
    state: Mutex<State>,
    changed: Condvar,
}

impl Stop {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|p| p.into_inner())
    }
}

/// The running background thread.
pub struct Runner {
    stop: Arc<Stop>,
}

impl Runner {
    /// Runs every task once per its interval.
    pub fn start<S: Send + Sync + 'static>(state: Arc<S>, tasks: Vec<Task<S>>) -> std::io::Result<Self> {
        let stop = Arc::new(Stop::default());
        let seen = Arc::clone(&stop);
        std::thread::Builder::new().name("jobs".to_owned()).spawn(move || {
            run(&*state, &tasks, &seen);
            seen.lock().ended = true;
            seen.changed.notify_all();
        })?;
        Ok(Runner { stop })
    }

    /// Waits for the running task, if any, but not for ever: it may be waiting for a silent server.
    pub fn stop(self, limit: Duration) {
        let deadline = Instant::now() + limit;
        let mut state = self.stop.lock();
        state.stopped = true;
        self.stop.changed.notify_all();
        while !state.ended {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else {
                log::warn!(target: "jobs", "a background task still runs and is left behind");
                return;
            };
            state = match self.stop.changed.wait_timeout(state, left) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }
}

fn run<S>(state: &S, tasks: &[Task<S>], stop: &Stop) {
    let mut due: Vec<Instant> = tasks.iter().map(|t| Instant::now() + t.first).collect();
    let mut control = stop.lock();
    while !control.stopped {
        let Some((next, at)) = due.iter().copied().enumerate().min_by_key(|(_, at)| *at) else { return };
        let now = Instant::now();
        if at > now {
            control = match stop.changed.wait_timeout(control, at - now) {
                Ok((guard, _)) => guard,
                Err(poisoned) => poisoned.into_inner().0,
            };
            continue;
        }
        drop(control);
        let task = &tasks[next];
        if catch_unwind(AssertUnwindSafe(|| (task.run)(state))).is_err() {
            log::error!(target: "jobs", "the task {} failed", task.name);
        }
        due[next] = Instant::now() + task.every;
        control = stop.lock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossbeam_channel::{Sender, bounded};

    #[test]
    fn tasks_repeat_survive_panics_and_stop() {
        let (tx, rx) = bounded(100);
        let tasks: Vec<Task<Sender<u8>>> = vec![
            Task {
                name: "good",
                first: Duration::ZERO,
                every: Duration::from_millis(1),
                run: |tx| assert!(tx.try_send(1).is_ok() || tx.is_full()),
            },
            Task { name: "bad", first: Duration::ZERO, every: Duration::from_millis(1), run: |_| panic!("as a test") },
        ];
        let runner = Runner::start(Arc::new(tx), tasks).unwrap();
        for _ in 0..3 {
            assert_eq!(rx.recv_timeout(Duration::from_secs(10)), Ok(1));
        }
        runner.stop(Duration::from_secs(10));
    }
}
