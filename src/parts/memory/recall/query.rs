//! A recall request, validated.

use super::dated::{self, TimeRequest, Window};
use crate::core::Error;
use crate::core::access::{Asker, Caller, Permission};
use crate::http::input::{Nested, Text};
use crate::parts::memory::api::{Budget, RecallBody, SearchQuery};
use crate::parts::memory::filters::{self, Span};

/// Lines of an answer where nobody says.
const LIMIT: usize = 10;
/// Characters of a question that are looked at.
const LONGEST: usize = 8000;

impl Budget {
    /// Questions in all.
    pub fn queries(self) -> usize {
        match self {
            Budget::Small => 3,
            Budget::Medium => 5,
            Budget::Large => 8,
        }
    }
}

/// What a recall is asked.
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
    /// A question of an agent, with nothing else asked for. What other fields hold is the caller's to bound.
    pub fn new(question: &str, agent: &str) -> Self {
        RecallQuery {
            text: start(question),
            keywords: None,
            limit: LIMIT,
            kind: None,
            who: None,
            project: None,
            tags: Vec::new(),
            pinned: false,
            importance_min: None,
            span: Span::default(),
            min_score: 0.0,
            scope: None,
            time: None,
            agent: agent.to_owned(),
            session_key: None,
            include_recalled: false,
            source_only: false,
            aggregate: false,
            save_aggregate: false,
            budget: Budget::Small,
        }
    }

    pub fn of_body(body: RecallBody, asker: Asker<'_>) -> Result<Self, Error> {
        let session_key = body.session_key.as_deref().or(asker.session_key);
        let named = body.agent_id.as_deref().or(asker.named);
        if body.aggregate.0 && body.save_aggregate.0 {
            // what will be saved is a new record like any other
            asker.caller.require(Permission::Remember)?;
            asker.caller.check_new_record(body.project.as_deref())?;
        }
        Ok(RecallQuery {
            text: start(&body.query),
            keywords: body.keyword_query.as_deref().map(start),
            limit: body.limit.0 as usize,
            kind: text(body.kind),
            who: text(body.who),
            project: project(asker.caller, text(body.project)),
            tags: filters::tags(body.tags.as_deref())?,
            pinned: body.pinned.0,
            importance_min: body.importance_min.map(|n| n.0),
            span: Span::of(body.since.as_deref(), body.until.as_deref())?,
            min_score: min_score(body.min_score.map(|n| n.0))?,
            scope: text(body.scope),
            time: body.time.map(|Nested(time)| TimeRequest::of(time)).transpose()?,
            agent: asker.caller.agent(named, session_key)?,
            session_key: session_key.map(str::to_owned),
            include_recalled: body.include_recalled.0,
            source_only: body.source_only.0,
            aggregate: body.aggregate.0,
            save_aggregate: body.save_aggregate.0,
            budget: body.budget,
        })
    }

    pub fn of_query(query: SearchQuery, asker: Asker<'_>) -> Result<Self, Error> {
        let session_key = query.session_key.as_deref().or(asker.session_key);
        Ok(RecallQuery {
            text: start(&query.q),
            keywords: None,
            limit: query.limit.0 as usize,
            kind: text(query.kind),
            who: text(query.who),
            project: project(asker.caller, text(query.project)),
            tags: filters::tags(query.tags.as_deref())?,
            pinned: query.pinned.0,
            importance_min: query.importance_min.0,
            span: Span::of(query.since.as_deref(), query.until.as_deref())?,
            min_score: min_score(query.min_score.0)?,
            scope: None,
            time: None,
            agent: asker.caller.agent(asker.named, session_key)?,
            session_key: session_key.map(str::to_owned),
            include_recalled: query.include_recalled.0,
            source_only: false,
            aggregate: false,
            save_aggregate: false,
            budget: Budget::Small,
        })
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
    pub fn window(&self) -> Option<Window> {
        match &self.time {
            Some(time) => Some(time.window(&self.text)),
            None => dated::in_question(&self.text),
        }
    }
}

fn text(text: Option<Text>) -> Option<String> {
    text.map(|t| t.0)
}

fn start(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

/// A credential's project is the filter, whatever was asked.
fn project(caller: &Caller, asked: Option<String>) -> Option<String> {
    caller.forced_project().map(str::to_owned).or(asked)
}

/// Nothing is below 0.
fn min_score(given: Option<f64>) -> Result<f64, Error> {
    match given {
        None => Ok(0.0),
        Some(n) if (0.0..=1.0).contains(&n) => Ok(n),
        Some(_) => Err(Error::invalid("minScore", "must be a number from 0 to 1")),
    }
}
