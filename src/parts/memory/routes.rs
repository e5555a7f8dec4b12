//! `/api/memory*`, `/api/memories*`, `/memory/*`, `/api/embeddings*`: input → one call → answer.

use serde_json::{Map, Value, json};

use super::api::{
    ChangeAnswer, DeleteInput, EmbeddingHealth, EmbeddingStatus, Export, ExportQuery, FeedbackAnswer, FeedbackBody,
    ForgetAnswer, ForgetBody, FoundList, History, HistoryQuery, KeywordQuery, ListQuery, MapComputing, MapFailed,
    MapQuery, MapReady, MemoryList, Modified, ModifyBody, MostUsedList, MostUsedQuery, Neighbours, NoteBody,
    NoteWritten, OneMemory, PatchBody, RecallAnswer, RecallBody, RecoverInput, RememberBody, Remembered, ReviewQueue,
    SearchQuery, SimilarQuery, Timeline, TimelineQuery,
};
use super::browse::Keywords;
use super::change::reason;
use super::vectors::{MapFilter, Mapped};
use super::{Batch, Delete, Feedback, Forget, Memory, Outcome, Patch, RecallQuery, Refusal, Remember, Unconfirmed};
use crate::config::Bucket;
use crate::core::Error;
use crate::core::access::Access::{Credential, Needs};
use crate::core::access::{Permission, Visible};
use crate::http::input::{Input, Loose};
use crate::http::openapi::Described;
use crate::http::{ApiError, Lane, Request, Response, Route};

/// Bytes of a body that brings memories, and of one that asks for them.
const WRITE: usize = 10 * 1024 * 1024;
const QUESTION: usize = 256 * 1024;

const CHANGED: &[(u16, Described)] = &[
    (200, Described::of::<ChangeAnswer>()),
    (403, Described::or_refused::<ChangeAnswer>()),
    (404, Described::or_refused::<ChangeAnswer>()),
    (409, Described::or_refused::<ChangeAnswer>()),
];
const MAP: &[(u16, Described)] =
    &[(200, Described::of::<MapReady>()), (202, Described::of::<MapComputing>()), (500, Described::of::<MapFailed>())];

pub const ROUTES: &[Route<Memory>] = &[
    Route::post("/api/memory/remember", Needs(Permission::Remember), remember)
        .takes::<RememberBody>()
        .gives::<Remembered>()
        .body_limit(WRITE)
        .about("Stores a memory, or finds that it is stored already; long content becomes linked chunks"),
    Route::post("/api/memory/save", Needs(Permission::Remember), remember_alias)
        .takes::<RememberBody>()
        .gives::<Remembered>()
        .body_limit(WRITE)
        .about("The same as `remember`"),
    Route::post("/api/hook/remember", Needs(Permission::Remember), remember_alias)
        .takes::<RememberBody>()
        .gives::<Remembered>()
        .body_limit(WRITE)
        .about("The same as `remember`"),
    Route::post("/api/memory/codex-native-note", Needs(Permission::Remember), note)
        .takes::<NoteBody>()
        .gives::<NoteWritten>()
        .about("Writes a Markdown note into Codex's folder, and no memory"),
    Route::get("/api/memory/:id", Needs(Permission::Recall), get).gives::<OneMemory>().about("One memory"),
    Route::patch("/api/memory/:id", Needs(Permission::Modify), patch)
        .takes::<PatchBody>()
        .answers(CHANGED)
        .limited(Bucket::Modify)
        .body_limit(WRITE)
        .about("Changes a memory"),
    Route::delete("/api/memory/:id", Needs(Permission::Forget), delete)
        .takes::<DeleteInput>()
        .answers(CHANGED)
        .limited(Bucket::Forget)
        .about("Deletes a memory; for 30 days it can be recovered"),
    Route::post("/api/memory/:id/recover", Needs(Permission::Recover), recover)
        .takes::<RecoverInput>()
        .answers(CHANGED)
        .about("Undoes a delete of the last 30 days"),
    Route::get("/api/memory/:id/history", Needs(Permission::Recall), history)
        .takes::<HistoryQuery>()
        .gives::<History>()
        .about("Who changed what of a memory, oldest first"),
    Route::post("/api/memory/modify", Needs(Permission::Modify), modify)
        .takes::<ModifyBody>()
        .gives::<Modified>()
        .limited(Bucket::Modify)
        .body_limit(WRITE)
        .about("Changes up to 200 memories, each in its own transaction"),
    Route::post("/api/memory/forget", Needs(Permission::Forget), forget)
        .takes::<ForgetBody>()
        .gives::<ForgetAnswer>()
        .limited(Bucket::BatchForget)
        .about("Shows what would be forgotten, and then forgets it"),
    Route::get("/api/memories", Needs(Permission::Recall), list)
        .takes::<ListQuery>()
        .gives::<MemoryList>()
        .about("Memories with counts, newest first"),
    Route::get("/api/memories/most-used", Needs(Permission::Recall), most_used)
        .takes::<MostUsedQuery>()
        .gives::<MostUsedList>()
        .about("Memories, the most recalled first"),
    Route::get("/api/memory/search", Needs(Permission::Recall), search)
        .takes::<SearchQuery>()
        .gives::<RecallAnswer>()
        .model_if(recall_waits)
        .about("The same as `recall`, by query"),
    Route::get("/memory/search", Needs(Permission::Recall), keyword_search)
        .takes::<KeywordQuery>()
        .gives::<FoundList>()
        .about("Memories by a raw full-text expression or by filters"),
    Route::get("/memory/similar", Needs(Permission::Recall), similar)
        .takes::<SimilarQuery>()
        .gives::<Neighbours>()
        .about("The nearest neighbours of a memory"),
    Route::get("/api/memory/timeline", Needs(Permission::Recall), timeline)
        .takes::<TimelineQuery>()
        .gives::<Timeline>()
        .about("The activity of today, the last week and the last month"),
    Route::get("/api/memory/review-queue", Needs(Permission::Recall), review_queue)
        .gives::<ReviewQueue>()
        .about("Changes that someone should look at"),
    Route::post("/api/memory/feedback", Credential, rate)
        .takes::<FeedbackBody>()
        .gives::<FeedbackAnswer>()
        .about("Ratings of shown memories; they move the graph's weights"),
    Route::post("/api/memory/recall", Needs(Permission::Recall), recall)
        .takes::<RecallBody>()
        .gives::<RecallAnswer>()
        .reads()
        .model_if(may_wait)
        .body_limit(QUESTION)
        .about("Finds memories by meaning and by words"),
    Route::get("/api/embeddings", Needs(Permission::Recall), export)
        .takes::<ExportQuery>()
        .gives::<Export>()
        .about("Memories with their vectors"),
    Route::get("/api/embeddings/status", Needs(Permission::Recall), embedding_status)
        .gives::<EmbeddingStatus>()
        .lane(Lane::Model)
        .about("Whether vectors can be made"),
    Route::get("/api/embeddings/health", Needs(Permission::Recall), embedding_health)
        .gives::<EmbeddingHealth>()
        .lane(Lane::Model)
        .about("How complete the vectors are"),
    Route::get("/api/embeddings/projection", Needs(Permission::Recall), map)
        .takes::<MapQuery>()
        .answers(MAP)
        .lane(Lane::Model)
        .about("A map of the memories in two or three dimensions"),
];

fn remember(memory: &Memory, req: &Request) -> Result<Response, ApiError> {
    let remember = Remember::of(req.input::<RememberBody>()?, req.asker())?;
    Ok(Response::json(&memory.remember(remember).map_err(|e| failed(e, "Failed to save memory"))?))
}

/// The aliases take an unparseable body for an empty one.
fn remember_alias(memory: &Memory, req: &Request) -> Result<Response, ApiError> {
    if req.any_json().is_none() {
        return Err(Error::required("content").into());
    }
    remember(memory, req)
}

/// A failure in the words that a route has for it.
fn failed(error: Error, words: &str) -> ApiError {
    let answer = ApiError::from(error);
    if answer.status == 500 { ApiError::new(500, words) } else { answer }
}

fn note(memory: &Memory, req: &Request) -> Result<Response, ApiError> {
    Ok(Response::json(&memory.note(req.input()?).map_err(|e| failed(e, "Failed to write the note"))?))
}

fn get(memory: &Memory, req: &Request) -> Result<Response, ApiError> {
    Ok(Response::json(&memory.get(req.param("id"), &Visible::to_reader(req.asker())?)?))
}

/// What came of a change, with the status of the contract.
fn changed(id: &str, outcome: &Outcome) -> Response {
    let status = match outcome {
        Outcome::Refused(Refusal::NotFound) => 404,
        Outcome::Refused(Refusal::AutonomousForceDenied(_)) => 403,
        Outcome::Refused(_) => 409,
        _ => 200,
    };
    Response::json_with(status, &outcome.answer(id))
}

fn patch(memory: &Memory, req: &Request) -> Result<Response, ApiError> {
    let body: PatchBody = req.input()?;
    let actor = req.actor(body.changed_by.as_deref());
    let outcome = memory.patch(req.param("id"), Patch::of(body, None)?, &Visible::to_changer(req.asker())?, actor)?;
    Ok(changed(req.param("id"), &outcome))
}

fn delete(memory: &Memory, req: &Request) -> Result<Response, ApiError> {
    let input: DeleteInput = req.input()?;
    let delete = Delete {
        reason: reason(&input.reason, None)?,
        force: input.force.0,
        if_version: input.if_version.map(|n| n.0),
    };
    let actor = req.actor(input.changed_by.as_deref());
    let outcome = memory.delete(req.param("id"), delete, &Visible::to_changer(req.asker())?, actor)?;
    Ok(changed(req.param("id"), &outcome))
}

fn recover(memory: &Memory, req: &Request) -> Result<Response, ApiError> {
    let input: RecoverInput = req.input()?;
    let (reason, if_version) = (reason(&input.reason, None)?, input.if_version.map(|n| n.0));
    let actor = req.actor(input.changed_by.as_deref());
    let outcome = memory.recover(req.param("id"), reason, if_version, &Visible::to_changer(req.asker())?, actor)?;
    Ok(changed(req.param("id"), &outcome))
}

fn history(memory: &Memory, req: &Request) -> Result<Response, ApiError> {
    let query: HistoryQuery = req.input()?;
    let id = req.param("id");
    let history = memory.history(id, query.limit.0, &Visible::to_changer(req.asker())?)?;
    let unknown = || ApiError::not_found("Memory not found").with("memoryId", id);
    Ok(Response::json(&history.ok_or_else(unknown)?))
}

/// Each patch by itself: one that cannot be read spoils no other.
fn batch(body: &ModifyBody, req: &Request) -> Vec<Batch> {
    let one = |item: &Value| {
        let Some(members) = item.as_object() else {
            return Batch { id: None, change: Err(Error::malformed("a patch must be an object")) };
        };
        let id = id_of(members);
        let change = PatchBody::read(members, req).and_then(|patch| {
            let Loose(Some(_)) = patch.id else { return Err(Error::required("id")) };
            let actor = req.actor(patch.changed_by.as_deref().or(body.changed_by.as_deref()));
            Ok((Patch::of(patch, body.reason.as_deref())?, actor))
        });
        Batch { id, change }
    };
    body.patches.0.iter().map(one).collect()
}

fn id_of(members: &Map<String, Value>) -> Option<String> {
    members.get("id").and_then(Value::as_str).map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned)
}

fn modify(memory: &Memory, req: &Request) -> Result<Response, ApiError> {
    let body: ModifyBody = req.input()?;
    Ok(Response::json(&memory.modify(batch(&body, req), &Visible::to_changer(req.asker())?)?))
}

fn forget(memory: &Memory, req: &Request) -> Result<Response, ApiError> {
    let body: ForgetBody = req.input()?;
    let actor = req.actor(body.changed_by.as_deref());
    match memory.forget(&Forget::of(body)?, &Visible::to_changer(req.asker())?, &actor) {
        Ok(answer) => Ok(Response::json(&answer)),
        Err(Unconfirmed::Refused(error)) => Err(error.into()),
        Err(Unconfirmed::Token { token, count }) => {
            Err(ApiError::bad_request("confirm_token is required and must be that of a preview")
                .with("requiresConfirm", true)
                .with("confirmToken", token)
                .with("count", count))
        }
    }
}

fn list(memory: &Memory, req: &Request) -> Result<Response, ApiError> {
    let page: ListQuery = req.input()?;
    Ok(Response::json(&memory.list(&req.caller, page.limit.0, page.offset.0)?))
}

fn most_used(memory: &Memory, req: &Request) -> Result<Response, ApiError> {
    let limit = req.input::<MostUsedQuery>()?.limit.0;
    let limit = if limit < 1 { 6 } else { limit.min(200) };
    Ok(Response::json(&memory.most_used(&req.caller, limit)?))
}

/// A failure is a field of the answer.
fn keyword_search(memory: &Memory, req: &Request) -> Result<Response, ApiError> {
    let query: KeywordQuery = req.input()?;
    let authors = query.distinct.as_deref() == Some("who");
    let found = if authors {
        let values = memory.authors(&req.caller);
        values.map(|values| FoundList { values: Some(values), ..FoundList::default() })
    } else {
        let keywords = Keywords::of(query, &req.caller)?;
        memory.find_words(&keywords).map(|found| FoundList { results: Some(found), ..FoundList::default() })
    };
    match found {
        Ok(list) => Ok(Response::json(&list)),
        Err(Error::Failed(cause)) => {
            log::error!(target: "memory", "keyword search: {cause}");
            let error = Some("Internal server error");
            let list = FoundList { error, ..FoundList::default() };
            Ok(Response::json(&if authors {
                FoundList { values: Some(Vec::new()), ..list }
            } else {
                FoundList { results: Some(Vec::new()), ..list }
            }))
        }
        Err(other) => Err(other.into()),
    }
}

fn recall_failed(error: Error) -> ApiError {
    let answer = ApiError::from(error);
    if answer.status == 500 { ApiError::new(500, "Recall failed").with("results", json!([])) } else { answer }
}

fn recall_waits(memory: &Memory, _: &Request) -> bool {
    memory.recall_waits()
}

fn may_wait(memory: &Memory, req: &Request) -> bool {
    memory.may_wait(&req.body)
}

fn search(memory: &Memory, req: &Request) -> Result<Response, ApiError> {
    let query = RecallQuery::of_query(req.input()?, req.asker())?;
    answer_recall(memory, req, &query)
}

fn recall(memory: &Memory, req: &Request) -> Result<Response, ApiError> {
    let query = RecallQuery::of_body(req.input()?, req.asker())?;
    answer_recall(memory, req, &query)
}

fn answer_recall(memory: &Memory, req: &Request, query: &RecallQuery) -> Result<Response, ApiError> {
    Ok(Response::json(&memory.answer(&req.caller, req.peer_ip(), query).map_err(recall_failed)?))
}

fn similar(memory: &Memory, req: &Request) -> Result<Response, ApiError> {
    let empty = |error: Error| ApiError::from(error).with("results", json!([]));
    let query: SimilarQuery = req.input().map_err(empty)?;
    let visible = Visible::to_reader(req.asker()).map_err(empty)?;
    let found = memory.similar(&query.id, query.kind.as_deref(), query.k.0 as usize, &visible);
    Ok(Response::json(&found.map_err(empty)?))
}

fn timeline(memory: &Memory, req: &Request) -> Result<Response, ApiError> {
    let query: TimelineQuery = req.input()?;
    Ok(Response::json(&memory.timeline(&Visible::to_dashboard(req.asker())?, query.tz_offset.0)?))
}

fn review_queue(memory: &Memory, req: &Request) -> Result<Response, ApiError> {
    Ok(Response::json(&memory.review_queue(&Visible::to_dashboard(req.asker())?)?))
}

fn rate(memory: &Memory, req: &Request) -> Result<Response, ApiError> {
    Ok(Response::json(&memory.rate(Feedback::of(req.input()?, req.asker())?)?))
}

fn export(memory: &Memory, req: &Request) -> Result<Response, ApiError> {
    let query: ExportQuery = req.input()?;
    let vectors = query.vectors.as_deref() == Some("true");
    Ok(Response::json(&memory.export(&req.caller, vectors, query.limit.0, query.offset.0)?))
}

fn embedding_status(memory: &Memory, _: &Request) -> Result<Response, ApiError> {
    Ok(Response::json(&memory.embedding_status()))
}

fn embedding_health(memory: &Memory, _: &Request) -> Result<Response, ApiError> {
    Ok(Response::json(&memory.embedding_health()?))
}

fn map(memory: &Memory, req: &Request) -> Result<Response, ApiError> {
    match memory.map(&MapFilter::of(req.input()?, &req.caller)?)? {
        Mapped::Ready(map) => Ok(Response::json(&*map)),
        Mapped::Computing(asked) => Ok(Response::json_with(202, &asked)),
        Mapped::Failed(message) => Ok(Response::json_with(500, &MapFailed { status: "error", message })),
    }
}
