//! The `auth` section and the peers of `network`.

use std::net::IpAddr;

use ipnet::IpNet;

use serde_json::Value;

use super::rates::{Bucket, Rate};
use super::settings::{Key, KeyTable};
use super::{NetworkMode, Section};
use crate::text::Named;

crate::names! {
    /// `auth.mode` (foundation part, §4).
    pub enum AuthMode {
        Local = "local",
        Team = "team",
        Hybrid = "hybrid",
    }
}

impl AuthMode {
    /// A mode by its name, in any letter case.
    pub fn of_text(name: &str) -> Option<Self> {
        Self::parse(&name.trim().to_ascii_lowercase())
    }

    /// Whether it lets in more than another.
    pub fn is_looser_than(self, other: AuthMode) -> bool {
        let strictness = |mode: AuthMode| match mode {
            AuthMode::Local => 0,
            AuthMode::Hybrid => 1,
            AuthMode::Team => 2,
        };
        strictness(self) < strictness(other)
    }
}

/// Keys of `auth`.
pub const AUTH: KeyTable = KeyTable {
    section: "auth",
    about: "Who is let in.",
    keys: &[
        Key::by_hand("mode", || "local".into(), "Nobody needs a credential; all do; those of this machine do not.")
            .one_of(<AuthMode as Named>::NAMES),
        Key::by_hand("defaultTokenTtlSeconds", || 604_800.into(), "Life of a token, s; above 0."),
        Key::by_hand("sessionTokenTtlSeconds", || 86_400.into(), "Life of a login's token, s; above 0."),
        Key::by_hand("login.password.username", || "admin".into(), "Who logs in by password.")
            .older("auth.adminUser.username"),
        Key::by_hand(
            "login.password.passwordHash",
            || Value::Null,
            "As `signetd password hash` prints it; without one nobody logs in.",
        )
        .older("auth.adminUser.passwordHash"),
        Key::by_hand(
            "rateLimits.<bucket>.max",
            || Value::Null,
            "Requests of a caller in a window; docs/api/auth.md has the defaults.",
        ),
        Key::by_hand("rateLimits.<bucket>.windowMs", || 60_000.into(), "The window, ms."),
    ],
};

/// Keys of `network`.
pub const NETWORK: KeyTable = KeyTable {
    section: "network",
    about: "Where the daemon listens and whom it answers.",
    keys: &[
        Key::by_hand(
            "mode",
            || "localhost".into(),
            "On this machine only, or on all its addresses; `SIGNET_BIND` and `--bind` win.",
        )
        .one_of(<NetworkMode as Named>::NAMES),
        Key::by_hand(
            "allowedPeers",
            || Value::Null,
            "A list of addresses and networks that may connect, beside this machine.",
        ),
        Key::by_hand(
            "allowedHosts",
            || Value::Null,
            "A list of further names by which the daemon may be called without a credential.",
        ),
    ],
};

#[derive(Debug, Clone, PartialEq)]
pub struct AuthConfig {
    pub mode: AuthMode,
    /// Life of a minted token in seconds.
    pub token_ttl_s: f64,
    /// Life of a login's token in seconds.
    pub session_ttl_s: f64,
    pub username: String,
    /// `pbkdf2-sha256$…`
    pub password_hash: Option<String>,
    /// Rate of each bucket, in the order of [`Bucket::ALL`].
    rates: [Rate; Bucket::ALL.len()],
}

impl AuthConfig {
    pub fn of(auth: Section<'_>) -> Self {
        let positive = |path: &str, default: f64| auth.at(path).number().filter(|n| *n > 0.0).unwrap_or(default);
        let login = |key: &str| {
            [format!("login.password.{key}"), format!("adminUser.{key}")]
                .iter()
                .find_map(|path| auth.at(path).text().map(str::to_owned))
        };
        AuthConfig {
            // a file with another mode is broken and not read
            mode: auth.at("mode").text().and_then(AuthMode::of_text).unwrap_or(AuthMode::Local),
            token_ttl_s: positive("defaultTokenTtlSeconds", 604_800.0),
            session_ttl_s: positive("sessionTokenTtlSeconds", 86_400.0),
            username: login("username").unwrap_or_else(|| "admin".to_owned()),
            password_hash: login("passwordHash"),
            rates: Bucket::ALL.map(|bucket| {
                let key = |name: &str| format!("rateLimits.{}.{name}", bucket.as_str());
                Rate {
                    max: positive(&key("max"), bucket.default_max()),
                    window_ms: positive(&key("windowMs"), 60_000.0),
                }
            }),
        }
    }

    pub fn rate(&self, bucket: Bucket) -> Rate {
        self.rates[bucket as usize]
    }
}

/// Which peers and host names are let in besides those that always are.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reach {
    /// `network.allowedPeers`; `None` when not set.
    pub peers: Option<Vec<IpNet>>,
    /// `network.allowedHosts`: names a browser may know a loopback daemon by.
    pub hosts: Vec<String>,
}

impl Reach {
    pub fn of(network: Section<'_>) -> Self {
        let peers = network.at("allowedPeers");
        Reach {
            peers: peers.is_some().then(|| peers.items().filter_map(|p| network_of(p.text()?)).collect()),
            hosts: network.at("allowedHosts").items().filter_map(|h| h.text().map(str::to_ascii_lowercase)).collect(),
        }
    }
}

/// `10.0.0.0/8`, or one address.
fn network_of(text: &str) -> Option<IpNet> {
    let parsed = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    if parsed.is_none() {
        log::warn!(target: "config", "network.allowedPeers: {text} is no address or network and is ignored");
    }
    parsed
}
