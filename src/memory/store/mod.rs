//! The memory part's SQL, one file per table.

pub mod activity;
pub mod candidates;
pub mod claims;
pub mod embeddings;
pub mod entities;
pub mod feedback;
pub mod fulltext;
pub mod hints;
pub mod history;
pub mod jobs;
pub mod ledger;
pub mod memories;
pub mod purge;
pub mod recall;
pub mod sources;
pub mod temporal;
pub mod terms;
pub mod views;
