//! signetd: the Signet daemon API for small machines, in one binary.
//!
//! docs/architecture.md shows the way of a request and what holds everywhere. Modules name only what
//! stands below them here.

#![forbid(unsafe_code)]

pub mod text;

pub mod sys;

pub mod embedding;

pub mod upstream;

pub mod config;

pub mod db;

pub mod work;

pub mod core;

pub mod backup;

pub mod http;

pub mod parts;

pub mod app;

pub mod cli;
