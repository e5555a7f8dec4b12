//! The HTTP layer: sockets in, typed requests to handlers, typed responses out.
//!
//! Knows nothing of the parts of the API: a [`Route`] is data, generic over the state `S`
//! that its handler gets.

mod body;
pub mod connections;
pub mod cors;
mod error;
mod exchange;
mod fields;
mod json;
mod outgoing;
mod request;
mod response;
mod router;
mod server;
pub mod sse;

pub use error::ApiError;
pub use fields::{Fields, trimmed};
pub use request::{Headers, Query, Request};
pub use response::{Body, Response};
pub use router::{Lane, Method, Route, Router};
pub use server::{Gate, HttpConfig, Server};
