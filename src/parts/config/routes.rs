//! `/api/config*` and `/api/identity`.

use super::api::{ConfigFiles, Identity, Rollback, RolledBack, Safety, Save, Saved};
use super::{Settings, files};
use crate::core::access::Access::{Credential, Needs};
use crate::core::access::Permission;
use crate::http::{ApiError, Request, Response, Route};

/// Bytes of a saved body.
const MAX_BODY: usize = 1_048_576;

pub const ROUTES: &[Route<Settings>] = &[
    Route::get("/api/config", Credential, list)
        .gives::<ConfigFiles>()
        .about("The workspace's `*.md` and `*.yaml`; guarded files are left out for callers without admin"),
    Route::post("/api/config", Needs(Permission::Admin), save)
        .takes::<Save>()
        .gives::<Saved>()
        .body_limit(MAX_BODY)
        .about("Saves a file of the workspace"),
    Route::get("/api/config/provider-safety", Needs(Permission::Recall), safety)
        .gives::<Safety>()
        .about("Which model providers the config chooses, and how that came"),
    Route::post("/api/config/provider-safety/rollback", Needs(Permission::Admin), roll_back)
        .takes::<Rollback>()
        .gives::<RolledBack>()
        .about("Undoes the last change of provider"),
    Route::get("/api/identity", Credential, identity_of).gives::<Identity>().about("Name, creature, vibe"),
];

fn list(settings: &Settings, req: &Request) -> Result<Response, ApiError> {
    Ok(Response::json(&settings.list(&req.caller)))
}

fn save(settings: &Settings, req: &Request) -> Result<Response, ApiError> {
    let save: Save = req.input()?;
    files::check_name(save.file.as_str())?;
    if files::is_too_long(save.content.as_str()) {
        return Err(ApiError::new(413, "payload too large"));
    }
    let actor = req.caller.claims().map(|c| c.sub.as_str());
    Ok(Response::json(&settings.save(&save, actor)?))
}

fn safety(settings: &Settings, _: &Request) -> Result<Response, ApiError> {
    Ok(Response::json(&settings.safety()))
}

fn roll_back(settings: &Settings, req: &Request) -> Result<Response, ApiError> {
    let rollback: Rollback = req.input()?;
    let actor = req.caller.claims().map(|c| c.sub.as_str());
    Ok(Response::json(&settings.roll_back(rollback.role, actor)?))
}

fn identity_of(settings: &Settings, _: &Request) -> Result<Response, ApiError> {
    Ok(Response::json(&settings.identity()))
}
