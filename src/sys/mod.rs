//! What is asked of the machine: the time, random ids, files that are replaced whole, locks in one
//! order, log lines. Knows nothing of the daemon.

pub mod allocator;
pub mod clock;
pub mod files;
pub mod ids;
pub mod locks;
pub mod logging;
