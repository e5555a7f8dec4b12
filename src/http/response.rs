//! What a handler answers with.

use serde::Serialize;

use super::ApiError;
use super::stream::{Sse, StreamKind};
use crate::core::Stop;

/// Writes a stream's events until it ends, is stopped or a write fails.
pub type Run = Box<dyn FnOnce(&mut Sse<'_>, &Stop) -> std::io::Result<()> + Send>;

/// The content of an answer.
pub enum Body {
    Bytes(Vec<u8>),
    /// Server-sent events, written on a thread of their own.
    Stream(&'static StreamKind, Run),
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Body::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
            Body::Stream(kind, _) => write!(f, "a stream of {}", kind.name),
        }
    }
}

#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Body,
}

impl Response {
    fn bytes(status: u16, content_type: &str, body: Vec<u8>) -> Self {
        Response { status, headers: vec![("Content-Type", content_type.to_owned())], body: Body::Bytes(body) }
    }

    /// 200 with a JSON body.
    pub fn json(value: &impl Serialize) -> Self {
        Self::json_with(200, value)
    }

    /// 201 with a JSON body.
    pub fn created(value: &impl Serialize) -> Self {
        Self::json_with(201, value)
    }

    pub fn json_with(status: u16, value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => Self::bytes(status, "application/json", body),
            Err(cause) => ApiError::internal(cause).into(),
        }
    }

    /// 200 with JSON that is written already.
    pub fn json_bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self::bytes(200, "application/json", bytes.into())
    }

    pub fn text(status: u16, text: &str) -> Self {
        Self::bytes(status, "text/plain; charset=utf-8", text.as_bytes().to_vec())
    }

    pub fn html(text: &str) -> Self {
        Self::bytes(200, "text/html; charset=utf-8", text.as_bytes().to_vec())
    }

    pub fn empty(status: u16) -> Self {
        Response { status, headers: Vec::new(), body: Body::Bytes(Vec::new()) }
    }

    /// A stream of server-sent events.
    pub fn stream(
        kind: &'static StreamKind,
        run: impl FnOnce(&mut Sse<'_>, &Stop) -> std::io::Result<()> + Send + 'static,
    ) -> Self {
        Response { status: 200, headers: Vec::new(), body: Body::Stream(kind, Box::new(run)) }
    }

    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl From<ApiError> for Response {
    fn from(error: ApiError) -> Self {
        // an error body is strings and numbers: it always serialises
        let body = serde_json::to_vec(&error.body()).unwrap_or_default();
        let mut response = Self::bytes(error.status, "application/json", body);
        if let Some(seconds) = error.retry_after {
            response.headers.push(("Retry-After", seconds.to_string()));
        }
        if error.status == 401 {
            response.headers.push(("WWW-Authenticate", "Bearer".to_owned()));
        }
        response
    }
}
