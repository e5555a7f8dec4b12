//! `/api/memory/jobs` (pipeline part).

use super::Pipeline;
use super::api::JobAnswer;
use crate::core::access::Access::Needs;
use crate::core::access::{Permission, Visible};
use crate::http::{ApiError, Request, Response, Route};

pub const ROUTES: &[Route<Pipeline>] = &[Route::get("/api/memory/jobs/:id", Needs(Permission::Documents), job)
    .gives::<JobAnswer>()
    .about("One row of the queue of background work")];

fn job(pipeline: &Pipeline, req: &Request) -> Result<Response, ApiError> {
    let visible = Visible::to_changer(req.asker())?;
    Ok(Response::json(&pipeline.job(req.param("id"), &visible)?))
}
