//! What every handler gets, and the one list of all routes.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use crate::clock::{self, Clock};
use crate::config::{Config, Environment, Live};
use crate::db::Db;
use crate::http::{ApiError, Router};
use crate::{agents, daemon, memory};

pub type Route = crate::http::Route<App>;

/// The parts' route tables, in the order of the API pages.
const TABLES: [&[Route]; 3] = [daemon::ROUTES, agents::ROUTES, memory::ROUTES];

pub fn router() -> Router<App> {
    Router::new(&TABLES)
}

/// The running daemon.
pub struct App {
    pub env: Environment,
    /// The address we listen on, as text.
    pub bind: String,
    /// The port we listen on.
    pub port: u16,
    pub config: Live,
    pub db: Db,
    pub clock: Box<dyn Clock>,
    pub started: Timestamp,
    /// `features` as they were at start.
    pub start_config: Arc<Config>,
    pub daemon: daemon::State,
    pub memory: memory::State,
}

impl App {
    pub fn config(&self) -> Arc<Config> {
        self.config.current()
    }

    /// Now, as the API writes it.
    pub fn now(&self) -> String {
        clock::iso(self.clock.now())
    }

    pub fn log_file(&self) -> PathBuf {
        crate::logging::current_file(&self.env.log_folder(), self.env.log_file.as_deref(), self.clock.now())
    }

    /// The kill switch: 503 for every change while it is on.
    pub fn mutable(&self) -> Result<(), ApiError> {
        if self.config().pipeline.mutations_frozen {
            return Err(ApiError::unavailable("Mutations are frozen (kill switch active)"));
        }
        Ok(())
    }
}
