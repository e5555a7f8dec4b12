//! Server-sent events: written and flushed one by one on a thread per stream, within a limit per kind.
//!
//! tiny_http's chunked writer buffers, so the head is written here and the stream ends with the
//! connection.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::core::Stop;
use crate::sys::locks;
use crate::work::{Next, Reader};

/// The longest silence on a stream.
pub const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How soon a stream notices that it is stopped.
const LOOK: Duration = Duration::from_millis(500);

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

/// A kind of stream with its limit.
#[derive(Debug)]
pub struct StreamKind {
    pub name: &'static str,
    /// Streams of this kind at once.
    pub most: usize,
}

/// The open streams of each kind.
#[derive(Debug, Default)]
pub struct Open(Mutex<HashMap<&'static str, usize>>);

impl Open {
    /// A place among the streams of a kind until it is dropped; `None` when all are taken.
    pub fn take(self: &Arc<Self>, kind: &'static StreamKind) -> Option<Slot> {
        let mut open = locks::lock(&self.0);
        let count = open.entry(kind.name).or_default();
        if *count >= kind.most {
            return None;
        }
        *count += 1;
        Some(Slot { open: Arc::clone(self), kind })
    }
}

/// See [`Open::take`].
pub struct Slot {
    open: Arc<Open>,
    kind: &'static StreamKind,
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(count) = locks::lock(&self.open.0).get_mut(self.kind.name) {
            *count = count.saturating_sub(1);
        }
    }
}

/// A client that reads events. A failed write means that it has gone.
pub struct Sse<'a> {
    writer: &'a mut (dyn Write + Send),
}

impl<'a> Sse<'a> {
    /// Writes the head of the answer.
    pub fn begin(writer: &'a mut (dyn Write + Send), headers: &[(&str, String)]) -> io::Result<Self> {
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
        Ok(Sse { writer })
    }

    pub fn send(&mut self, event: &Event) -> io::Result<()> {
        self.writer.write_all(event.encode().as_bytes())?;
        self.writer.flush()
    }

    /// A comment, which clients skip: shows proxies that we live and us that the client does.
    pub fn keep_alive(&mut self) -> io::Result<()> {
        self.writer.write_all(b": keepalive\n\n")?;
        self.writer.flush()
    }

    /// Sends what a reader gets until it is closed, the run is stopped or the client leaves; a comment
    /// in every pause. Items that `event` makes nothing of are passed over. A reader that was dropped for being
    /// slow ends with the event `dropped`.
    pub fn follow<T>(&mut self, reader: &Reader<T>, stop: &Stop, event: impl Fn(T) -> Option<Event>) -> io::Result<()> {
        let mut quiet = Instant::now();
        while !stop.is_stopped() {
            match reader.next(LOOK) {
                Next::Item(item) => match event(item) {
                    Some(event) => self.send(&event)?,
                    None if quiet.elapsed() < KEEP_ALIVE => continue,
                    None => self.keep_alive()?,
                },
                Next::Quiet if quiet.elapsed() < KEEP_ALIVE => continue,
                Next::Quiet => self.keep_alive()?,
                Next::Dropped => {
                    return self.send(&Event { name: Some("dropped".to_owned()), ..Event::data("too slow") });
                }
                Next::Closed => return Ok(()),
            }
            quiet = Instant::now();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::Hub;

    const SAMPLE: StreamKind = StreamKind { name: "sample", most: 1 };

    #[test]
    fn events_are_framed_and_the_stream_ends_with_its_publisher() {
        let hub = Hub::new(4, 4);
        let reader = hub.subscribe().unwrap();
        hub.publish(&"a\nb");
        hub.publish(&"left out");
        hub.publish(&"c");
        hub.close();
        let mut out = Vec::new();
        let mut sse = Sse::begin(&mut out, &[("Vary", "Origin".into())]).unwrap();
        sse.follow(&reader, &Stop::new(), |data: &str| {
            (data != "left out").then(|| Event { name: Some("log".into()), id: Some("7".into()), data: data.into() })
        })
        .unwrap();
        let text = String::from_utf8(out).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("text/event-stream") && head.contains("Vary: Origin"));
        assert_eq!(body, "event: log\nid: 7\ndata: a\ndata: b\n\nevent: log\nid: 7\ndata: c\n\n");
    }

    #[test]
    fn a_stop_and_a_client_that_has_gone_end_it() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                if bytes.starts_with(b"HTTP") { Ok(bytes.len()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let hub = Hub::new(4, 4);
        let reader = hub.subscribe().unwrap();
        hub.publish(&1);
        let mut gone = Gone;
        let mut sse = Sse::begin(&mut gone, &[]).unwrap();
        let ended = sse.follow(&reader, &Stop::new(), |n: i32| Some(Event::data(n.to_string())));
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        let stop = Stop::new();
        stop.stop();
        assert!(sse.follow(&reader, &stop, |n: i32| Some(Event::data(n.to_string()))).is_ok());
    }

    #[test]
    fn each_kind_has_so_many_places() {
        let open = Arc::new(Open::default());
        let place = open.take(&SAMPLE);
        assert!(place.is_some() && open.take(&SAMPLE).is_none());
        drop(place);
        assert!(open.take(&SAMPLE).is_some());
    }
}
