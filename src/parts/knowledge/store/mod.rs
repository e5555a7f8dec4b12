//! The graph's SQL, one file per question.

pub mod claims;
pub mod entities;
pub mod feedback;
pub mod graph;
pub mod purge;
pub mod subjects;
