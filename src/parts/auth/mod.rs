//! Who is calling: modes, credentials, logins (foundation §4 and §6). The daemon's gate is here.

mod api;
mod gate;
mod issue;
mod keys;
mod password;
mod peers;
mod routes;
mod secret;
mod token;

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, RwLock};

pub use keys::{KeyRequest, find_by_id_or_prefix, insert, list, revoke};
pub use password::hash as hash_password;
pub use routes::ROUTES;
pub use secret::Secret;
pub use token::mint;

use crate::config::{AuthMode, Config};
use crate::core::{Core, Error};
use crate::http::cors::Cors;
use crate::sys::locks;

/// What the daemon knows of credentials while it runs.
pub struct Auth {
    core: Arc<Core>,
    cors: Cors,
    /// `None` in `local` mode, where tokens mean nothing.
    secret: RwLock<Option<Secret>>,
    tokens: token::TokenCache,
    keys: keys::KeyCache,
    hashing: keys::Hashing,
    /// Peers whose refusal has been logged.
    refused: Mutex<HashSet<IpAddr>>,
}

impl Auth {
    /// Reads or makes the secret, as the mode asks.
    pub fn start(core: Arc<Core>, cors: Cors) -> std::io::Result<Self> {
        let mode = core.config().auth.mode;
        let auth = Auth {
            core,
            cors,
            secret: RwLock::new(None),
            tokens: token::TokenCache::default(),
            keys: keys::KeyCache::default(),
            hashing: keys::Hashing::default(),
            refused: Mutex::default(),
        };
        auth.load_secret(mode)?;
        Ok(auth)
    }

    /// Follows a change of the config: another mode may need the secret.
    pub fn config_changed(&self, before: &Config, now: &Config) {
        if now.auth == before.auth {
            return;
        }
        if let Err(cause) = self.load_secret(now.auth.mode) {
            log::error!(target: "auth", "the auth secret could not be read: {cause}");
        }
    }

    fn load_secret(&self, mode: AuthMode) -> std::io::Result<()> {
        let secret = match mode {
            AuthMode::Local => None,
            AuthMode::Team | AuthMode::Hybrid => {
                Some(Secret::load_or_create(&self.core.env.daemon_dir().join("auth-secret"))?)
            }
        };
        *locks::write(&self.secret) = secret;
        self.tokens.clear();
        Ok(())
    }

    fn secret(&self) -> Option<Secret> {
        locks::read(&self.secret).clone()
    }

    /// The secret, for what only makes sense with one.
    fn required_secret(&self) -> Result<Secret, Error> {
        self.secret().ok_or_else(|| Error::malformed("auth secret not available"))
    }

    /// True the first time a peer is refused.
    fn first_refusal(&self, peer: IpAddr) -> bool {
        const MOST: usize = 1000;
        let mut refused = locks::lock(&self.refused);
        refused.len() < MOST && refused.insert(peer)
    }
}
