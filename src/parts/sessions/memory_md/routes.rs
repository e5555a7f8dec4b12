//! `/api/hooks/synthesis*` and `/api/synthesis/*`.

use super::Ran;
use super::api::{CompleteBody, Completed, RenderBody, Rendered, SynthesisConfig, SynthesisStatus, Triggered};
use super::head::{Unwritten, check};
use crate::core::Error;
use crate::core::access::Access::Needs;
use crate::core::access::DEFAULT_AGENT;
use crate::core::access::Permission::{Recall, Remember};
use crate::http::{ApiError, Request, Response, Route};
use crate::parts::sessions::Sessions;
use crate::parts::sessions::routes::acting_as;
use crate::text::time;

pub const ROUTES: &[Route<Sessions>] = &[
    Route::get("/api/hooks/synthesis/config", Needs(Recall), config)
        .gives::<SynthesisConfig>()
        .about("How summaries and MEMORY.md are made"),
    Route::post("/api/hooks/synthesis", Needs(Remember), render)
        .takes::<RenderBody>()
        .gives::<Rendered>()
        .about("Renders MEMORY.md without writing it"),
    Route::post("/api/hooks/synthesis/complete", Needs(Remember), complete)
        .takes::<CompleteBody>()
        .gives::<Completed>()
        .about("Writes a MEMORY.md that a client has made; the older one is kept beside it"),
    Route::post("/api/synthesis/trigger", Needs(Remember), trigger)
        .gives::<Triggered>()
        .about("Writes MEMORY.md now, once an hour at most"),
    Route::get("/api/synthesis/status", Needs(Recall), status)
        .gives::<SynthesisStatus>()
        .about("Whether MEMORY.md is written by itself, and when it was last"),
];

fn config(sessions: &Sessions, _: &Request) -> Result<Response, ApiError> {
    Ok(Response::json(&sessions.synthesis_config()))
}

impl Sessions {
    fn synthesis_config(&self) -> SynthesisConfig {
        let config = self.core.config();
        let synthesis = &config.pipeline.synthesis;
        SynthesisConfig {
            enabled: synthesis.enabled,
            provider: synthesis.provider.clone(),
            model: synthesis.model.clone(),
            endpoint: synthesis.endpoint.clone(),
            timeout: synthesis.time.as_millis() as i64,
            max_tokens: synthesis.most_tokens,
            idle_gap_minutes: synthesis.idle_gap_minutes,
        }
    }
}

/// What is written of a whole agent is not for a credential that sees one project of it.
fn whole_agent(req: &Request) -> Result<(), Error> {
    match req.caller.forced_project() {
        Some(project) => Err(Error::forbidden(format!("scope restricted to project '{project}'"))),
        None => Ok(()),
    }
}

fn render(sessions: &Sessions, req: &Request) -> Result<Response, ApiError> {
    let body: RenderBody = req.input()?;
    let agent = acting_as(req, body.agent_id.as_deref(), body.session_key.as_deref())?;
    whole_agent(req)?;
    let projection = sessions.project(&agent).map_err(|e| failed(e, "Synthesis request failed"))?;
    if sessions.core.mutable().is_ok() {
        sessions.refer(&agent, &projection.manifests);
    }
    Ok(Response::json(&Rendered {
        harness: "daemon",
        model: "projection",
        prompt: projection.text,
        file_count: projection.rows,
        index_block: projection.index_block,
    }))
}

fn failed(error: Error, words: &str) -> ApiError {
    let answer = ApiError::from(error);
    if answer.status == 500 { ApiError::new(500, words) } else { answer }
}

/// `^[a-z0-9][a-z0-9-]*$`: the agent's name becomes a folder's.
fn is_folder_name(agent: &str) -> bool {
    let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !agent.starts_with('-') && !agent.is_empty() && agent.chars().all(fine)
}

fn unwritten(why: Unwritten) -> ApiError {
    match why {
        Unwritten::Unfit(why) => Error::invalid("content", why).into(),
        Unwritten::Busy => Error::conflict("MEMORY.md write busy").into(),
        Unwritten::Failed(error) => failed(error, "Failed to save MEMORY.md"),
    }
}

fn complete(sessions: &Sessions, req: &Request) -> Result<Response, ApiError> {
    let body: CompleteBody = req.input()?;
    check(&body.content).map_err(unwritten)?;
    if body.agent_id.as_ref().is_some_and(|agent| !is_folder_name(agent)) {
        return Err(Error::invalid("agentId", "must be lower-case letters, digits and dashes").into());
    }
    let agent = acting_as(req, body.agent_id.as_deref(), body.session_key.as_deref())?;
    whole_agent(req)?;
    if !is_folder_name(&agent) {
        return Err(Error::invalid("agentId", "must be lower-case letters, digits and dashes").into());
    }
    worker_runs(sessions)?;
    let Some(_run) = sessions.synthesis.begin() else {
        return Err(Error::conflict("Synthesis already in progress").into());
    };
    sessions.write_head(&agent, &body.content, "client").map_err(unwritten)?;
    Ok(Response::json(&Completed { success: true }))
}

fn worker_runs(sessions: &Sessions) -> Result<(), Error> {
    if sessions.synthesis_is_on() { Ok(()) } else { Err(Error::unavailable("Synthesis worker not running")) }
}

fn trigger(sessions: &Sessions, req: &Request) -> Result<Response, ApiError> {
    // the default agent's, whoever asks
    acting_as(req, Some(DEFAULT_AGENT), None)?;
    whole_agent(req)?;
    worker_runs(sessions)?;
    let ran = sessions.synthesise(DEFAULT_AGENT, false).map_err(|e| failed(e, "Synthesis trigger failed"))?;
    let reason = match ran {
        Ran::Written => None,
        Ran::Skipped(why) => Some(why),
    };
    Ok(Response::json(&Triggered { success: reason.is_none(), skipped: reason.is_some(), reason }))
}

fn status(sessions: &Sessions, _: &Request) -> Result<Response, ApiError> {
    Ok(Response::json(&SynthesisStatus {
        running: sessions.synthesis_is_on(),
        last_run_at: sessions.last_run(DEFAULT_AGENT).map(time::iso),
        config: sessions.synthesis_config(),
    }))
}
