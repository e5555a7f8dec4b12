//! What a session takes over: from the session that started it, and from where work on its project stood.

use jiff::SignedDuration;

use super::{Call, Opening};
use crate::core::Error;
use crate::parts::knowledge::subjects;
use crate::parts::sessions::Sessions;
use crate::parts::sessions::checkpoints::{real_project, redact};
use crate::parts::sessions::store::checkpoints::{self, Row};
use crate::parts::sessions::store::transcripts::{self, Stored};
use crate::text::{label, time};

/// A checkpoint of the project is taken up for so long.
const FRESH: SignedDuration = SignedDuration::from_hours(4);
/// Constraints of the parent's entities that are shown.
const CONSTRAINTS: usize = 8;

/// The end of a text, from a whole line on where there is one.
fn tail(text: &str, chars: usize) -> &str {
    let skip = text.chars().count().saturating_sub(chars);
    let Some((start, _)) = text.char_indices().nth(skip) else { return "" };
    if start == 0 {
        return text;
    }
    let end = &text[start..];
    end.split_once('\n').map_or(end, |(_, lines)| lines)
}

impl Sessions {
    /// What a sub-agent is told of the conversation that started it.
    pub(super) fn inherited(&self, call: &Call, opening: &Opening) -> Result<Option<String>, Error> {
        let settings = &self.core.config().pipeline.subagents;
        if !settings.inherit || settings.tail_chars == 0 {
            return Ok(None);
        }
        let Some((key, transcript)) = self.parent(call, opening)? else { return Ok(None) };
        let (agent, bound_to) = (call.agent.as_str(), call.bound_to());
        let digest =
            self.core.db.read(|c| checkpoints::of_session(c, Some(agent), &key, bound_to, 1))?.into_iter().next();
        if digest.is_none() && transcript.is_none() {
            return Ok(None);
        }
        let mut text = format!("## Inherited from Parent Session\nParent: {}", label(&key));
        if let Some(project) = transcript.as_ref().and_then(|t| t.project.as_deref()) {
            text += &format!("\nProject: {}", label(project));
        }
        if let Some(row) = &digest {
            text += &format!("\n\n{}", row.digest.trim());
            text += &self.constraints_of(call, row)?;
        }
        if let Some(transcript) = &transcript {
            text += &format!("\n\n### Parent's last words\n{}", tail(&transcript.content, settings.tail_chars));
        }
        Ok(Some(redact(&text)))
    }

    /// The parent's key, with its transcript if there is one.
    fn parent(&self, call: &Call, opening: &Opening) -> Result<Option<(String, Option<Stored>)>, Error> {
        let own = call.key.as_deref();
        let of_subagent = || {
            let (agent, rest) = own?.strip_prefix("agent:")?.split_once(':')?;
            rest.starts_with("subagent:").then(|| format!("agent:{agent}:main"))
        };
        let named = opening.parent.clone().filter(|parent| Some(parent.as_str()) != own).or_else(of_subagent);
        if let Some(key) = named {
            let found = self.core.db.read(|c| transcripts::find(c, &call.agent, &key, call.bound_to()))?;
            return Ok(Some((key, found)));
        }
        let (Some(_), Some(own), Some(project)) = (&opening.harness_agent, own, &call.project) else { return Ok(None) };
        if !call.harness.eq_ignore_ascii_case("claude-code") {
            return Ok(None);
        }
        let newest = self
            .core
            .db
            .read(|c| transcripts::newest_of(c, &call.agent, &call.harness, project, own, 1))?
            .into_iter()
            .next();
        Ok(newest.map(|stored| (stored.key.clone(), Some(stored))))
    }

    /// The rules that bind what a checkpoint was about.
    fn constraints_of(&self, call: &Call, row: &Row) -> Result<String, Error> {
        let list = |json: &Option<String>| {
            json.as_deref().and_then(|json| serde_json::from_str::<Vec<String>>(json).ok()).unwrap_or_default()
        };
        let (ids, names) = (list(&row.focal_entity_ids), list(&row.focal_entity_names));
        if ids.is_empty() {
            return Ok(String::new());
        }
        let whole = call.bound_to().is_none();
        let rules = self.core.db.read(|c| {
            let filter = call.visible.conditions(c)?;
            let mut rules = Vec::new();
            for id in ids.iter().take(10) {
                let claims = subjects::current_claims(c, &call.agent, id, &filter, whole, 100)?;
                rules.extend(claims.into_iter().filter(|claim| claim.constraint).map(|claim| claim.content));
            }
            Ok(rules)
        })?;
        let mut text = format!("\nFocus: {}", names.iter().map(|name| label(name)).collect::<Vec<_>>().join(", "));
        rules.iter().take(CONSTRAINTS).for_each(|rule| text += &format!("\n- {}", label(rule)));
        Ok(text)
    }

    /// Where work stood when this session, or the last one of its project, broke off.
    pub(super) fn recovery(&self, call: &Call) -> Result<Option<String>, Error> {
        let continuity = &self.core.config().pipeline.continuity;
        if !continuity.enabled {
            return Ok(None);
        }
        let (agent, bound_to) = (call.agent.as_str(), call.bound_to());
        let of_session = match &call.key {
            Some(key) => self.core.db.read(|c| checkpoints::of_session(c, Some(agent), key, bound_to, 1))?,
            None => Vec::new(),
        };
        let now = self.core.clock.now();
        let fresh = |row: &Row| time::parse_stored(&row.created_at).is_some_and(|at| at.until(now) < FRESH);
        let found = match (of_session.into_iter().next(), &call.project) {
            (Some(row), _) => Some(row),
            (None, Some(project)) => {
                let project = real_project(project);
                let rows = self.core.db.read(|c| checkpoints::of_project(c, Some(agent), &project, 1))?;
                rows.into_iter().next().filter(fresh)
            }
            (None, None) => None,
        };
        Ok(found.map(|row| {
            let digest = structure_first(&redact(&row.digest), continuity.recovery_chars);
            format!("## Session Recovery Context\n{digest}")
        }))
    }
}

/// A digest cut to so many characters, what tells of its structure first.
fn structure_first(digest: &str, chars: usize) -> String {
    if digest.chars().count() <= chars {
        return digest.trim().to_owned();
    }
    let mut parts: Vec<&str> = Vec::new();
    let mut rest = digest;
    while let Some(at) = rest[1.min(rest.len())..].find("\n### ").map(|at| at + 2) {
        parts.push(&rest[..at]);
        rest = &rest[at..];
    }
    parts.push(rest);
    parts.sort_by_key(|part| !part.starts_with("### Structural") && !part.starts_with("## "));
    let joined = parts.concat();
    joined.chars().take(chars).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_begin_with_a_whole_line() {
        assert_eq!(tail("one\ntwo\nthree", 8), "three");
        assert_eq!((tail("one", 9), tail("onetwo", 3), tail("", 3), tail("ab", 0)), ("one", "two", "", ""));
    }

    #[test]
    fn structure_outlasts_the_cut() {
        let digest = "## Session Checkpoint\nProject: /p\n\n### Recent Prompts\n- long long long\n\n### Structural Context\nFocus: Quay\n";
        let cut = structure_first(digest, 80);
        assert!(cut.contains("Focus: Quay") && cut.starts_with("## Session Checkpoint"), "{cut}");
    }
}
