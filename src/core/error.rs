//! Why something was not done, in the words of the work itself; `http` knows which status each is.

use std::borrow::Cow;

use crate::db;

type Words = Cow<'static, str>;

#[derive(Debug, Clone)]
pub enum Error {
    /// A field that cannot be: `limit`, `must be a whole number from 1 to 200`.
    Invalid {
        field: Words,
        must: Words,
    },
    /// A request that cannot be read, or that says less than is needed: a whole sentence.
    Malformed(Words),
    /// No valid credential.
    Unauthenticated(Words),
    Forbidden(Words),
    NotFound(Words),
    Conflict(Words),
    /// The kill switch is on: nothing is changed.
    Frozen,
    /// Too much at once; to be tried again after so many seconds.
    Busy {
        why: Words,
        after_s: u64,
    },
    /// The caller's bucket is empty until then (Unix milliseconds).
    Limited {
        retry_at_ms: i64,
        now_ms: i64,
    },
    /// The daemon or its database cannot work now.
    Unavailable(Words),
    /// The disk is full; nothing was written.
    Full,
    /// A server that was asked did not answer, or not usably.
    Unreachable(Words),
    /// A server that was asked did not answer in time.
    TimedOut(Words),
    /// A defect or a failing disk. The cause is for the log only.
    Failed(Words),
}

impl Error {
    pub fn invalid(field: impl Into<Words>, must: impl Into<Words>) -> Self {
        Error::Invalid { field: field.into(), must: must.into() }
    }

    pub fn required(field: impl Into<Words>) -> Self {
        Error::invalid(field, "is required")
    }

    pub fn malformed(why: impl Into<Words>) -> Self {
        Error::Malformed(why.into())
    }

    pub fn forbidden(why: impl Into<Words>) -> Self {
        Error::Forbidden(why.into())
    }

    pub fn not_found(what: impl Into<Words>) -> Self {
        Error::NotFound(what.into())
    }

    pub fn conflict(why: impl Into<Words>) -> Self {
        Error::Conflict(why.into())
    }

    pub fn busy(why: impl Into<Words>, after_s: u64) -> Self {
        Error::Busy { why: why.into(), after_s }
    }

    pub fn unavailable(why: impl Into<Words>) -> Self {
        Error::Unavailable(why.into())
    }

    pub fn failed(cause: impl std::fmt::Display) -> Self {
        Error::Failed(cause.to_string().into())
    }

    /// The same of a field inside another: `scope.project must be a string`.
    pub fn within(self, outer: &str) -> Self {
        match self {
            Error::Invalid { field, must } => Error::invalid(format!("{outer}.{field}"), must),
            other => other,
        }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Error::Invalid { field, must } => write!(f, "{field} {must}"),
            Error::Frozen => f.write_str("Mutations are frozen (kill switch active)"),
            Error::Limited { .. } => f.write_str("rate limit exceeded"),
            Error::Full => f.write_str("the disk is full; nothing was written"),
            Error::Malformed(why)
            | Error::Unauthenticated(why)
            | Error::Forbidden(why)
            | Error::NotFound(why)
            | Error::Conflict(why)
            | Error::Busy { why, .. }
            | Error::Unavailable(why)
            | Error::Unreachable(why)
            | Error::TimedOut(why)
            | Error::Failed(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for Error {}

impl From<db::Error> for Error {
    fn from(error: db::Error) -> Self {
        match error {
            db::Error::Busy => Error::busy("the database is busy, try again", 1),
            db::Error::Crowded => Error::busy("the daemon is busy", 1),
            db::Error::TooLong => Error::busy("the question takes the database too long; ask for less", 10),
            db::Error::Moved | db::Error::Damaged => Error::unavailable(error.to_string()),
            db::Error::Full => Error::Full,
            db::Error::Stopped => Error::unavailable("shutting down"),
            other => Error::failed(other),
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        db::Error::from(error).into()
    }
}
