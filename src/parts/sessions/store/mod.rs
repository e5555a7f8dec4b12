//! SQL of what sessions are shown and say, and of what is made of it.

pub mod captures;
pub mod checkpoints;
pub mod epochs;
pub mod heads;
pub mod ledger;
pub mod purge;
pub mod search;
pub mod shown;
pub mod skills;
pub mod summaries;
pub mod summary_jobs;
pub mod threads;
pub mod transcripts;
