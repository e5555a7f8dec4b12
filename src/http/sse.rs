//! Server-sent events: written and flushed one by one on a thread per stream.
//!
//! tiny_http's chunked writer buffers, so the head is written here and the stream ends with the
//! connection. A comment every [`KEEP_ALIVE`] shows proxies that we live and us that the client does.

use std::io::{self, Write};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};

pub const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// One event. `data` may have several lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    pub name: Option<String>,
    pub id: Option<String>,
    pub data: String,
}

impl Event {
    pub fn data(data: impl Into<String>) -> Self {
        Event { data: data.into(), ..Event::default() }
    }

    fn encode(&self) -> String {
        let mut text = String::with_capacity(self.data.len() + 32);
        // a line break in a name or id would begin a field of its own
        let one_line = |s: &str| s.replace(['\r', '\n'], " ");
        if let Some(name) = &self.name {
            text += &format!("event: {}\n", one_line(name));
        }
        if let Some(id) = &self.id {
            text += &format!("id: {}\n", one_line(id));
        }
        for line in self.data.split('\n') {
            text += &format!("data: {}\n", line.trim_end_matches('\r'));
        }
        text.push('\n');
        text
    }
}

/// Writes the head and then events until the sender is dropped or a write fails.
pub fn write_stream(
    mut writer: impl Write,
    headers: &[(&str, String)],
    events: &Receiver<Event>,
    keep_alive: Duration,
) -> io::Result<()> {
    let mut head = String::from(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n\
         X-Accel-Buffering: no\r\nConnection: close\r\n",
    );
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += "\r\n";
    writer.write_all(head.as_bytes())?;
    writer.flush()?;
    loop {
        match events.recv_timeout(keep_alive) {
            Ok(event) => writer.write_all(event.encode().as_bytes())?,
            Err(RecvTimeoutError::Timeout) => writer.write_all(b": keep-alive\n\n")?,
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
        writer.flush()?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_framed_and_the_stream_ends_with_its_sender() {
        let (tx, rx) = crossbeam_channel::bounded(4);
        tx.send(Event { name: Some("log".into()), id: Some("7".into()), data: "a\nb".into() }).unwrap();
        tx.send(Event::data("c")).unwrap();
        drop(tx);
        let mut out = Vec::new();
        write_stream(&mut out, &[("Vary", "Origin".into())], &rx, KEEP_ALIVE).unwrap();
        let text = String::from_utf8(out).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("text/event-stream") && head.contains("Vary: Origin"));
        assert_eq!(body, "event: log\nid: 7\ndata: a\ndata: b\n\ndata: c\n\n");
    }

    #[test]
    fn a_quiet_stream_is_kept_alive_and_ends_when_the_client_goes() {
        struct Client(usize);
        impl Write for Client {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0 += 1;
                // the head, two comments, then the connection is gone
                if self.0 > 3 { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(bytes.len()) }
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (_tx, rx) = crossbeam_channel::bounded(1);
        let ended = write_stream(Client(0), &[], &rx, Duration::from_millis(1));
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
