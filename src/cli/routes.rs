//! `signetd routes` and `signetd openapi`: the API as this binary serves it.

use std::io::Write;
use std::process::ExitCode;

use crate::app;

/// The route table as text, tab-separated.
pub fn run() -> ExitCode {
    let mut table = String::from("method\tpath\tpermission\tlimit\tlane\n");
    for (_, route) in app::router().specs() {
        let limit = route.limit.map_or("-", |bucket| bucket.as_str());
        let lane = route.lane.as_str();
        let model = if route.may_wait { ", model when it asks one" } else { "" };
        let access = route.access.as_str();
        table += &format!("{}\t{}\t{access}\t{limit}\t{lane}{model}\n", route.method, route.path);
    }
    print(&table)
}

/// The OpenAPI document.
pub fn openapi() -> ExitCode {
    print(&format!("{:#}\n", app::document()))
}

/// A reader that has read enough and left is no failure.
fn print(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(cause) if cause.kind() != std::io::ErrorKind::BrokenPipe => {
            eprintln!("signetd: {cause}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}
