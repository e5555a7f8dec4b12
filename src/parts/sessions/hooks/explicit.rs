//! What an agent remembers and asks by itself, in its session.

use super::api::{EmptyMeta, NothingRecalled, NothingRemembered, SessionRecall};
use super::call::Call;
use crate::core::Error;
use crate::parts::memory::{Hit, RecallAnswer};
use crate::parts::sessions::Sessions;
use crate::parts::sessions::claims::RuntimePath;

const NOTHING: &str = "No matching memories found.";

impl NothingRemembered {
    pub fn bypassed(bypassed: bool) -> Self {
        NothingRemembered { success: true, memories: Vec::new(), bypassed: bypassed.then_some(true) }
    }
}

impl NothingRecalled {
    fn of(query: &str) -> Self {
        NothingRecalled {
            results: Vec::new(),
            memories: Vec::new(),
            count: 0,
            query: query.to_owned(),
            method: "hybrid",
            meta: EmptyMeta { total_returned: 0, has_supplementary: false, no_hits: true },
            message: NOTHING,
            internal: None,
            bypassed: None,
        }
    }

    pub fn internal() -> Self {
        NothingRecalled { internal: Some(true), ..Self::of("") }
    }

    pub fn bypassed(query: &str) -> Self {
        NothingRecalled { bypassed: Some(true), ..Self::of(query) }
    }
}

impl SessionRecall {
    pub fn of(answer: RecallAnswer) -> Self {
        let message = in_words(&answer);
        SessionRecall { memories: answer.results.clone(), count: answer.results.len(), message, answer }
    }
}

/// The results as a text for a model.
fn in_words(answer: &RecallAnswer) -> String {
    if answer.results.is_empty() {
        return NOTHING.to_owned();
    }
    let n = answer.results.len();
    let noun = if n == 1 { "memory" } else { "memories" };
    let mut text = format!("Found {n} {noun} ({}).", answer.method);
    let supports = |hit: &&Hit| hit.supplementary == Some(true);
    let (beside, primary): (Vec<&Hit>, Vec<&Hit>) = answer.results.iter().partition(supports);
    for (title, rows) in [("Primary matches:", primary), ("Supporting context:", beside)] {
        if !rows.is_empty() {
            text += &format!("\n\n{title}");
            rows.iter().for_each(|hit| text += &format!("\n{}", row(hit)));
        }
    }
    text
}

fn row(hit: &Hit) -> String {
    let percent = (hit.score * 100.0).round();
    let date = hit.created_at.get(..10).unwrap_or(&hit.created_at);
    let who = hit.who.as_deref().unwrap_or("unknown");
    format!("- [{percent}%] id: {}; {} ({}, {}, {date}, by {who})", hit.id, hit.content, hit.kind, hit.source)
}

impl Sessions {
    /// Of what an agent does by itself: refused while another runtime has the session. Whether it is bypassed.
    pub fn admit_explicit(&self, call: &Call) -> Result<bool, Error> {
        match self.claim(call) {
            Ok(_) => Ok(self.is_bypassed(call)),
            Err(by) => Err(held(by)),
        }
    }

    /// Notes for the next checkpoint what was remembered.
    pub fn note_remembered(&self, call: &Call, content: &str) {
        if let Some(id) = call.session() {
            self.continuity.remembered(&id, content);
        }
    }
}

pub fn held(by: RuntimePath) -> Error {
    Error::conflict(format!("session claimed by {} path", by.as_str()))
}
