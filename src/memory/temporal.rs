//! Further dates of a memory: when it happened, was seen, holds (memory part, §2.4).

use rusqlite::Connection;

use super::store::temporal::{self, Edge};
use crate::http::{ApiError, Fields};

/// The temporal fields of a remember, as ISO times in UTC.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dates {
    source_created: Option<String>,
    observed: Option<String>,
    occurred: Option<String>,
    valid_from: Option<String>,
    valid_until: Option<String>,
}

impl Dates {
    pub fn parse(body: Fields<'_>) -> Result<Self, ApiError> {
        let dates = Dates {
            source_created: body.time("sourceCreatedAt")?,
            observed: body.time("observedAt")?,
            occurred: body.time("occurredAt")?,
            valid_from: body.time("validFrom")?,
            valid_until: body.time("validUntil")?,
        };
        if let (Some(from), Some(until)) = (&dates.valid_from, &dates.valid_until)
            && until <= from
        {
            return Err(ApiError::bad_request("validUntil must be after validFrom"));
        }
        Ok(dates)
    }

    /// Facet, start, end and the field each edge comes from.
    fn edges(&self) -> Vec<(&'static str, &str, Option<&str>, &'static str)> {
        let mut edges = Vec::new();
        for (facet, at, field) in [
            ("source", &self.source_created, "remember.sourceCreatedAt"),
            ("observed", &self.observed, "remember.observedAt"),
            ("occurred", &self.occurred, "remember.occurredAt"),
        ] {
            if let Some(at) = at {
                edges.push((facet, at.as_str(), Some(at.as_str()), field));
            }
        }
        if let Some(from) = &self.valid_from {
            edges.push(("valid", from.as_str(), self.valid_until.as_deref(), "remember.validRange"));
        }
        edges
    }

    /// Writes the edges of a memory; a repeat updates them.
    pub fn store(&self, connection: &Connection, agent: &str, memory_id: &str, now: &str) -> rusqlite::Result<()> {
        self.edges().into_iter().try_for_each(|(facet, start, end, field)| {
            temporal::upsert(
                connection,
                &Edge {
                    id: edge_id(agent, memory_id, facet, start),
                    agent,
                    memory_id,
                    facet,
                    start,
                    end,
                    provenance: format!("{{\"source\":\"{field}\"}}"),
                },
                now,
            )
        })
    }
}

/// `temporal:<agent>:memory:<id>:<facet>:<start>`, runs of other characters made `-`.
fn edge_id(agent: &str, memory_id: &str, facet: &str, start: &str) -> String {
    let mut id = String::new();
    let mut replaced = false;
    for c in format!("temporal:{agent}:memory:{memory_id}:{facet}:{start}").chars() {
        if c.is_ascii_alphanumeric() || matches!(c, ':' | '.' | '_' | '-') {
            id.push(c);
            replaced = false;
        } else if !replaced {
            id.push('-');
            replaced = true;
        }
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_validity_that_ends_before_it_begins_is_refused() {
        let body = json!({"validFrom": "2024-02-01", "validUntil": "2024-01-01"});
        assert_eq!(Dates::parse(Fields(body.as_object().unwrap())).unwrap_err().status, 400);
        let body = json!({"validUntil": "2024-01-01", "occurredAt": "2024-01-01"});
        let dates = Dates::parse(Fields(body.as_object().unwrap())).unwrap();
        assert_eq!(dates.edges().len(), 1, "an end alone stores nothing");
    }

    #[test]
    fn edge_ids_hold_only_safe_characters() {
        assert_eq!(edge_id("a  b", "m", "occurred", "2024"), "temporal:a-b:memory:m:occurred:2024");
    }
}
