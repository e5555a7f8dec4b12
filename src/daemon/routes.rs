//! Health, status, features and the root page (foundation part, §5 and §9).

use serde_json::{Value, json};

use crate::app::{App, Route};
use crate::clock;
use crate::config::{NetworkMode, Provider};
use crate::http::{ApiError, Request, Response};
use crate::memory;

pub const ROUTES: &[Route] = &[
    Route::get("/health", health).open(),
    Route::get("/health/live", live).open(),
    Route::get("/health/ready", ready).open(),
    Route::get("/api/status", status),
    Route::get("/api/features", features),
    Route::get("/", root).open(),
];

fn database_answers(app: &App) -> bool {
    app.db.read(|c| Ok::<_, crate::db::Error>(c.prepare_cached("SELECT 1")?.query_row([], |_| Ok(()))?)).is_ok()
}

fn uptime_s(app: &App) -> f64 {
    app.clock.now().duration_since(app.started).as_secs_f64()
}

fn health(app: &App, _: &Request) -> Result<Response, ApiError> {
    let stopping = app.daemon.is_shutting_down();
    Ok(Response::json(&json!({
        "status": if stopping { "shutting_down" } else { "healthy" },
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
    })))
}

/// The process answers.
fn live(_: &App, _: &Request) -> Result<Response, ApiError> {
    Ok(Response::json(&json!({ "status": "ok" })))
}

/// The process can do its work: 503 while stopping or without its database.
fn ready(app: &App, _: &Request) -> Result<Response, ApiError> {
    if app.daemon.is_shutting_down() {
        return Err(ApiError::unavailable("shutting down"));
    }
    if !database_answers(app) {
        return Err(ApiError::unavailable("the database does not answer"));
    }
    Ok(Response::json(&json!({ "status": "ok" })))
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
    if database {
        answer["health"] = overall_health(app);
    }
    Ok(Response::json(&answer))
}

/// A provider that was seen to fail costs the half: recall goes on by keyword.
fn overall_health(app: &App) -> Value {
    let failing = app.config().embedding.provider != Provider::None && memory::embedding_available(app) == Some(false);
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
