//! The memory part's SQL, one file per table.

pub mod activity;
pub mod candidates;
pub mod conditions;
pub mod embeddings;
pub mod fulltext;
pub mod hints;
pub mod history;
pub mod memories;
pub mod purge;
pub mod recall;
pub mod temporal;
pub mod terms;
pub mod views;
