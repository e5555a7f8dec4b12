//! `/mcp`: the streamable HTTP transport without streams.

use serde_json::Value;

use super::api::RpcAnswer;
use super::rpc::RpcError;
use super::{Mcp, UNSAID, VERSIONS};
use crate::core::access::Access;
use crate::http::openapi::Described;
use crate::http::{ApiError, Request, Response, Route};

/// Bytes of a body.
const BODY: usize = 10 * 1024 * 1024;
const ALLOWED: &str = "POST, DELETE";
/// Types of media that an answer is, as an `Accept` may name them.
const ACCEPTED: [&str; 5] = ["application/json", "text/event-stream", "application/*", "text/*", "*/*"];

/// What is answered to methods that are not for this path.
const NEVER: &[(u16, Described)] = &[(405, Described::of::<RpcAnswer>())];

pub const ROUTES: &[Route<Mcp>] = &[
    Route::post("/mcp", Access::Credential, post)
        .body_limit(BODY)
        .model_if(|mcp, request| mcp.may_wait(request))
        .about("JSON-RPC messages of the Model Context Protocol, one or a list")
        .answers(&[(200, Described::of::<RpcAnswer>()), (202, Described::nothing())]),
    Route::delete("/mcp", Access::Credential, ended)
        .about("Ends a session of the protocol: there are none, so all is done")
        .answers(&[(200, Described::nothing())]),
    Route::get("/mcp", Access::Credential, not_allowed)
        .about("405: there is no stream of notifications")
        .answers(NEVER),
    Route::put("/mcp", Access::Credential, not_allowed).about("405: there is no such thing here").answers(NEVER),
    Route::patch("/mcp", Access::Credential, not_allowed).about("405: there is no such thing here").answers(NEVER),
];

fn post(mcp: &Mcp, req: &Request) -> Result<Response, ApiError> {
    let refused = |status: u16, error: RpcError| Ok(Response::json_with(status, &error.body()));
    let header = |name: &str| req.headers.get(name).unwrap_or_default().to_ascii_lowercase();
    if !header("content-type").contains("application/json") {
        return refused(415, RpcError::transport("Unsupported Media Type: Content-Type must be application/json"));
    }
    let accept = header("accept");
    if !accept.is_empty() && !ACCEPTED.iter().any(|media| accept.contains(media)) {
        return refused(406, RpcError::transport("Not Acceptable: the client must accept application/json"));
    }
    let version = req.headers.text("mcp-protocol-version").unwrap_or(UNSAID);
    if !VERSIONS.contains(&version) {
        let spoken = VERSIONS.join(", ");
        return refused(
            400,
            RpcError::transport(format!("Bad Request: Unsupported protocol version (supported versions: {spoken})")),
        );
    }
    let Some(body) = req.any_json() else { return refused(400, RpcError::parse("the body is no JSON")) };
    match mcp.answers(req, body, version) {
        Ok(Some(answers)) => Ok(Response::json_bytes(answers)),
        Ok(None) => Ok(Response::empty(202)),
        Err(error) => refused(400, error),
    }
}

fn ended(_: &Mcp, _: &Request) -> Result<Response, ApiError> {
    Ok(Response::empty(200))
}

fn not_allowed(_: &Mcp, _: &Request) -> Result<Response, ApiError> {
    let body: Value = RpcError::transport("Method not allowed").body();
    Ok(Response::json_with(405, &body).with_header("Allow", ALLOWED))
}
