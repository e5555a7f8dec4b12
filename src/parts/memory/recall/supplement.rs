//! What recall adds when memories leave room: chunks of sources, then artifacts (memory part,
//! §6.5, 7).

use rusqlite::Connection;

use super::answer::{Aside, Line};
use super::candidates::normalised;
use super::meaning::{Meaning, cosine};
use super::query::RecallQuery;
use super::words::Sought;
use crate::config::Config;
use crate::embedding;
use crate::parts::memory::beside::{Artifact, Sources};

/// A chunk less like the question than this says nothing to it.
const LEAST_COSINE: f64 = 0.3;
/// An artifact is worth a little less than a memory that matches as well.
const ARTIFACT: f64 = 0.85;
const IMPORTANCE: f64 = 0.55;

/// The question as sources are asked it.
pub struct Asked<'a> {
    pub query: &'a RecallQuery,
    pub sought: &'a Sought,
    pub meaning: Option<&'a Meaning>,
}

/// Up to `most` lines, chunks before artifacts. Nothing where a filter asks for memories.
pub fn supplements(
    connection: &Connection,
    asked: &Asked<'_>,
    sources: &dyn Sources,
    config: &Config,
    most: usize,
) -> rusqlite::Result<Vec<Line>> {
    if most == 0 || asked.sought.words.is_empty() || asked.query.filters_memories() {
        return Ok(Vec::new());
    }
    let mut lines = match asked.meaning {
        Some(meaning) if asked.query.project.is_none() => chunks(connection, asked, sources, meaning, config, most)?,
        _ => Vec::new(),
    };
    if lines.len() < most {
        lines.extend(artifacts(connection, asked, sources, config, most - lines.len())?);
    }
    Ok(lines)
}

fn chunks(
    connection: &Connection,
    asked: &Asked<'_>,
    sources: &dyn Sources,
    meaning: &Meaning,
    config: &Config,
    room: usize,
) -> rusqlite::Result<Vec<Line>> {
    let vector = match meaning {
        Meaning::Vector(vector) => vector.clone(),
        Meaning::Words(question) => embedding::pooled(question.tokens()),
    };
    let least = config.search.min_score.max(LEAST_COSINE);
    let mut near: Vec<(f64, String)> = Vec::new();
    sources.each_chunk(connection, &asked.query.agent, vector.len(), &mut |id, other| {
        let score = cosine(&vector, other);
        if score >= least {
            near.push((score, id));
        }
    })?;
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let mut lines = Vec::new();
    for (score, id) in near.into_iter().take(room) {
        let Some((text, created_at)) = sources.chunk(connection, &id)? else { continue };
        let obsidian = header(&text, "source_provider") == Some("obsidian");
        let kind = if obsidian { "source_obsidian_chunk" } else { "source_chunk" };
        let provider = header(&text, "source_provider").unwrap_or("source");
        let aside = Aside {
            kind: kind.to_owned(),
            tags: Some(format!("{provider},source,{kind}")),
            importance: IMPORTANCE,
            who: provider.to_owned(),
            project: None,
            created_at,
            source_path: header(&text, "source_path").map(str::to_owned),
            ..Aside::of(&text, config.pipeline.guardrails.recall_truncate_chars)
        };
        let source = if obsidian { "source_obsidian" } else { "source" };
        lines.push(Line::aside(format!("source-chunk:{id}"), score.min(1.0), source, aside).supplementary());
    }
    Ok(lines)
}

/// A line `name: value` before the first blank one.
fn header<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let lines = text.lines().take_while(|line| !line.trim().is_empty());
    lines.filter_map(|line| line.split_once(": ")).find(|(n, _)| *n == name).map(|(_, value)| value.trim())
}

fn artifacts(
    connection: &Connection,
    asked: &Asked<'_>,
    sources: &dyn Sources,
    config: &Config,
    room: usize,
) -> rusqlite::Result<Vec<Line>> {
    if !sources.any_artifact(connection)? {
        return Ok(Vec::new());
    }
    let (agent, project) = (&asked.query.agent, asked.query.project.as_deref());
    let matches = asked.sought.search(|e| sources.artifacts(connection, e, agent, project, room as i64))?;
    let mut lines = Vec::new();
    for (rowid, score) in normalised(&matches) {
        if let Some(artifact) = sources.artifact(connection, rowid)? {
            lines.push(artifact_line(rowid, ARTIFACT * score, artifact, &asked.sought.words, config));
        }
    }
    Ok(lines)
}

fn artifact_line(rowid: i64, score: f64, artifact: Artifact, words: &[String], config: &Config) -> Line {
    let kind = artifact.source_kind;
    let native = kind.starts_with("native_");
    let source = match () {
        () if native => "native_memory",
        () if kind.starts_with("source_obsidian") => "source_obsidian",
        () => "source",
    };
    let who = artifact.harness.unwrap_or_else(|| "source".to_owned());
    let path = &artifact.source_path;
    let heading = match () {
        () if kind.starts_with("source_obsidian") => format!("[Obsidian vault note: {path}]"),
        () if native => format!("[{who} memory: {path}]"),
        () => format!("[{who}: {path}]"),
    };
    let most = config.pipeline.guardrails.recall_truncate_chars;
    let room = most.saturating_sub(heading.chars().count() + 1);
    let (passage, whole) = passage(&artifact.content, words, room);
    let cut = if whole { "" } else { " [truncated]" };
    let aside = Aside {
        content: format!("{heading}\n{passage}{cut}"),
        content_length: heading.chars().count() + 1 + artifact.content.chars().count(),
        truncated: !whole,
        tags: Some(format!("{who},{},{kind}", if native { "native" } else { "source" })),
        kind,
        importance: IMPORTANCE,
        who,
        project: artifact.project,
        created_at: artifact.captured_at,
        source_path: Some(artifact.source_path),
    };
    Line::aside(format!("native-artifact:{rowid}"), score, source, aside).supplementary()
}

/// The part of a text around the first of these words, and whether it is all of it.
fn passage<'a>(text: &'a str, words: &[String], most: usize) -> (&'a str, bool) {
    let text = text.trim();
    if text.chars().count() <= most {
        return (text, true);
    }
    // lower-casing seldom changes lengths; where it does the place is only a little off
    let lower = text.to_lowercase();
    let first = words.iter().filter_map(|w| lower.find(w.as_str())).min().unwrap_or(0);
    let before = text.char_indices().map(|(at, _)| at).take_while(|at| *at < first).count();
    let skip = before.saturating_sub(most / 4);
    let at = |n: usize| text.char_indices().nth(n).map_or(text.len(), |(at, _)| at);
    let start = if skip == 0 { 0 } else { at(skip) };
    (&text[start..at(skip + most)], false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passage_holds_the_words() {
        let text = format!("{} the tide is high {}", "a ".repeat(300), "b ".repeat(300));
        let (found, whole) = passage(&text, &["tide".to_owned()], 60);
        assert!(found.contains("the tide is high") && !whole, "{found}");
        assert_eq!(found.chars().count(), 60);
        assert_eq!(passage("short", &[], 60), ("short", true));
        assert_eq!(passage(&"é".repeat(100), &["x".to_owned()], 10).0, "é".repeat(10));
    }

    #[test]
    fn headers_end_at_a_blank_line() {
        let text = "source_id: 1\nsource_path: /v/Tides.md\n\nsource_provider: no\n";
        assert_eq!(header(text, "source_path"), Some("/v/Tides.md"));
        assert_eq!(header(text, "source_provider"), None);
    }
}
