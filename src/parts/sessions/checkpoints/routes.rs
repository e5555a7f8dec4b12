//! `/api/checkpoints*`.

use super::api::{CheckpointList, CheckpointQuery, SessionCheckpointQuery};
use crate::core::access::Access::Needs;
use crate::core::access::Permission::Recall;
use crate::core::access::{Target, Visible};
use crate::http::{ApiError, Request, Response, Route};
use crate::parts::sessions::Sessions;
use crate::parts::sessions::routes::asker;

pub const ROUTES: &[Route<Sessions>] = &[
    Route::get("/api/checkpoints", Needs(Recall), of_project)
        .takes::<CheckpointQuery>()
        .gives::<CheckpointList>()
        .about("Where work on a project stood, newest first"),
    Route::get("/api/checkpoints/:sessionKey", Needs(Recall), of_session)
        .takes::<SessionCheckpointQuery>()
        .gives::<CheckpointList>()
        .about("The checkpoints of a session"),
];

/// Who is bound to no agent and names none sees the checkpoints of all.
fn of_project(sessions: &Sessions, req: &Request) -> Result<Response, ApiError> {
    let query: CheckpointQuery = req.input()?;
    let visible = Visible::to_changer(asker(req, query.agent_id.as_deref(), None))?;
    req.caller.check_scope(Target { project: Some(&query.project), ..Target::default() })?;
    if visible.is_bound_elsewhere(Some(&query.project)) {
        return Err(visible.project_refusal().into());
    }
    let limit = query.limit.0.map_or(10, |n| n.0);
    Ok(Response::json(&CheckpointList::of(sessions.checkpoints_of_project(&visible, &query.project, limit)?)))
}

fn of_session(sessions: &Sessions, req: &Request) -> Result<Response, ApiError> {
    let query: SessionCheckpointQuery = req.input()?;
    let key = req.param("sessionKey");
    let visible = Visible::to_changer(asker(req, query.agent_id.as_deref(), Some(key)))?;
    Ok(Response::json(&CheckpointList::of(sessions.checkpoints_of_session(&visible, key)?)))
}
