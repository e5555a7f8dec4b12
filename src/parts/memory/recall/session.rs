//! What a session has seen is not shown again (memory part, §6.7).

use std::sync::Arc;

use super::answer::{Dedupe, Line};
use super::query::RecallQuery;
use crate::db;
use crate::parts::memory::Memory;
use crate::parts::memory::beside::Epoch;

/// The ledger of the session that asks, if there is one.
pub struct Session<'a> {
    memory: &'a Memory,
    include_recalled: bool,
    epoch: Option<Epoch>,
    /// What was done so far; `None` without a session.
    pub dedupe: Option<Dedupe>,
}

/// What the ledger says of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    New,
    Repeated,
    Suppressed,
}

impl<'a> Session<'a> {
    /// Without a session key, or when the ledger cannot be read, everything is new.
    pub fn of(memory: &'a Memory, query: &RecallQuery) -> Self {
        let epoch = query.session_key.as_ref().and_then(|key| {
            let number = memory.core.db.read(|c| memory.beside.ledger.epoch(c, key, &query.agent));
            let number = number.map_err(|cause| log::warn!(target: "memory", "recall without its session: {cause}"));
            Some(Epoch { session_key: key.clone(), agent: query.agent.clone(), number: number.ok()? })
        });
        let dedupe = epoch.as_ref().map(|e| Dedupe { epoch: e.number, suppressed: 0, repeated: 0 });
        Session { memory, include_recalled: query.include_recalled, epoch, dedupe }
    }

    /// Drops what was shown (or marks it, with `includeRecalled`), cuts at `room` and records the rest.
    pub fn admit(&mut self, mut lines: Vec<Line>, room: usize) -> Vec<Line> {
        let epoch = match &self.epoch {
            Some(epoch) if !lines.is_empty() && room > 0 => epoch.clone(),
            _ => {
                lines.truncate(room);
                return lines;
            }
        };
        let verdicts = match self.verdicts(&lines, epoch, room) {
            Ok(verdicts) => verdicts,
            Err(cause) => {
                log::warn!(target: "memory", "recall goes on without its session: {cause}");
                (self.epoch, self.dedupe) = (None, None);
                lines.truncate(room);
                return lines;
            }
        };
        let mut kept = Vec::new();
        for (mut line, verdict) in lines.into_iter().zip(verdicts) {
            let Some(dedupe) = &mut self.dedupe else { break };
            dedupe.suppressed += usize::from(verdict == Verdict::Suppressed);
            dedupe.repeated += usize::from(verdict == Verdict::Repeated);
            line.already_recalled = verdict == Verdict::Repeated;
            if verdict != Verdict::Suppressed {
                kept.push(line);
            }
        }
        kept
    }

    /// Of the lines up to the last that is admitted.
    fn verdicts(&self, lines: &[Line], epoch: Epoch, room: usize) -> Result<Vec<Verdict>, db::Error> {
        let items: Vec<_> = lines.iter().map(Line::item).collect();
        let (include, ledger) = (self.include_recalled, Arc::clone(&self.memory.beside.ledger));
        self.memory.core.db.write(move |tx| {
            let shown = ledger.shown(tx, &epoch)?;
            let mode = if include { "include_recalled" } else { "default" };
            let (mut verdicts, mut admitted) = (Vec::new(), 0);
            for item in &items {
                if admitted == room {
                    break;
                }
                let verdict = match shown.contains(&(item.kind.to_owned(), item.id.clone())) {
                    true if include => Verdict::Repeated,
                    true => Verdict::Suppressed,
                    false => Verdict::New,
                };
                if verdict == Verdict::New {
                    ledger.claim(tx, &epoch, item, mode)?;
                }
                admitted += usize::from(verdict != Verdict::Suppressed);
                verdicts.push(verdict);
            }
            Ok(verdicts)
        })
    }
}
