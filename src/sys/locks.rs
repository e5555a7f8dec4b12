//! Locks of the parts' memory, and the one order in which they are taken: the database first, then
//! memory. A thread that waits for a connection while it holds a lock could wait for a thread that
//! holds the connection and waits for the lock.
//!
//! Debug builds count the locks a thread holds, and the database refuses to be asked under one.

use std::ops::{Deref, DerefMut};
use std::sync::{LockResult, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// A lock's guard that is counted.
pub struct Held<G> {
    guard: G,
    _count: Count,
}

impl<G: Deref> Deref for Held<G> {
    type Target = G::Target;

    fn deref(&self) -> &G::Target {
        &self.guard
    }
}

impl<G: DerefMut> DerefMut for Held<G> {
    fn deref_mut(&mut self) -> &mut G::Target {
        &mut self.guard
    }
}

/// What a lock guards. What a panicking thread left behind is used on: nothing is left half done in a way
/// that matters, and a daemon that lost one request must not lose all others.
pub fn whole<G>(taken: LockResult<G>) -> G {
    taken.unwrap_or_else(PoisonError::into_inner)
}

/// Takes a lock of a part.
pub fn lock<T>(mutex: &Mutex<T>) -> Held<MutexGuard<'_, T>> {
    Held { guard: whole(mutex.lock()), _count: Count::new() }
}

pub fn read<T>(lock: &RwLock<T>) -> Held<RwLockReadGuard<'_, T>> {
    Held { guard: whole(lock.read()), _count: Count::new() }
}

pub fn write<T>(lock: &RwLock<T>) -> Held<RwLockWriteGuard<'_, T>> {
    Held { guard: whole(lock.write()), _count: Count::new() }
}

#[cfg(debug_assertions)]
thread_local! {
    static HELD: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

struct Count;

impl Count {
    fn new() -> Self {
        #[cfg(debug_assertions)]
        HELD.with(|held| held.set(held.get() + 1));
        Count
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        #[cfg(debug_assertions)]
        HELD.with(|held| held.set(held.get() - 1));
    }
}

/// Called wherever the database is asked.
pub fn assert_none_held() {
    #[cfg(debug_assertions)]
    HELD.with(|held| assert_eq!(held.get(), 0, "the database is asked under a lock of a part"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_is_not_to_be_asked_under_a_lock() {
        let mutex = Mutex::new(1);
        assert_none_held();
        let guard = lock(&mutex);
        assert!(std::panic::catch_unwind(assert_none_held).is_err());
        drop(guard);
        assert_none_held();
    }
}
