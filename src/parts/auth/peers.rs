//! Which peers may talk to the daemon at all, by the address of their socket.

use std::net::IpAddr;

use crate::config::{AuthMode, Reach};
use crate::text::hosts::{is_tailnet_address, plain_address};

/// 127/8 and ::1. An unknown peer is remote.
pub fn is_loopback(peer: Option<IpAddr>) -> bool {
    peer.is_some_and(|p| plain_address(p).is_loopback())
}

/// Whether a peer's requests are looked at.
///
/// In `local` mode nobody is asked for a credential: only this machine, the tailnet and
/// `network.allowedPeers` are let in. In the other modes the credential decides, and the list,
/// when there is one, narrows who may try. This machine always may.
pub fn admitted(peer: Option<IpAddr>, mode: AuthMode, reach: &Reach) -> bool {
    if is_loopback(peer) {
        return true;
    }
    let Some(peer) = peer.map(plain_address) else { return mode != AuthMode::Local && reach.peers.is_none() };
    let listed = reach.peers.as_ref().map(|nets| nets.iter().any(|net| net.contains(&peer)));
    match mode {
        AuthMode::Local => is_tailnet_address(peer) || listed == Some(true),
        AuthMode::Team | AuthMode::Hybrid => listed != Some(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_are_treated_as_stated_in_every_mode() {
        let listed = Reach { peers: Some(vec!["192.168.1.0/24".parse().unwrap()]), hosts: Vec::new() };
        let open = Reach::default();
        // address, local, local with a list, team, team with a list
        let table = [
            ("127.0.0.1", true, true, true, true),
            ("127.8.8.8", true, true, true, true),
            ("::1", true, true, true, true),
            ("::ffff:127.0.0.1", true, true, true, true),
            ("100.64.0.1", true, true, true, false),
            ("100.127.255.254", true, true, true, false),
            ("fd7a:115c:a1e0::9", true, true, true, false),
            ("100.128.0.1", false, false, true, false),
            ("192.168.1.7", false, true, true, true),
            ("::ffff:192.168.1.7", false, true, true, true),
            ("192.168.2.7", false, false, true, false),
            ("203.0.113.9", false, false, true, false),
            ("fe80::1", false, false, true, false),
        ];
        for (address, local, local_listed, team, team_listed) in table {
            let peer = Some(address.parse().unwrap());
            assert_eq!(admitted(peer, AuthMode::Local, &open), local, "{address} local");
            assert_eq!(admitted(peer, AuthMode::Local, &listed), local_listed, "{address} local, listed");
            for mode in [AuthMode::Team, AuthMode::Hybrid] {
                assert_eq!(admitted(peer, mode, &open), team, "{address} {mode:?}");
                assert_eq!(admitted(peer, mode, &listed), team_listed, "{address} {mode:?}, listed");
            }
        }
        assert!(!admitted(None, AuthMode::Local, &open));
        assert!(!is_loopback(None));
    }
}
