//! What a handler sees of a request: path parameters, query, headers, body, who calls.

use std::cell::OnceCell;
use std::net::{IpAddr, SocketAddr};

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::Method;
use super::input::Input;
use crate::core::Error;
use crate::core::access::{Actor, Asker, Caller, Claimed};

/// Header lines, names compared without case.
#[derive(Debug, Default, Clone)]
pub struct Headers(pub Vec<(String, String)>);

impl Headers {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// Every line of that name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// Trimmed; blank counts as absent.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).map(str::trim).filter(|v| !v.is_empty())
    }
}

/// Decoded query parameters in their order.
#[derive(Debug, Default, Clone)]
pub struct Query(Vec<(String, String)>);

impl Query {
    pub fn parse(raw: &str) -> Self {
        let decode = |s: &str| percent_decode_str(&s.replace('+', " ")).decode_utf8_lossy().into_owned();
        Query(
            raw.split('&')
                .filter(|pair| !pair.is_empty())
                .map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (decode(name), decode(value))
                })
                .collect(),
        )
    }

    /// The raw value, empty included; of a parameter given twice the first.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// Trimmed; blank counts as absent.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).map(str::trim).filter(|v| !v.is_empty())
    }

    pub fn text_of(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|n| self.text(n))
    }

    /// The parameters as a JSON object of strings.
    pub fn to_map(&self) -> Map<String, Value> {
        let mut map = Map::new();
        for (name, value) in &self.0 {
            map.entry(name.as_str()).or_insert_with(|| Value::from(value.as_str()));
        }
        map
    }
}

/// One request, its body read completely.
#[derive(Debug)]
pub struct Request {
    pub method: Method,
    /// The path as sent, without the query.
    pub path: String,
    pub query: Query,
    pub headers: Headers,
    pub body: Vec<u8>,
    /// The socket's other end; `None` counts as remote.
    pub peer: Option<SocketAddr>,
    /// Nobody until the gate has said who it is.
    pub caller: Caller,
    /// Decoded `:name` parts of the route's path.
    pub params: Vec<(&'static str, String)>,
    pub(super) parsed: OnceCell<Result<Value, String>>,
}

impl Request {
    pub fn new(method: Method, target: &str, headers: Headers, peer: Option<SocketAddr>) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let query = query.split('#').next().unwrap_or_default();
        Request {
            method,
            path: path.to_owned(),
            query: Query::parse(query),
            headers,
            body: Vec::new(),
            peer,
            caller: Caller::Anonymous,
            params: Vec::new(),
            parsed: OnceCell::new(),
        }
    }

    /// A request that is made for this one: from the same peer, under the same caller.
    pub fn inner(&self, method: Method, path: String, headers: Headers) -> Self {
        let inner = Request::new(method, "", headers, self.peer);
        Request { path, caller: self.caller.clone(), ..inner }
    }

    pub fn with_query(mut self, query: Vec<(String, String)>) -> Self {
        self.query = Query(query);
        self
    }

    /// With an object as its body.
    pub fn with_members(mut self, members: Map<String, Value>) -> Self {
        let body = Value::Object(members);
        self.body = body.to_string().into_bytes();
        self.parsed = OnceCell::from(Ok(body));
        self
    }

    /// A path parameter, decoded; empty when the route has none of that name.
    pub fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(n, _)| *n == name).map_or("", |(_, v)| v.as_str())
    }

    fn json(&self) -> Result<&Value, &str> {
        self.parsed.get_or_init(|| super::json::parse(&self.body)).as_ref().map_err(String::as_str)
    }

    /// The body as a JSON object.
    pub fn object(&self) -> Result<&Map<String, Value>, Error> {
        match self.json() {
            Ok(Value::Object(map)) => Ok(map),
            Ok(_) => Err(Error::malformed("Invalid JSON body: an object is required")),
            Err(why) => Err(Error::malformed(why.to_owned())),
        }
    }

    /// Like [`Self::object`] for routes whose body may be left out (`None`).
    pub fn optional_object(&self) -> Result<Option<&Map<String, Value>>, Error> {
        if self.body.iter().all(u8::is_ascii_whitespace) { Ok(None) } else { self.object().map(Some) }
    }

    /// What the route takes, read and checked.
    pub fn input<I: Input>(&self) -> Result<I, Error> {
        I::of(self)
    }

    pub fn peer_ip(&self) -> Option<IpAddr> {
        self.peer.map(|peer| peer.ip())
    }

    /// Who asks, with the agent that query or headers name.
    pub fn asker(&self) -> Asker<'_> {
        Asker {
            caller: &self.caller,
            named: self.query.text_of(&["agentId", "agent_id"]).or(self.headers.text("x-signet-agent-id")),
            session_key: self.headers.text("x-signet-session-key"),
        }
    }

    /// Who changes something, as the history is to keep it.
    pub fn actor(&self, changed_by: Option<&str>) -> Actor {
        let claimed = Claimed {
            actor: self.headers.text("x-signet-actor"),
            actor_type: self.headers.text("x-signet-actor-type"),
            session_id: self.headers.text("x-signet-session-id"),
            request_id: self.headers.text("x-signet-request-id"),
        };
        Actor::of(&self.caller, claimed, changed_by)
    }

    /// The body as any JSON value; `None` when it does not parse.
    pub fn any_json(&self) -> Option<&Value> {
        self.json().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded_and_the_first_of_a_name_counts() {
        let q = Query::parse("a=12x&s=x%20y+z&e=&a=second");
        assert_eq!((q.get("a"), q.text("s"), q.text("e")), (Some("12x"), Some("x y z"), None));
        assert_eq!(q.to_map()["a"], "12x");
    }
}
