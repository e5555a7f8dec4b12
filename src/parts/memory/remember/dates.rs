//! Further dates of a memory: when it happened, was seen, holds (memory part, §2.4).

use crate::core::Error;
use crate::db::Tx;
use crate::http::input::Date;
use crate::parts::memory::api::RememberBody;
use crate::parts::memory::store::temporal::{self, Edge};

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
    /// Refuses a validity that ends before it begins.
    pub fn of(body: &RememberBody) -> Result<Self, Error> {
        let text = |date: &Option<Date>| date.as_ref().map(|d| d.0.clone());
        let dates = Dates {
            source_created: text(&body.source_created_at),
            observed: text(&body.observed_at),
            occurred: text(&body.occurred_at),
            valid_from: text(&body.valid_from),
            valid_until: text(&body.valid_until),
        };
        dates.checked()
    }

    fn checked(self) -> Result<Self, Error> {
        let dates = self;
        if let (Some(from), Some(until)) = (&dates.valid_from, &dates.valid_until)
            && until <= from
        {
            return Err(Error::invalid("validUntil", "must be after validFrom"));
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
    pub fn store(&self, tx: &Tx<'_>, agent: &str, memory_id: &str) -> rusqlite::Result<()> {
        self.edges().into_iter().try_for_each(|(facet, start, end, field)| {
            temporal::upsert(
                tx,
                &Edge {
                    id: edge_id(agent, memory_id, facet, start),
                    agent,
                    memory_id,
                    facet,
                    start,
                    end,
                    provenance: format!("{{\"source\":\"{field}\"}}"),
                },
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

    #[test]
    fn a_validity_that_ends_before_it_begins_is_refused() {
        let at = |text: &str| Some(text.to_owned());
        let dates = Dates { valid_from: at("2024-02-01"), valid_until: at("2024-01-01"), ..Dates::default() };
        assert_eq!(dates.checked().unwrap_err().to_string(), "validUntil must be after validFrom");
        let dates = Dates { valid_until: at("2024-01-01"), occurred: at("2024-01-01"), ..Dates::default() };
        assert_eq!(dates.checked().unwrap().edges().len(), 1, "an end alone stores nothing");
    }

    #[test]
    fn edge_ids_hold_only_safe_characters() {
        assert_eq!(edge_id("a  b", "m", "occurred", "2024"), "temporal:a-b:memory:m:occurred:2024");
    }
}
