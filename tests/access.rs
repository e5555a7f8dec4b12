//! Every route and every role: 401, 403 or let in, as the route table says.

mod common;

use common::{Daemon, QUIET};

const TEAM: &str = "auth:\n  mode: team\n  rateLimits:\n    admin: {max: 100000}\n    forget: {max: 100000}\n    \
                    modify: {max: 100000}\n    batchForget: {max: 100000}\n    login: {max: 100000}\n";

fn config(mode: &str) -> String {
    format!("{QUIET}{}", TEAM.replace("team", mode))
}

fn token(daemon: &Daemon, arguments: &[&str]) -> String {
    let output = daemon.command(&[&["token", "create"], arguments].concat()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The permissions of each role, by the contract.
const ROLES: [(&str, &str); 4] = [
    ("admin", "recall remember modify forget recover documents connectors diagnostics analytics admin"),
    ("operator", "recall remember modify forget recover documents connectors diagnostics analytics"),
    ("agent", "recall remember modify forget recover documents"),
    ("readonly", "recall"),
];

#[test]
fn every_route_asks_each_role_for_what_its_table_entry_says() {
    let daemon = Daemon::start(&config("team"));
    let table = daemon.command(&["routes"]).output().unwrap().stdout;
    let table = String::from_utf8(table).unwrap();
    let bearers: Vec<(String, &str)> =
        ROLES.iter().map(|(role, may)| (format!("Bearer {}", token(&daemon, &["--role", role])), *may)).collect();
    let mut asked = 0;
    for line in table.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [method, path, permission, _, _] = columns[..] else { panic!("{line}") };
        let path: Vec<&str> = path.split('/').map(|p| if p.starts_with(':') { "nobody" } else { p }).collect();
        let path = path.join("/");
        let status = |headers: &[(&str, &str)]| daemon.try_send(method, &path, b"", headers).unwrap().status;
        let anonymous = status(&[]);
        let page = path == "/";
        assert_eq!(
            anonymous == 401,
            permission != "open" && !page,
            "{method} {path} without a credential: {anonymous}"
        );
        assert_eq!(
            status(&[("Authorization", "Bearer forged")]) == 401,
            permission != "open" && !page,
            "{method} {path}"
        );
        for (bearer, may) in &bearers {
            let allowed = ["open", "any"].contains(&permission) || may.split(' ').any(|p| p == permission);
            let got = status(&[("Authorization", bearer)]);
            assert_eq!(got == 403, !allowed, "{method} {path} ({permission}) for one who may {may}: {got}");
            assert_ne!(got, 401, "{method} {path}");
            assert_ne!(got, 500, "{method} {path}");
        }
        asked += 1;
    }
    assert!(asked > 30, "the route table has {asked} lines");
}

#[test]
fn hybrid_trusts_this_machine_and_still_binds_a_credential() {
    let daemon = Daemon::start(&config("hybrid"));
    let body = br#"{"content":"written without a credential"}"#;
    assert_eq!(daemon.try_send("POST", "/api/memory/remember", body, &[]).unwrap().status, 200);
    let bearer = format!("Bearer {}", token(&daemon, &["--role", "readonly"]));
    let refused = daemon.try_send("POST", "/api/memory/remember", body, &[("Authorization", &bearer)]).unwrap();
    assert_eq!(refused.status, 403);
    for forged in ["Bearer forged", "Bearer a.b.c"] {
        assert_eq!(daemon.try_send("GET", "/api/memories", b"", &[("Authorization", forged)]).unwrap().status, 200);
    }
}

#[test]
fn pages_of_other_origins_and_names_change_nothing() {
    let daemon = Daemon::start(QUIET);
    let body = br#"{"content":"planted by a web page"}"#;
    let post = |headers: &[(&str, &str)]| daemon.try_send("POST", "/api/memory/remember", body, headers).unwrap();
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1"] {
        assert_eq!(post(&[("Origin", origin)]).status, 403, "{origin}");
    }
    assert_eq!(daemon.total(), 0);
    let own = format!("http://127.0.0.1:{}", daemon.port);
    for origin in [own.as_str(), "app://signet", "http://localhost:3850"] {
        assert_eq!(post(&[("Origin", origin)]).status, 200, "{origin}");
    }
    // recall is a POST, but changes nothing: its answer is kept from the page by CORS alone
    let recall =
        daemon.try_send("POST", "/api/memory/recall", br#"{"query":"x"}"#, &[("Origin", "https://evil.example")]);
    assert_eq!(recall.unwrap().status, 200);
    for (host, status) in
        [("rebound.example", 403), ("rebound.example:3850", 403), ("localhost:1", 200), ("[::1]", 200)]
    {
        let raw = format!("GET /api/memories HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let mut stream = daemon.connect();
        std::io::Write::write_all(&mut stream, raw.as_bytes()).unwrap();
        let mut answer = Vec::new();
        std::io::Read::read_to_end(&mut stream, &mut answer).unwrap();
        assert_eq!(common::parse(&answer).unwrap().status, status, "{host}");
    }
}

#[test]
fn keys_of_the_command_line_work_at_once_and_stop_at_once() {
    let daemon = Daemon::start(&config("team"));
    let run = |args: &[&str]| {
        let output = daemon.command(args).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let key = run(&["api-key", "create", "--name", "laptop", "--role", "operator"]);
    let bearer = format!("Bearer {key}");
    let status = || daemon.try_send("GET", "/api/memories", b"", &[("Authorization", &bearer)]).unwrap();
    assert_eq!(status().status, 200);
    let prefix = key.split('_').nth(2).unwrap();
    assert!(run(&["api-key", "list"]).contains(prefix));
    run(&["api-key", "revoke", prefix]);
    let refused = status();
    assert_eq!((refused.status, refused.json()["error"].as_str()), (401, Some("api key revoked")));
}

#[test]
fn a_hashed_password_of_the_command_line_logs_in() {
    use std::io::Write;
    let mut daemon = Daemon::prepare(QUIET);
    let mut child = daemon
        .command(&["password", "hash"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"open sesame\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let hash = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    let text = format!("{QUIET}auth:\n  mode: team\n  login:\n    password:\n      passwordHash: {hash}\n");
    std::fs::write(daemon.workspace().join("agent.yaml"), text).unwrap();
    daemon.boot();
    let login = |password: &str| {
        daemon.post("/api/auth/login", &serde_json::json!({"username": "admin", "password": password}))
    };
    assert_eq!(login("wrong").status, 401);
    let token = login("open sesame").json()["token"].as_str().unwrap().to_owned();
    let bearer = format!("Bearer {token}");
    assert_eq!(daemon.try_send("GET", "/api/auth/api-keys", b"", &[("Authorization", &bearer)]).unwrap().status, 200);
    assert_eq!(daemon.get("/api/auth/api-keys").status, 401);
}

#[test]
fn a_scoped_key_reaches_only_its_project_on_every_route_that_changes_rows() {
    let daemon = Daemon::start(&config("team"));
    let admin = format!("Bearer {}", token(&daemon, &["--role", "admin"]));
    let scoped = format!("Bearer {}", token(&daemon, &["--role", "operator", "--project", "/p/mine"]));
    let send = |bearer: &str, method: &str, path: &str, body: &str| {
        daemon.try_send(method, path, body.as_bytes(), &[("Authorization", bearer)]).unwrap()
    };
    let foreign =
        send(&admin, "POST", "/api/memory/remember", r#"{"content":"foreign heron note","project":"/p/theirs"}"#);
    let id = foreign.json()["id"].as_str().unwrap().to_owned();
    for (method, path, body) in [
        ("PATCH", format!("/api/memory/{id}"), r#"{"importance":0.1,"reason":"r"}"#),
        ("DELETE", format!("/api/memory/{id}?reason=r"), ""),
        ("POST", format!("/api/memory/{id}/recover"), r#"{"reason":"r"}"#),
    ] {
        assert_eq!(send(&scoped, method, &path, body).status, 403, "{method} {path}");
    }
    let modified = send(
        &scoped,
        "POST",
        "/api/memory/modify",
        &format!(r#"{{"reason":"r","patches":[{{"id":"{id}","importance":0.1}}]}}"#),
    );
    assert_eq!(modified.json()["results"][0]["status"], "not_found");
    for body in [format!(r#"{{"ids":["{id}"]}}"#), r#"{"query":"heron"}"#.to_owned(), r#"{"type":"fact"}"#.to_owned()] {
        assert_eq!(send(&scoped, "POST", "/api/memory/forget", &body).json()["count"], 0, "{body}");
    }
    for path in [format!("/api/memory/{id}"), format!("/api/memory/{id}/history")] {
        assert_eq!(send(&scoped, "GET", &path, "").status, 404, "{path}");
    }
    assert_eq!(send(&scoped, "GET", "/api/memories", "").json()["memories"].as_array().unwrap().len(), 0);
    assert_eq!(send(&scoped, "GET", "/memory/search?q=heron", "").json()["results"].as_array().unwrap().len(), 0);
    assert_eq!(
        send(&scoped, "POST", "/api/memory/recall", r#"{"query":"heron"}"#).json()["results"].as_array().unwrap().len(),
        0
    );
    assert_eq!(send(&admin, "GET", &format!("/api/memory/{id}"), "").json()["version"], 1);
}
