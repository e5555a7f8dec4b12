//! Hosts as they are written: in a `Host` header, in an origin, in a URL; and the addresses and names
//! that a tailnet gives out.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Scheme, host without brackets and in lower case, and port of `scheme://user@host:port/path`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub scheme: String,
    pub host: String,
    /// As written, else what the scheme implies; `None` where what is written is no port.
    pub port: Option<u16>,
}

impl Origin {
    /// `None` for a text without a scheme.
    pub fn of(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let (host, port) = split_port(authority);
        let implied = match scheme {
            "http" => Some(80),
            "https" => Some(443),
            _ => None,
        };
        Some(Origin {
            scheme: scheme.to_ascii_lowercase(),
            host: host.to_ascii_lowercase(),
            port: port.map_or(implied, |port| port.parse().ok()),
        })
    }
}

/// The host of `name`, `name:port` or `[v6]:port`, as it is written.
pub fn host_of(authority: &str) -> &str {
    split_port(authority.trim()).0
}

/// Host without brackets, and the text behind its colon.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.strip_prefix('[') {
        Some(v6) => {
            let (host, rest) = v6.split_once(']').unwrap_or((v6, ""));
            (host, rest.strip_prefix(':'))
        }
        None => authority.rsplit_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
    }
}

/// Whether a URL names this machine by 127.0.0.1, localhost or ::1; one without a scheme is read as if
/// it had one.
pub fn is_this_machine(url: &str) -> bool {
    let origin = Origin::of(url).or_else(|| Origin::of(&format!("http://{url}")));
    origin.is_some_and(|o| matches!(o.host.as_str(), "127.0.0.1" | "localhost" | "::1"))
}

/// An IPv4 address in its IPv6 form is that IPv4 address.
pub fn plain_address(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

/// 100.64.0.0/10 and fd7a:115c:a1e0::/48: addresses that a tailnet gives out.
pub fn is_tailnet_address(address: IpAddr) -> bool {
    match plain_address(address) {
        IpAddr::V4(v4) => is_shared(v4),
        IpAddr::V6(v6) => is_tailnet_v6(v6),
    }
}

/// A name below `ts.net`, or such an address.
pub fn is_tailnet_host(host: &str) -> bool {
    is_tailnet_name(host) || host.parse().is_ok_and(is_tailnet_address)
}

/// A MagicDNS name.
pub fn is_tailnet_name(host: &str) -> bool {
    host.ends_with(".ts.net")
}

/// Addresses that are not of the public internet: this machine, private networks, link-local, carrier-grade NAT,
/// those reserved, and the IPv6 forms in which one of them can be written.
pub fn is_private_address(address: IpAddr) -> bool {
    match plain_address(address) {
        IpAddr::V4(v4) => is_private_v4(v4),
        IpAddr::V6(v6) => {
            let [a, b, c, ..] = v6.segments();
            let [.., y, z] = v6.segments();
            let inner = |high: u16, low: u16| {
                let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
                is_private_v4(Ipv4Addr::new(a, b, c, d))
            };
            // the last two: an IPv4 address behind NAT64 or 6to4
            v6.segments()[..6] == [0; 6]
                || a & 0xffc0 == 0xfe80
                || a & 0xffc0 == 0xfec0
                || a & 0xfe00 == 0xfc00
                || a & 0xff00 == 0xff00
                || (a, b) == (0x64, 0xff9b) && inner(y, z)
                || a == 0x2002 && inner(b, c)
        }
    }
}

fn is_private_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    v4.is_private()
        || v4.is_loopback()
        || v4.is_link_local()
        || v4.is_multicast()
        || a == 0
        || a >= 240
        || is_shared(v4)
        || (a, b, c) == (192, 0, 0)
        || a == 198 && matches!(b, 18 | 19)
}

/// Names that only this machine or its network knows.
pub fn is_private_name(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    !host.contains('.') || [".local", ".localhost", ".internal"].iter().any(|end| host.ends_with(end))
}

fn is_shared(v4: Ipv4Addr) -> bool {
    let [a, b, ..] = v4.octets();
    a == 100 && (64..128).contains(&b)
}

fn is_tailnet_v6(v6: Ipv6Addr) -> bool {
    v6.segments()[..3] == [0xfd7a, 0x115c, 0xa1e0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_taken_apart() {
        let of = |url: &str| Origin::of(url).map(|o| (o.host, o.port));
        assert_eq!(of("http://Pi:3850"), Some(("pi".into(), Some(3850))));
        assert_eq!(of("https://u:p@[::1]/x:y"), Some(("::1".into(), Some(443))));
        assert_eq!(of("http://h:x"), Some(("h".into(), None)));
        assert_eq!(of("null"), None);
        assert_eq!((host_of("localhost:3850"), host_of("[::1]:3850"), host_of("pi")), ("localhost", "::1", "pi"));
    }

    #[test]
    fn addresses_that_are_not_public_are_told_in_all_their_forms() {
        for private in [
            "10.0.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.31.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "::ffff:10.0.0.1",
            "::7f00:1",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
        ] {
            assert!(is_private_address(private.parse().unwrap()), "{private}");
        }
        for public in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1", "64:ff9b::101:101", "::ffff:8.8.8.8"] {
            assert!(!is_private_address(public.parse().unwrap()), "{public}");
        }
        assert!(["localhost", "pi", "nas.local", "a.localhost", "pi."].iter().all(|name| is_private_name(name)));
        assert!(!is_private_name("example.org"));
    }

    #[test]
    fn this_machine_and_the_tailnet_are_told() {
        for url in ["http://127.0.0.1:1/v1", "localhost", "http://a@localhost/x", "http://[::1]:8080"] {
            assert!(is_this_machine(url), "{url}");
        }
        for url in ["http://127.0.0.1.evil.example", "https://localhost@evil.example", "", "http://10.0.0.1"] {
            assert!(!is_this_machine(url), "{url}");
        }
        for host in ["pi.tail1234.ts.net", "100.64.0.1", "fd7a:115c:a1e0::7", "::ffff:100.100.1.2"] {
            assert!(is_tailnet_host(host), "{host}");
        }
        assert!(!is_tailnet_host("100.128.0.1") && !is_tailnet_host("ts.net.evil.example"));
    }
}
