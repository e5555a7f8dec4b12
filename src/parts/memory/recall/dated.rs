//! Questions about a day: which window is meant and what lies in it (memory part, §6.6).

use std::collections::HashSet;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan};
use rusqlite::Connection;

use super::filter::Filter;
use super::query::RecallQuery;
use super::words;
use crate::core::Error;
use crate::http::input::List;
use crate::parts::memory::api::{Facet, TemporalMeta, TimeInput, TimeMode as Mode};
use crate::parts::memory::filters::Span;
use crate::parts::memory::store::conditions::MemoryConditions;
use crate::parts::memory::store::recall::Row;
use crate::parts::memory::store::temporal::{self, Dated};
use crate::parts::memory::{Ledger, Sources};
use crate::text;
use crate::text::time::{self, Time};

/// Memories a window may choose.
const MOST_CHOSEN: usize = 1000;

/// The `time` of a request.
#[derive(Debug, Clone)]
pub struct TimeRequest {
    start: Time,
    end: Time,
    facets: Vec<Facet>,
    mode: Mode,
}

impl TimeRequest {
    /// Refuses a window that ends before it begins.
    pub fn of(input: TimeInput) -> Result<Self, Error> {
        let start = time::lower_bound(&input.start.0).ok_or_else(|| Error::required("time.start"))?;
        let end = match input.end.and_then(|end| end_of(&end.0)) {
            Some(end) => end,
            None => start.plus(SignedDuration::from_hours(24)).unwrap_or(Time::MAX),
        };
        if end <= start {
            return Err(Error::invalid("time.end", "must be after time.start"));
        }
        let facets = input.facets.map_or_else(|| Facet::ALL.to_vec(), |List(facets)| facets);
        Ok(TimeRequest { start, end, facets, mode: input.mode })
    }

    /// The whole question stays the content query.
    pub fn window(&self, question: &str) -> Window {
        Window {
            start: self.start,
            end: self.end,
            facets: self.facets.clone(),
            mode: if self.mode == Mode::Timeline { Mode::Timeline } else { Mode::Filter },
            source: "request",
            day: None,
            content_query: question.to_owned(),
        }
    }
}

/// The first instant behind a bound: of a bare date the next midnight.
fn end_of(text: &str) -> Option<Time> {
    let (first, last) = (time::lower_bound(text)?, time::upper_bound(text)?);
    if first == last { Some(last) } else { last.plus(SignedDuration::from_millis(1)).or(Some(last)) }
}

/// A window of time (end exclusive) and what is asked about it.
#[derive(Debug, Clone)]
pub struct Window {
    start: Time,
    end: Time,
    facets: Vec<Facet>,
    mode: Mode,
    source: &'static str,
    /// The day that a question names.
    day: Option<Date>,
    content_query: String,
}

impl Window {
    pub fn day(&self) -> Option<Date> {
        self.day
    }

    /// Found in the question, not asked for.
    pub fn is_guessed(&self) -> bool {
        self.source == "query" && self.mode == Mode::Filter
    }

    /// The question without its date.
    pub fn content_query(&self) -> &str {
        &self.content_query
    }
}

/// Words around a date that say nothing about its content.
const FILLER: &[&str] = &[
    "what",
    "were",
    "was",
    "we",
    "you",
    "i",
    "doing",
    "did",
    "do",
    "on",
    "in",
    "at",
    "the",
    "that",
    "day",
    "date",
    "tell",
    "me",
    "about",
    "working",
    "worked",
    // not in the contract's list: "what happened on …" asks for the day as well
    "happen",
    "happens",
    "happened",
    "happening",
];

/// The day a question names, if any: from local midnight to the next.
pub fn in_question(question: &str) -> Option<Window> {
    let words: Vec<&str> = question.split_whitespace().collect();
    let (date, first, last) = find_date(&words)?;
    let midnight = |date: Date| TimeZone::system().to_timestamp(date.at(0, 0, 0, 0)).ok().map(Time::from);
    let rest: Vec<String> = words[..first]
        .iter()
        .chain(&words[last..])
        .map(|w| w.trim_matches(|c: char| c.is_ascii_punctuation()).to_lowercase())
        .filter(|w| !w.is_empty() && !FILLER.contains(&w.as_str()))
        .collect();
    // stop words alone ask for nothing
    let says_something = rest.iter().any(|w| !words::is_stop_word(w));
    let content_query = if says_something { rest.join(" ") } else { String::new() };
    Some(Window {
        day: Some(date),
        start: midnight(date)?,
        end: midnight(date.checked_add(1.day()).ok()?)?,
        facets: Facet::ALL.to_vec(),
        mode: if content_query.is_empty() { Mode::Timeline } else { Mode::Filter },
        source: "query",
        content_query,
    })
}

/// The first possible date with the range of words it takes.
fn find_date(words: &[&str]) -> Option<(Date, usize, usize)> {
    (0..words.len()).find_map(|at| {
        numeric(words[at]).map(|d| (d, at, at + 1)).or_else(|| named(&words[at..]).map(|(d, n)| (d, at, at + n)))
    })
}

/// `2024-5-13` or `2024/05/13`.
fn numeric(word: &str) -> Option<Date> {
    let word = word.trim_matches(|c: char| !c.is_ascii_digit());
    let parts: Vec<&str> = word.split(['-', '/']).collect();
    let [year, month, day] = parts[..] else { return None };
    if year.len() != 4 || month.len() > 2 || day.len() > 2 {
        return None;
    }
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

/// `May 13th, 2024`, `13 May 2024` or `13th of May, 2024`; how many words it takes.
fn named(words: &[&str]) -> Option<(Date, usize)> {
    let plain = |n: usize| words.get(n).map_or("", |w| w.trim_matches(|c: char| !c.is_alphanumeric()));
    let of = usize::from(plain(1).eq_ignore_ascii_case("of"));
    let (month, day, last) = match (text::month_of(plain(0)), text::day_of(plain(0))) {
        (Some(month), _) => (month, text::day_of(plain(1))?, 2),
        (None, Some(day)) => (text::month_of(plain(1 + of))?, day, 2 + of),
        _ => return None,
    };
    let date = Date::new(text::year_of(plain(last))?, month, day).ok()?;
    Some((date, last + 1))
}

/// `meta.temporal`.
#[derive(Debug, Clone)]
pub struct Meta {
    window: Window,
    original_query: String,
    pub content_query: String,
}

impl Meta {
    pub fn answer(self) -> TemporalMeta {
        TemporalMeta {
            mode: if self.window.mode == Mode::Timeline { Mode::Timeline } else { Mode::Filter },
            source: self.window.source,
            original_query: self.original_query,
            content_query: self.content_query,
            start: time::iso(self.window.start),
            end: time::iso(self.window.end),
            facets: self.window.facets,
        }
    }
}

/// What else has a time, beside memories.
#[derive(Clone, Copy)]
pub struct Others<'a> {
    pub ledger: &'a dyn Ledger,
    pub sources: &'a dyn Sources,
}

/// How a dated question goes on.
pub struct Plan {
    /// The answer, when the rows of the window are it.
    pub rows: Option<Vec<Dated>>,
    /// Else the memories among which recall goes on.
    pub memory_ids: Vec<String>,
    pub meta: Meta,
}

/// `told` are memories that tell of the day, whenever they were saved: they are meant too.
pub fn plan(
    connection: &Connection,
    query: &RecallQuery,
    window: &Window,
    filter: &Filter<'_>,
    others: Others<'_>,
    told: &[Row],
) -> rusqlite::Result<Plan> {
    let meta = Meta {
        window: window.clone(),
        original_query: query.text.clone(),
        content_query: window.content_query.clone(),
    };
    let rows = in_window(connection, query, window, filter, others)?;
    if window.mode == Mode::Timeline {
        return Ok(Plan { rows: Some(rows), memory_ids: Vec::new(), meta });
    }
    let mut memory_ids: Vec<String> =
        rows.iter().filter(|r| r.subject_type == "memory").map(|r| r.subject_id.clone()).collect();
    memory_ids.extend(told.iter().map(|row| row.id.clone()));
    if !memory_ids.is_empty() {
        return Ok(Plan { rows: None, memory_ids, meta });
    }
    let wanted = window.content_query.to_lowercase();
    let rows = rows
        .into_iter()
        .filter(|row| {
            let text = row.content.to_lowercase();
            wanted.split_whitespace().all(|word| text.contains(word))
        })
        .collect();
    Ok(Plan { rows: Some(rows), memory_ids, meta })
}

/// Rows of every asked facet: by rank and start, descending, each subject once per facet.
fn in_window(
    connection: &Connection,
    query: &RecallQuery,
    window: &Window,
    filter: &Filter<'_>,
    others: Others<'_>,
) -> rusqlite::Result<Vec<Dated>> {
    let (start, end) = (time::iso(window.start), time::iso(window.end));
    let span = temporal::Window { start: &start, end: &end };
    let visible = filter.timeline_conditions();
    let (agent, project) = (&filter.readable.agent, query.project.as_deref());
    let limit = (20 * query.limit).clamp(100, MOST_CHOSEN);
    let most = limit as i64;
    let asked = |facet| window.facets.contains(&facet);
    let mut rows = Vec::new();
    if asked(Facet::Captured) {
        let mut captured = filter.timeline_conditions();
        captured.created(Span::between(window.start, window.end));
        rows.extend(temporal::captured_memories(connection, &captured, most)?);
        rows.extend(others.sources.captured(connection, span, agent, project, most)?);
    }
    if asked(Facet::Session) {
        rows.extend(others.ledger.summaries(connection, span, agent, project, most)?);
    }
    if asked(Facet::Source) {
        let between = (window.start.millis(), window.end.millis());
        rows.extend(others.sources.changed(connection, between, agent, project, most)?);
    }
    rows.extend(temporal::memory_edges(connection, span, &window.facets, &visible, most)?);
    rows.sort_by(|a, b| b.rank.total_cmp(&a.rank).then_with(|| b.start.cmp(&a.start)));
    let mut seen = HashSet::new();
    rows.retain(|r| seen.insert((r.subject_type.clone(), r.subject_id.clone(), r.facet.clone())));
    rows.truncate(limit);
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(question: &str) -> Option<String> {
        let words: Vec<&str> = question.split_whitespace().collect();
        find_date(&words).map(|(d, _, _)| d.to_string())
    }

    #[test]
    fn dates_are_found_in_their_forms() {
        assert_eq!(date("what did we do on 2024-5-13?").as_deref(), Some("2024-05-13"));
        assert_eq!(date("notes of 2024/05/13").as_deref(), Some("2024-05-13"));
        assert_eq!(date("July 1 2024 budget").as_deref(), Some("2024-07-01"));
        assert_eq!(date("on Sept 3rd, 2023").as_deref(), Some("2023-09-03"));
        assert_eq!(date("and the 3rd of May 2023?").as_deref(), Some("2023-05-03"));
        for none in ["in May 2024", "2024-02-31", "July 45 2024", "version 1-2-3", "may I"] {
            assert_eq!(date(none), None, "{none}");
        }
    }

    #[test]
    fn filler_words_leave_a_timeline() {
        let window = in_question("What did we do on 2024-05-13?").unwrap();
        assert_eq!((window.mode, window.content_query.as_str()), (Mode::Timeline, ""));
        let window = in_question("what is on 2024-05-13?").unwrap();
        assert_eq!((window.mode, window.content_query.as_str()), (Mode::Timeline, ""));
        let window = in_question("July 1 2024 budget review").unwrap();
        assert_eq!((window.mode, window.content_query.as_str()), (Mode::Filter, "budget review"));
    }
}
