//! `/api/auth/*`: who am I, logging in, minting tokens, API keys (foundation part, §6).

mod routes;

pub use routes::{NewKeyRequest, ROUTES};
