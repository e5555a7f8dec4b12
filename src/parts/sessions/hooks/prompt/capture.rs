//! A prompt's place in the transcript of its session.

use super::{Call, Prompt};
use crate::core::Error;
use crate::parts::sessions::Sessions;
use crate::parts::sessions::store::transcripts::{self as store, Owner};
use crate::parts::sessions::transcripts::Spoken;
use crate::text::one_line;

/// A larger file is read after the answer: it is on disk already, and a person waits.
const LARGE_FILE: u64 = 256 * 1024;

impl Sessions {
    /// Stores what is new of the conversation. A failure is told: who is answered believes it kept.
    pub(super) fn capture_prompt(&self, call: &Call, prompt: &Prompt) -> Result<(), Error> {
        let Some(key) = call.key.clone() else { return Ok(()) };
        if self.core.mutable().is_err() {
            return Ok(());
        }
        let mut spoken = Spoken {
            agent: call.agent.clone(),
            key: key.clone(),
            harness: call.harness.clone(),
            project: call.project.clone(),
            raw: None,
            unread: None,
        };
        let owner =
            Owner { agent: call.agent.clone(), key, harness: call.harness.clone(), project: call.project.clone() };
        // a large file is read later; what was said now is kept now
        let large = prompt.transcript.file_size(&self.core.env).is_some_and(|bytes| bytes > LARGE_FILE);
        let whole = if large { None } else { prompt.transcript.said(&call.harness, &self.core.env) };
        match whole {
            Some((raw, said)) => {
                self.store_whole(owner, said)?;
                spoken.raw = Some(raw.text);
            }
            None => self.append_turns(owner, prompt)?,
        }
        spoken.unread = large.then(|| prompt.transcript.clone());
        self.live.push(spoken);
        Ok(())
    }

    /// Stores a whole transcript, unless what is stored says more.
    pub fn store_whole(&self, owner: Owner, text: String) -> Result<(), Error> {
        if text.is_empty() {
            return Ok(());
        }
        let stored = self.core.db.read(|c| store::length(c, &owner.agent, &owner.key))?;
        if stored.is_some_and(|bytes| bytes > text.len() as i64) {
            return Ok(());
        }
        Ok(self.core.db.write(move |tx| store::put(tx, &owner, &text))?)
    }

    /// Adds what was said, unless the transcript ends so already.
    fn append_turns(&self, owner: Owner, prompt: &Prompt) -> Result<(), Error> {
        let mut turns: Vec<String> = Vec::new();
        if let Some(said) = prompt.last_assistant.as_deref().map(one_line).filter(|said| !said.is_empty()) {
            turns.push(format!("Assistant: {said}"));
        }
        if !prompt.message.is_empty() {
            turns.push(format!("User: {}", one_line(&prompt.message)));
        }
        if turns.is_empty() {
            return Ok(());
        }
        Ok(self.core.db.write(move |tx| {
            let longest = turns.iter().map(|turn| turn.chars().count() + 1).sum();
            let tail = store::tail(tx, &owner.agent, &owner.key, longest)?.unwrap_or_default();
            let lines = missing(&tail, &turns);
            if lines.is_empty() { Ok(()) } else { store::append(tx, &owner, &lines.join("\n")) }
        })?)
    }
}

/// The turns that a transcript does not end with yet.
fn missing<'a>(tail: &str, turns: &'a [String]) -> &'a [String] {
    let ends_with = |text: &str| {
        tail == text || tail.strip_suffix(text).is_some_and(|before| before.is_empty() || before.ends_with('\n'))
    };
    if ends_with(&turns.join("\n")) {
        return &[];
    }
    // what the assistant said may have come before
    match turns {
        [first, rest @ ..] if !rest.is_empty() && ends_with(first) => rest,
        all => all,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_added_once() {
        let turns = |texts: &[&str]| texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
        let both = turns(&["Assistant: a", "User: u"]);
        assert_eq!(missing("", &both).len(), 2);
        assert_eq!(missing("User: x\nAssistant: a\nUser: u", &both).len(), 0);
        assert_eq!(missing("User: x\nAssistant: a", &both), ["User: u"]);
        assert_eq!(missing("xAssistant: a", &both).len(), 2);
        assert_eq!(missing("User: u", &turns(&["User: u"])).len(), 0);
    }
}
