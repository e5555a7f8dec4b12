//! One token for the daemon, a child of it for each run: whatever waits takes a `&Stop` and a limit.

use crate::sys::locks;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Weak};
use std::time::{Duration, Instant};

/// Says that work is to end. Clones are the same token; a child also ends when its parent does.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    stopped: AtomicBool,
    children: Mutex<Vec<Weak<Inner>>>,
    changed: Condvar,
}

impl Inner {
    fn children(&self) -> MutexGuard<'_, Vec<Weak<Inner>>> {
        // a list of tokens is whole whatever panicked
        locks::whole(self.children.lock())
    }

    fn stop(&self) {
        let children = {
            let mut children = self.children();
            self.stopped.store(true, Ordering::Release);
            self.changed.notify_all();
            std::mem::take(&mut *children)
        };
        children.iter().filter_map(Weak::upgrade).for_each(|child| child.stop());
    }
}

impl Stop {
    pub fn new() -> Self {
        Self::default()
    }

    /// A token that ends with this one, or alone.
    pub fn child(&self) -> Stop {
        let child = Stop::new();
        let mut children = self.0.children();
        if self.is_stopped() {
            child.0.stopped.store(true, Ordering::Release);
        } else {
            children.retain(|other| other.strong_count() > 0);
            children.push(Arc::downgrade(&child.0));
        }
        child
    }

    pub fn stop(&self) {
        self.0.stop();
    }

    pub fn is_stopped(&self) -> bool {
        self.0.stopped.load(Ordering::Acquire)
    }

    /// Waits until it is stopped, so long at most; whether it is.
    pub fn wait(&self, limit: Duration) -> bool {
        // beyond the range of the clock it is as good as for ever
        let deadline =
            Instant::now().checked_add(limit).unwrap_or_else(|| Instant::now() + Duration::from_secs(86_400));
        let mut held = self.0.children();
        while !self.is_stopped() {
            let Some(left) = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else {
                return false;
            };
            held = locks::whole(self.0.changed.wait_timeout(held, left)).0;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_end_with_their_parent_and_not_the_other_way_round() {
        let parent = Stop::new();
        let (one, other) = (parent.child(), parent.child());
        one.stop();
        assert!(one.is_stopped() && !parent.is_stopped() && !other.is_stopped());
        let grandchild = other.child();
        parent.stop();
        assert!(other.is_stopped() && grandchild.is_stopped() && parent.child().is_stopped());
    }

    #[test]
    fn who_waits_is_woken_and_limits_hold() {
        let stop = Stop::new();
        assert!(!stop.wait(Duration::from_millis(1)));
        let waiting = stop.child();
        let thread = std::thread::spawn(move || waiting.wait(Duration::from_secs(60)));
        stop.stop();
        assert!(thread.join().unwrap());
        assert!(stop.wait(Duration::MAX));
    }

    #[test]
    fn tokens_that_are_gone_are_forgotten() {
        let stop = Stop::new();
        for _ in 0..1000 {
            drop(stop.child());
        }
        assert!(stop.0.children().len() < 3);
    }
}
