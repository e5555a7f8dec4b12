//! Health, status, features and the root page (foundation part, §5 and §9).

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::app::{App, Route};
use crate::auth::Access::{Credential, Open};
use crate::clock;
use crate::config::{NetworkMode, Provider};
use crate::db::{self, sql};
use crate::http::{ApiError, Request, Response};
use crate::memory;

pub const ROUTES: &[Route] = &[
    Route::get("/health", Open, health).probe(),
    Route::get("/health/live", Open, live).probe(),
    Route::get("/health/ready", Open, ready).probe(),
    Route::get("/api/status", Credential, status),
    Route::get("/api/features", Credential, features).at_once(),
    Route::get("/", Open, root),
];

fn database_answers(app: &App) -> bool {
    app.db.check().is_ok()
}

fn uptime_s(app: &App) -> f64 {
    app.clock.now().duration_since(app.started).as_secs_f64()
}

fn health(app: &App, _: &Request) -> Result<Response, ApiError> {
    let stopping = app.daemon.is_shutting_down();
    let problem = app.config.problem();
    let mut answer = json!({
        "status": match &problem {
            _ if stopping => "shutting_down",
            Some(_) => "degraded",
            None => "healthy",
        },
        "uptime": uptime_s(app),
        "pid": std::process::id(),
        "version": app.env.version,
        "port": app.port,
        "agentsDir": app.env.workspace,
        "db": database_answers(app),
        "shuttingDown": stopping,
        "updateAvailable": false,
        "pendingRestart": false,
        "pipeline": {
            "extractionRunning": false,
            "extractionStalled": false,
            "extractionPending": 0,
            "extractionBackoffMs": 0,
        },
        "resources": app.daemon.resources(),
    });
    if let Some(problem) = problem {
        answer["configProblem"] = json!(problem);
    }
    Ok(Response::json(&answer))
}

/// The process answers.
fn live(_: &App, _: &Request) -> Result<Response, ApiError> {
    Ok(Response::json(&json!({ "status": "ok" })))
}

/// Whether the process can do its work, check by check: 503 when it cannot.
fn ready(app: &App, _: &Request) -> Result<Response, ApiError> {
    let database = app.db.check();
    let checks = [
        ("accepting", !app.daemon.is_shutting_down(), "the daemon is stopping".to_owned()),
        ("database", database.is_ok(), database.err().map(|cause| cause.to_string()).unwrap_or_default()),
    ];
    let reasons: Vec<&String> = checks.iter().filter(|(_, ok, _)| !ok).map(|(_, _, why)| why).collect();
    let ready = reasons.is_empty();
    let word = |ok: bool, otherwise: &'static str| if ok { "ok" } else { otherwise };
    let checks: serde_json::Map<String, Value> =
        checks.iter().map(|(name, ok, _)| ((*name).to_owned(), json!(word(*ok, "fail")))).collect();
    let answer = json!({
        "status": if ready { "ready" } else { "not_ready" }, "checks": checks, "reasons": reasons,
    });
    let status = if ready { 200 } else { 503 };
    Ok(Response::json_with(status, &answer))
}

fn status(app: &App, _: &Request) -> Result<Response, ApiError> {
    let config = app.config();
    let database = database_answers(app);
    let mut answer = json!({
        "status": "running",
        "version": app.env.version,
        "pid": std::process::id(),
        "uptime": uptime_s(app),
        "startedAt": clock::iso(app.started),
        "host": app.env.host,
        "bindHost": app.bind,
        "networkMode": NetworkMode::of_bind(&app.bind).as_str(),
        "port": app.port,
        "reach": app.reach_in_words(),
        "agentId": app.env.agent_id,
        "agentsDir": app.env.workspace,
        "memoryDb": app.db.path().exists(),
        "pipelineV2": config.pipeline.resolved(),
        "pipeline": { "extraction": extraction_worker(app) },
        "providerResolution": provider_resolution(app),
        "logging": {
            "logDir": app.env.log_folder(),
            "logFile": app.log_file(),
        },
        "activeSessions": 0,
        "bypassedSessions": 0,
        "agentCreatedAt": config.agent_created,
        "update": {
            "currentVersion": app.env.version,
            "latestVersion": null,
            "updateAvailable": false,
            "pendingRestart": null,
            "autoInstall": false,
            "checkInterval": config.updates.check_interval_s,
            "lastCheckAt": null,
            "lastError": null,
            "timerActive": false,
        },
        "embedding": {
            "provider": config.embedding.provider.as_str(),
            "model": config.embedding.model,
        },
    });
    if let Some(available) = memory::embedding_available(app) {
        answer["embedding"]["available"] = json!(available);
    }
    if let Some(problem) = app.config.problem() {
        answer["configProblem"] = json!(problem);
    }
    if let Ok(capture) = app.db.read(capture_jobs) {
        answer["transcripts"] = json!({ "capture": capture });
    }
    if database {
        answer["health"] = overall_health(app);
    }
    Ok(Response::json(&answer))
}

/// How many transcripts wait to be captured, by the state of their jobs.
fn capture_jobs(connection: &Connection) -> Result<Value, db::Error> {
    let counted = sql::rows(
        connection,
        "SELECT status, COUNT(*) FROM transcript_capture_jobs INDEXED BY idx_transcript_capture_jobs_status
         GROUP BY status",
        [],
        |row| Ok((row.get::<String>(0)?, row.get::<i64>(1)?)),
    )?;
    let count =
        |of: &[&str]| counted.iter().filter(|(status, _)| of.contains(&status.as_str())).map(|(_, n)| n).sum::<i64>();
    Ok(json!({
        "pending": count(&["pending"]), "processing": count(&["processing", "leased"]),
        "failed": count(&["failed"]), "dead": count(&["dead"]),
    }))
}

/// A provider that was seen to fail costs the half: recall goes on by keyword.
fn overall_health(app: &App) -> Value {
    let failing = app.config.problem().is_some()
        || app.config().embedding.provider != Provider::None && memory::embedding_available(app) == Some(false);
    if failing { json!({ "score": 0.5, "status": "degraded" }) } else { json!({ "score": 1.0, "status": "healthy" }) }
}

/// This build has no extraction worker: it never runs.
fn extraction_worker(app: &App) -> Value {
    let config = app.config();
    json!({
        "running": false,
        "overloaded": false,
        "loadPerCpu": null,
        "maxLoadPerCpu": config.pipeline.resolved()["worker"]["maxLoadPerCpu"],
        "overloadBackoffMs": config.pipeline.resolved()["worker"]["overloadBackoffMs"],
        "overloadSince": null,
        "nextTickInMs": null,
    })
}

fn provider_resolution(app: &App) -> Value {
    let config = app.config();
    let pipeline = &config.pipeline;
    let extraction = &pipeline.resolved()["extraction"];
    let off = !pipeline.enabled || extraction["provider"] == "none";
    let (status, reason) = if off {
        ("disabled", None)
    } else if pipeline.paused {
        ("paused", None)
    } else {
        ("blocked", Some("this version has no extraction worker; jobs stay queued"))
    };
    json!({
        "extraction": {
            "configured": pipeline.extraction_provider,
            "resolved": extraction["provider"],
            "effective": "none",
            "fallbackProvider": extraction["fallbackProvider"],
            "status": status,
            "degraded": status == "blocked",
            "fallbackApplied": false,
            "reason": reason,
            "since": reason.map(|_| clock::iso(app.started)),
        },
        "synthesis": {
            "configured": pipeline.synthesis_provider,
            "resolved": pipeline.resolved()["synthesis"]["provider"],
            "effective": null,
        },
    })
}

fn features(app: &App, _: &Request) -> Result<Response, ApiError> {
    Ok(Response::json(&app.start_config.features))
}

fn root(_: &App, _: &Request) -> Result<Response, ApiError> {
    Ok(Response::html(&format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Signet</title>\
         <h1>Signet daemon</h1><p>signetd {} is running.</p>\
         <ul><li><a href=\"/health\">/health</a></li><li><a href=\"/api/status\">/api/status</a></li></ul></html>\n",
        env!("CARGO_PKG_VERSION"),
    )))
}
