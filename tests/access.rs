//! Every route and every role: 401, 403 or let in, as the route table says.

mod common;

use common::{Daemon, QUIET, TEAM};
use serde_json::json;

fn config(mode: &str) -> String {
    format!("{QUIET}{}", TEAM.replace("team", mode))
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
    let roles = ROLES.map(|(role, may)| (daemon.as_role(role), may));
    let (nobody, forged) = (daemon.as_nobody(), daemon.with_credential("forged"));
    let mut asked = 0;
    for line in daemon.routes() {
        let [method, path, permission, ..] = &line[..] else { panic!("{line:?}") };
        let path: Vec<&str> = path.split('/').map(|p| if p.starts_with(':') { "nobody" } else { p }).collect();
        let (path, permission) = (path.join("/"), permission.as_str());
        for unknown in [&nobody, &forged] {
            let status = unknown.send(method, &path, b"").status;
            assert_eq!(status == 401, permission != "open", "{method} {path} without a good credential: {status}");
        }
        for (caller, may) in &roles {
            let allowed = ["open", "any"].contains(&permission) || may.split(' ').any(|p| p == permission);
            let got = caller.send(method, &path, b"").status;
            assert_eq!(got == 403, !allowed, "{method} {path} ({permission}) for one who may {may}: {got}");
            assert!(got != 401 && got != 500, "{method} {path}: {got}");
        }
        asked += 1;
    }
    assert!(asked > 30, "the route table has {asked} lines");
}

#[test]
fn hybrid_trusts_this_machine_and_still_binds_a_credential() {
    let daemon = Daemon::start(&config("hybrid"));
    let body = json!({"content": "written without a credential"});
    daemon.as_nobody().post("/api/memory/remember", &body).expect(200);
    daemon.as_role("readonly").post("/api/memory/remember", &body).expect(403);
    for forged in ["forged", "a.b.c"] {
        daemon.with_credential(forged).get("/api/memories").expect(200);
    }
}

#[test]
fn pages_of_other_origins_and_names_change_nothing() {
    let daemon = Daemon::start(QUIET);
    let plant = |origin: &str| {
        let page = daemon.as_nobody().header("Origin", origin);
        page.post("/api/memory/remember", &json!({"content": "planted by a web page"}))
    };
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1"] {
        plant(origin).expect(403);
    }
    assert_eq!(daemon.total(), 0);
    let own = format!("http://127.0.0.1:{}", daemon.port);
    for origin in [own.as_str(), "app://signet", "http://localhost:3850"] {
        plant(origin).expect(200);
    }
    // recall is a POST, but changes nothing: its answer is kept from the page by CORS alone
    let page = daemon.as_nobody().header("Origin", "https://evil.example");
    page.post("/api/memory/recall", &json!({"query": "x"})).expect(200);
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
    let laptop = daemon.with_credential(&key);
    laptop.get("/api/memories").expect(200);
    let prefix = key.split('_').nth(2).unwrap();
    assert!(run(&["api-key", "list"]).contains(prefix));
    run(&["api-key", "revoke", prefix]);
    let refused = laptop.get("/api/memories").expect(401);
    assert_eq!(refused.json()["error"], "api key revoked");
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
    let login = |password: &str| daemon.post("/api/auth/login", &json!({"username": "admin", "password": password}));
    login("wrong").expect(401);
    let token = login("open sesame").expect(200).json()["token"].as_str().unwrap().to_owned();
    daemon.with_credential(&token).get("/api/auth/api-keys").expect(200);
    daemon.get("/api/auth/api-keys").expect(401);
}

#[test]
fn a_scoped_key_reaches_only_its_project_on_every_route_that_changes_rows() {
    let daemon = Daemon::start(&config("team"));
    let (admin, scoped) = (daemon.as_role("admin"), daemon.as_role("operator").scoped_to("/p/mine"));
    let id = admin.memory("foreign heron note").project("/p/theirs").save();
    let row = format!("/api/memory/{id}");
    scoped.patch(&row, &json!({"importance": 0.1, "reason": "r"})).expect(403);
    scoped.delete(&format!("{row}?reason=r")).expect(403);
    scoped.post(&format!("{row}/recover"), &json!({"reason": "r"})).expect(403);
    let patches = json!({"reason": "r", "patches": [{"id": id, "importance": 0.1}]});
    let modified = scoped.post("/api/memory/modify", &patches).expect(200);
    assert_eq!(modified.json()["results"][0]["status"], "not_found");
    for body in [json!({"ids": [id]}), json!({"query": "heron"}), json!({"type": "fact"})] {
        assert_eq!(scoped.post("/api/memory/forget", &body).expect(200).json()["count"], 0, "{body}");
    }
    for path in [row.clone(), format!("{row}/history")] {
        scoped.get(&path).expect(404);
    }
    assert_eq!(scoped.get("/api/memories").expect(200).count("memories"), 0);
    assert_eq!(scoped.get("/memory/search?q=heron").expect(200).count("results"), 0);
    assert_eq!(scoped.ask(&json!({"query": "heron"}))["results"], json!([]));
    assert_eq!(admin.get(&row).expect(200).json()["version"], 1);
}
