//! An answer of recall as a text for a model: what hooks put into a conversation and what MCP's tools say.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::text::{MONTHS, time};

/// What is said when nothing was found.
pub const NOTHING: &str = "No matching memories found.";

/// A row as far as it is told; what is unknown is `None`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Told<'a> {
    pub id: Option<&'a str>,
    pub content: &'a str,
    /// 0 to 1.
    pub score: Option<f64>,
    pub kind: Option<&'a str>,
    pub source: Option<&'a str>,
    pub created_at: Option<&'a str>,
    pub who: Option<&'a str>,
    /// Beside the matches.
    pub supplementary: bool,
    /// What of it lies in the window of a timeline.
    pub facet: Option<&'a str>,
}

impl Told<'_> {
    fn line(&self) -> String {
        let score = self.score.map(|score| format!("[{:.0}%] ", score * 100.0)).unwrap_or_default();
        let id = self.id.map(|id| format!("id: {id}; ")).unwrap_or_default();
        let by = self.who.map(|who| format!(", by {who}")).unwrap_or_default();
        let date = self.created_at.map_or("unknown", |at| at.get(..10).unwrap_or(at));
        let (kind, source) = (self.kind.unwrap_or("memory"), self.source.unwrap_or("unknown"));
        format!("- {score}{id}{} ({kind}, {source}, {date}{by})", self.content)
    }
}

/// Matches first, then what was found beside them.
pub fn matches(rows: &[Told<'_>], method: Option<&str>) -> String {
    if rows.is_empty() {
        return NOTHING.to_owned();
    }
    let noun = if rows.len() == 1 { "memory" } else { "memories" };
    let method = method.map(|method| format!(" ({method})")).unwrap_or_default();
    let mut text = format!("Found {} {noun}{method}.", rows.len());
    for (title, beside) in [("Primary matches:", false), ("Supporting context:", true)] {
        block(&mut text, title, rows.iter().filter(|row| row.supplementary == beside));
    }
    text
}

/// What happened in a window of time that begins at `start`, by what it was.
pub fn timeline(rows: &[Told<'_>], start: &str) -> String {
    if rows.is_empty() {
        return NOTHING.to_owned();
    }
    const TITLES: [&str; 4] = ["Sessions", "Source Activity", "Events", "Memories Captured"];
    let title_of = |row: &Told<'_>| match row.facet {
        Some("session") => TITLES[0],
        Some("source") => TITLES[1],
        Some("occurred" | "observed" | "valid") => TITLES[2],
        _ => TITLES[3],
    };
    let mut text = day(start);
    for title in TITLES {
        block(&mut text, title, rows.iter().filter(|row| !row.supplementary && title_of(row) == title));
    }
    text
}

fn block<'a>(text: &mut String, title: &str, rows: impl Iterator<Item = &'a Told<'a>>) {
    let lines: String = rows.map(|row| format!("\n{}", row.line())).collect();
    if !lines.is_empty() {
        *text += &format!("\n\n{title}{lines}");
    }
}

/// The day of a time, here, as `November 3, 2026`; another text as it is.
fn day(iso: &str) -> String {
    let parsed = time::parse_stored(iso).and_then(|at| Timestamp::from_millisecond(at.millis()).ok());
    let Some(at) = parsed else { return iso.to_owned() };
    let date = at.to_zoned_datetime(TimeZone::system()).date();
    let month = MONTHS[date.month() as usize - 1];
    format!("{}{} {}, {}", month[..1].to_uppercase(), &month[1..], date.day(), date.year())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &'static str, supplementary: bool) -> Told<'static> {
        let (score, created_at) = (Some(0.914), Some("2026-05-04T10:00:00Z"));
        Told { id: Some(id), content: "It rains", score, created_at, supplementary, ..Told::default() }
    }

    #[test]
    fn matches_are_told_before_what_is_beside_them() {
        assert_eq!(matches(&[], Some("hybrid")), NOTHING);
        let ada = Told { who: Some("ada"), kind: Some("fact"), source: Some("hybrid"), ..row("a", false) };
        assert_eq!(
            matches(&[row("b", true), ada], Some("hybrid")),
            "Found 2 memories (hybrid).\n\n\
             Primary matches:\n- [91%] id: a; It rains (fact, hybrid, 2026-05-04, by ada)\n\n\
             Supporting context:\n- [91%] id: b; It rains (memory, unknown, 2026-05-04)"
        );
        let bare = Told { content: "x", ..Told::default() };
        assert_eq!(matches(&[bare], None), "Found 1 memory.\n\nPrimary matches:\n- x (memory, unknown, unknown)");
    }

    #[test]
    fn timelines_are_told_by_what_happened() {
        let rows = [
            Told { facet: Some("valid"), ..row("e", false) },
            Told { facet: Some("session"), ..row("s", false) },
            Told { facet: Some("captured"), ..row("m", false) },
            Told { facet: Some("session"), ..row("beside", true) },
        ];
        let text = timeline(&rows, "2026-11-03T12:00:00.000Z");
        let heads: Vec<&str> = text.lines().filter(|line| !line.is_empty() && !line.starts_with('-')).collect();
        assert_eq!(heads, ["November 3, 2026", "Sessions", "Events", "Memories Captured"]);
        assert!(!text.contains("id: beside"));
        assert_eq!(day("soon"), "soon");
    }
}
