//! The parts of the API. A part names `core` and parts below it here, never one above.

pub mod agents;

pub mod auth;

pub mod config;

pub mod inference;

pub mod knowledge;

pub mod memory;

pub mod documents;

pub mod sessions;

pub mod pipeline;

pub mod status;

pub mod mcp;
