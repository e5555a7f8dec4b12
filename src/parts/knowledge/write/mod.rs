//! What a memory brings into the graph: entities it names, and the entities and claims of a structured
//! payload.

use crate::text::one_line;

mod api;
mod claims;
mod link;
mod names;
mod structured;

pub use api::StructuredInput;
pub use link::link;
pub use structured::{Structured, Subject, Writing};

/// Lower case, single spaces.
pub fn canonical(name: &str) -> String {
    one_line(&name.to_lowercase())
}
