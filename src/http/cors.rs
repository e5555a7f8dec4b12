//! Which browser origins may read answers (foundation part, §2).

use std::net::Ipv4Addr;

const ALWAYS: [&str; 5] = [
    "http://localhost:3850",
    "http://127.0.0.1:3850",
    "http://localhost:5173",
    "http://127.0.0.1:5173",
    "app://signet",
];

/// The rule of one running daemon.
#[derive(Debug, Clone)]
pub struct Cors {
    pub port: u16,
    /// Bound beyond loopback: origins of the tailnet count too.
    pub tailnet: bool,
}

impl Cors {
    pub fn allows(&self, origin: &str) -> bool {
        ALWAYS.contains(&origin) || own_port(origin, self.port) || (self.tailnet && tailnet_origin(origin, self.port))
    }
}

fn own_port(origin: &str, port: u16) -> bool {
    ["http://localhost:", "http://127.0.0.1:"]
        .iter()
        .any(|prefix| origin.strip_prefix(prefix).is_some_and(|p| p == port.to_string()))
}

/// An http(s) origin at our port whose host is of the tailnet.
fn tailnet_origin(origin: &str, port: u16) -> bool {
    let (implied, authority) = match origin.split_once("://") {
        Some(("http", rest)) => (80, rest),
        Some(("https", rest)) => (443, rest),
        _ => return false,
    };
    let (host, origin_port) = match authority.strip_prefix('[') {
        Some(v6) => match v6.split_once(']') {
            Some((host, "")) => (host, Some(implied)),
            Some((host, rest)) => (host, rest.strip_prefix(':').and_then(|p| p.parse().ok())),
            None => return false,
        },
        None => match authority.rsplit_once(':') {
            Some((host, p)) => (host, p.parse().ok()),
            None => (authority, Some(implied)),
        },
    };
    origin_port == Some(port) && tailnet_host(&host.to_ascii_lowercase())
}

fn tailnet_host(host: &str) -> bool {
    host.ends_with(".ts.net")
        || host.starts_with("fd7a:115c:a1e0:")
        || host.parse::<Ipv4Addr>().is_ok_and(|ip| {
            let [a, b, ..] = ip.octets();
            a == 100 && (64..128).contains(&b)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_origins_are_allowed() {
        let local = Cors { port: 4000, tailnet: false };
        let tailnet = Cors { port: 4000, tailnet: true };
        for origin in ["app://signet", "http://localhost:3850", "http://127.0.0.1:4000"] {
            assert!(local.allows(origin), "{origin}");
        }
        for origin in ["https://pi.tail1.ts.net:4000", "http://100.64.0.1:4000", "http://[fd7a:115c:a1e0::1]:4000"] {
            assert!(!local.allows(origin), "{origin}");
            assert!(tailnet.allows(origin), "{origin}");
        }
        for origin in [
            "https://pi.ts.net",
            "http://100.128.0.1:4000",
            "http://evil.example:4000",
            "null",
            "http://ts.net.evil:4000",
        ] {
            assert!(!tailnet.allows(origin), "{origin}");
        }
    }
}
