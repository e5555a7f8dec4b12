//! The knowledge graph: entities with aspects, claims under them, links between entities, and what
//! ratings teach it.
//!
//! `graph` reads it for recall, `write` puts in what a memory brings, `feedback` moves its weights.

pub mod feedback;
pub mod graph;
mod store;
pub mod write;

pub use store::claims::{self, Fact, FoundClaim};
pub use store::entities::{add_mention, mentioned_by, upsert as upsert_entity};
pub use store::graph::{Entity, KnownClaim, any_entity};
pub use store::purge::forget_memories;
pub use store::subjects::{self, Assertion, CurrentClaim, Subject};
