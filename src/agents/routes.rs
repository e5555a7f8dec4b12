//! `/api/agents` (foundation part, §8).

use serde_json::json;

use super::store;
use crate::app::{App, Route};
use crate::auth::Access::Needs;
use crate::auth::{DEFAULT_AGENT, Permission, Target};
use crate::http::{ApiError, Request, Response};
use crate::memory;

pub const ROUTES: &[Route] = &[
    Route::get("/api/agents", Needs(Permission::Recall), list),
    Route::get("/api/agents/:name", Needs(Permission::Recall), get),
    Route::post("/api/agents", Needs(Permission::Remember), create),
    Route::delete("/api/agents/:name", Needs(Permission::Admin), remove),
];

/// Rows of one answer.
const MOST: i64 = 5000;
/// Characters of a name.
const LONGEST_NAME: usize = 200;

fn list(app: &App, _: &Request) -> Result<Response, ApiError> {
    let agents = app.db.read(|c| Ok::<_, ApiError>(store::list(c, MOST)?))?;
    Ok(Response::json(&json!({ "agents": agents })))
}

fn get(app: &App, req: &Request) -> Result<Response, ApiError> {
    match app.db.read(|c| Ok::<_, ApiError>(store::find(c, req.param("name"))?))? {
        Some(agent) => Ok(Response::json(&agent)),
        None => Err(ApiError::not_found("Agent not found")),
    }
}

fn create(app: &App, req: &Request) -> Result<Response, ApiError> {
    let body = req.object()?;
    let name = body.text("name")?.ok_or_else(|| ApiError::bad_request("name is required"))?.to_owned();
    if name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(ApiError::bad_request("name must be at most 200 printable characters"));
    }
    req.caller.check_scope(Target { agent: Some(&name), ..Target::default() })?;
    let policy = body.text("read_policy")?.unwrap_or("isolated").to_owned();
    if !["isolated", "shared", "group"].contains(&policy.as_str()) {
        return Err(ApiError::bad_request("read_policy must be isolated, shared or group"));
    }
    let group = body.text("policy_group")?.map(str::to_owned);
    let now = app.now();
    let created = app.db.write(move |c| {
        if !store::insert(c, &name, &policy, group.as_deref(), &now)? {
            return Err(ApiError::new(409, "Agent already exists"));
        }
        Ok(store::find(c, &name)?)
    })?;
    Ok(Response::json_with(201, &created))
}

fn remove(app: &App, req: &Request) -> Result<Response, ApiError> {
    let name = req.param("name").to_owned();
    if name == DEFAULT_AGENT {
        return Err(ApiError::bad_request("the default agent cannot be removed"));
    }
    let purge = req.query.get("purge") == Some("true");
    let now = app.now();
    let found = app.db.write(move |c| {
        let found = store::remove(c, &name)?;
        if found {
            memory::agent_left(c, &name, purge, &now)?;
        }
        Ok::<_, ApiError>(found)
    })?;
    if !found {
        return Err(ApiError::not_found("Agent not found"));
    }
    memory::reload_index_soon(app);
    Ok(Response::json(&json!({ "success": true, "purged": purge })))
}
