//! A conversation ends: it is stored, its files and its summary are queued, and its session is let go.

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::api::{EndAnswer, HeldAnswer, RepeatedEnd};
use super::call::Call;
use super::start::start_key;
use crate::core::Error;
use crate::db::Tx;
use crate::parts::sessions::Sessions;
use crate::parts::sessions::checkpoints::{Draft, Trigger};
use crate::parts::sessions::store::captures::{self, Capture};
use crate::parts::sessions::store::summary_jobs::{self, SummaryJob};
use crate::parts::sessions::store::transcripts::{self as store, Owner};
use crate::parts::sessions::store::{epochs, skills};
use crate::parts::sessions::transcripts::{Given, is_noise, skill_uses};
use crate::text::{hex, time};

/// A shorter conversation is not worth a summary; of a longer one so much is read. Both in characters.
pub const SHORTEST: usize = 500;
pub const LONGEST: usize = 100_000;

/// How a conversation ends.
#[derive(Debug, Clone)]
pub struct Ending {
    pub session_id: Option<String>,
    pub transcript: Given,
    pub clear: bool,
}

/// What is written in one transaction.
struct Written {
    owner: Option<Owner>,
    /// The transcript where it is to be stored.
    text: Option<String>,
    checkpoint: Option<Draft>,
    capture: Option<Capture>,
    summary: Option<SummaryJob>,
}

impl Written {
    fn store(&self, tx: &Tx<'_>) -> rusqlite::Result<Option<String>> {
        if let Some(checkpoint) = &self.checkpoint {
            checkpoint.store(tx)?;
        }
        if let (Some(owner), Some(text)) = (&self.owner, &self.text) {
            store::put(tx, owner, text)?;
        }
        if let Some(capture) = &self.capture {
            captures::insert(tx, capture)?;
        }
        self.summary.as_ref().map(|job| summary_jobs::insert(tx, job)).transpose()
    }
}

impl Sessions {
    /// Ends a conversation.
    pub fn end(&self, call: &Call, ending: &Ending) -> Result<EndAnswer, Error> {
        let session = call.session();
        if let (Some(id), Some(_)) = (&session, call.path)
            && let Some(by) = self.claims.ended_by(id)
        {
            let repeated = RepeatedEnd { skipped: true, duplicate_session_end: true, ended_by: by };
            return Ok(EndAnswer { repeated: Some(repeated), ..EndAnswer::default() });
        }
        if let Err(by) = self.claim(call) {
            return Ok(EndAnswer { held: HeldAnswer::by(by), ..EndAnswer::default() });
        }
        self.harnesses.stamp(&call.harness);
        let bypassed = self.is_bypassed(call);
        let ended = match (bypassed, ending.clear) {
            (true, _) => Ok(EndAnswer { bypassed: Some(true), ..EndAnswer::default() }),
            (false, true) => self.clear_session(call).map(|()| EndAnswer::default()),
            (false, false) => self.keep(call, ending),
        };
        // whatever became of it, nobody has to wait for a claim to run out
        if let Some(id) = &session {
            self.claims.end(id, call.path);
            self.peers.remove(&call.agent, &id.key);
        }
        ended
    }

    /// Forgets a conversation: what it was shown may be shown again.
    fn clear_session(&self, call: &Call) -> Result<(), Error> {
        if let Some(id) = call.session() {
            self.continuity.end(&id);
        }
        self.starts.forget(call);
        if let (Some(key), Ok(())) = (call.key.clone(), self.core.mutable()) {
            let (agent, begun) = (call.agent.clone(), start_key(call));
            self.core.db.write(move |tx| {
                epochs::advance(tx, &begun, &agent, "session-clear")?;
                epochs::advance(tx, &key, &agent, "session-clear")
            })?;
        }
        Ok(())
    }

    /// Stores the conversation with all that is to be made of it.
    fn keep(&self, call: &Call, ending: &Ending) -> Result<EndAnswer, Error> {
        self.core.mutable()?;
        let (given, raw_text, from_file) = match ending.transcript.said(&call.harness, &self.core.env) {
            Some((raw, said)) => (said, Some(raw.text), raw.from_file),
            None => (String::new(), None, false),
        };
        let stored = match &call.key {
            Some(key) => self.core.db.read(|c| store::find(c, &call.agent, key, call.bound_to()))?,
            None => None,
        };
        let started_at = stored.as_ref().map(|stored| stored.created_at.clone());
        let project = call.project.clone().or(stored.as_ref().and_then(|stored| stored.project.clone()));
        let longer = stored.filter(|stored| stored.content.len() > given.len());
        let is_given = longer.is_none();
        let text = longer.map_or(given, |stored| stored.content);
        let now = self.core.clock.now();
        let session_id =
            self.session_id(call, ending, if from_file { ending.transcript.path.as_deref() } else { None }, &text);
        let noise = is_noise(project.as_deref(), call.key.as_deref(), Some(&session_id), &call.harness);
        let job = SummaryJob {
            session_key: call.key.clone(),
            session_id: session_id.clone(),
            harness: call.harness.clone(),
            project: project.clone(),
            agent: call.agent.clone(),
            transcript: shortened(&text),
            trigger: "session_end",
            captured_at: time::iso(now),
            started_at,
            ended_at: Some(time::iso(now)),
        };
        let summary = (self.summarises() && !noise && text.chars().count() >= SHORTEST).then_some(job);
        let checkpoint = call.session().and_then(|id| {
            let done = self.continuity.end(&id).filter(|done| done.prompts > 0)?;
            self.draft(&id, &done, Trigger::SessionEnd, None)
        });
        let capture = (!text.trim().is_empty()).then(|| {
            capture(
                call,
                now,
                Capture {
                    id: String::new(),
                    agent: call.agent.clone(),
                    harness: call.harness.clone(),
                    session_key: call.key.clone(),
                    session_id,
                    project: project.clone(),
                    transcript: text.clone(),
                    raw: raw_text.clone().filter(|raw| is_given && *raw != text),
                    transcript_path: ending.transcript.path.clone().filter(|_| from_file),
                    captured_at: String::new(),
                    ended_at: None,
                    summary_status: if summary.is_some() { "pending" } else { "not_requested" }.to_owned(),
                },
            )
        });
        let owner = call.key.clone().map(|key| Owner {
            agent: call.agent.clone(),
            key,
            harness: call.harness.clone(),
            project,
        });
        let text = (is_given && !text.is_empty()).then_some(text);
        let written = Written { owner, text, checkpoint, capture, summary };
        let job = self.core.db.write(move |tx| written.store(tx))?;
        self.live.wake();
        if let Some(raw) = raw_text {
            self.note_skills(call, &raw);
        }
        Ok(EndAnswer { queued: Some(job.is_some()), job_id: job, ..EndAnswer::default() })
    }

    /// One id per end: of its file or session, and of what was said.
    fn session_id(&self, call: &Call, ending: &Ending, path: Option<&str>, text: &str) -> String {
        let text = text.trim();
        let hash = match text.is_empty() {
            true => self.core.ids.random(),
            false => hex(&Sha256::digest(text.as_bytes()))[..16].to_owned(),
        };
        match path {
            Some(path) => format!("session-end:path:{path}:{hash}"),
            None => {
                let session = ending.session_id.as_deref().or(call.key.as_deref()).unwrap_or("anonymous");
                format!("session-end:{session}:{hash}")
            }
        }
    }

    /// Whether conversations are summarised at all.
    pub(super) fn summarises(&self) -> bool {
        let config = self.core.config();
        let switches = &config.pipeline.switches;
        switches.enabled || switches.shadow_mode || config.dreaming.enabled
    }

    /// Notes the uses of skills that a transcript tells of. A failure costs the notes only.
    pub(super) fn note_skills(&self, call: &Call, raw: &str) {
        let uses = skill_uses(raw);
        if uses.is_empty() || self.core.mutable().is_err() {
            return;
        }
        let (harness, agent, key, cwd) =
            (call.harness.clone(), call.agent.clone(), call.key.clone(), call.project.clone());
        let noted = self.core.db.write(move |tx| {
            for used in uses {
                skills::note(
                    tx,
                    &skills::Invocation {
                        skill: used.skill,
                        agent: agent.clone(),
                        harness: harness.clone(),
                        session_id: key.clone(),
                        tool_use_id: Some(used.tool_use_id),
                        cwd: cwd.clone(),
                        origin: Some("transcript".to_owned()),
                        args: used.args,
                        success: used.success,
                        latency_ms: used.latency_ms,
                        error: None,
                        created_at: used.at.unwrap_or_else(|| tx.now().to_owned()),
                    },
                )?;
            }
            Ok(())
        });
        if let Err(cause) = noted {
            log::warn!(target: "sessions", "uses of skills were not noted: {cause}");
        }
    }
}

/// What of a long conversation is summarised.
pub fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}\n[truncated]", &text[..end]),
        None => text.to_owned(),
    }
}

/// A job's times, and its id: the same conversation captured at the same moment is the same job.
fn capture(call: &Call, now: Timestamp, draft: Capture) -> Capture {
    let captured_at = time::iso(now);
    let (length, text) = (draft.transcript.len().to_string(), hex(&Sha256::digest(draft.transcript.as_bytes())));
    let parts = [&call.agent, &draft.session_id, &captured_at, &length, &text].map(String::as_str);
    let id = format!("tcj_{}", &hex(&Sha256::digest(parts.join("\0").as_bytes()))[..32]);
    Capture { id, ended_at: Some(captured_at.clone()), captured_at, ..draft }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_conversations_are_shortened_between_characters() {
        assert_eq!(shortened("short"), "short");
        let long = shortened(&"ü".repeat(LONGEST + 1));
        assert!(long.ends_with("ü\n[truncated]") && long.chars().count() == LONGEST + 12);
    }
}
