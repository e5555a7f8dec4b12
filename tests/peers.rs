//! Peers of several networks against a daemon that listens on all of them: network namespaces and
//! veth pairs of the test's own. Skipped, with a line that says so, where the host forbids them.

mod common;

use std::process::{Command, Output};

use common::{QUIET, eventually};

/// Address of the peer, of the daemon's end, and a name for the case.
const PEERS: [(&str, &str, &str); 3] = [
    ("100.64.7.2", "100.64.7.1", "tailnet"),
    ("192.168.77.2", "192.168.77.1", "LAN"),
    ("203.0.113.2", "203.0.113.1", "public-looking"),
];

struct Hosts {
    tag: String,
}

fn run(words: &[&str]) -> std::io::Result<Output> {
    Command::new(words[0]).args(&words[1..]).output()
}

fn ip(words: &[&str]) -> bool {
    run(&[&["ip"], words].concat()).is_ok_and(|o| o.status.success())
}

impl Hosts {
    /// `d<tag>` for the daemon, `p<tag><n>` for each peer. `None` where that is not permitted.
    fn make() -> Option<Self> {
        let hosts = Hosts { tag: format!("{:x}", std::process::id()) };
        let daemon = hosts.daemon();
        if !ip(&["netns", "add", &daemon]) || !ip(&["-n", &daemon, "link", "set", "lo", "up"]) {
            return None;
        }
        for (n, (peer_address, daemon_address, _)) in PEERS.iter().enumerate() {
            let (peer, here, there) = (hosts.peer(n), format!("vd{}{n}", hosts.tag), format!("vp{}{n}", hosts.tag));
            let made = ip(&["netns", "add", &peer])
                && ip(&[
                    "link", "add", &here, "netns", &daemon, "type", "veth", "peer", "name", &there, "netns", &peer,
                ])
                && ip(&["-n", &daemon, "addr", "add", &format!("{daemon_address}/24"), "dev", &here])
                && ip(&["-n", &daemon, "link", "set", &here, "up"])
                && ip(&["-n", &peer, "addr", "add", &format!("{peer_address}/24"), "dev", &there])
                && ip(&["-n", &peer, "link", "set", &there, "up"]);
            if !made {
                return None;
            }
        }
        Some(hosts)
    }

    fn daemon(&self) -> String {
        format!("sd{}", self.tag)
    }

    fn peer(&self, n: usize) -> String {
        format!("sp{}{n}", self.tag)
    }

    /// The status of a GET from inside a namespace.
    fn status(&self, namespace: &str, address: &str, port: u16, path: &str, bearer: Option<&str>) -> u16 {
        let script = "import sys,urllib.request,urllib.error\n\
                      r=urllib.request.Request(sys.argv[1])\n\
                      if len(sys.argv)>2: r.add_header('Authorization','Bearer '+sys.argv[2])\n\
                      try: print(urllib.request.urlopen(r,timeout=10).status)\n\
                      except urllib.error.HTTPError as e: print(e.code)\n";
        let url = format!("http://{address}:{port}{path}");
        let mut words = vec!["ip", "netns", "exec", namespace, "python3", "-c", script, &url];
        words.extend(bearer);
        let output = run(&words).expect("python3");
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        text.parse().unwrap_or_else(|_| panic!("no answer from {url}: {}", String::from_utf8_lossy(&output.stderr)))
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for n in 0..PEERS.len() {
            ip(&["netns", "del", &self.peer(n)]);
        }
        ip(&["netns", "del", &self.daemon()]);
    }
}

/// A daemon inside the namespace on 0.0.0.0, ended with the guard.
struct Inside {
    child: std::process::Child,
    _folder: tempfile::TempDir,
    port: u16,
    token: String,
}

impl Drop for Inside {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start(hosts: &Hosts, auth: &str, network: &str) -> Inside {
    let folder = tempfile::tempdir().unwrap();
    let workspace = folder.path().join("w");
    std::fs::create_dir_all(&workspace).unwrap();
    let config = format!("{QUIET}auth:\n  mode: {auth}\nnetwork:\n  mode: tailscale\n{network}");
    std::fs::write(workspace.join("agent.yaml"), config).unwrap();
    let binary = env!("CARGO_BIN_EXE_signetd");
    let made = Command::new(binary)
        .args(["token", "create", "--role", "readonly"])
        .env("SIGNET_WORKSPACE", &workspace)
        .output()
        .unwrap();
    let token = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    let port = common::free_port();
    let child = Command::new("ip")
        .args(["netns", "exec", &hosts.daemon(), binary, "serve"])
        .env("SIGNET_WORKSPACE", &workspace)
        .env("SIGNET_PORT", port.to_string())
        .env_remove("SIGNET_BIND")
        .stderr(std::fs::File::create(folder.path().join("log")).unwrap())
        .spawn()
        .unwrap();
    let inside = Inside { child, _folder: folder, port, token };
    eventually("the daemon in its namespace", || {
        let probe = format!("exec 3<>/dev/tcp/127.0.0.1/{port}");
        run(&["ip", "netns", "exec", &hosts.daemon(), "bash", "-c", &probe]).is_ok_and(|o| o.status.success())
    });
    inside
}

#[test]
fn peers_of_each_network_are_treated_as_stated_in_every_mode() {
    let Some(hosts) = Hosts::make() else {
        eprintln!("skipped: this host permits no network namespaces (iproute2 and root are needed)");
        return;
    };
    let lan = "  allowedPeers: [192.168.77.0/24]\n";
    // mode, network settings, then without and with a token: loopback, tailnet, LAN, public
    let table = [
        ("local", "", [200, 200, 403, 403], [200, 200, 403, 403]),
        ("local", lan, [200, 200, 200, 403], [200, 200, 200, 403]),
        ("team", "", [401, 401, 401, 401], [200, 200, 200, 200]),
        ("team", lan, [401, 403, 401, 403], [200, 403, 200, 403]),
        ("hybrid", "", [200, 401, 401, 401], [200, 200, 200, 200]),
        ("hybrid", lan, [200, 403, 401, 403], [200, 403, 200, 403]),
    ];
    for (auth, network, anonymous, authenticated) in table {
        let inside = start(&hosts, auth, network);
        for (bearer, wanted) in [(None, anonymous), (Some(inside.token.as_str()), authenticated)] {
            let mut got = vec![hosts.status(&hosts.daemon(), "127.0.0.1", inside.port, "/api/memories", bearer)];
            for (n, (_, daemon_address, _)) in PEERS.iter().enumerate() {
                got.push(hosts.status(&hosts.peer(n), daemon_address, inside.port, "/api/memories", bearer));
            }
            assert_eq!(got, wanted, "{auth} {network:?} token: {}", bearer.is_some());
        }
    }
}
