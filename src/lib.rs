//! signetd: the Signet daemon API for small machines, in one binary.
//!
//! docs/architecture.md shows the way of a request and what holds everywhere.

#![forbid(unsafe_code)]

pub mod access;
pub mod agents;
pub mod app;
pub mod auth;
pub mod cli;
pub mod clock;
pub mod config;
pub mod credentials;
pub mod daemon;
pub mod db;
pub mod embedding;
pub mod files;
pub mod http;
pub mod jobs;
pub mod knowledge;
pub mod limits;
pub mod locks;
pub mod logging;
pub mod memory;
pub mod model;
pub mod settings;
pub mod text;
pub mod upstream;
pub mod workspace;
