//! `signetd routes`: the route table as text, tab-separated.

use std::process::ExitCode;

use crate::app;
use crate::auth::Access;
use crate::http::Lane;

pub fn run() -> ExitCode {
    println!("method\tpath\tpermission\tlimit\tlane");
    for route in app::router().routes() {
        let permission = match route.access {
            Access::Open => "open",
            Access::Credential => "any",
            Access::Needs(permission) => permission.as_str(),
        };
        let limit = route.limit.map_or("-", |bucket| bucket.as_str());
        let lane = match (route.lane, route.slow_if) {
            (Lane::Fast, None) => "fast",
            (Lane::Fast, Some(_)) => "fast, slow when it asks a model",
            (Lane::Slow, _) => "slow",
        };
        println!("{}\t{}\t{permission}\t{limit}\t{lane}", route.method, route.path);
    }
    ExitCode::SUCCESS
}
