//! Who is let in: names and origins of pages, configs that cannot be read, keys that are damaged, file modes.

mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use common::{Daemon, QUIET, eventually};
use serde_json::{Value, json};

fn with_host(daemon: &Daemon, method: &str, path: &str, host: Option<&str>, more: &str, body: &str) -> u16 {
    let host = host.map(|h| format!("Host: {h}\r\n")).unwrap_or_default();
    let length = body.len();
    let raw =
        format!("{method} {path} HTTP/1.1\r\n{host}{more}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}");
    common::parse(&daemon.raw(raw.as_bytes())).expect("an answer").status
}

#[test]
fn a_rebound_name_gets_nothing_in_any_mode() {
    for mode in ["local", "hybrid"] {
        let daemon = Daemon::start(&format!("{QUIET}auth:\n  mode: {mode}\n"));
        let token = r#"{"role":"admin"}"#;
        for host in [Some("rebound.example"), Some("rebound.example:3850"), Some("127.0.0.1.nip.io"), None] {
            assert!(
                [400, 401, 403].contains(&with_host(&daemon, "POST", "/api/auth/token", host, "", token)),
                "{host:?}"
            );
            let read = with_host(&daemon, "GET", "/api/memories", host, "", "");
            assert!([400, 401, 403].contains(&read), "{mode} {host:?}: {read}");
        }
        for host in ["localhost", "127.0.0.1", "[::1]:3850", "raspberrypi", "pi.tail1234.ts.net"] {
            assert_eq!(with_host(&daemon, "GET", "/api/memories", Some(host), "", ""), 200, "{mode} {host}");
        }
    }
    let hybrid = Daemon::start(&format!("{QUIET}auth:\n  mode: hybrid\n"));
    let bearer = format!("Authorization: {}\r\n", hybrid.bearer(&["--role", "admin"]));
    assert_eq!(with_host(&hybrid, "GET", "/api/memories", Some("signet.example"), &bearer, ""), 200, "behind a proxy");
    let open = Daemon::start(&format!("{QUIET}network:\n  allowedHosts: [signet.example]\n"));
    assert_eq!(with_host(&open, "GET", "/api/memories", Some("signet.example"), "", ""), 200);
    assert_eq!(with_host(&open, "GET", "/api/memories", Some("other.example"), "", ""), 403);
}

#[test]
fn a_running_team_daemon_stays_one_whatever_becomes_of_its_config() {
    let mut daemon = Daemon::start(&format!("{QUIET}auth:\n  mode: team\n"));
    let file = daemon.workspace().join("agent.yaml");
    let is_shut = |daemon: &Daemon| daemon.get("/api/memories").status == 401;
    for text in ["auth: [", "auth:\n  mode: taem\n", "auth: team\n", "auth:\n  mode: [local]\n", "- a\n", "a: b: c"] {
        std::fs::write(&file, text).unwrap();
        eventually("a degraded state", || daemon.get("/health").json()["status"] == "degraded");
        assert!(is_shut(&daemon), "{text:?}");
    }
    for text in ["auth:\n  mode: taem\n", "auth: ["] {
        // also over a restart: the last config that could be read is kept
        std::fs::write(&file, text).unwrap();
        daemon.end(rustix::process::Signal::TERM);
        daemon.boot();
        assert!(is_shut(&daemon), "{text:?}");
        assert!(daemon.get("/health").json()["configProblem"].is_object());
        assert_eq!(daemon.command(&["check"]).output().unwrap().status.code(), Some(1));
    }
    let kept = daemon.workspace().join(".daemon/last-good-config.yaml");
    assert_eq!(std::fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::write(&file, format!("{QUIET}auth:\n  mode: Local\n")).unwrap();
    eventually("the mended config", || daemon.get("/api/memories").status == 200);
    assert_eq!(daemon.get("/health").json()["status"], "healthy");
}

#[test]
fn an_unreadable_config_at_the_first_start_opens_nothing_beyond_loopback() {
    for text in ["embedding: [unclosed", "auth:\n  mode: taem\nnetwork:\n  mode: tailscale\n"] {
        let mut daemon = Daemon::prepare(text);
        daemon.boot_with(|command| {
            command.env_remove("SIGNET_BIND").env_remove("SIGNET_HOST");
        });
        assert_eq!(daemon.get("/health").json()["status"], "degraded");
        let listening = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let port = format!(":{:04X}", daemon.port);
        let mine: Vec<&str> =
            listening.lines().filter_map(|l| l.split_whitespace().nth(1)).filter(|a| a.ends_with(&port)).collect();
        assert!(!mine.is_empty() && mine.iter().all(|a| a.starts_with("0100007F")), "{mine:?}");
    }
}

#[test]
fn keys_with_damaged_fields_let_nobody_in() {
    let daemon = Daemon::start(&format!("{QUIET}auth:\n  mode: team\n"));
    let admin = daemon.bearer(&["--role", "admin"]);
    let create = |body: Value| daemon.ask(&admin, "POST", "/api/auth/api-keys", &body);
    for permissions in [json!(["everything"]), json!("recall"), json!({"recall": true}), json!([7])] {
        let answer = create(json!({"name": "odd", "permissions": permissions}));
        assert_eq!(answer.status, 400, "{}", answer.text());
    }
    for (column, value) in [
        ("name", "as it was made"),
        ("scope_json", "{\"project\": [1]}"),
        ("permissions_json", "not json"),
        ("permissions_json", "\"recall\""),
        ("expires_at", "soon"),
    ] {
        let answer = create(json!({"name": "laptop", "role": "operator"})).json()["apiKey"].clone();
        let (id, key) = (answer["id"].as_str().unwrap().to_owned(), answer["key"].as_str().unwrap().to_owned());
        let bearer = format!("Bearer {key}");
        if column != "name" {
            let changed = common::open(&daemon.database())
                .execute(&format!("UPDATE api_keys SET {column} = ?1 WHERE id = ?2"), [value, &id])
                .unwrap();
            assert_eq!(changed, 1);
        }
        let status = daemon.ask(&bearer, "GET", "/api/memories", &Value::Null).status;
        assert_eq!(status == 200, column == "name", "{column} = {value}: {status}");
    }
}

fn modes(folder: &Path, found: &mut Vec<(String, u32)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let meta = entry.metadata().unwrap();
        found.push((entry.path().display().to_string(), meta.permissions().mode() & 0o077));
        if meta.is_dir() {
            modes(&entry.path(), found);
        }
    }
}

#[test]
fn no_file_of_the_daemon_is_readable_by_others_under_any_umask() {
    use std::os::unix::process::CommandExt;
    let mut daemon = Daemon::prepare(QUIET);
    daemon.boot_with(|command| {
        // SAFETY: umask is safe to call between fork and exec
        unsafe {
            command.pre_exec(|| {
                rustix::process::umask(rustix::fs::Mode::empty());
                Ok(())
            });
        }
    });
    daemon.remember("Nobody else reads this");
    daemon.get("/api/auth/whoami");
    daemon.post("/api/config", &json!({"file": "agent.yaml", "content": QUIET}));
    let mut found = Vec::new();
    for folder in ["memory", ".daemon"] {
        modes(&daemon.workspace().join(folder), &mut found);
    }
    let open: Vec<_> = found.iter().filter(|(_, mode)| *mode != 0).collect();
    assert!(found.len() > 4 && open.is_empty(), "{open:?}");
    assert!(found.iter().any(|(path, _)| path.ends_with("-wal")), "{found:?}");
}
