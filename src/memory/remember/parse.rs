//! A remember's body into a validated [`Remember`].

use serde_json::Value;

use super::Remember;
use crate::auth::Caller;
use crate::http::{ApiError, Fields, Request};
use crate::memory::content;
use crate::memory::store::memories::Place;
use crate::memory::structured::Structured;
use crate::memory::temporal::Dates;

impl Remember {
    /// Validates a request's body and its scope. Nothing is written.
    pub fn parse(request: &Request) -> Result<Self, ApiError> {
        let body = request.object()?;
        let content = body.text("content")?.ok_or_else(|| ApiError::bad_request("content is required"))?;
        if content::parse_prefixes(content).text.is_empty() {
            return Err(ApiError::bad_request("content is empty after its prefixes"));
        }
        let metadata = body.object("metadata")?;
        let provenance = |names: &[&str]| -> Result<Option<String>, ApiError> {
            match body.text_of(names)? {
                Some(found) => Ok(Some(found.to_owned())),
                None => match metadata {
                    Some(inner) => Ok(inner.text_of(names)?.map(str::to_owned)),
                    None => Ok(None),
                },
            }
        };
        let dates = Dates::parse(body)?;
        let created_at = body.time("createdAt")?;
        let project = body.text("project")?;
        let place = Place {
            agent: owner(&request.caller, request, body)?,
            project: project.map(str::to_owned),
            scope: body.text("scope")?.map(str::to_owned),
            visibility: match body.lenient_text("visibility") {
                Some("private") => "private".to_owned(),
                _ => "global".to_owned(),
            },
        };
        request.caller.check_new_record(project)?;
        let structured = match body.object("structured")? {
            Some(payload) => Some(Structured::parse(payload)?),
            None => None,
        };
        Ok(Remember {
            content: content.to_owned(),
            who: body.text("who")?.unwrap_or("daemon").to_owned(),
            importance: importance(body)?,
            tags: body.tags("tags")?,
            pinned: body.strict_boolean("pinned")?,
            source_type: body.text("sourceType")?.unwrap_or("manual").to_owned(),
            source_id: body.text("sourceId")?.map(str::to_owned),
            source_path: provenance(&["sourcePath", "source_path", "source"])?,
            runtime_path: provenance(&["runtimePath", "runtime_path"])?,
            key: provenance(&["idempotencyKey", "idempotency_key"])?,
            created_at,
            dates,
            place,
            hints: hint_texts(body.raw("hints"))?,
            transcript: body.text("transcript")?.map(str::to_owned),
            structured,
            bound_to: request.caller.forced_project().map(str::to_owned),
        })
    }
}

/// The agent a new memory belongs to.
fn owner(caller: &Caller, request: &Request, body: Fields<'_>) -> Result<String, ApiError> {
    let session_key = request.headers.text("x-signet-session-key");
    caller.agent(body.text("agentId")?, session_key)
}

fn importance(body: Fields<'_>) -> Result<Option<f64>, ApiError> {
    match body.raw("importance") {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_f64() {
            Some(n) if (0.0..=1.0).contains(&n) => Ok(Some(n)),
            _ => Err(ApiError::bad_request("importance must be a number from 0 to 1")),
        },
    }
}

/// Trimmed texts of 5 to 300 characters; others are skipped.
pub fn hint_texts(given: Option<&Value>) -> Result<Vec<String>, ApiError> {
    match given {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => Ok(items
            .iter()
            .filter_map(Value::as_str)
            .map(str::trim)
            .filter(|t| (5..=300).contains(&t.chars().count()))
            .map(str::to_owned)
            .collect()),
        Some(_) => Err(ApiError::bad_request("hints must be a list of strings")),
    }
}
