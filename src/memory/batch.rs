//! Changing and forgetting many memories at once (memory part, §4).

use std::collections::HashSet;

use rusqlite::Connection;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::filters::{self, Span};
use super::hex;
use super::mutate::{self, Delete, Outcome, Patch, Refusal};
use super::store::candidates::{self, Candidate};
use super::store::fulltext;
use crate::access::Visible;
use crate::app::App;
use crate::auth::Actor;
use crate::db::sql::Conditions;
use crate::http::{ApiError, Fields, Request};
use crate::text::is_unspaced;

/// Patches of one request, and rows of one forget.
const MOST: usize = 200;
/// More rows than this are forgotten only with the token of a preview.
const CONFIRM_ABOVE: usize = 25;

/// `POST /api/memory/modify`.
pub fn modify(app: &App, request: &Request) -> Result<Value, ApiError> {
    let body = request.object()?;
    let patches = match body.raw("patches").and_then(Value::as_array) {
        Some(patches) if (1..=MOST).contains(&patches.len()) => patches,
        _ => return Err(ApiError::bad_request("patches must be a list of 1 to 200 changes")),
    };
    app.mutable()?;
    let actor_default = body.lenient_text("changed_by");
    let visible = Visible::to_changer(request)?;
    let mut results = Vec::with_capacity(patches.len());
    let mut updated = 0;
    for item in patches {
        let (id, outcome) = modify_one(app, request, &visible, item, body.lenient_text("reason"), actor_default)?;
        if let Ok(Outcome::Updated { .. }) = outcome {
            updated += 1;
        }
        results.push(match outcome {
            Ok(outcome) => outcome.answer(id.as_deref().unwrap_or_default()).1,
            Err(refused) => json!({ "id": id, "status": "invalid_request", "error": refused.message }),
        });
    }
    Ok(json!({ "total": patches.len(), "updated": updated, "results": results }))
}

/// One patch in its own transaction; the inner error is a patch that cannot be read.
fn modify_one(
    app: &App,
    request: &Request,
    visible: &Visible,
    item: &Value,
    reason: Option<&str>,
    changed_by: Option<&str>,
) -> Result<(Option<String>, Result<Outcome, ApiError>), ApiError> {
    let Some(fields) = item.as_object().map(Fields) else {
        return Ok((None, Err(ApiError::bad_request("a patch must be an object"))));
    };
    let Some(id) = fields.lenient_text("id").map(str::to_owned) else {
        return Ok((None, Err(ApiError::bad_request("id is required"))));
    };
    let patch = match Patch::parse(fields, reason) {
        Ok(patch) => patch,
        Err(refused) => return Ok((Some(id), Err(refused))),
    };
    let actor = Actor::of(request, fields.lenient_text("changed_by").or(changed_by));
    let outcome = mutate::apply(app, &id, patch, visible, actor);
    match outcome {
        // a row that the caller may not change is none of its business
        Err(refused) if refused.status == 403 => Ok((Some(id), Ok(Outcome::Refused(Refusal::NotFound)))),
        other => Ok((Some(id), Ok(other?))),
    }
}

/// A validated `POST /api/memory/forget`.
struct Forget {
    execute: bool,
    ids: Option<Vec<String>>,
    query: Option<String>,
    limit: usize,
    reason: Option<String>,
    force: bool,
    confirm_token: Option<String>,
}

/// `POST /api/memory/forget`.
pub fn forget(app: &App, request: &Request) -> Result<Value, ApiError> {
    let body = request.object()?;
    let forget = Forget::parse(body)?;
    let visible = Visible::to_changer(request)?;
    let candidates = app.db.read(|c| forget.candidates(c, body, &visible))?;
    let token = confirm_token(&candidates);
    if !forget.execute {
        return Ok(preview(&candidates, &token));
    }
    if candidates.len() > CONFIRM_ABOVE && forget.confirm_token.as_deref() != Some(token.as_str()) {
        return Err(ApiError::bad_request("confirm_token is required and must be that of a preview")
            .with("requiresConfirm", true)
            .with("confirmToken", token)
            .with("count", candidates.len()));
    }
    app.mutable()?;
    let actor = Actor::of(request, body.lenient_text("changed_by"));
    let delete = Delete { reason: forget.reason.unwrap_or_default(), force: forget.force, if_version: None };
    let mut results = Vec::with_capacity(candidates.len());
    let mut deleted = 0;
    for candidate in &candidates {
        let (id, delete, visible, actor, now) =
            (candidate.id.clone(), delete.clone(), visible.clone(), actor.clone(), app.now());
        let outcome = app.db.write(move |c| mutate::delete(c, &id, &delete, &visible, &actor, &now))?;
        if matches!(outcome, Outcome::Deleted { .. }) {
            super::follow(app, &candidate.id)?;
            deleted += 1;
        }
        results.push(outcome.answer(&candidate.id).1);
    }
    Ok(json!({ "mode": "execute", "requested": candidates.len(), "deleted": deleted, "results": results }))
}

const FILTERS: [&str; 7] = ["type", "who", "source_type", "tags", "since", "until", "scope"];

impl Forget {
    fn parse(body: Fields<'_>) -> Result<Self, ApiError> {
        let execute = match body.raw("mode") {
            None | Some(Value::Null) => false,
            Some(Value::String(mode)) if mode == "preview" => false,
            Some(Value::String(mode)) if mode == "execute" => true,
            Some(_) => return Err(ApiError::bad_request("mode must be preview or execute")),
        };
        let ids = match body.raw("ids") {
            None | Some(Value::Null) => None,
            Some(value) => Some(ids(value)?),
        };
        let forget = Forget {
            execute,
            ids,
            query: body.text("query")?.map(|q| filters::expression("query", q)).transpose()?.map(str::to_owned),
            limit: body.positive_int("limit")?.map_or(20, |n| n.min(MOST as i64) as usize),
            reason: body.lenient_text("reason").map(str::to_owned),
            force: body.boolean("force")?.unwrap_or(false),
            confirm_token: body.lenient_text("confirm_token").map(str::to_owned),
        };
        let filtered = FILTERS.iter().any(|name| body.lenient_text(name).is_some());
        if forget.ids.as_ref().is_none_or(Vec::is_empty) && forget.query.is_none() && !filtered {
            return Err(ApiError::bad_request("ids, query or a filter is required"));
        }
        if execute {
            mutate::required_reason(forget.reason.as_deref())?;
            if body.has("if_version") {
                return Err(ApiError::bad_request("if_version is not supported in a batch"));
            }
        }
        Ok(forget)
    }

    /// The rows it is about, as they are now; rows that the caller may not change are left out.
    fn candidates(
        &self,
        connection: &Connection,
        body: Fields<'_>,
        visible: &Visible,
    ) -> Result<Vec<Candidate>, ApiError> {
        let mut own = visible.conditions(connection)?;
        visible.only_own(&mut own);
        if let Some(ids) = &self.ids {
            let mut seen = HashSet::new();
            let distinct: Vec<String> =
                ids.iter().filter(|id| seen.insert(id.as_str())).take(self.limit).cloned().collect();
            return Ok(candidates::by_id(connection, &distinct, &own)?);
        }
        let filter = filter(body, own)?;
        let limit = self.limit as i64;
        let Some(query) = &self.query else {
            return Ok(candidates::by_filter(connection, &filter, limit)?);
        };
        match candidates::by_text(connection, query, &filter, limit) {
            // words inside scripts without spaces are no terms of the index
            Ok(found) if found.is_empty() && query.contains(is_unspaced) => {
                Ok(candidates::by_like(connection, query, &filter, limit)?)
            }
            Ok(found) => Ok(found),
            Err(cause) if fulltext::is_syntax_error(&cause) => {
                Ok(candidates::by_like(connection, query, &filter, limit)?)
            }
            Err(cause) => Err(cause.into()),
        }
    }
}

fn ids(value: &Value) -> Result<Vec<String>, ApiError> {
    let refused = || ApiError::bad_request("ids must be a list of non-empty strings");
    value
        .as_array()
        .ok_or_else(refused)?
        .iter()
        .map(|id| id.as_str().map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned).ok_or_else(refused))
        .collect()
}

/// What the body asks for, of the caller's own.
fn filter(body: Fields<'_>, own: Conditions) -> Result<Conditions, ApiError> {
    let mut conditions = own;
    for (name, condition) in [("type", "m.type = ?"), ("who", "m.who = ?"), ("source_type", "m.source_type = ?")] {
        if let Some(value) = body.text(name)? {
            conditions.and_with(condition, value.to_owned());
        }
    }
    match body.text("scope")? {
        Some(scope) => conditions.and_with("m.scope = ?", scope.to_owned()),
        None => conditions.and("m.scope IS NULL"),
    };
    filters::add_tags(&mut conditions, &filters::tags(body.text("tags")?)?);
    Span::of(body.text("since")?, body.text("until")?)?.add(&mut conditions);
    Ok(conditions)
}

/// Names the set of candidates: a set that changed since the preview has another token.
fn confirm_token(candidates: &[Candidate]) -> String {
    let mut ids: Vec<&str> = candidates.iter().map(|c| c.id.as_str()).collect();
    ids.sort_by(|a, b| a.encode_utf16().cmp(b.encode_utf16()));
    ids.dedup();
    hex(&Sha256::digest(ids.join("|").as_bytes()))[..32].to_owned()
}

fn preview(candidates: &[Candidate], token: &str) -> Value {
    let rows: Vec<Value> = candidates
        .iter()
        .map(|c| {
            json!({
                "id": c.id, "score": (c.score * 1000.0).round() / 1000.0, "pinned": c.pinned, "version": c.version,
            })
        })
        .collect();
    json!({
        "mode": "preview", "count": candidates.len(), "requiresConfirm": candidates.len() > CONFIRM_ABOVE,
        "confirmToken": token, "candidates": rows,
    })
}
