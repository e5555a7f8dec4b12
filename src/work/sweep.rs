//! Sweeps: what goes through many rows for a part, a turn at a time, so that requests come in between.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::{Stop, Ticker};
use crate::db::Error;

/// How long one turn may take; the next one goes on.
const TURN: Duration = Duration::from_millis(500);
/// How soon after the start the first turn is.
const FIRST: Duration = Duration::from_secs(5);
/// From a turn that left something, or failed, to the next.
const SOON: Duration = Duration::from_secs(30);
/// From the end of one sweep to the next.
const EVERY: Duration = Duration::from_secs(6 * 3600);

/// `turn` works until a time at most and says whether nothing is left.
pub fn sweep(name: &'static str, turn: impl Fn(&Stop, Instant) -> Result<bool, Error> + Send + 'static) -> Ticker {
    let done = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&done);
    let run = move |stop: &Stop| {
        let all = turn(stop, Instant::now() + TURN).unwrap_or_else(|cause| {
            log::warn!(target: "work", "the sweep of {name} goes on later: {cause}");
            false
        });
        done.store(all, Ordering::Release);
    };
    let every = move || if seen.load(Ordering::Acquire) { EVERY } else { SOON };
    Ticker::new(name, every, run).first(FIRST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_that_left_something_or_failed_is_soon_followed_by_another() {
        let turns: [fn() -> Result<bool, Error>; 3] = [|| Ok(true), || Ok(false), || Err(Error::Busy)];
        for (turn, pause) in turns.into_iter().zip([EVERY, SOON, SOON]) {
            let ticker = sweep("test", move |_, until| {
                assert!(until <= Instant::now() + TURN);
                turn()
            });
            (ticker.run)(&Stop::new());
            assert_eq!((ticker.every)(), pause);
        }
    }
}
