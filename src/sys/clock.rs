//! Where "now" comes from: an argument, so that a test can set it.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;

pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that stands until it is moved, for tests of what takes hours.
#[derive(Debug, Default)]
pub struct SetClock(AtomicI64);

impl SetClock {
    /// Milliseconds since 1970.
    pub fn at(millis: i64) -> Self {
        SetClock(AtomicI64::new(millis))
    }

    pub fn advance(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::AcqRel);
    }
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        // beyond the year 9999 it stands at its beginning
        Timestamp::from_millisecond(self.0.load(Ordering::Acquire)).unwrap_or_default()
    }
}
