//! The one error a handler can answer with.

use serde_json::{Map, Value};

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

    /// An answer whose contract has no `error` text.
    pub fn without_message(mut self) -> Self {
        self.message = None;
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

impl From<crate::db::Error> for ApiError {
    fn from(error: crate::db::Error) -> Self {
        match error {
            crate::db::Error::Busy => ApiError::unavailable("the database is busy, try again").retry_after(1),
            crate::db::Error::Crowded => ApiError::unavailable("the daemon is busy").retry_after(1),
            crate::db::Error::TooLong => {
                ApiError::unavailable("the question takes the database too long; ask for less").retry_after(10)
            }
            crate::db::Error::Moved | crate::db::Error::Damaged => ApiError::unavailable(error.to_string()),
            crate::db::Error::Full => ApiError::new(507, "the disk is full; nothing was written"),
            crate::db::Error::Stopped => ApiError::unavailable("shutting down"),
            other => ApiError::internal(other),
        }
    }
}

impl From<rusqlite::Error> for ApiError {
    fn from(error: rusqlite::Error) -> Self {
        crate::db::Error::from(error).into()
    }
}
