//! The one error a handler can answer with.

use serde_json::{Map, Value};

use crate::core::Error;

/// `{"error": message, …fields}` with a status.
///
/// Anything internal (SQL, paths, keys) is logged where it happens and never put in here.
#[derive(Debug, Clone)]
pub struct ApiError {
    pub status: u16,
    pub message: Option<String>,
    pub fields: Map<String, Value>,
    /// `Retry-After` in seconds.
    pub retry_after: Option<u64>,
}

impl ApiError {
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        ApiError { status, message: Some(message.into()), fields: Map::new(), retry_after: None }
    }

    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, message)
    }

    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(403, message)
    }

    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, message)
    }

    /// A body above what its route takes.
    pub fn too_large() -> Self {
        Self::new(413, "payload too large")
    }

    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(503, message)
    }

    /// A defect or a failing disk: the cause goes to the log, the client gets a plain message.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        log::error!(target: "http", "internal error: {cause}");
        Self::new(500, "Internal server error")
    }

    /// Adds a field beside `error`.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(name.to_owned(), value.into());
        self
    }

    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The JSON body.
    pub fn body(&self) -> Value {
        let mut body = Map::new();
        if let Some(message) = &self.message {
            body.insert("error".to_owned(), Value::from(message.as_str()));
        }
        body.extend(self.fields.clone());
        Value::Object(body)
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let words = error.to_string();
        match error {
            Error::Invalid { .. } | Error::Malformed(_) => ApiError::bad_request(words),
            Error::Unauthenticated(_) => ApiError::new(401, words),
            Error::Forbidden(_) => ApiError::forbidden(words),
            Error::NotFound(_) => ApiError::not_found(words),
            Error::Conflict(_) => ApiError::new(409, words),
            Error::Busy { after_s, .. } => ApiError::unavailable(words).retry_after(after_s),
            Error::Limited { retry_at_ms, now_ms } => {
                let seconds = ((retry_at_ms - now_ms).max(0) as u64).div_ceil(1000).max(1);
                ApiError::new(429, words).with("retryAfter", retry_at_ms).retry_after(seconds)
            }
            Error::Frozen | Error::Unavailable(_) => ApiError::unavailable(words),
            Error::Full => ApiError::new(507, words),
            Error::Unreachable(_) => ApiError::new(502, words),
            Error::TimedOut(_) => ApiError::new(504, words),
            Error::Failed(cause) => ApiError::internal(cause),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_its_status_and_no_cause_leaves_the_house() {
        let status = |error: Error| ApiError::from(error).status;
        assert_eq!(status(Error::required("name")), 400);
        assert_eq!(status(Error::Frozen), 503);
        assert_eq!(status(Error::Full), 507);
        assert_eq!(status(Error::Unreachable("no".into())), 502);
        let failed = ApiError::from(Error::failed("no such column: secret"));
        assert_eq!((failed.status, failed.message.as_deref()), (500, Some("Internal server error")));
    }

    #[test]
    fn a_limit_says_when_to_come_again() {
        let refused = ApiError::from(Error::Limited { retry_at_ms: 20_000, now_ms: 18_500 });
        assert_eq!((refused.status, refused.retry_after), (429, Some(2)));
        assert_eq!(refused.body()["retryAfter"], 20_000);
    }
}
