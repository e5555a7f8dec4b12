//! `signetd routes` and `signetd openapi`: the API as this binary serves it.

use std::process::ExitCode;

use crate::app;

/// The route table as text, tab-separated.
pub fn run() -> ExitCode {
    println!("method\tpath\tpermission\tlimit\tlane");
    for route in app::router().specs() {
        let limit = route.limit.map_or("-", |bucket| bucket.as_str());
        let lane = route.lane.as_str();
        let model = if route.may_wait { ", model when it asks one" } else { "" };
        println!("{}\t{}\t{}\t{limit}\t{lane}{model}", route.method, route.path, route.access.as_str());
    }
    ExitCode::SUCCESS
}

/// The OpenAPI document.
pub fn openapi() -> ExitCode {
    println!("{:#}", app::document());
    ExitCode::SUCCESS
}
