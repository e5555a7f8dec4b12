//! A remember's body into a validated [`Remember`].

use super::Remember;
use super::content;
use super::dates::Dates;
use crate::core::Error;
use crate::core::access::Asker;
use crate::http::input::{Nested, Text};
use crate::parts::knowledge::write::Structured;
use crate::parts::memory::api::RememberBody;
use crate::parts::memory::store::memories::Place;

impl Remember {
    /// Checks what the fields say together, and the scope of who asks. Nothing is written.
    pub fn of(body: RememberBody, asker: Asker<'_>) -> Result<Self, Error> {
        if content::parse_prefixes(&body.content).text.is_empty() {
            return Err(Error::invalid("content", "is empty after its prefixes"));
        }
        let dates = Dates::of(&body)?;
        let text = |text: Option<Text>| text.map(|t| t.0);
        let metadata = body.metadata.map(|Nested(m)| m);
        let (path, runtime, key) = match metadata {
            Some(m) => (m.source_path, m.runtime_path, m.idempotency_key),
            None => (None, None, None),
        };
        let project = text(body.project);
        let place = Place {
            agent: asker.caller.agent(body.agent_id.as_deref(), asker.session_key)?,
            project: project.clone(),
            scope: text(body.scope),
            visibility: match body.visibility.as_deref() {
                Some("private") => "private".to_owned(),
                _ => "global".to_owned(),
            },
        };
        asker.caller.check_new_record(project.as_deref())?;
        Ok(Remember {
            content: body.content.0,
            who: text(body.who).unwrap_or_else(|| "daemon".to_owned()),
            importance: body.importance.get()?.map(|n| n.0),
            tags: body.tags.get()?.map(|tags| tags.0),
            pinned: body.pinned.get()?.map(|b| b.0),
            source_type: text(body.source_type).unwrap_or_else(|| "manual".to_owned()),
            source_id: text(body.source_id),
            source_path: text(body.source_path.or(path)),
            runtime_path: text(body.runtime_path.or(runtime)),
            key: text(body.idempotency_key.or(key)),
            created_at: body.created_at.map(|d| d.0),
            dates,
            place,
            hints: body.hints.get()?.0,
            transcript: text(body.transcript),
            structured: body.structured.get()?.map(|Nested(payload)| Structured::of(payload)).transpose()?,
            bound_to: asker.caller.forced_project().map(str::to_owned),
        })
    }
}
