//! The HTTP layer: sockets in, typed requests to handlers, typed answers out.
//!
//! Knows nothing of the parts of the API and nothing of the database: a [`Route`] is data, generic
//! over the part `P` that its handler gets.

pub mod answer;
mod body;
pub mod connections;
pub mod cors;
mod dispatch;
mod door;
mod error;
mod exchange;
pub mod input;
pub mod json;
mod method;
pub mod openapi;
mod outgoing;
mod pulse;
mod request;
mod response;
mod route;
mod router;
mod server;
pub mod stream;

pub use dispatch::{Dispatch, Dispatcher, Gate};
pub use door::Door;
pub use error::ApiError;
pub use method::{Lane, Method};
pub use pulse::Pulse;
pub use request::{Headers, Query, Request};
pub use response::{Body, Response};
pub use route::{Handler, Route, Spec};
pub use router::Router;
pub use server::{HttpConfig, Server};
