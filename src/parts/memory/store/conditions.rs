//! Conditions on `memories m` by what they ask. What is not asked for adds none.

use crate::db::sql::{self, Conditions};
use crate::parts::memory::filters::Span;
use crate::text::time;
use jiff::SignedDuration;

/// Half a millisecond: stored times have whole ones, and SQLite tells seconds as a floating number.
const SLACK_S: f64 = 0.0005;

/// What is asked of a memory beside who may see it.
pub trait MemoryConditions {
    fn live(&mut self) -> &mut Self;
    fn kind(&mut self, kind: Option<&str>) -> &mut Self;
    fn who(&mut self, who: Option<&str>) -> &mut Self;
    fn source_type(&mut self, source: Option<&str>) -> &mut Self;
    fn project(&mut self, project: Option<&str>) -> &mut Self;
    /// Rows of a scope; without one those that have none.
    fn scope(&mut self, scope: Option<&str>) -> &mut Self;
    fn pinned(&mut self, pinned: bool) -> &mut Self;
    /// Bounds, both included.
    fn importance(&mut self, least: Option<f64>, most: Option<f64>) -> &mut Self;
    /// Each must be a part of the tags' text.
    fn tags(&mut self, tags: &[String]) -> &mut Self;
    fn created(&mut self, span: Span) -> &mut Self;
    fn ids(&mut self, ids: Option<&[String]>) -> &mut Self;
    /// One of several, each list by itself; an empty one asks nothing.
    fn any_of(&mut self, kinds: &[&str], whos: &[&str], source_types: &[&str]) -> &mut Self;
    /// A text anywhere in what a memory says of itself.
    fn says(&mut self, text: Option<&str>) -> &mut Self;
}

fn equal<'a>(all: &'a mut Conditions, condition: &'static str, value: Option<&str>) -> &'a mut Conditions {
    if let Some(value) = value {
        all.and_with(condition, value.to_owned());
    }
    all
}

fn list(values: &[impl AsRef<str>]) -> String {
    serde_json::Value::from_iter(values.iter().map(AsRef::as_ref)).to_string()
}

impl MemoryConditions for Conditions {
    fn live(&mut self) -> &mut Self {
        self.and("m.is_deleted = 0")
    }

    fn kind(&mut self, kind: Option<&str>) -> &mut Self {
        equal(self, "m.type = ?", kind)
    }

    fn who(&mut self, who: Option<&str>) -> &mut Self {
        equal(self, "m.who = ?", who)
    }

    fn source_type(&mut self, source: Option<&str>) -> &mut Self {
        equal(self, "m.source_type = ?", source)
    }

    fn project(&mut self, project: Option<&str>) -> &mut Self {
        equal(self, "m.project = ?", project)
    }

    fn scope(&mut self, scope: Option<&str>) -> &mut Self {
        match scope {
            Some(scope) => self.and_with("m.scope = ?", scope.to_owned()),
            None => self.and("m.scope IS NULL"),
        }
    }

    fn pinned(&mut self, pinned: bool) -> &mut Self {
        if pinned { self.and("m.pinned = 1") } else { self }
    }

    fn importance(&mut self, least: Option<f64>, most: Option<f64>) -> &mut Self {
        for (bound, condition) in [(least, "m.importance >= ?"), (most, "m.importance <= ?")] {
            if let Some(bound) = bound {
                self.and_with(condition, bound);
            }
        }
        self
    }

    fn tags(&mut self, tags: &[String]) -> &mut Self {
        for tag in tags {
            self.and_with("m.tags LIKE ? ESCAPE '\\'", sql::like_contains(tag));
        }
        self
    }

    /// Compares instants, whatever form a row's time has; the index is used by the day.
    fn created(&mut self, span: Span) -> &mut Self {
        if let Some(since) = span.since {
            let before = since.plus(SignedDuration::from_hours(-24)).unwrap_or(since);
            self.and_with("m.created_at >= ?", time::iso(before)[..10].to_owned());
            self.and_with("unixepoch(m.created_at, 'subsec') >= ?", since.millis() as f64 / 1e3 - SLACK_S);
        }
        if let Some(until) = span.until {
            let after = until.plus(SignedDuration::from_hours(24)).unwrap_or(until);
            // sorts behind every time of that day
            self.and_with("m.created_at < ?", format!("{}~", &time::iso(after)[..10]));
            self.and_with("unixepoch(m.created_at, 'subsec') <= ?", until.millis() as f64 / 1e3 + SLACK_S);
        }
        self
    }

    fn ids(&mut self, ids: Option<&[String]>) -> &mut Self {
        if let Some(ids) = ids {
            self.and_with("m.id IN (SELECT value FROM json_each(?))", list(ids));
        }
        self
    }

    fn any_of(&mut self, kinds: &[&str], whos: &[&str], source_types: &[&str]) -> &mut Self {
        for (values, condition) in [
            (kinds, "m.type IN (SELECT value FROM json_each(?))"),
            (whos, "m.who IN (SELECT value FROM json_each(?))"),
            (source_types, "m.source_type IN (SELECT value FROM json_each(?))"),
        ] {
            if !values.is_empty() {
                self.and_with(condition, list(values));
            }
        }
        self
    }

    fn says(&mut self, text: Option<&str>) -> &mut Self {
        if let Some(text) = text {
            self.and_with(
                "(m.content || ' ' || COALESCE(m.tags, '') || ' ' || COALESCE(m.who, '') || ' ' || m.type || ' ' ||
                  COALESCE(m.source_type, '') || ' ' || COALESCE(m.source_id, '')) LIKE ? ESCAPE '\\'",
                sql::like_contains(text),
            );
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    #[test]
    fn spans_compare_instants_in_every_stored_form() {
        let connection = Connection::open_in_memory().unwrap();
        let passes = |span: Span, stored: &str| {
            let mut conditions = Conditions::default();
            conditions.created(span);
            let text = format!("SELECT 1 FROM (SELECT ? AS created_at) m WHERE {}", conditions.sql());
            sql::row(&connection, &text, conditions.after(&[&stored]), |_| Ok(())).unwrap().is_some()
        };
        let span = Span::of(Some("2024-05-13"), Some("2024-05-13")).unwrap();
        for stored in ["2024-05-13T00:00:00.000Z", "2024-05-13 23:59:59", "2024-05-13T23:59:59.999Z"] {
            assert!(passes(span, stored), "{stored}");
        }
        assert!(passes(span, "2024-05-14T01:00:00+02:00"));
        for stored in ["2024-05-12T23:59:59.999Z", "2024-05-14T00:00:00.000Z", "2024-05-13T01:00:00+02:00", "soon"] {
            assert!(!passes(span, stored), "{stored}");
        }
        let offset = Span::of(Some("2024-05-13T02:00:00+02:00"), None).unwrap();
        assert!(passes(offset, "2024-05-13T00:00:00.000Z") && !passes(offset, "2024-05-12T23:59:59.999Z"));
        assert!(passes(Span::of(Some("0000-01-01"), Some("9999-12-31")).unwrap(), "9999-12-31T23:59:59.999Z"));
        assert!(Span::of(Some("yesterday"), None).is_err());
    }
}
