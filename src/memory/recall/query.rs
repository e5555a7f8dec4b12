//! A recall request, validated.

use serde_json::Value;

use super::dated::{self, TimeRequest, Window};
use crate::auth::Caller;
use crate::http::{ApiError, Fields, Request};
use crate::memory::filters::{self, Span};

pub const DEFAULT_LIMIT: usize = 10;
const MOST: i64 = 50;
/// Characters of a question that are looked at.
const LONGEST: usize = 8000;

/// How many questions an aggregate may ask in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budget {
    Small,
    Medium,
    Large,
}

impl Budget {
    /// Questions in all.
    pub fn queries(self) -> usize {
        match self {
            Budget::Small => 3,
            Budget::Medium => 5,
            Budget::Large => 8,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Budget::Small => "small",
            Budget::Medium => "medium",
            Budget::Large => "large",
        }
    }
}

#[derive(Debug, Clone)]
pub struct RecallQuery {
    pub text: String,
    /// Replaces the text in the full-text channels.
    pub keywords: Option<String>,
    pub limit: usize,
    pub kind: Option<String>,
    pub who: Option<String>,
    pub project: Option<String>,
    pub tags: Vec<String>,
    pub pinned: bool,
    pub importance_min: Option<f64>,
    pub span: Span,
    /// Lines scored below this are left out.
    pub min_score: f64,
    pub scope: Option<String>,
    pub time: Option<TimeRequest>,
    pub agent: String,
    pub session_key: Option<String>,
    pub include_recalled: bool,
    pub source_only: bool,
    pub aggregate: bool,
    pub save_aggregate: bool,
    pub budget: Budget,
}

impl RecallQuery {
    /// From the body of `POST /api/memory/recall`.
    pub fn from_body(request: &Request) -> Result<Self, ApiError> {
        let body = request.object()?;
        let session_key = body.text_of(&["sessionKey", "session_key"])?.or(session_header(request));
        let named = body.text_of(&["agentId", "agent_id"])?.or(request.headers.text("x-signet-agent-id"));
        Ok(RecallQuery {
            text: question(body.text("query")?)?,
            keywords: body.text("keywordQuery")?.map(|text| text.chars().take(LONGEST).collect()),
            limit: limit(body),
            kind: owned(body.text("type")?),
            who: owned(body.text("who")?),
            project: project(&request.caller, body.text("project")?),
            tags: filters::tags(body.text("tags")?)?,
            pinned: body.raw("pinned") == Some(&Value::Bool(true)),
            importance_min: body.number_of(&["importance_min"])?,
            span: Span::of(body.text("since")?, body.text("until")?)?,
            min_score: min_score(body.number_of(&["minScore", "min_score"])?)?,
            scope: owned(body.text("scope")?),
            time: match body.raw("time") {
                None | Some(Value::Null) => None,
                Some(value) => Some(TimeRequest::parse(value)?),
            },
            agent: request.caller.agent(named, session_key)?,
            session_key: owned(session_key),
            include_recalled: body.raw("includeRecalled").or(body.raw("include_recalled")) == Some(&Value::Bool(true)),
            source_only: body.raw("sourceOnly") == Some(&Value::Bool(true)),
            aggregate: body.raw("aggregate") == Some(&Value::Bool(true)),
            save_aggregate: body.raw("saveAggregate").or(body.raw("save_aggregate")) != Some(&Value::Bool(false)),
            budget: budget(body)?,
        })
    }

    /// From the query string of `GET /api/memory/search`.
    pub fn from_query(request: &Request) -> Result<Self, ApiError> {
        let query = &request.query;
        let session_key = query.text_of(&["sessionKey", "session_key"]).or(session_header(request));
        let named = query.text_of(&["agentId", "agent_id"]).or(request.headers.text("x-signet-agent-id"));
        Ok(RecallQuery {
            text: question(query.text("q"))?,
            keywords: None,
            limit: query.clamped("limit", DEFAULT_LIMIT as i64, 1, MOST) as usize,
            kind: owned(query.text("type")),
            who: owned(query.text("who")),
            project: project(&request.caller, query.text("project")),
            tags: filters::tags(query.text("tags"))?,
            pinned: query.flag("pinned"),
            importance_min: query.number("importance_min")?,
            span: Span::of(query.text("since"), query.text("until"))?,
            min_score: min_score(query.number("minScore")?.or(query.number("min_score")?))?,
            scope: None,
            time: None,
            agent: request.caller.agent(named, session_key)?,
            session_key: owned(session_key),
            include_recalled: query.flag("includeRecalled") || query.flag("include_recalled"),
            source_only: false,
            aggregate: false,
            save_aggregate: false,
            budget: Budget::Small,
        })
    }

    /// Whether a request may ask for an aggregate, by the look of its body: true for every one that
    /// does.
    pub fn mentions_aggregate(request: &Request) -> bool {
        let names = |needle: &[u8]| request.body.windows(needle.len()).any(|part| part == needle);
        names(b"aggregate") || names(b"\\u")
    }

    /// Whether more than a memory's place (agent, scope, project) is asked for.
    pub fn filters_rows(&self) -> bool {
        self.kind.is_some()
            || self.who.is_some()
            || !self.span.is_open()
            || !self.tags.is_empty()
            || self.pinned
            || self.importance_min.is_some()
    }

    /// Whether the filters ask for what only memories have.
    pub fn filters_memories(&self) -> bool {
        self.filters_rows() || self.scope.is_some()
    }

    /// The window of time asked for, by `time` or by a date in the question.
    pub fn window(&self) -> Result<Option<Window>, ApiError> {
        Ok(match &self.time {
            Some(time) => Some(time.window(&self.text)),
            None => dated::in_question(&self.text),
        })
    }
}

fn owned(text: Option<&str>) -> Option<String> {
    text.map(str::to_owned)
}

fn session_header(request: &Request) -> Option<&str> {
    request.headers.text("x-signet-session-key")
}

/// A credential's project is the filter, whatever was asked.
fn project(caller: &Caller, asked: Option<&str>) -> Option<String> {
    owned(caller.forced_project().or(asked))
}

fn question(text: Option<&str>) -> Result<String, ApiError> {
    let text = text.ok_or_else(|| ApiError::bad_request("query is required"))?;
    Ok(text.chars().take(LONGEST).collect())
}

/// Nothing is below 0.
fn min_score(given: Option<f64>) -> Result<f64, ApiError> {
    match given {
        None => Ok(0.0),
        Some(n) if (0.0..=1.0).contains(&n) => Ok(n),
        Some(_) => Err(ApiError::bad_request("minScore must be a number from 0 to 1")),
    }
}

fn limit(body: Fields<'_>) -> usize {
    body.raw("limit").and_then(Value::as_f64).map_or(DEFAULT_LIMIT, |n| (n.floor() as i64).clamp(1, MOST) as usize)
}

fn budget(body: Fields<'_>) -> Result<Budget, ApiError> {
    match body.raw("aggregateBudget").or(body.raw("aggregate_budget")) {
        None | Some(Value::Null) => Ok(Budget::Small),
        Some(Value::String(s)) if s == "small" => Ok(Budget::Small),
        Some(Value::String(s)) if s == "medium" => Ok(Budget::Medium),
        Some(Value::String(s)) if s == "large" => Ok(Budget::Large),
        Some(_) => Err(ApiError::bad_request("aggregateBudget must be small, medium or large")),
    }
}
