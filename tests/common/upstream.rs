//! A model server for tests: answers every HTTP request with what a function says.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use serde_json::Value;

/// From request line with headers and body to status line and answer.
type Answers = dyn Fn(&str, &str) -> (&'static str, Value) + Send + Sync;

/// Serves until the test ends; returns the port.
pub fn start(answers: impl Fn(&str, &str) -> (&'static str, Value) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let answers: Arc<Answers> = Arc::new(answers);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answers = Arc::clone(&answers);
            std::thread::spawn(move || serve(stream, &*answers));
        }
    });
    port
}

fn serve(mut stream: TcpStream, answers: &Answers) {
    let mut raw = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(n) = stream.read(&mut piece) {
        if n == 0 {
            return;
        }
        raw.extend_from_slice(&piece[..n]);
        let text = String::from_utf8_lossy(&raw).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|l| {
            l.to_ascii_lowercase().strip_prefix("content-length:").map(|v| v.trim().parse::<usize>().expect("a length"))
        });
        if body.len() < length.unwrap_or(0) {
            continue;
        }
        let (status, answer) = answers(head, body);
        let answer = answer.to_string();
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{answer}", answer.len());
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
        raw.clear();
    }
}
