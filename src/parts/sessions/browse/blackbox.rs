//! Which sessions have evidence, and a replay of one.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;

use super::evidence::{of_artifact, of_assertion, of_search, of_shown};
use super::{BlackboxList, BlackboxSession, EvidenceEvent, EvidenceRef, Frame, Influence, Replay};
use crate::core::Error;
use crate::core::access::{DEFAULT_AGENT, Visible};
use crate::parts::documents::artifacts;
use crate::parts::knowledge::subjects;
use crate::parts::memory::Tally;
use crate::parts::sessions::Sessions;
use crate::parts::sessions::store::ledger;
use crate::text::time;

/// References of a frame, influences, references of one.
const REFS: usize = 80;
const INFLUENCES: usize = 5;
const INFLUENCE_REFS: usize = 8;
/// Rows read of each kind.
const ROWS: i64 = 500;
const REASON: &str = "It was in the context shortly before, and may have led to what came next.";
const SUPERSEDED: &str = "A shown assertion has been superseded since.";

/// Which evidence of a session.
#[derive(Debug, Clone)]
pub struct Looked<'a> {
    pub key: &'a str,
    pub project: Option<&'a str>,
    pub at: Option<Timestamp>,
    pub limit: usize,
}

impl Sessions {
    /// Sessions with evidence, newest first.
    pub fn blackbox(&self, agent: &str, project: Option<&str>, limit: usize) -> Result<BlackboxList, Error> {
        let (searches, files) = self.core.db.read(|c| {
            Ok((
                self.memory.searches_by_session(c, agent, project, ROWS)?,
                artifacts::sessions(c, agent, project, ROWS)?,
            ))
        })?;
        let mut all: BTreeMap<String, BlackboxSession> = BTreeMap::new();
        let mut add = |tally: Tally, is_recall: bool| {
            let row = all.entry(tally.session_key.clone()).or_insert_with(|| BlackboxSession {
                session_key: tally.session_key,
                agent_id: agent.to_owned(),
                project: None,
                last_at: String::new(),
                recall_events: 0,
                artifact_events: 0,
            });
            row.project = row.project.take().or(tally.project);
            if row.last_at < tally.last_at {
                row.last_at = tally.last_at;
            }
            *(if is_recall { &mut row.recall_events } else { &mut row.artifact_events }) += tally.count;
        };
        searches.into_iter().for_each(|row| add(row, true));
        files.into_iter().for_each(|row| add(row, false));
        let mut sessions: Vec<BlackboxSession> = all.into_values().collect();
        sessions.sort_by(|a, b| b.last_at.cmp(&a.last_at));
        sessions.truncate(limit);
        let project = project.map(str::to_owned);
        Ok(BlackboxList { agent_id: agent.to_owned(), project, count: sessions.len(), sessions })
    }

    /// What happened in a session, oldest first.
    pub fn replay(&self, visible: &Visible, looked: &Looked<'_>) -> Result<Replay, Error> {
        self.write_noted();
        let (agent, bound_to) = visible.agent_and_project();
        let agent = agent.unwrap_or(DEFAULT_AGENT);
        let project = looked.project.or(bound_to);
        let (searches, shown, files) = self.core.db.read(|c| {
            let searches = self.memory.searches_of(c, agent, looked.key, project, ROWS)?;
            let shown = if project.is_some() { Vec::new() } else { ledger::events(c, looked.key, agent, ROWS)? };
            Ok((searches, shown, artifacts::of_session(c, agent, looked.key, project, ROWS)?))
        })?;
        let mut sources: Vec<String> = files.iter().map(|file| file.path.clone()).collect();
        if project.is_none() {
            sources.push(looked.key.to_owned());
        }
        let ids: Vec<String> = shown.iter().map(|s| s.id.clone()).collect();
        let (asserted, memories) = self.core.db.read(|c| {
            let asserted = subjects::assertions_from(c, agent, &sources, ROWS)?;
            Ok((asserted, self.memory.briefs(c, &ids, visible)?))
        })?;
        let mut events: Vec<EvidenceEvent> = searches.into_iter().flat_map(of_search).collect();
        events.extend(shown.into_iter().map(|shown| {
            let content = memories.iter().find(|m| m.id == shown.id && !m.deleted).map(|m| m.content.as_str());
            of_shown(shown, content)
        }));
        events.extend(files.into_iter().map(of_artifact));
        events.extend(asserted.into_iter().map(of_assertion));
        events.sort_by(|a, b| a.at.cmp(&b.at).then_with(|| a.id.cmp(&b.id)));
        events.truncate(looked.limit);
        let now = self.core.now();
        let at = looked.at.map(time::iso).or_else(|| events.last().map(|event| event.at.clone()));
        let frame = frame(&events, at.unwrap_or_else(|| now.clone()));
        Ok(Replay {
            session_key: looked.key.to_owned(),
            agent_id: agent.to_owned(),
            generated_at: now,
            event_count: events.len(),
            events,
            frame,
        })
    }
}

/// How things stood at a moment.
fn frame(events: &[EvidenceEvent], at: String) -> Frame {
    let before: Vec<&EvidenceEvent> = events.iter().filter(|event| event.at <= at).collect();
    let mut seen: HashSet<(&str, &str)> = HashSet::new();
    let all = before.iter().flat_map(|event| &event.refs);
    let distinct: Vec<&EvidenceRef> = all.filter(|r| seen.insert((r.kind, r.id.as_str()))).collect();
    let superseded = distinct.iter().any(|r| r.kind == "assertion" && r.status.as_deref() == Some("superseded"));
    let influences = before.iter().rev().filter(|event| matches!(event.kind, "recall.result" | "context.recalled"));
    let influence = |event: &&EvidenceEvent| Influence {
        event_id: event.id.clone(),
        at: event.at.clone(),
        refs: event.refs.iter().take(INFLUENCE_REFS).cloned().collect(),
        reason: REASON,
    };
    Frame {
        likely_influences: influences.take(INFLUENCES).map(influence).collect(),
        active_ref_count: distinct.len(),
        active_refs: distinct.into_iter().take(REFS).cloned().collect(),
        warnings: if superseded { vec![SUPERSEDED] } else { Vec::new() },
        at,
    }
}
