//! Changing and forgetting many memories at once (memory part, §4).

use std::collections::HashSet;

use rusqlite::Connection;
use sha2::{Digest, Sha256};

use super::{Delete, Outcome, Patch, Refusal};
use crate::core::Error;
use crate::core::access::{Actor, Visible};
use crate::db::sql::Conditions;
use crate::parts::memory::Memory;
use crate::parts::memory::api::{
    CandidateAnswer, ChangeAnswer, ForgetAnswer, ForgetBody, ForgetMode, ForgetPreview, Forgotten, Modified,
};
use crate::parts::memory::filters::{self, Span};
use crate::parts::memory::store::candidates::{self, Candidate};
use crate::parts::memory::store::conditions::MemoryConditions;
use crate::parts::memory::store::fulltext;
use crate::text::{hex, is_unspaced};

/// More rows than this are forgotten only with the token of a preview.
const CONFIRM_ABOVE: usize = 25;

/// One change of a batch, or why it cannot be read.
pub struct Batch {
    pub id: Option<String>,
    pub change: Result<(Patch, Actor), Error>,
}

impl Memory {
    /// Makes each change in its own transaction; one that fails spoils no other.
    pub fn modify(&self, batch: Vec<Batch>, visible: &Visible) -> Result<Modified, Error> {
        self.core.mutable()?;
        let total = batch.len();
        let mut results = Vec::with_capacity(total);
        let mut updated = 0;
        for Batch { id, change } in batch {
            let (patch, actor) = match change {
                Ok(change) => change,
                Err(refused) => {
                    results.push(ChangeAnswer::invalid(id.as_deref(), refused.to_string()));
                    continue;
                }
            };
            let id = id.unwrap_or_default();
            let outcome = match self.patch(&id, patch, visible, actor) {
                // a row that the caller may not change is none of its business
                Err(Error::Forbidden(_)) => Outcome::Refused(Refusal::NotFound),
                other => other?,
            };
            updated += usize::from(matches!(outcome, Outcome::Updated { .. }));
            results.push(outcome.answer(&id));
        }
        Ok(Modified { total, updated, results })
    }

    /// Shows what a forget is about, or forgets it. More rows than a few need the token of a preview.
    pub fn forget(&self, forget: &Forget, visible: &Visible, actor: &Actor) -> Result<ForgetAnswer, Unconfirmed> {
        let candidates = self.core.db.try_read(|c| forget.candidates(c, visible))?;
        let token = confirm_token(&candidates);
        if forget.mode == ForgetMode::Preview {
            return Ok(ForgetAnswer::Preview(preview(&candidates, token)));
        }
        if candidates.len() > CONFIRM_ABOVE && forget.confirm_token.as_deref() != Some(token.as_str()) {
            return Err(Unconfirmed::Token { token, count: candidates.len() });
        }
        self.core.mutable()?;
        let delete =
            Delete { reason: forget.reason.clone().unwrap_or_default(), force: forget.force, if_version: None };
        let mut results = Vec::with_capacity(candidates.len());
        let mut deleted = 0;
        for candidate in &candidates {
            let outcome = self.delete(&candidate.id, delete.clone(), visible, actor.clone())?;
            deleted += usize::from(matches!(outcome, Outcome::Deleted { .. }));
            results.push(outcome.answer(&candidate.id));
        }
        let mode = ForgetMode::Execute;
        Ok(ForgetAnswer::Forgotten(Forgotten { mode, requested: candidates.len(), deleted, results }))
    }
}

/// Why nothing was forgotten.
#[derive(Debug)]
pub enum Unconfirmed {
    /// So many rows need this token of a preview.
    Token {
        token: String,
        count: usize,
    },
    Refused(Error),
}

impl<E: Into<Error>> From<E> for Unconfirmed {
    fn from(error: E) -> Self {
        Unconfirmed::Refused(error.into())
    }
}

/// What is to be forgotten.
pub struct Forget {
    mode: ForgetMode,
    ids: Option<Vec<String>>,
    /// A full-text expression.
    query: Option<String>,
    limit: usize,
    reason: Option<String>,
    force: bool,
    confirm_token: Option<String>,
    filters: Filters,
}

/// What the rows must be, beside the caller's own.
struct Filters {
    kind: Option<String>,
    who: Option<String>,
    source_type: Option<String>,
    scope: Option<String>,
    tags: Vec<String>,
    span: Span,
}

impl Forget {
    /// Refuses one that says nothing, and one that executes without a reason.
    pub fn of(body: ForgetBody) -> Result<Self, Error> {
        let filtered = [&body.kind, &body.who, &body.source_type, &body.tags, &body.since, &body.until, &body.scope];
        let filtered = filtered.into_iter().any(Option::is_some);
        let reason = body.reason.into_string();
        // ids say it all: filters beside them are passed over
        let by_ids = body.ids.as_ref().is_some_and(|ids| !ids.0.is_empty());
        let (tags, since, until) = if by_ids {
            (None, None, None)
        } else {
            (body.tags.as_deref(), body.since.as_deref(), body.until.as_deref())
        };
        if let Some(query) = &body.query {
            filters::expression("query", query)?;
        }
        if body.ids.as_ref().is_none_or(|ids| ids.0.is_empty()) && body.query.is_none() && !filtered {
            return Err(Error::malformed("ids, query or a filter is required"));
        }
        if body.mode == ForgetMode::Execute {
            if reason.is_none() {
                return Err(Error::required("reason"));
            }
            if body.if_version.is_some() {
                return Err(Error::invalid("if_version", "is not supported in a batch"));
            }
        }
        let text = |text: Option<crate::http::input::Text>| text.map(|t| t.0);
        Ok(Forget {
            mode: body.mode,
            ids: body.ids.map(|ids| ids.0),
            query: text(body.query),
            limit: body.limit.0 as usize,
            reason,
            force: body.force.is_some_and(|f| f.0),
            confirm_token: body.confirm_token.into_string(),
            filters: Filters {
                tags: filters::tags(tags)?,
                span: Span::of(since, until)?,
                kind: text(body.kind),
                who: text(body.who),
                source_type: text(body.source_type),
                scope: text(body.scope),
            },
        })
    }

    /// The rows it is about, as they are now; rows that the caller may not change are left out.
    fn candidates(&self, connection: &Connection, visible: &Visible) -> Result<Vec<Candidate>, Error> {
        let mut own = visible.conditions(connection)?;
        visible.only_own(&mut own);
        if let Some(ids) = &self.ids {
            let mut seen = HashSet::new();
            let distinct: Vec<String> =
                ids.iter().filter(|id| seen.insert(id.as_str())).take(self.limit).cloned().collect();
            return Ok(candidates::by_id(connection, &distinct, &own)?);
        }
        let filter = self.filters.conditions(own);
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

impl Filters {
    /// Of the caller's own rows those that are meant.
    fn conditions(&self, own: Conditions) -> Conditions {
        let mut conditions = own;
        conditions
            .kind(self.kind.as_deref())
            .who(self.who.as_deref())
            .source_type(self.source_type.as_deref())
            .scope(self.scope.as_deref())
            .tags(&self.tags)
            .created(self.span);
        conditions
    }
}

/// Names the set of candidates: a set that changed since the preview has another token.
fn confirm_token(candidates: &[Candidate]) -> String {
    let mut ids: Vec<&str> = candidates.iter().map(|c| c.id.as_str()).collect();
    ids.sort_by(|a, b| a.encode_utf16().cmp(b.encode_utf16()));
    ids.dedup();
    hex(&Sha256::digest(ids.join("|").as_bytes()))[..32].to_owned()
}

fn preview(candidates: &[Candidate], confirm_token: String) -> ForgetPreview {
    let row = |c: &Candidate| CandidateAnswer {
        id: c.id.clone(),
        score: (c.score * 1000.0).round() / 1000.0,
        pinned: c.pinned,
        version: c.version,
    };
    ForgetPreview {
        mode: ForgetMode::Preview,
        count: candidates.len(),
        requires_confirm: candidates.len() > CONFIRM_ABOVE,
        confirm_token,
        candidates: candidates.iter().map(row).collect(),
    }
}
