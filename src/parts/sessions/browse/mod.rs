//! Sessions as they are looked at: those that live, their transcripts, what they were about, and the evidence of
//! what they were shown.

mod api;
mod blackbox;
mod evidence;
mod live;
mod replay_api;
mod summaries;

pub use api::*;
pub use blackbox::Looked;
pub use live::LiveOf;
pub use replay_api::*;
