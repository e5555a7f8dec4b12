//! The workspace's settings over HTTP: config files, provider safety, identity (foundation §7).

mod api;
mod audit;
mod files;
mod identity;
mod rollback;
mod routes;
mod safety;

pub use routes::ROUTES;

use std::sync::{Arc, Mutex};

use crate::core::Core;

pub struct Settings {
    core: Arc<Core>,
    /// Saves of config files and of their audit file go one after the other.
    saving: Mutex<()>,
    /// One rollback at a time; a second one is told so.
    rolling_back: Mutex<()>,
}

impl Settings {
    pub fn new(core: Arc<Core>) -> Self {
        Settings { core, saving: Mutex::default(), rolling_back: Mutex::default() }
    }

    /// Name, creature and vibe of the agent.
    fn identity(&self) -> api::Identity {
        identity::identity(&self.core.env.workspace, &self.core.config.file())
    }
}
