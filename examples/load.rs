//! A small load generator for loopback: a fixed number of keep-alive connections, each with one
//! request in flight, for a bounded number of requests.
//!
//!     load PORT CONNECTIONS REQUESTS health|features|remember|ask:COUNT [HEADER-LINE]
//!
//! `ask:COUNT` recalls over COUNT memories of `remember` or of `fill`.
//!
//! Prints requests per second, p50 and p99 in milliseconds, and answers other than 200.

mod text;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

fn request(kind: &str, n: usize, header: &str) -> String {
    let (method, path, body) = match kind {
        "health" => ("GET", "/health", String::new()),
        "features" => ("GET", "/api/features", String::new()),
        "remember" => ("POST", "/api/memory/remember", format!("{{\"content\":\"{}\"}}", text::sentence(n as u64))),
        other => {
            let count = other.strip_prefix("ask:").and_then(|c| c.parse().ok()).expect("ask:COUNT");
            let body = format!("{{\"query\":\"{}\"}}", text::question(n as u64, count));
            ("POST", "/api/memory/recall", body)
        }
    };
    format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{header}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// Reads one answer; true when it is a 200.
fn answer(reader: &mut BufReader<TcpStream>) -> std::io::Result<bool> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let ok = line.starts_with("HTTP/1.1 200");
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        if line == "\r\n" || line.is_empty() {
            break;
        }
    }
    std::io::copy(&mut reader.take(length), &mut std::io::sink())?;
    Ok(ok)
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [port, connections, requests, kind, rest @ ..] = &arguments[..] else {
        eprintln!("usage: load PORT CONNECTIONS REQUESTS health|features|remember|ask:COUNT [HEADER-LINE]");
        std::process::exit(2);
    };
    let connections: usize = connections.parse().expect("a number of connections");
    let total: usize = requests.parse().expect("a number of requests");
    let header = rest.first().map(|h| format!("{h}\r\n")).unwrap_or_default();
    let next = AtomicUsize::new(0);
    let began = Instant::now();
    let measured: Vec<(Vec<f64>, usize)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..connections)
            .map(|_| {
                scope.spawn(|| {
                    let stream = TcpStream::connect(format!("127.0.0.1:{port}")).expect("a connection");
                    stream.set_nodelay(true).expect("no delay");
                    let mut writer = stream.try_clone().expect("a second handle");
                    let mut reader = BufReader::new(stream);
                    let (mut times, mut bad) = (Vec::new(), 0);
                    loop {
                        let n = next.fetch_add(1, Ordering::Relaxed);
                        if n >= total {
                            return (times, bad);
                        }
                        let text = request(kind, n, &header);
                        let sent = Instant::now();
                        writer.write_all(text.as_bytes()).expect("a request sent");
                        if !answer(&mut reader).expect("an answer") {
                            bad += 1;
                        }
                        times.push(sent.elapsed().as_secs_f64() * 1e3);
                    }
                })
            })
            .collect();
        threads.into_iter().map(|t| t.join().expect("a client thread")).collect()
    });
    let seconds = began.elapsed().as_secs_f64();
    let bad: usize = measured.iter().map(|(_, bad)| bad).sum();
    let mut times: Vec<f64> = measured.into_iter().flat_map(|(times, _)| times).collect();
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!("{:.0} {:.3} {:.3} {bad}", total as f64 / seconds, at(0.5), at(0.99));
}
