//! The workspace's settings over HTTP: config files, provider safety, identity (foundation §7).

mod audit;
mod identity;
mod rollback;
mod routes;
mod safety;

pub use routes::ROUTES;

use std::sync::Mutex;

/// What these routes keep between requests.
#[derive(Default)]
pub struct State {
    /// Saves of config files and of their audit file go one after the other.
    saving: Mutex<()>,
    /// One rollback at a time; a second one is told so.
    rolling_back: Mutex<()>,
}
