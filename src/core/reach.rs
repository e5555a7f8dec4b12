//! Who can reach the daemon, and with what, in words for people.

use super::Core;
use crate::config::{AuthMode, NetworkMode};

impl Core {
    /// Logs who can reach the daemon and with what.
    pub fn announce_reach(&self) {
        log::info!(target: "daemon", "{}", self.reach_in_words());
        let open = self.config().auth.mode == AuthMode::Local;
        if open && NetworkMode::of_bind(&self.listening.bind) == NetworkMode::Tailscale {
            log::warn!(
                target: "daemon",
                "listening on {} in local mode: every admitted peer may read and change everything", self.listening.bind
            );
        }
    }

    /// Who can reach the daemon and with what, for people.
    pub fn reach_in_words(&self) -> String {
        let config = self.config();
        let loopback = NetworkMode::of_bind(&self.listening.bind) == NetworkMode::Localhost;
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
        format!("listening on {}:{} for {peers}, {with}", self.listening.bind, self.listening.port)
    }
}
