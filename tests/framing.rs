//! Shapes of HTTP/1.1 as clients, proxies and attackers send them.

mod common;

use std::io::{Read, Write};

use common::{Daemon, QUIET};

fn status(daemon: &Daemon, head: &str) -> u16 {
    common::parse(&daemon.raw(head.as_bytes())).unwrap_or_else(|| panic!("no answer to {head:?}")).status
}

/// Threads of the daemon.
fn threads(daemon: &Daemon) -> u64 {
    daemon.memory("Threads:")
}

#[test]
fn other_versions_are_refused_and_leave_no_thread() {
    let daemon = Daemon::start(QUIET);
    for version in ["HTTP/2.0", "HTTP/3.0", "HTTP/0.9", "HTTP/1.9"] {
        let line = format!("GET /health {version}\r\nHost: localhost\r\n\r\n");
        assert!([400, 505].contains(&status(&daemon, &line)), "{version}");
    }
    let before = threads(&daemon);
    for _ in 0..100 {
        assert_eq!(status(&daemon, "GET / HTTP/2.0\r\nHost: localhost\r\n\r\n"), 505);
    }
    common::eventually("the end of the threads", || threads(&daemon) <= before + 4);
    assert_eq!(status(&daemon, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505);
    assert_eq!(status(&daemon, "GET /health HTTP/1.0\r\n\r\n"), 200);
}

#[test]
fn an_offer_to_upgrade_is_passed_over() {
    let daemon = Daemon::start(QUIET);
    for offer in [
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        "Connection: keep-alive, upgrade\r\nUpgrade: TLS/1.0\r\n",
    ] {
        // the connection stays one of HTTP/1.1
        let mut stream = daemon.connect();
        let ask = format!("GET /health HTTP/1.1\r\nHost: localhost\r\n{offer}\r\n");
        stream.write_all(ask.as_bytes()).unwrap();
        stream.write_all(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        assert_eq!(text.matches("HTTP/1.1 200").count(), 2, "{text}");
    }
    let post = "POST /api/memory/remember HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\
                Content-Length: 28\r\n\r\n{\"content\":\"sent by Java 21\"}";
    assert_eq!(status(&daemon, &post.replace("28", "29")), 200);
    assert_eq!(daemon.total(), 1);
}

#[test]
fn shapes_that_two_servers_read_differently_are_refused() {
    let daemon = Daemon::start(QUIET);
    let body = "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
    for fields in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5, 6\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length : 5\r\n",
        " Content-Length: 5\r\n",
        "X: y\r\n Content-Length: 5\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding:\u{b}chunked\r\n",
        "X: a\0b\r\n",
        "X: a\rb\r\n",
        "No colon\r\n",
        ": no name\r\n",
    ] {
        let answer =
            daemon.raw(format!("POST /api/agents HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n{body}").as_bytes());
        let text = String::from_utf8_lossy(&answer);
        assert!(text.starts_with("HTTP/1.1 400") || text.starts_with("HTTP/1.1 501"), "{fields:?}: {text}");
        assert_eq!(text.matches("HTTP/1.1 ").count(), 1, "{fields:?}: {text}");
    }
    assert_eq!(
        status(&daemon, "GET /health HTTP/1.1\r\nHost: localhost\r\nHost: other\r\nConnection: close\r\n\r\n"),
        400
    );
    for line in [
        "GET /health",
        "GET  /health HTTP/1.1",
        "GET /health HTTP/1.1 x",
        "G\u{1}T /health HTTP/1.1",
        "GET /\0 HTTP/1.1",
    ] {
        assert_eq!(status(&daemon, &format!("{line}\r\nHost: localhost\r\n\r\n")), 400, "{line:?}");
    }
}

#[test]
fn chunks_are_read_as_they_must_be() {
    let daemon = Daemon::start(QUIET);
    let post = |body: &str| {
        let head = "POST /api/memory/remember HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: Chunked\r\nConnection: close\r\n";
        status(&daemon, &format!("{head}\r\n{body}"))
    };
    let text = r#"{"content":"chunk"}"#;
    assert_eq!(post(&format!("13;name=\"value\"\r\n{text}\r\n0\r\nX-Sum: 1\r\nY: 2\r\n\r\n")), 200);
    for broken in [
        format!("+13\r\n{text}\r\n0\r\n\r\n"),
        format!("0x13\r\n{text}\r\n0\r\n\r\n"),
        format!("13\n{text}\r\n0\r\n\r\n"),
        format!("13\r\n{text}XX0\r\n\r\n"),
        format!("fffffffffffffffff\r\n{text}\r\n0\r\n\r\n"),
        format!("\r\n{text}\r\n0\r\n\r\n"),
    ] {
        assert!([400, 413].contains(&post(&broken)), "{broken:?}");
    }
    assert_eq!(daemon.total(), 1);
}

#[test]
fn what_proxies_and_tools_send_is_understood() {
    let daemon = Daemon::start(QUIET);
    let close = "Connection: close\r\n\r\n";
    for head in [
        format!("GET http://localhost/health HTTP/1.1\r\nHost: localhost\r\n{close}"),
        format!("\r\nGET /health HTTP/1.1\r\nHost: localhost\r\n{close}"),
        format!("GET /health HTTP/1.1\r\nhOST: localhost\r\nX-Name: J\u{f6}rg\r\n{close}"),
        format!("GET /health?a=b#c HTTP/1.1\r\nHost:localhost\r\nX-Empty:\r\n{close}"),
        format!("HEAD /health HTTP/1.1\r\nHost: localhost\r\n{close}"),
    ] {
        assert_eq!(status(&daemon, &head), 200, "{head:?}");
    }
    let mut latin = b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Name: J\xf6rg\r\n".to_vec();
    latin.extend_from_slice(close.as_bytes());
    assert_eq!(common::parse(&daemon.raw(&latin)).unwrap().status, 200);
    // the target of an absolute form is the host, whatever the header says
    let rebound = format!("GET http://rebound.example/api/memories HTTP/1.1\r\nHost: localhost\r\n{close}");
    assert!([400, 403].contains(&status(&daemon, &rebound)));
    let mut stream = daemon.connect();
    let expect = "POST /api/memory/remember HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 19\r\n\
                  Connection: close\r\n\r\n";
    stream.write_all(expect.as_bytes()).unwrap();
    let mut first = [0; 25];
    stream.read_exact(&mut first).unwrap();
    assert!(first.starts_with(b"HTTP/1.1 100 Continue"));
    stream.write_all(br#"{"content":"agreed"}"#).unwrap();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("HTTP/1.1 "), "{rest}");
}
