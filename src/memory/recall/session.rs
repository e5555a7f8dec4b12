//! What a session has seen is not shown again (memory part, §6.7).

use super::answer::{Answer, Dedupe};
use super::query::RecallQuery;
use crate::app::App;
use crate::db;
use crate::http::ApiError;
use crate::memory::store::ledger::{self, Epoch};

/// The ledger of the session asked for; `None` without a session or when it cannot be read.
pub fn epoch(app: &App, query: &RecallQuery) -> Option<Epoch> {
    let session_key = query.session_key.clone()?;
    let number = app.db.read(|c| Ok::<_, db::Error>(ledger::current_epoch(c, &session_key, &query.agent)?));
    match number {
        Ok(number) => Some(Epoch { session_key, agent: query.agent.clone(), number }),
        Err(cause) => {
            log::warn!(target: "memory", "recall goes on without its session: {cause}");
            None
        }
    }
}

/// Drops what was shown (or marks it, with `includeRecalled`), cuts and records the rest.
pub fn dedupe(app: &App, query: &RecallQuery, epoch: Epoch, answer: Answer) -> Result<Answer, ApiError> {
    let now = app.now();
    let (limit, include) = (query.limit, query.include_recalled);
    app.db.write(move |c| {
        let shown = ledger::shown(c, &epoch)?;
        let mut dedupe = Dedupe { epoch: epoch.number, suppressed: 0, repeated: 0 };
        let mut kept = Vec::new();
        for mut line in answer.lines {
            if kept.len() == limit {
                break;
            }
            let item = line.item();
            let known = shown.contains(&(item.kind.to_owned(), item.id.clone()));
            if known && !include {
                dedupe.suppressed += 1;
                continue;
            }
            if known {
                dedupe.repeated += 1;
                line.already_recalled = true;
            } else {
                let mode = if include { "include_recalled" } else { "default" };
                ledger::claim(c, &epoch, &item, mode, &now)?;
            }
            kept.push(line);
        }
        Ok(Answer { lines: kept, dedupe: Some(dedupe), temporal: answer.temporal, hybrid: answer.hybrid })
    })
}
