//! What is new of a conversation that never ends.

use super::api::ExtractAnswer;
use super::call::{Admitted, Call};
use super::end::shortened;
use crate::core::Error;
use crate::parts::sessions::Sessions;
use crate::parts::sessions::checkpoints::Trigger;
use crate::parts::sessions::store::epochs;
use crate::parts::sessions::store::summary_jobs::{self, SummaryJob};
use crate::parts::sessions::store::transcripts::{self as store, Owner};
use crate::parts::sessions::transcripts::{Given, Raw, is_noise, normalise};
use crate::text::time;

/// Bytes that must be new.
const LEAST: usize = 500;

impl Sessions {
    /// Queues what was said since the last time.
    pub fn extract(&self, call: &Call, given: &Given) -> Result<ExtractAnswer, Error> {
        match self.admit(call, false) {
            Admitted::Held { by, .. } => return Ok(ExtractAnswer::held(by)),
            Admitted::Bypassed => return Ok(ExtractAnswer::skipped()),
            Admitted::Go { .. } => {}
        }
        let (Some(id), Some(key)) = (call.session(), call.key.clone()) else { return Ok(ExtractAnswer::skipped()) };
        self.claims.renew(&id);
        if !self.core.config().pipeline.switches.enabled {
            return Ok(ExtractAnswer::skipped());
        }
        self.core.mutable()?;
        // the text counts before the file here
        let of = |raw: Raw| Some(normalise(&call.harness, &raw.text)).filter(|said| !said.is_empty());
        let sent = given.body().and_then(of).or_else(|| given.file(&self.core.env).and_then(of)).unwrap_or_default();
        let stored = self.core.db.read(|c| store::find(c, &call.agent, &key, call.bound_to()))?;
        let is_sent = stored.as_ref().is_none_or(|stored| sent.len() >= stored.content.len());
        let text = match (&stored, is_sent) {
            (Some(stored), false) => stored.content.clone(),
            _ => sent,
        };
        if text.is_empty() {
            return Ok(ExtractAnswer::skipped());
        }
        let project = call.project.clone().or(stored.and_then(|stored| stored.project));
        let owner = Owner {
            agent: call.agent.clone(),
            key: key.clone(),
            harness: call.harness.clone(),
            project: project.clone(),
        };
        let cursor = self.core.db.read(|c| epochs::cursor(c, &key, &call.agent))?;
        let delta = after(&text, cursor);
        if delta.len() < LEAST || is_noise(project.as_deref(), Some(&key), None, &call.harness) {
            if is_sent {
                self.store_whole(owner, text)?;
            }
            return Ok(ExtractAnswer::skipped());
        }
        let now = self.core.now();
        let job = SummaryJob {
            session_key: Some(key.clone()),
            session_id: key.clone(),
            harness: call.harness.clone(),
            project,
            agent: call.agent.clone(),
            transcript: shortened(delta),
            trigger: "checkpoint_extract",
            captured_at: now.clone(),
            started_at: None,
            ended_at: Some(time::iso(self.core.clock.now())),
        };
        let checkpoint = match self.continuity.prompts(&id) {
            0 => None,
            _ => self.continuity.end(&id).and_then(|done| self.draft(&id, &done, Trigger::Extract, None)),
        };
        let agent = call.agent.clone();
        let queued = self.core.db.write(move |tx| {
            if let Some(checkpoint) = &checkpoint {
                checkpoint.store(tx)?;
            }
            if is_sent {
                store::put(tx, &owner, &text)?;
            }
            let queued = summary_jobs::insert(tx, &job)?;
            epochs::set_cursor(tx, &key, &agent, text.len() as i64)?;
            Ok(queued)
        })?;
        self.continuity.begin(
            &id,
            call.key.as_deref().unwrap_or_default(),
            &call.harness,
            call.project.as_deref(),
            None,
        );
        Ok(ExtractAnswer { queued: Some(true), job_id: Some(queued), ..ExtractAnswer::default() })
    }
}

/// What stands after so many bytes, from the next whole character on. A cursor past the end is that of another
/// text: all of this one is new.
fn after(text: &str, cursor: i64) -> &str {
    let mut at = usize::try_from(cursor).unwrap_or(0);
    if at > text.len() {
        return text;
    }
    while !text.is_char_boundary(at) {
        at += 1;
    }
    &text[at..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_inside_a_character_is_moved_on() {
        assert_eq!(
            (after("aüb", 2), after("aüb", 3), after("aüb", 4), after("aüb", 9), after("a", -1)),
            ("b", "b", "", "aüb", "a")
        );
    }
}
