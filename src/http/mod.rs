//! The HTTP layer: sockets in, typed requests to handlers, typed responses out.
//!
//! Knows nothing of the parts of the API: a [`Route`] is data, generic over the state `S`
//! that its handler gets.

pub mod connections;
pub mod cors;
mod error;
mod fields;
mod request;
mod response;
mod router;
mod server;
pub mod sse;

pub use error::ApiError;
pub use fields::Fields;
pub use request::{Headers, Query, Request};
pub use response::{Body, Response};
pub use router::{Lane, Method, Route, Router};
pub use server::{Gate, HttpConfig, Server};
