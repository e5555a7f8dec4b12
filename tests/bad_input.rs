//! Bad input to every route: refused with a reason, nothing changed, never a 500.

mod common;

use std::io::{Read, Write};

use common::{Daemon, QUIET};

/// Method and path of every route, parameters filled in.
fn routes(daemon: &Daemon) -> Vec<(String, String)> {
    let table = daemon.command(&["routes"]).output().expect("the route table").stdout;
    String::from_utf8(table)
        .unwrap()
        .lines()
        .skip(1)
        .map(|line| {
            let mut columns = line.split('\t');
            let (method, path) = (columns.next().unwrap(), columns.next().unwrap());
            let filled: Vec<&str> =
                path.split('/').map(|part| if part.starts_with(':') { "nobody" } else { part }).collect();
            (method.to_owned(), filled.join("/"))
        })
        .collect()
}

#[test]
fn no_route_answers_500_or_changes_anything() {
    let daemon = Daemon::start(QUIET);
    let id = daemon.remember("An anchor that must not change");
    let deep = "[".repeat(100_000);
    let bodies: Vec<&[u8]> = vec![
        b"",
        b"{",
        b"null",
        b"[1]",
        b"\"text\"",
        b"1e999",
        b"\xff\xfe{\"content\":1}",
        deep.as_bytes(),
        br#"{"content":[],"query":{},"patches":7,"ids":[{}],"reason":[],"name":{},"limit":"x","tags":{"a":1}}"#,
        br#"{"content":9,"query":1e300,"patches":[],"ids":"x","reason":1,"name":[],"limit":-1e300,"if_version":1e300}"#,
        br#"{"query":"x","time":{"start":"9999-99-99"},"limit":{}}"#,
        br#"{"query":"x","time":{"start":"+999999-01-01T00:00:00Z"}}"#,
        br#"{"content":"x","validFrom":"never","importance":"very","structured":[],"hints":3}"#,
    ];
    for (method, path) in routes(&daemon) {
        for body in &bodies {
            let answer = daemon
                .try_send(&method, &path, body, &[])
                .unwrap_or_else(|| panic!("no answer: {method} {path} {:?}", String::from_utf8_lossy(body)));
            assert_ne!(
                answer.status,
                500,
                "{method} {path} {:?}",
                String::from_utf8_lossy(&body[..body.len().min(80)])
            );
            if answer.status >= 400 {
                assert!(answer.body.is_empty() || answer.json().is_object(), "{method} {path}");
            }
        }
        let odd = format!("{path}?limit=%00%ff&offset=-9e99&k=&id=%F0%9F&q=%22%22%22&tzOffset=NaN");
        assert_ne!(daemon.send(&method, &odd, "").status, 500, "{method} {odd}");
    }
    for path in ["/api/memory/%ff", "/api/memory/%00", "/api/memory/..%2f..%2fetc", "/%", "//", "/api//memory"] {
        assert!([404, 200].contains(&daemon.get(path).status), "{path}");
    }
    assert_eq!(daemon.total(), 1);
    let memory = daemon.get(&format!("/api/memory/{id}")).json();
    assert_eq!((memory["version"].as_i64(), memory["is_deleted"].as_i64()), (Some(1), Some(0)));
    assert_eq!(daemon.get("/api/agents").json()["agents"].as_array().unwrap().len(), 1);
}

/// These bring whole conversations, of up to 32 MiB.
const CONVERSATIONS: [&str; 3] =
    ["/api/hooks/user-prompt-submit", "/api/hooks/session-end", "/api/hooks/session-checkpoint-extract"];

#[test]
fn bodies_of_eleven_mib_are_413_on_every_route_but_those_of_conversations() {
    let daemon = Daemon::start(QUIET);
    let body = vec![b' '; 11 * 1024 * 1024];
    let routes = routes(&daemon);
    assert!(routes.len() > 30);
    let refused = |method: &str, path: &str, body: &[u8]| {
        let answer = daemon.try_send(method, path, body, &[]).expect("an answer");
        assert_eq!(
            (answer.status, answer.json()["error"].as_str()),
            (413, Some("payload too large")),
            "{method} {path}"
        );
    };
    let longer = vec![b' '; 33 * 1024 * 1024];
    for (method, path) in &routes {
        if CONVERSATIONS.contains(&path.as_str()) {
            assert_eq!(daemon.try_send(method, path, &body, &[]).expect("an answer").status, 400, "{path}: no JSON");
            refused(method, path, &longer);
        } else {
            refused(method, path, &body);
        }
    }
    let chunk = format!("{:x}\r\n{}\r\n", 1 << 20, " ".repeat(1 << 20));
    let mut stream = daemon.connect();
    stream.write_all(b"POST /api/agents HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
    for _ in 0..11 {
        stream.write_all(chunk.as_bytes()).unwrap();
    }
    let _ = stream.write_all(b"0\r\n\r\n");
    let mut raw = Vec::new();
    let _ = stream.read_to_end(&mut raw);
    assert_eq!(common::parse(&raw).expect("an answer").status, 413);
    assert_eq!(daemon.get("/health").status, 200);
}

#[test]
fn chunked_bodies_are_read() {
    let daemon = Daemon::start(QUIET);
    let mut stream = daemon.connect();
    stream
        .write_all(
            b"POST /api/memory/remember HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n\
              a\r\n{\"content\"\r\n11\r\n:\"in two chunks\"}\r\n0\r\n\r\n",
        )
        .unwrap();
    let mut raw = Vec::new();
    stream.read_to_end(&mut raw).unwrap();
    assert_eq!(common::parse(&raw).expect("an answer").status, 200);
    assert_eq!(daemon.recall("two chunks"), ["in two chunks"]);
}

#[test]
fn huge_heads_and_lying_lengths_do_not_hurt() {
    let daemon = Daemon::start(QUIET);
    let long = "x".repeat(100_000);
    let answer = daemon.try_send("GET", "/health", b"", &[("X-Long", &long)]);
    assert!(answer.is_none_or(|a| a.status == 431));
    for length in ["99999999999999", "18446744073709551615", "999999999999999999999999", "-1", "ten"] {
        let mut stream = daemon.connect();
        let head = format!("POST /api/agents HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{{}}");
        stream.write_all(head.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut raw = Vec::new();
        let _ = stream.read_to_end(&mut raw);
        let status = common::parse(&raw).expect("an answer").status;
        assert!([400, 413].contains(&status), "{length}: {status}");
    }
    assert_eq!(daemon.get("/health").json()["status"], "healthy");
}
