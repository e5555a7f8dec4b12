//! `/api/memory*`, `/api/memories*`, `/memory/*`: handlers only parse, call and shape.

use serde_json::{Value, json};

use super::embed::{status, tracker};
use super::mutate::{self, Delete, Patch};
use super::note::Note;
use super::recall::{self, RecallQuery};
use super::remember::Remember;
use super::store::{activity, embeddings, history, memories, views};
use super::{aggregate, batch, feedback, list, projection, similar, timeline};
use crate::access::Visible;
use crate::app::{App, Route};
use crate::auth::Access::{Credential, Needs};
use crate::auth::{Actor, Permission};
use crate::clock;
use crate::http::{ApiError, Fields, Lane, Request, Response};
use crate::limits::Bucket;

/// Bytes of a body that brings memories, and of one that asks for them.
const WRITE: usize = 10 * 1024 * 1024;
const QUESTION: usize = 256 * 1024;

pub const ROUTES: &[Route] = &[
    Route::post("/api/memory/remember", Needs(Permission::Remember), remember).body_limit(WRITE),
    Route::post("/api/memory/save", Needs(Permission::Remember), remember_alias).body_limit(WRITE),
    Route::post("/api/hook/remember", Needs(Permission::Remember), remember_alias).body_limit(WRITE),
    Route::post("/api/memory/codex-native-note", Needs(Permission::Remember), codex_note),
    Route::get("/api/memory/:id", Needs(Permission::Recall), get),
    Route::patch("/api/memory/:id", Needs(Permission::Modify), patch).limited(Bucket::Modify).body_limit(WRITE),
    Route::delete("/api/memory/:id", Needs(Permission::Forget), delete).limited(Bucket::Forget),
    Route::post("/api/memory/:id/recover", Needs(Permission::Recover), recover),
    Route::get("/api/memory/:id/history", Needs(Permission::Recall), history_of),
    Route::post("/api/memory/modify", Needs(Permission::Modify), modify).limited(Bucket::Modify).body_limit(WRITE),
    Route::post("/api/memory/forget", Needs(Permission::Forget), forget).limited(Bucket::BatchForget),
    Route::get("/api/memories", Needs(Permission::Recall), memories_list),
    Route::get("/api/memories/most-used", Needs(Permission::Recall), most_used),
    Route::get("/api/memory/search", Needs(Permission::Recall), search).model_if(search_waits),
    Route::get("/memory/search", Needs(Permission::Recall), legacy_search),
    Route::get("/memory/similar", Needs(Permission::Recall), similar_to),
    Route::get("/api/memory/timeline", Needs(Permission::Recall), timeline_of),
    Route::get("/api/memory/review-queue", Needs(Permission::Recall), review_queue),
    Route::get("/api/memory/jobs/:id", Needs(Permission::Documents), job),
    Route::post("/api/memory/feedback", Credential, rate),
    Route::post("/api/memory/recall", Needs(Permission::Recall), recall)
        .reads()
        .model_if(recall_waits)
        .body_limit(QUESTION),
    Route::get("/api/embeddings", Needs(Permission::Recall), export),
    Route::get("/api/embeddings/status", Needs(Permission::Recall), embedding_status).lane(Lane::Model),
    Route::get("/api/embeddings/health", Needs(Permission::Recall), embedding_health).lane(Lane::Model),
    Route::get("/api/embeddings/projection", Needs(Permission::Recall), map).lane(Lane::Model),
];

fn remember(app: &App, req: &Request) -> Result<Response, ApiError> {
    let outcome = Remember::parse(req)?.store(app).map_err(save_failed)?;
    Ok(Response::json(&outcome.to_json()))
}

/// The aliases take an unparseable body for an empty one.
fn remember_alias(app: &App, req: &Request) -> Result<Response, ApiError> {
    if req.any_json().is_none() {
        return Err(ApiError::bad_request("content is required"));
    }
    remember(app, req)
}

fn save_failed(error: ApiError) -> ApiError {
    if error.status == 500 { ApiError::new(500, "Failed to save memory") } else { error }
}

fn codex_note(app: &App, req: &Request) -> Result<Response, ApiError> {
    let note = Note::parse(req.object()?)?;
    app.mutable()?;
    let written = match &app.env.codex_home {
        Some(home) => note.write(home, &app.now()),
        None => Err(std::io::Error::other("neither HOME nor CODEX_HOME is set")),
    };
    let path = written.map_err(|cause| {
        log::error!(target: "memory", "codex note: {cause}");
        ApiError::new(500, "Failed to write the note")
    })?;
    Ok(Response::json(&json!({ "ok": true, "path": path })))
}

fn get(app: &App, req: &Request) -> Result<Response, ApiError> {
    let visible = Visible::to_reader(req)?;
    let id = req.param("id");
    tracker::settle_one(app, id);
    let found = app.db.read(|c| Ok::<_, ApiError>(views::find_full(c, id, &visible.conditions(c)?)?))?;
    let mut memory = found.ok_or_else(|| ApiError::not_found("not found"))?;
    if let Some((count, at)) = app.memory.access.waiting(id) {
        (memory.access_count, memory.last_accessed) = (memory.access_count + count, Some(at));
    }
    let copies = json!({
        "sourcePath": memory.source_path, "runtimePath": memory.runtime_path, "idempotencyKey": memory.idempotency_key,
    });
    let from_session = memory.source_type.as_deref().is_some_and(|t| t.starts_with("session"));
    let session = memory.session_id.clone().or(memory.source_id.clone().filter(|_| from_session));
    let mut body = serde_json::to_value(&memory).map_err(ApiError::internal)?;
    if let (Value::Object(body), Value::Object(copies)) = (&mut body, copies) {
        body.extend(copies);
        body.extend(session.map(|s| ("sessionId".to_owned(), Value::from(s))));
    }
    Ok(Response::json(&body))
}

fn answered(id: &str, outcome: &mutate::Outcome) -> Response {
    let (status, body) = outcome.answer(id);
    Response::json_with(status, &body)
}

fn patch(app: &App, req: &Request) -> Result<Response, ApiError> {
    let body = req.object()?;
    let patch = Patch::parse(body, None)?;
    app.mutable()?;
    let actor = Actor::of(req, body.lenient_text("changed_by"));
    let outcome = mutate::apply(app, req.param("id"), patch, &Visible::to_changer(req)?, actor)?;
    Ok(answered(req.param("id"), &outcome))
}

/// The query's parameters with the body's members over them: routes that take either.
fn body_over_query(req: &Request) -> Result<serde_json::Map<String, Value>, ApiError> {
    let mut all = req.query.to_map();
    // a bad `force` of a query is ignored
    if Fields(&all).boolean("force").is_err() {
        all.remove("force");
    }
    if let Some(body) = req.optional_object()? {
        all.extend(body.0.clone());
    }
    Ok(all)
}

fn delete(app: &App, req: &Request) -> Result<Response, ApiError> {
    let all = body_over_query(req)?;
    let fields = Fields(&all);
    let delete = Delete {
        reason: mutate::required_reason(fields.lenient_text("reason"))?,
        force: fields.boolean("force")?.unwrap_or(false),
        if_version: fields.positive_int("if_version")?,
    };
    app.mutable()?;
    let changed_by = req.optional_object()?.and_then(|b| b.lenient_text("changed_by"));
    let actor = Actor::of(req, changed_by);
    let (id, visible, now) = (req.param("id").to_owned(), Visible::to_changer(req)?, app.now());
    let outcome = app.db.write(move |c| mutate::delete(c, &id, &delete, &visible, &actor, &now))?;
    super::follow(app, req.param("id"))?;
    Ok(answered(req.param("id"), &outcome))
}

fn recover(app: &App, req: &Request) -> Result<Response, ApiError> {
    let all = body_over_query(req)?;
    let fields = Fields(&all);
    let reason = mutate::required_reason(fields.lenient_text("reason"))?;
    let if_version = fields.positive_int("if_version")?;
    app.mutable()?;
    let actor = Actor::of(req, fields.lenient_text("changed_by"));
    let (id, visible, now) = (req.param("id").to_owned(), Visible::to_changer(req)?, app.now());
    let outcome = app.db.write(move |c| mutate::recover(c, &id, &reason, if_version, &visible, &actor, &now))?;
    super::follow(app, req.param("id"))?;
    Ok(answered(req.param("id"), &outcome))
}

fn history_of(app: &App, req: &Request) -> Result<Response, ApiError> {
    let limit = Fields(&req.query.to_map()).positive_int("limit")?.map_or(200, |n| n.min(1000));
    let id = req.param("id");
    let unknown = || ApiError::not_found("Memory not found").with("memoryId", id);
    let visible = Visible::to_changer(req)?;
    let events = app.db.read(|c| {
        // also of a deleted memory; one that was purged is nobody's any more, but left its events
        let purged = memories::find(c, id)?.is_none();
        let seen = if purged { visible.is_everything() } else { visible.sees(c, id)? };
        let events = if seen { history::of_memory(c, id, limit)? } else { Vec::new() };
        if !seen || purged && events.is_empty() { Err(unknown()) } else { Ok(events) }
    })?;
    Ok(Response::json(&json!({ "memoryId": id, "count": events.len(), "history": events })))
}

fn modify(app: &App, req: &Request) -> Result<Response, ApiError> {
    Ok(Response::json(&batch::modify(app, req)?))
}

fn forget(app: &App, req: &Request) -> Result<Response, ApiError> {
    Ok(Response::json(&batch::forget(app, req)?))
}

fn memories_list(app: &App, req: &Request) -> Result<Response, ApiError> {
    Ok(Response::json(&list::memories(app, req)?))
}

fn most_used(app: &App, req: &Request) -> Result<Response, ApiError> {
    Ok(Response::json(&list::most_used(app, req)?))
}

fn legacy_search(app: &App, req: &Request) -> Result<Response, ApiError> {
    Ok(Response::json(&list::search(app, req)?))
}

fn recall_failed(error: ApiError) -> ApiError {
    if error.status == 500 { ApiError::new(500, "Recall failed").with("results", json!([])) } else { error }
}

fn search(app: &App, req: &Request) -> Result<Response, ApiError> {
    let query = RecallQuery::from_query(req)?;
    if search_waits(app, req) {
        app.take(Bucket::RecallLlm, req)?;
    }
    Ok(Response::json(&recall::recall(app, &query).map_err(recall_failed)?))
}

/// A recall waits for a model when it is to write an aggregate, or to judge what was found.
fn recall_waits(app: &App, req: &Request) -> bool {
    recall::waits_for_model(&app.config()) || RecallQuery::mentions_aggregate(req)
}

fn search_waits(app: &App, _: &Request) -> bool {
    recall::waits_for_model(&app.config())
}

fn recall(app: &App, req: &Request) -> Result<Response, ApiError> {
    let query = RecallQuery::from_body(req)?;
    if query.aggregate || recall::waits_for_model(&app.config()) {
        app.take(Bucket::RecallLlm, req)?;
    }
    if query.aggregate {
        return Ok(Response::json(&aggregate::aggregate(app, req, &query).map_err(recall_failed)?));
    }
    Ok(Response::json(&recall::recall(app, &query).map_err(recall_failed)?))
}

fn similar_to(app: &App, req: &Request) -> Result<Response, ApiError> {
    tracker::settle(app);
    Ok(Response::json(&similar::similar(app, req)?))
}

fn timeline_of(app: &App, req: &Request) -> Result<Response, ApiError> {
    let offset = req.query.clamped("tzOffset", 0, -840, 840);
    let visible = Visible::to_dashboard(req)?;
    let now = app.clock.now();
    Ok(Response::json(&app.db.read(|c| timeline::timeline(c, &visible.conditions(c)?, now, offset))?))
}

/// Events of a review queue, and how old they may be.
const MOST_REVIEWS: i64 = 200;
const REVIEW_DAYS: i64 = 30;

fn review_queue(app: &App, req: &Request) -> Result<Response, ApiError> {
    let visible = Visible::to_dashboard(req)?;
    let since = clock::iso(app.clock.now() - jiff::SignedDuration::from_hours(24 * REVIEW_DAYS));
    let items = app
        .db
        .read(|c| Ok::<_, ApiError>(activity::review_queue(c, &since, &visible.conditions(c)?, MOST_REVIEWS)?))?;
    Ok(Response::json(&json!({ "items": items })))
}

fn job(app: &App, req: &Request) -> Result<Response, ApiError> {
    let visible = Visible::to_changer(req)?;
    let found = app.db.read(|c| {
        let Some(job) = activity::job(c, req.param("id"))? else { return Ok(None) };
        // a job about something that may not be seen is none
        let seen = match (job["memory_id"].as_str(), job["document_id"].as_str()) {
            (Some(memory), _) => visible.sees(c, memory)?,
            (None, Some(document)) => visible.is_everything() || activity::document_is_visible(c, document, &visible)?,
            (None, None) => visible.is_everything(),
        };
        Ok::<_, ApiError>(seen.then_some(job))
    })?;
    Ok(Response::json(&found.ok_or_else(|| ApiError::not_found("Job not found"))?))
}

fn rate(app: &App, req: &Request) -> Result<Response, ApiError> {
    Ok(Response::json(&feedback::feedback(app, req)?))
}

fn export(app: &App, req: &Request) -> Result<Response, ApiError> {
    let limit = req.query.clamped("limit", 600, 50, 5000);
    let offset = req.query.clamped("offset", 0, 0, 100_000);
    let vectors = req.query.get("vectors") == Some("true");
    tracker::settle(app);
    let visible = list::visible_to(&req.caller);
    let (rows, total) = app.db.read(|c| {
        let rows = embeddings::export(c, &visible, vectors, limit, offset)?;
        Ok::<_, ApiError>((rows, embeddings::count(c, &visible)?))
    })?;
    let count = rows.len() as i64;
    Ok(Response::json(&json!({
        "embeddings": rows, "count": count, "total": total, "limit": limit, "offset": offset,
        "hasMore": offset + count < total,
    })))
}

fn embedding_status(app: &App, _: &Request) -> Result<Response, ApiError> {
    Ok(Response::json(&status::status(app)))
}

fn embedding_health(app: &App, _: &Request) -> Result<Response, ApiError> {
    tracker::settle(app);
    Ok(Response::json(&status::health(app)?))
}

fn map(app: &App, req: &Request) -> Result<Response, ApiError> {
    tracker::settle(app);
    projection::projection(app, req)
}
