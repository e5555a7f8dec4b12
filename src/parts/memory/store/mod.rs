//! The memory part's SQL: a file per table or per question.

pub mod activity;
pub mod candidates;
pub mod conditions;
pub mod embeddings;
pub mod fulltext;
pub mod hints;
pub mod history;
pub mod memories;
pub mod opening;
pub mod purge;
pub mod recall;
pub mod searches;
pub mod temporal;
pub mod terms;
pub mod views;
