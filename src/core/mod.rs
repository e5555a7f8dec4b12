//! What every part stands on: settings, database, time and ids, rates, requests to other servers, the
//! token that ends it all; the work's own errors; who asks and what they may see.

pub mod access;
mod error;
pub mod limits;
mod reach;
pub mod workspace;

use std::path::PathBuf;
use std::sync::{Arc, RwLock};

use jiff::Timestamp;

pub use error::Error;

use crate::config::{Config, Environment, Live};
use crate::db::Db;
use crate::sys::clock::Clock;
use crate::sys::ids::Ids;
use crate::sys::locks;
use crate::text::time;
use crate::upstream::Client;
pub use crate::work::Stop;
use limits::Buckets;

/// Where the daemon listens.
#[derive(Debug, Clone)]
pub struct Listening {
    /// The address, as text.
    pub bind: String,
    pub port: u16,
}

/// Told of the config before and after a change.
type Follower = Arc<dyn Fn(&Config, &Config) + Send + Sync>;

/// The running daemon, as far as all parts share it.
pub struct Core {
    pub env: Environment,
    pub listening: Listening,
    pub config: Live,
    /// The config as it was at start: what can only be changed by another one.
    pub start_config: Arc<Config>,
    pub db: Arc<Db>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn Ids>,
    pub started: Timestamp,
    pub limits: Buckets,
    pub upstream: Client,
    /// Ends everything that runs beside requests, and keeps new requests out.
    pub stop: Stop,
    followers: RwLock<Vec<Follower>>,
}

impl Core {
    pub fn new(
        env: Environment,
        listening: Listening,
        config: Live,
        db: Arc<Db>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
    ) -> Self {
        let (start_config, started) = (config.current(), clock.now());
        Core {
            env,
            listening,
            config,
            start_config,
            db,
            clock,
            ids,
            started,
            limits: Buckets::default(),
            upstream: Client::default(),
            stop: Stop::new(),
            followers: RwLock::default(),
        }
    }

    pub fn config(&self) -> Arc<Config> {
        self.config.current()
    }

    /// Now, as the API writes it.
    pub fn now(&self) -> String {
        time::iso(self.clock.now())
    }

    pub fn log_file(&self) -> PathBuf {
        crate::sys::logging::current_file(&self.env.log_folder(), self.env.log_file.as_deref(), self.clock.now())
    }

    /// The kill switch: every change is refused while it is on.
    pub fn mutable(&self) -> Result<(), Error> {
        if self.config().pipeline.switches.mutations_frozen { Err(Error::Frozen) } else { Ok(()) }
    }

    /// Calls a function after every change of the config.
    pub fn follow_config(&self, follower: impl Fn(&Config, &Config) + Send + Sync + 'static) {
        locks::write(&self.followers).push(Arc::new(follower));
    }

    /// Reads the config files again if one has changed. A change of who is let in fills all buckets.
    pub fn refresh_config(&self) {
        let before = self.config();
        if !self.config.refresh() {
            return;
        }
        log::info!(target: "config", "config changed and was read again");
        let now = self.config();
        if now.auth != before.auth || now.reach != before.reach {
            self.limits.reset();
            self.announce_reach();
        }
        // called without the lock: a follower may ask the database
        let followers = locks::read(&self.followers).clone();
        followers.iter().for_each(|follower| follower(&before, &now));
    }
}

/// A core on a fresh folder, for tests of parts.
#[cfg(test)]
pub fn in_folder(folder: &std::path::Path) -> Arc<Core> {
    use crate::config::Overrides;
    use crate::sys::clock::SystemClock;
    use crate::sys::ids::SystemIds;

    let overrides = Overrides { workspace: Some(folder.display().to_string()), ..Overrides::default() };
    let env = Environment::read(&overrides, |_| None).unwrap();
    workspace::prepare(&env).unwrap();
    let (clock, ids) = (Arc::new(SystemClock), Arc::new(SystemIds));
    let db = Arc::new(Db::open(&env.database(), clock.clone(), ids.clone()).unwrap());
    let listening = Listening { bind: "127.0.0.1".to_owned(), port: 0 };
    let config = Live::load(&env);
    Arc::new(Core::new(env, listening, config, db, clock, ids))
}
