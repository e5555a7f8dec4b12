//! What a handler sees of a request: path parameters, query, headers, body, who calls.

use std::cell::OnceCell;
use std::net::SocketAddr;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::{ApiError, Method};
use crate::auth::Caller;

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

    /// The raw value, empty included.
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

    /// `1` or `true`.
    pub fn flag(&self, name: &str) -> bool {
        matches!(self.get(name), Some("1" | "true"))
    }

    /// A number clamped into `min..=max`: the leading integer of the text, else `default`.
    pub fn clamped(&self, name: &str, default: i64, min: i64, max: i64) -> i64 {
        self.get(name).and_then(leading_int).map_or(default, |n| n.clamp(min, max))
    }

    /// A number; what is none counts as absent, and one that is not finite is refused.
    pub fn number(&self, name: &str) -> Result<Option<f64>, ApiError> {
        match self.text(name).and_then(|s| s.parse::<f64>().ok()) {
            Some(n) if !n.is_finite() => Err(ApiError::bad_request(format!("{name} must be a finite number"))),
            other => Ok(other),
        }
    }

    /// The parameters as a JSON object of strings, for routes that take body or query alike.
    pub fn to_map(&self) -> Map<String, Value> {
        self.0.iter().map(|(n, v)| (n.clone(), Value::from(v.as_str()))).collect()
    }
}

/// The integer a text begins with, saturating (JavaScript's `parseInt`).
pub fn leading_int(text: &str) -> Option<i64> {
    let text = text.trim_start();
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let end = digits.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(digits.len());
    if end == 0 {
        return None;
    }
    let n = digits[..end].parse().unwrap_or(i64::MAX);
    Some(if negative { -n } else { n })
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
    /// Set by the gate before the handler runs.
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
            caller: Caller::Local,
            params: Vec::new(),
            parsed: OnceCell::new(),
        }
    }

    /// A path parameter, decoded; empty when the route has none of that name.
    pub fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(n, _)| *n == name).map_or("", |(_, v)| v.as_str())
    }

    fn json(&self) -> Result<&Value, &str> {
        self.parsed.get_or_init(|| super::json::parse(&self.body)).as_ref().map_err(String::as_str)
    }

    /// The body as a JSON object: 400 `Invalid JSON body` for anything else.
    pub fn object(&self) -> Result<super::Fields<'_>, ApiError> {
        match self.json() {
            Ok(Value::Object(map)) => Ok(super::Fields(map)),
            Ok(_) => Err(ApiError::bad_request("Invalid JSON body: an object is required")),
            Err(why) => Err(ApiError::bad_request(why)),
        }
    }

    /// Like [`Self::object`] for routes whose body may be left out (`None`).
    pub fn optional_object(&self) -> Result<Option<super::Fields<'_>>, ApiError> {
        if self.body.iter().all(u8::is_ascii_whitespace) { Ok(None) } else { self.object().map(Some) }
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
    fn query_numbers_take_the_leading_integer_and_are_clamped() {
        let q = Query::parse("a=12x&b=-5&c=huge&d=99999999999999999999&e=&s=x%20y+z");
        assert_eq!(q.clamped("a", 1, 0, 100), 12);
        assert_eq!(q.clamped("b", 1, 0, 100), 0);
        assert_eq!(q.clamped("c", 7, 0, 100), 7);
        assert_eq!(q.clamped("d", 7, 0, 100), 100);
        assert_eq!(q.clamped("e", 7, 0, 100), 7);
        assert_eq!(q.text("s"), Some("x y z"));
    }
}
