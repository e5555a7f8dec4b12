//! What harnesses call at the fixed points of a conversation.

mod api;
mod call;
mod compaction;
mod end;
mod explicit;
mod extract;
mod prompt;
mod routes;
mod start;

pub use api::{BypassBody, Short};
pub use call::Call;
pub use compaction::age_days;
pub use routes::ROUTES;
pub use start::Starts;
