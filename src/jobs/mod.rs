//! The background runner: one thread that runs periodic tasks, each when it is due.
//!
//! Tasks must be short; a task that panics is logged and runs again at its next time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// One periodic task.
pub struct Task<S> {
    pub name: &'static str,
    pub every: Duration,
    pub run: fn(&S),
}

struct Stop {
    stopped: Mutex<bool>,
    changed: Condvar,
}

/// The running background thread.
pub struct Runner {
    stop: Arc<Stop>,
    thread: JoinHandle<()>,
}

impl Runner {
    /// Runs every task once per its interval, the first time after one interval.
    pub fn start<S: Send + Sync + 'static>(state: Arc<S>, tasks: Vec<Task<S>>) -> std::io::Result<Self> {
        let stop = Arc::new(Stop { stopped: Mutex::new(false), changed: Condvar::new() });
        let seen = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name("jobs".to_owned()).spawn(move || run(&*state, &tasks, &seen))?;
        Ok(Runner { stop, thread })
    }

    /// Waits for the running task, if any.
    pub fn stop(self) {
        *self.stop.stopped.lock().unwrap_or_else(|p| p.into_inner()) = true;
        self.stop.changed.notify_all();
        if self.thread.join().is_err() {
            log::error!(target: "jobs", "the background thread ended with a panic");
        }
    }
}

fn run<S>(state: &S, tasks: &[Task<S>], stop: &Stop) {
    let mut due: Vec<Instant> = tasks.iter().map(|t| Instant::now() + t.every).collect();
    let mut stopped = stop.stopped.lock().unwrap_or_else(|p| p.into_inner());
    while !*stopped {
        let Some((next, at)) = due.iter().copied().enumerate().min_by_key(|(_, at)| *at) else { return };
        let now = Instant::now();
        if at > now {
            stopped = match stop.changed.wait_timeout(stopped, at - now) {
                Ok((guard, _)) => guard,
                Err(poisoned) => poisoned.into_inner().0,
            };
            continue;
        }
        drop(stopped);
        let task = &tasks[next];
        if catch_unwind(AssertUnwindSafe(|| (task.run)(state))).is_err() {
            log::error!(target: "jobs", "the task {} failed", task.name);
        }
        due[next] = Instant::now() + task.every;
        stopped = stop.stopped.lock().unwrap_or_else(|p| p.into_inner());
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
                every: Duration::from_millis(1),
                run: |tx| assert!(tx.try_send(1).is_ok() || tx.is_full()),
            },
            Task { name: "bad", every: Duration::from_millis(1), run: |_| panic!("as a test") },
        ];
        let runner = Runner::start(Arc::new(tx), tasks).unwrap();
        for _ in 0..3 {
            assert_eq!(rx.recv_timeout(Duration::from_secs(10)), Ok(1));
        }
        runner.stop();
    }
}
