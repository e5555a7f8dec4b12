//! What one client can do to all others: terms, slow senders and readers, large bodies, silent models.

mod common;

use std::io::{Read, Write};
use std::time::Duration;

use common::{Daemon, QUIET, eventually};
use serde_json::json;

#[test]
fn expressions_of_many_terms_are_refused_on_every_route_that_takes_one() {
    let daemon = Daemon::start(QUIET);
    daemon.remember("a b c or not near");
    let prefixes = vec!["a*"; 200].join("%20OR%20");
    let joined = vec!["a"; 2000].join("_");
    let quoted = vec!["%22OR%22*"; 100].join("%20");
    for q in [&prefixes, &joined, &quoted] {
        assert_eq!(daemon.get(&format!("/memory/search?q={q}")).status, 400, "{}", &q[..40]);
        let text = q.replace("%20", " ").replace("%22", "\"");
        assert_eq!(daemon.post("/api/memory/forget", &json!({"query": text})).status, 400, "{}", &q[..40]);
    }
    for query in [vec!["a"; 4000].join("_"), vec!["a"; 4000].join("/"), "a ".repeat(4000), "猫犬".repeat(4000)] {
        let answer = daemon.post("/api/memory/recall", &json!({"query": query}));
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

#[test]
fn anonymous_bodies_take_neither_places_nor_memory_from_others() {
    let daemon = Daemon::start(&format!("{QUIET}auth:\n  mode: team\n"));
    let admin = daemon.bearer(&["--role", "admin"]);
    let mut held = Vec::new();
    for n in 0..300 {
        // more than there are places, each with a body that does not end
        let (path, length) = if n % 2 == 0 { ("/api/memory/recall", 2000) } else { ("/api/memory/remember", 16_000) };
        let mut stream = daemon.connect();
        let head = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{{\"a\":");
        let _ = stream.write_all(head.as_bytes());
        held.push(stream);
    }
    let large = json!({"content": "x ".repeat(20_000)});
    for _ in 0..5 {
        let saved = daemon.ask(&admin, "POST", "/api/memory/remember", &large);
        assert_eq!(saved.status, 200, "{}", saved.text());
        assert_eq!(daemon.get("/health/live").status, 200);
    }
    // a body above the small ones is not even read from somebody who may not send it
    let mut stream = daemon.connect();
    let head = "POST /api/memory/remember HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let mut first = [0; 16];
    stream.read_exact(&mut first).unwrap();
    assert!(first.starts_with(b"HTTP/1.1 401"), "{}", String::from_utf8_lossy(&first));
}

#[test]
fn limits_of_bodies_are_those_of_their_routes() {
    let daemon = Daemon::start(QUIET);
    for (path, most) in [
        ("/api/memory/remember", 10 << 20),
        ("/api/memory/recall", 256 << 10),
        ("/api/agents", 1 << 20),
        ("/api/auth/login", 64 << 10),
        ("/api/auth/saml/acs", 64 << 10),
    ] {
        let sized = |n: usize| daemon.try_send("POST", path, &vec![b' '; n], &[]).expect("an answer").status;
        assert_eq!(sized(most + 1), 413, "{path}");
        assert_ne!(sized(most), 413, "{path}");
    }
    // members cost more than the bytes they come in
    let many = format!("{{\"content\":\"x\",\"a\":[{}]}}", vec!["{}"; 70_000].join(","));
    let before = daemon.memory("VmHWM:");
    assert_eq!(daemon.send("POST", "/api/memory/remember", &many).status, 400);
    assert!(daemon.memory("VmHWM:") < before + 40 * 1024, "KiB: {} → {}", before, daemon.memory("VmHWM:"));
}

#[test]
fn readers_who_do_not_read_hold_no_worker() {
    let daemon = Daemon::start(QUIET);
    for n in 0..12 {
        let content = format!("{n} {}", "word ".repeat(400_000));
        let mut chunked = daemon.post("/api/memory/remember", &json!({"content": &content[..1000]}));
        assert_eq!(chunked.status, 200);
        let id = chunked.json()["id"].as_str().unwrap().to_owned();
        let db = common::open(&daemon.database());
        db.busy_timeout(Duration::from_secs(5)).unwrap();
        db.execute("UPDATE memories SET content = ?1 WHERE id = ?2", [&content, &id]).unwrap();
        chunked = daemon.get(&format!("/api/memory/{id}"));
        assert_eq!(chunked.status, 200);
    }
    let mut silent = Vec::new();
    for _ in 0..12 {
        let mut stream = daemon.connect();
        stream.write_all(b"GET /api/memories?limit=100 HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        silent.push(stream);
    }
    for _ in 0..3 {
        assert_eq!(daemon.get("/health").status, 200);
        assert_eq!(daemon.post("/api/memory/recall", &json!({"query": "word", "limit": 1})).status, 200);
        // large answers are whole or refused, never broken off
        let answer = daemon.get("/api/memories?limit=100");
        assert!(answer.status == 503 || answer.body.ends_with(b"}"), "{} bytes", answer.body.len());
    }
    drop(silent);
    eventually("room for large answers", || daemon.get("/api/memories?limit=100").status == 200);
}

#[test]
fn clients_that_reset_their_connection_leave_nothing_behind() {
    let daemon = Daemon::start(QUIET);
    let descriptors = || std::fs::read_dir(format!("/proc/{}/fd", daemon.pid().as_raw_nonzero())).unwrap().count();
    let before = descriptors();
    for _ in 0..300 {
        let mut stream = daemon.connect();
        // closing with unread input makes a reset
        let _ = stream
            .write_all(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\nGET /health/live HTTP/1.1\r\nHost: l");
        rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
    }
    eventually("the end of the connections", || descriptors() <= before + 3);
    assert_eq!(daemon.get("/health").status, 200);
}

#[test]
fn probes_and_logins_wait_for_no_model() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("an address").port();
    let daemon = Daemon::start(&format!("{}{QUIET}auth:\n  mode: team\n", common::inference(port)));
    let admin = daemon.bearer(&["--role", "admin"]);
    let body = json!({"query": "boats", "aggregate": true}).to_string();
    let length = body.len();
    let request = format!(
        "POST /api/memory/recall HTTP/1.1\r\nHost: localhost\r\nAuthorization: {admin}\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    daemon.ask(&admin, "POST", "/api/memory/remember", &json!({"content": "Boats are in the boat house"}));
    let mut waiting: Vec<_> = (0..12).map(|_| daemon.connect()).collect();
    for stream in &mut waiting {
        stream.write_all(request.as_bytes()).expect("a request");
    }
    silent.accept().expect("the first aggregate asks the model");
    let made = daemon.ask(&admin, "POST", "/api/auth/api-keys", &json!({"name": "during"}));
    assert_eq!(made.status, 201, "{}", made.text());
    for path in ["/health", "/health/live", "/health/ready"] {
        assert_eq!(daemon.get(path).status, 200, "{path}");
    }
    assert!(waiting.iter().filter(|s| common::is_unanswered(s)).count() >= 4, "they waited for the model");
}

#[test]
fn a_stop_ends_in_time_whatever_runs_and_the_probe_answers_until_then() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("an address").port();
    let mut daemon = Daemon::start(&format!("{}{QUIET}", common::inference(port)));
    daemon.remember("Boats are in the boat house");
    let mut probe = daemon.connect();
    let mut running = daemon.connect();
    let body = json!({"query": "boats", "aggregate": true}).to_string();
    let head = format!("POST /api/memory/recall HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", body.len());
    running.write_all((head + &body).as_bytes()).unwrap();
    silent.accept().expect("the aggregate asks the model");
    let ask = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut answer = [0; 4096];
    probe.write_all(ask).unwrap();
    assert!(probe.read(&mut answer).unwrap() > 0);
    let pid = daemon.pid();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    eventually("the end of new connections", || std::net::TcpStream::connect(("127.0.0.1", daemon.port)).is_err());
    if probe.write_all(ask).is_ok() {
        let n = probe.read(&mut answer).unwrap_or(0);
        // either the whole process is gone by now, or it says that it lives
        assert!(n == 0 || answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer[..n]));
    }
    // by itself, though the model is waited for twice as long
    assert!(daemon.end(rustix::process::Signal::TERM).code().is_some(), "no signal was needed");
    assert_eq!(running.read(&mut answer).unwrap_or(0), 0, "it was cut off");
}
