//! What every handler gets, and the one list of all routes.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use crate::auth::Auth;
use crate::clock::{self, Clock};
use crate::config::{AuthMode, Config, Environment, Live, NetworkMode};
use crate::db::Db;
use crate::http::cors::Cors;
use crate::http::{ApiError, Router};
use crate::limits::Limits;
use crate::upstream::Client;
use crate::{agents, credentials, daemon, memory, settings};

pub type Route = crate::http::Route<App>;

/// The parts' route tables, in the order of the API pages.
const TABLES: [&[Route]; 5] = [daemon::ROUTES, credentials::ROUTES, settings::ROUTES, agents::ROUTES, memory::ROUTES];

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
    pub auth: Auth,
    pub limits: Limits,
    pub cors: Cors,
    pub daemon: daemon::State,
    pub settings: settings::State,
    pub memory: memory::State,
    pub upstream: Client,
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

    /// Reads the config files again if one has changed. A changed `auth` section may need the
    /// secret, and all buckets are full again.
    pub fn refresh_config(&self) {
        let before = self.config();
        if !self.config.refresh() {
            return;
        }
        log::info!(target: "config", "config changed and was read again");
        let now = self.config();
        if now.auth == before.auth && now.reach == before.reach {
            return;
        }
        self.limits.reset();
        if let Err(cause) = self.auth.reload(now.auth.mode, &self.env.daemon_dir()) {
            log::error!(target: "auth", "the auth secret could not be read: {cause}");
        }
        self.announce_reach();
    }

    /// Logs who can reach the daemon and with what.
    pub fn announce_reach(&self) {
        log::info!(target: "daemon", "{}", self.reach_in_words());
        let open = self.config().auth.mode == AuthMode::Local;
        if open && NetworkMode::of_bind(&self.bind) == NetworkMode::Tailscale {
            log::warn!(
                target: "daemon",
                "listening on {} in local mode: every admitted peer may read and change everything", self.bind
            );
        }
    }

    /// Who can reach the daemon and with what, for people.
    pub fn reach_in_words(&self) -> String {
        let config = self.config();
        let loopback = NetworkMode::of_bind(&self.bind) == NetworkMode::Localhost;
        let listed = config.reach.peers.as_ref().map(|nets| {
            let nets: Vec<String> = nets.iter().map(ToString::to_string).collect();
            if nets.is_empty() { "nobody".to_owned() } else { nets.join(", ") }
        });
        let peers = match (loopback, config.auth.mode, listed) {
            (true, _, _) => "only this machine".to_owned(),
            (false, AuthMode::Local, None) => "this machine and the tailnet".to_owned(),
            (false, AuthMode::Local, Some(nets)) => format!("this machine, the tailnet and {nets}"),
            (false, _, None) => "everyone who reaches the port".to_owned(),
            (false, _, Some(nets)) => format!("this machine and {nets}"),
        };
        let with = match config.auth.mode {
            AuthMode::Local => "without a credential",
            AuthMode::Team => "with a token or an API key",
            AuthMode::Hybrid => "with a token or an API key, this machine also without",
        };
        format!("listening on {}:{} for {peers}, {with}", self.bind, self.port)
    }
}
