//! Health, status, features, the API's description and the root page (foundation part, §5 and §9).

use serde_json::{Map, Value};

use super::Status;
use super::api::{Health, Live, Readiness, StatusAnswer};
use crate::core::access::Access::{Credential, Open};
use crate::http::openapi::Described;
use crate::http::{ApiError, Request, Response, Route};

pub const ROUTES: &[Route<Status>] = &[
    Route::get("/health", Open, health)
        .probe()
        .gives::<Health>()
        .about("How the daemon is; 200 as long as the process answers"),
    Route::get("/health/live", Open, live).probe().gives::<Live>().about("Whether the process answers"),
    Route::get("/health/ready", Open, ready)
        .probe()
        .answers(&[(200, Described::of::<Readiness>()), (503, Described::of::<Readiness>())])
        .about("Whether it can do its work, check by check; 503 when it cannot"),
    Route::get("/api/status", Credential, status)
        .gives::<StatusAnswer>()
        .about("Settings in force, workers, providers and where things are"),
    Route::get("/api/features", Credential, features)
        .at_once()
        .gives::<Map<String, Value>>()
        .about("The feature flags as they were at start"),
    Route::get("/openapi.json", Credential, openapi)
        .gives::<Map<String, Value>>()
        .about("This API described in OpenAPI 3.1"),
    Route::get("/", Open, root).page().about("A page for people who open the daemon's address in a browser"),
];

fn health(status: &Status, _: &Request) -> Result<Response, ApiError> {
    Ok(Response::json(&status.health()))
}

fn live(_: &Status, _: &Request) -> Result<Response, ApiError> {
    Ok(Response::json(&Live { status: "ok" }))
}

fn ready(status: &Status, _: &Request) -> Result<Response, ApiError> {
    let readiness = status.readiness();
    Ok(Response::json_with(if readiness.is_ready() { 200 } else { 503 }, &readiness))
}

fn status(status: &Status, _: &Request) -> Result<Response, ApiError> {
    Ok(Response::json(&status.report()))
}

fn features(status: &Status, _: &Request) -> Result<Response, ApiError> {
    Ok(Response::json(&status.core.start_config.features))
}

fn openapi(status: &Status, _: &Request) -> Result<Response, ApiError> {
    Ok(Response::json_bytes((status.document)()?))
}

fn root(_: &Status, _: &Request) -> Result<Response, ApiError> {
    Ok(Response::html(&format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Signet</title>\
         <h1>Signet daemon</h1><p>signetd {} is running.</p>\
         <ul><li><a href=\"/health\">/health</a></li><li><a href=\"/api/status\">/api/status</a></li>\
         <li><a href=\"/openapi.json\">/openapi.json</a></li></ul></html>\n",
        env!("CARGO_PKG_VERSION"),
    )))
}
