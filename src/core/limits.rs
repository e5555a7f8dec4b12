//! Rate limits of operations: a token bucket per caller and operation, in memory.
//!
//! Capacity is the configured maximum, full at first use and refilled evenly over the window: a
//! burst of the maximum passes, and a client below the rate never sees a 429.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;

use super::{Core, Error};
use crate::config::{Bucket, Rate};
use crate::core::access::Caller;
use crate::sys::locks;

/// Callers remembered at most; full buckets are forgotten first.
const MOST: usize = 10_000;

#[derive(Debug, Clone, Copy)]
struct Level {
    tokens: f64,
    at_ms: i64,
}

/// All buckets of the daemon.
#[derive(Default)]
pub struct Buckets {
    levels: Mutex<HashMap<(Bucket, String), Level>>,
}

impl Buckets {
    /// Takes one token, or says when (Unix ms) the next is there and takes nothing.
    pub fn take(&self, bucket: Bucket, actor: &str, rate: Rate, now_ms: i64) -> Result<(), i64> {
        // a rate below one per window could never be met
        let max = rate.max.max(1.0);
        let per_ms = max / rate.window_ms;
        let mut levels = locks::lock(&self.levels);
        let key = (bucket, actor.to_owned());
        if levels.len() >= MOST && !levels.contains_key(&key) {
            make_room(&mut levels, per_ms, max, now_ms);
        }
        let level = levels.entry(key).or_insert(Level { tokens: max, at_ms: now_ms });
        let passed = (now_ms - level.at_ms).max(0) as f64;
        level.tokens = (level.tokens + passed * per_ms).min(max);
        level.at_ms = level.at_ms.max(now_ms);
        // a hair below one is a rounding error of the refill
        if level.tokens >= 1.0 - 1e-9 {
            level.tokens = (level.tokens - 1.0).max(0.0);
            return Ok(());
        }
        Err(now_ms + ((1.0 - level.tokens) / per_ms).ceil() as i64)
    }

    /// Every bucket is full again.
    pub fn reset(&self) {
        locks::lock(&self.levels).clear();
    }
}

fn make_room(levels: &mut HashMap<(Bucket, String), Level>, per_ms: f64, max: f64, now_ms: i64) {
    levels.retain(|_, l| l.tokens + (now_ms - l.at_ms) as f64 * per_ms < max);
    if levels.len() >= MOST {
        let oldest = levels.iter().min_by_key(|(_, l)| l.at_ms).map(|(key, _)| key.clone());
        if let Some(key) = oldest {
            levels.remove(&key);
        }
    }
}

impl Core {
    /// Takes one token of the caller's bucket. In `local` mode only logins are limited, each peer by itself.
    pub fn take(&self, bucket: Bucket, caller: &Caller, peer: Option<IpAddr>) -> Result<(), Error> {
        let actor = match (bucket, caller) {
            (Bucket::Login, _) => peer.map_or_else(|| "unknown".to_owned(), |ip| ip.to_string()),
            (_, Caller::Local) => return Ok(()),
            (_, caller) => caller.claims().map_or_else(|| "anonymous".to_owned(), |c| c.sub.clone()),
        };
        let now_ms = self.clock.now().as_millisecond();
        let rate = self.config().auth.rate(bucket);
        self.limits.take(bucket, &actor, rate, now_ms).map_err(|retry_at_ms| Error::Limited { retry_at_ms, now_ms })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const RATE: Rate = Rate { max: 3.0, window_ms: 60_000.0 };

    #[test]
    fn a_burst_passes_then_tokens_come_evenly() {
        let limits = Buckets::default();
        let take = |actor: &str, now| limits.take(Bucket::Modify, actor, RATE, now);
        assert!((0..3).all(|_| take("a", 0).is_ok()));
        assert_eq!(take("a", 0), Err(20_000));
        assert_eq!(take("a", 19_999), Err(20_000));
        assert_eq!(take("a", 20_000), Ok(()));
        assert!(take("a", 20_000).is_err());
        assert!(take("b", 0).is_ok(), "another caller has a bucket of its own");
        assert!((0..3).all(|_| take("a", 500_000).is_ok()), "no more than the capacity is saved up");
        assert!(take("a", 500_000).is_err());
        limits.reset();
        assert!(take("a", 500_000).is_ok());
    }

    #[test]
    fn concurrent_callers_get_exactly_the_capacity() {
        let limits = Arc::new(Buckets::default());
        let passed = Arc::new(AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        let rate = Rate { max: 50.0, window_ms: 60_000.0 };
                        if limits.take(Bucket::Admin, "x", rate, 7).is_ok() {
                            passed.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        assert_eq!(passed.load(Ordering::Relaxed), 50);
    }

    #[test]
    fn the_number_of_callers_is_bounded() {
        let limits = Buckets::default();
        for n in 0..MOST + 50 {
            assert!(limits.take(Bucket::Login, &n.to_string(), RATE, 0).is_ok());
        }
        assert!(limits.levels.lock().unwrap().len() <= MOST);
    }
}
