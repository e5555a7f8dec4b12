//! From a line to its answer: by the running daemon; where none runs by the workspace itself, opened for as long as it
//! is used; else by what can be said without either.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::LONGEST;
use super::daemon::Daemon;
use crate::cli::house::{Claimed, House, Opened};
use crate::config::Environment;
use crate::core::Listening;
use crate::http::{Body, Headers, Method, Request, json};
use crate::parts::mcp::{Mcp, RpcError};
use crate::sys::locks;
use crate::upstream::Error;

/// Unused for so long the workspace is given back: a daemon may want it.
const IDLE: Duration = Duration::from_secs(2);
/// Held for so long it is given back between two calls, and not taken again for [`BREATH`]: one may be waiting for it.
const HELD: Duration = Duration::from_secs(3);
const BREATH: Duration = Duration::from_millis(200);
/// How long one waits for another client that has it.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);

/// The workspace, while it is open here.
#[derive(Default)]
struct Own {
    house: Option<Arc<House>>,
    opened: Option<Instant>,
    used: Option<Instant>,
}

impl Own {
    /// Closes it, unless a call is running; whether it did. With the lock held: who opens it next waits until it is shut.
    fn close(&mut self) -> bool {
        let is_alone = self.house.as_ref().is_some_and(|house| Arc::strong_count(house) == 1);
        let Some(house) = self.house.take_if(|_| is_alone).and_then(Arc::into_inner) else { return false };
        house.close();
        true
    }
}

/// See the module.
pub struct Bridge {
    env: Environment,
    daemon: Daemon,
    own: Mutex<Own>,
    /// Answers what needs no memory.
    offline: Mcp,
    /// The version that `initialize` settled.
    version: Mutex<Option<String>>,
}

/// An HTTP answer.
type Answered = (u16, String);

/// Why there is none.
enum Unanswered {
    /// There is nobody: what needs no memory can be answered all the same.
    Alone(String),
    /// Somebody was asked and may have done it.
    Broken(String),
}

impl Bridge {
    pub fn new(env: Environment, daemon: Daemon) -> Self {
        let offline = Mcp::new(env!("CARGO_PKG_VERSION"));
        Bridge { env, daemon, own: Mutex::default(), offline, version: Mutex::default() }
    }

    /// The answer to a line, `None` where it asks for none.
    pub fn answer(&self, line: &[u8]) -> Option<String> {
        let line = line.trim_ascii();
        if line.len() as u64 >= LONGEST {
            return Some(RpcError::invalid_request("the line is too long").body().to_string());
        }
        let Ok(body) = json::parse(line) else {
            return Some(RpcError::parse("the line is no JSON").body().to_string());
        };
        let version = locks::whole(self.version.lock()).clone();
        let answer = match self.ask(line, &body, version.as_deref()) {
            Ok(answered) => said(answered, &body),
            Err(Unanswered::Alone(why)) => {
                eprintln!("signetd mcp: {why}");
                self.offline.without_memory(&body, &why)
            }
            Err(Unanswered::Broken(why)) => {
                eprintln!("signetd mcp: {why}");
                RpcError::transport(format!("no answer, though it may have been done: {why}")).to_each(&body)
            }
        };
        if body["method"] == "initialize" {
            self.settle(answer.as_deref());
        }
        answer
    }

    /// Notes the version of an answered `initialize`.
    fn settle(&self, answer: Option<&str>) {
        let answer: Option<Value> = answer.and_then(|text| serde_json::from_str(text).ok());
        let settled = answer.and_then(|answer| Some(answer["result"]["protocolVersion"].as_str()?.to_owned()));
        *locks::whole(self.version.lock()) = settled;
    }

    /// Status and body of whoever answers.
    fn ask(&self, line: &[u8], body: &Value, version: Option<&str>) -> Result<Answered, Unanswered> {
        if let Some(house) = self.house() {
            return Ok(self.ask_here(&house, line, version));
        }
        let why = match self.ask_daemon(line, calls(body), version) {
            Err(Unanswered::Alone(why)) => why,
            settled => return settled,
        };
        if !self.daemon.is_own || !calls(body) {
            return Err(Unanswered::Alone(why));
        }
        match self.open() {
            Ok(house) => Ok(self.ask_here(&house, line, version)),
            // whoever holds it may be the daemon, which answers by now
            Err(cause) => match self.ask_daemon(line, true, version) {
                Err(Unanswered::Alone(_)) => Err(Unanswered::Alone(cause)),
                settled => settled,
            },
        }
    }

    fn ask_daemon(&self, line: &[u8], calls: bool, version: Option<&str>) -> Result<Answered, Unanswered> {
        self.daemon.post(line, calls, version).map_err(|error| {
            let why = format!("{}: {error}", self.daemon.url());
            // what calls no tool changes nothing: it may be asked again
            let alone = !calls || matches!(error, Error::Unconnected(_));
            if alone { Unanswered::Alone(why) } else { Unanswered::Broken(why) }
        })
    }

    /// The workspace, if it is open here.
    fn house(&self) -> Option<Arc<House>> {
        let mut own = locks::whole(self.own.lock());
        if own.opened.is_some_and(|opened| opened.elapsed() >= HELD) && own.close() {
            std::thread::sleep(BREATH);
        }
        let house = own.house.clone()?;
        own.used = Some(Instant::now());
        Some(house)
    }

    /// Opens the workspace, unless another worker has meanwhile.
    fn open(&self) -> Result<Arc<House>, String> {
        let mut own = locks::whole(self.own.lock());
        own.used = Some(Instant::now());
        if let Some(house) = &own.house {
            return Ok(Arc::clone(house));
        }
        let open = || -> Result<House, Box<dyn std::error::Error>> {
            let listening = Listening { bind: "127.0.0.1".to_owned(), port: self.env.port };
            Opened::new(Claimed::new(self.env.clone(), LOCK_PATIENCE)?)?.furnish(listening)
        };
        let house = Arc::new(open().map_err(|cause| format!("no daemon runs, and the workspace stays shut: {cause}"))?);
        log::info!(target: "mcp", "no daemon runs: the workspace {} is opened here", self.env.workspace.display());
        own.house = Some(Arc::clone(&house));
        own.opened = Some(Instant::now());
        Ok(house)
    }

    /// Gives the workspace back when nobody has used it for a while, or at once.
    pub fn give_back(&self, now: bool) {
        let mut own = locks::whole(self.own.lock());
        if now || own.used.is_none_or(|used| used.elapsed() >= IDLE) {
            own.close();
        }
    }

    /// The way of a request that came over a socket of this machine.
    fn ask_here(&self, house: &House, line: &[u8], version: Option<&str>) -> Answered {
        let mut headers = self.daemon.headers(version);
        headers.push(("Host".to_owned(), format!("127.0.0.1:{}", self.env.port)));
        let peer = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
        let mut request = Request::new(Method::Post, "/mcp", Headers(headers), Some(peer));
        request.body = line.to_vec();
        let route = house.dispatcher.route(&mut request);
        let answer = house.dispatcher.answer(route, &mut request, false);
        match answer.body {
            Body::Bytes(bytes) => (answer.status, String::from_utf8_lossy(&bytes).into_owned()),
            Body::Stream(..) => (500, String::new()),
        }
    }
}

/// Whether a body calls a tool: all else can be answered without a memory.
fn calls(body: &Value) -> bool {
    let is_call = |message: &Value| message["method"] == "tools/call";
    body.as_array().map_or_else(|| is_call(body), |all| all.iter().any(is_call))
}

/// What a client reads of an HTTP answer: each request must get its answer, also when the whole was refused.
fn said((status, text): Answered, body: &Value) -> Option<String> {
    if status == 202 {
        return None;
    }
    if status == 200 {
        // one line is one message
        return Some(text.replace(['\n', '\r'], " "));
    }
    let refused: Value = serde_json::from_str(&text).unwrap_or_default();
    let error = &refused["error"];
    let why = error["message"].as_str().or(error.as_str()).unwrap_or("no reason given");
    let code = error["code"].as_i64().unwrap_or(-32_000);
    RpcError { code, message: format!("{why} (HTTP {status})") }.to_each(body)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_request_gets_its_answer() {
        let ask = json!({"jsonrpc": "2.0", "id": 7, "method": "ping"});
        assert_eq!(said((202, String::new()), &ask), None);
        assert_eq!(said((200, "{\n}".to_owned()), &ask).unwrap(), "{ }");
        let refused = said((401, r#"{"error":"unauthorized"}"#.to_owned()), &ask).unwrap();
        let want = json!({"jsonrpc": "2.0", "id": 7, "error": {"code": -32000, "message": "unauthorized (HTTP 401)"}});
        assert_eq!(serde_json::from_str::<Value>(&refused).unwrap(), want);
        let note = json!({"jsonrpc": "2.0", "method": "notifications/x"});
        assert_eq!(said((401, String::new()), &note), None, "a notification is never answered");
        let both = said((503, String::new()), &json!([ask, note, ask])).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&both).unwrap().as_array().unwrap().len(), 2);
        let none = said((400, r#"{"error":{"code":-32700,"message":"m"}}"#.to_owned()), &json!({"x": 1})).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&none).unwrap()["id"], Value::Null);
    }
}
