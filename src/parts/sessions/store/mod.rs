//! SQL of what sessions are shown and say.

pub mod ledger;
pub mod transcripts;
