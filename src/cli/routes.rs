//! `signetd routes`: the route table as text, tab-separated.

use std::process::ExitCode;

use crate::app;
use crate::auth::Access;

pub fn run() -> ExitCode {
    println!("method\tpath\tpermission\tlimit\tlane");
    for route in app::router().routes() {
        let permission = match route.access {
            Access::Open => "open",
            Access::Credential => "any",
            Access::Needs(permission) => permission.as_str(),
        };
        let limit = route.limit.map_or("-", |bucket| bucket.as_str());
        let lane = match route.model_if {
            None => route.lane.as_str().to_owned(),
            Some(_) => format!("{}, model when it asks one", route.lane.as_str()),
        };
        println!("{}\t{}\t{permission}\t{limit}\t{lane}", route.method, route.path);
    }
    ExitCode::SUCCESS
}
