//! Which browser origins may read answers (foundation part, §2).

use crate::text::hosts::{Origin, is_tailnet_host};

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
    Origin::of(origin).is_some_and(|o| {
        matches!(o.scheme.as_str(), "http" | "https") && o.port == Some(port) && is_tailnet_host(&o.host)
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
