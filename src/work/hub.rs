//! From one publisher to many readers: each has a bounded queue, publishing never waits, and a reader
//! that does not keep up is dropped and told.

use crate::sys::locks;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};

struct Subscriber<T> {
    queue: Sender<T>,
    lagged: Arc<AtomicBool>,
}

/// What a reader gets next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next<T> {
    Item(T),
    /// Nothing came in time.
    Quiet,
    /// The reader did not keep up: what came since is lost to it.
    Dropped,
    /// Nothing more will come.
    Closed,
}

/// One reader's end.
#[derive(Debug)]
pub struct Reader<T> {
    queue: Receiver<T>,
    lagged: Arc<AtomicBool>,
}

impl<T> Reader<T> {
    /// What was queued before a drop still comes, then the word of it.
    pub fn next(&self, limit: Duration) -> Next<T> {
        match self.queue.recv_timeout(limit) {
            Ok(item) => Next::Item(item),
            Err(RecvTimeoutError::Timeout) => Next::Quiet,
            Err(RecvTimeoutError::Disconnected) if self.lagged.load(Ordering::Acquire) => Next::Dropped,
            Err(RecvTimeoutError::Disconnected) => Next::Closed,
        }
    }
}

/// The publisher's end.
pub struct Hub<T> {
    subscribers: Mutex<Vec<Subscriber<T>>>,
    /// Items that wait for one reader, and readers, at most.
    depth: usize,
    most: usize,
}

impl<T: Clone> Hub<T> {
    pub fn new(depth: usize, most: usize) -> Self {
        Hub { subscribers: Mutex::default(), depth, most }
    }

    fn subscribers(&self) -> MutexGuard<'_, Vec<Subscriber<T>>> {
        // a list of queues is whole whatever panicked
        locks::whole(self.subscribers.lock())
    }

    /// `None` when there are as many readers as there may be.
    pub fn subscribe(&self) -> Option<Reader<T>> {
        let mut subscribers = self.subscribers();
        // a reader that has gone has let go of its flag
        subscribers.retain(|subscriber| Arc::strong_count(&subscriber.lagged) > 1);
        if subscribers.len() >= self.most {
            return None;
        }
        let (queue, items) = bounded(self.depth);
        let lagged = Arc::new(AtomicBool::new(false));
        subscribers.push(Subscriber { queue, lagged: Arc::clone(&lagged) });
        Some(Reader { queue: items, lagged })
    }

    /// Gives an item to every reader; never waits.
    pub fn publish(&self, item: &T) {
        self.subscribers().retain(|subscriber| match subscriber.queue.try_send(item.clone()) {
            Ok(()) => true,
            Err(TrySendError::Disconnected(_)) => false,
            Err(TrySendError::Full(_)) => {
                subscriber.lagged.store(true, Ordering::Release);
                false
            }
        });
    }

    /// Readers now, counting those that have gone since the last publishing.
    pub fn readers(&self) -> usize {
        self.subscribers().len()
    }

    /// Ends all readers.
    pub fn close(&self) {
        self.subscribers().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::ZERO;

    #[test]
    fn every_reader_gets_everything_in_order() {
        let hub = Hub::new(4, 2);
        let (one, other) = (hub.subscribe().unwrap(), hub.subscribe().unwrap());
        assert!(hub.subscribe().is_none(), "the number of readers is bounded");
        hub.publish(&1);
        hub.publish(&2);
        for reader in [&one, &other] {
            assert_eq!(
                (reader.next(NOW), reader.next(NOW), reader.next(NOW)),
                (Next::Item(1), Next::Item(2), Next::Quiet)
            );
        }
        drop(one);
        let third = hub.subscribe();
        assert!(third.is_some(), "one that has gone makes room");
        drop(third);
        hub.publish(&3);
        assert_eq!(hub.readers(), 1);
        hub.close();
        assert_eq!((other.next(NOW), other.next(NOW)), (Next::Item(3), Next::Closed));
    }

    #[test]
    fn a_slow_reader_is_dropped_and_told() {
        let hub = Hub::new(2, 8);
        let (slow, quick) = (hub.subscribe().unwrap(), hub.subscribe().unwrap());
        for n in 0..3 {
            hub.publish(&n);
            assert_eq!(quick.next(NOW), Next::Item(n));
        }
        assert_eq!((slow.next(NOW), slow.next(NOW), slow.next(NOW)), (Next::Item(0), Next::Item(1), Next::Dropped));
        assert_eq!(hub.readers(), 1);
    }
}
