//! Lists and the keyword search (memory part, §5).

use std::collections::HashSet;

use crate::core::Error;
use crate::core::access::{Caller, Visible};
use crate::db::sql::Conditions;
use crate::parts::memory::Memory;
use crate::parts::memory::api::{Found, KeywordQuery, MemoryList, MostUsed, MostUsedList};
use crate::parts::memory::filters::{self, Span};
use crate::parts::memory::store::conditions::MemoryConditions;
use crate::parts::memory::store::{fulltext, views};
use crate::text::{is_unspaced, time};

/// Distinct authors listed at most.
const MOST_AUTHORS: i64 = 5000;
/// Candidates ordered by decay when a search has filters but no words.
const MOST_FILTERED: i64 = 2000;
/// Rows of the keyword search, with an expression and without.
const BY_WORDS: i64 = 20;
const BY_FILTER: i64 = 50;

/// Lists show every agent's rows; a scoped credential sees its project's and its agent's.
pub fn visible_to(caller: &Caller) -> Conditions {
    let mut conditions = Conditions::default();
    Visible::to_lister(caller).narrow(&mut conditions);
    conditions
}

/// What a keyword search looks for.
pub struct Keywords {
    query: Option<String>,
    filter: Conditions,
    filtered: bool,
    limit: Option<i64>,
}

impl Keywords {
    pub fn of(input: KeywordQuery, caller: &Caller) -> Result<Self, Error> {
        let query = input.q.map(|q| q.0);
        if let Some(query) = &query {
            filters::expression("q", query)?;
        }
        let mut filter = Conditions::default();
        filter
            .kind(input.kind.as_deref())
            .who(input.who.as_deref())
            .tags(&filters::tags(input.tags.as_deref())?)
            .created(Span::of(input.since.as_deref(), None)?)
            .pinned(input.pinned.0)
            .importance(input.importance_min.0, None);
        let filtered = !filter.is_empty();
        Visible::to_lister(caller).narrow(&mut filter);
        Ok(Keywords { query, filter, filtered, limit: Some(input.limit.0).filter(|n| *n > 0) })
    }
}

impl Memory {
    /// A page of memories with counts of all, newest first.
    pub fn list(&self, caller: &Caller, limit: i64, offset: i64) -> Result<MemoryList, Error> {
        let visible = visible_to(caller);
        Ok(self.core.db.read(|c| {
            Ok(MemoryList { memories: views::list(c, &visible, limit, offset)?, stats: views::stats(c, &visible)? })
        })?)
    }

    /// The memories that recalls returned the most.
    pub fn most_used(&self, caller: &Caller, limit: i64) -> Result<MostUsedList, Error> {
        let visible = visible_to(caller);
        // counts that are not written yet may bring others to the top
        let waiting = self.counts.all_waiting();
        let ids: Vec<&String> = waiting.keys().collect();
        let mut used = self.core.db.read(|c| {
            let mut used = views::most_used(c, &visible, limit)?;
            used.extend(views::used_of(c, &ids, &visible)?);
            Ok(used)
        })?;
        let mut seen = HashSet::new();
        used.retain(|row| seen.insert(row.id.clone()));
        for row in &mut used {
            row.access_count += waiting.get(&row.id).map_or(0, |(count, _)| *count);
        }
        let importance = |row: &MostUsed| row.importance.unwrap_or_default();
        used.sort_by(|a, b| b.access_count.cmp(&a.access_count).then_with(|| importance(b).total_cmp(&importance(a))));
        used.truncate(limit as usize);
        Ok(MostUsedList { memories: used })
    }

    /// Distinct authors, ascending.
    pub fn authors(&self, caller: &Caller) -> Result<Vec<String>, Error> {
        let visible = visible_to(caller);
        Ok(self.core.db.read(|c| views::authors(c, &visible, MOST_AUTHORS))?)
    }

    /// Memories that a full-text expression finds, or that a filter lets through, by importance fading
    /// with age; nothing without either.
    pub fn find_words(&self, keywords: &Keywords) -> Result<Vec<Found>, Error> {
        let filter = &keywords.filter;
        let limit = keywords.limit.unwrap_or(if keywords.query.is_some() { BY_WORDS } else { BY_FILTER });
        let Some(q) = &keywords.query else {
            return if keywords.filtered { self.by_decay(filter, limit) } else { Ok(Vec::new()) };
        };
        Ok(self.core.db.read(|c| match fulltext::search(c, q, filter, limit) {
            Err(cause) if fulltext::is_syntax_error(&cause) => fulltext::search_like(c, q, filter, limit),
            // words inside scripts without spaces are no terms of the index
            Ok(found) if found.is_empty() && q.contains(is_unspaced) => fulltext::search_like(c, q, filter, limit),
            other => other,
        })?)
    }

    /// Pinned first, then importance fading by 5 % a day.
    fn by_decay(&self, filter: &Conditions, limit: i64) -> Result<Vec<Found>, Error> {
        let now = self.core.clock.now();
        let mut rows = self.core.db.read(|c| fulltext::filtered(c, filter, MOST_FILTERED.max(limit)))?;
        for row in &mut rows {
            let days = time::parse_stored(&row.created_at).map_or(0, |at| at.until(now).as_hours() / 24).max(0);
            let faded = row.importance.unwrap_or(0.5) * 0.95_f64.powi(days.min(10_000) as i32).max(0.1);
            row.score = Some(if row.pinned != 0 { 1.0 } else { faded });
        }
        rows.sort_by(|a, b| b.score.partial_cmp(&a.score).unwrap_or(std::cmp::Ordering::Equal));
        rows.truncate(limit as usize);
        Ok(rows)
    }
}
