//! The text that a session begins with.

use super::Call;
use super::candidates::{Chosen, tokens};
use super::identity::{MEMORY, Shown};
use crate::config::IdentityMode;
use crate::core::Error;
use crate::parts::sessions::Sessions;
use crate::parts::sessions::peers::Wanted;
use crate::parts::sessions::store::summary_jobs;
use crate::parts::sessions::transcripts::lineage_path;
use crate::text::{clipped, head, label, one_line, time};

/// The line by which agents know that memory is there.
pub const ACTIVE: &str = "[memory active | /remember | /recall]";
const CUT: &str = "[context truncated]";
/// Other sessions that are named.
const PEERS: usize = 6;
/// Characters of all constraints together, and of each at least.
const CONSTRAINT_CHARS: usize = 1_000;
const CONSTRAINT_LEAST: usize = 24;
/// Rows counted for the line about what has happened since.
const COUNTED: i64 = 1_000;

/// What is never cut.
#[derive(Debug, Default)]
pub struct Tails {
    pub constraints: Option<String>,
    pub inherited: Option<String>,
    pub recovery: Option<String>,
}

impl Sessions {
    /// Date and time where the daemon runs.
    pub fn date_block(&self) -> String {
        let zone = jiff::tz::TimeZone::system();
        let name = zone.iana_name().unwrap_or("local time").to_owned();
        let now = self.core.clock.now().to_zoned_datetime(zone);
        format!("# Current Date & Time\n{} ({name})", now.strftime("%A, %B %-d, %Y at %-I:%M %p"))
    }

    /// What a repeated start is given.
    pub(super) fn stub(&self) -> String {
        format!("{ACTIVE}\n{}", self.date_block())
    }

    /// The whole text, within its tokens.
    pub(super) fn inject(
        &self,
        call: &Call,
        shown: &Shown,
        chosen: &Chosen,
        tails: Tails,
        most_tokens: usize,
    ) -> String {
        let mut parts: Vec<String> = vec![self.guide(call, shown), ACTIVE.to_owned()];
        parts.extend(self.since_last(call).unwrap_or_default());
        parts.push(format!("\n{}", self.date_block()));
        parts.extend(self.peers_block(call));
        let (working, identity): (Vec<_>, Vec<_>) = shown.sections.iter().partition(|section| section.path == MEMORY);
        let block = |s: &&super::identity::Section| format!("\n## {}\n\n{}", s.heading, s.text);
        parts.extend(identity.iter().map(block));
        let told = identity.iter().any(|section| section.path != "AGENTS.md");
        if let Some(who) = shown.identity.as_ref().filter(|who| !told && who.name != "Agent") {
            let description = who.description.as_ref().map(|d| format!(", {d}")).unwrap_or_default();
            parts.push(format!("\nYou are {}{description}.", who.name));
        }
        parts.extend(working.iter().map(block));
        parts.extend(memories_block(chosen));
        let tails: Vec<String> = [tails.constraints, tails.inherited, tails.recovery].into_iter().flatten().collect();
        let tail = tails.iter().map(|tail| format!("\n\n{tail}")).collect::<String>();
        let room = most_tokens.saturating_sub(tokens(&tail)) * 4;
        cut(&parts.join("\n"), room) + &tail
    }

    /// What memory is, and when to look into it.
    fn guide(&self, call: &Call, shown: &Shown) -> String {
        let mut text = String::from(
            "[signet active]\n\
             You have a memory that outlasts this conversation. The Memory Check Loop: before you act on something that may \
             have come up before (a person, a project, a decision, a preference, an error), search it; when you learn \
             something that should outlast the conversation, store it; when what you find contradicts what you see, say so.\n\
             Tools: mcp__signet__memory_search and mcp__signet__memory_store for memories, mcp__signet__lcm_expand for the \
             summary of an earlier session, mcp__signet__knowledge_expand and mcp__signet__knowledge_expand_session for \
             what is known of a person or project, mcp__signet__secret_list and mcp__signet__secret_exec for secrets, whose \
             values you never see.\n",
        );
        text += &format!("Earlier conversations stand in {}.", lineage_path(&self.core.env.workspace, &call.harness));
        if self.core.config().identity.mode == IdentityMode::Managed {
            let files: Vec<&str> =
                shown.sections.iter().map(|s| s.path.as_str()).filter(|path| *path != MEMORY).collect();
            if !files.is_empty() {
                text += &format!(
                    " Keep {} up to date when the person tells you something that belongs there.",
                    files.join(", ")
                );
            }
        }
        text
    }

    /// How long ago the last session was summarised, and what came since.
    fn since_last(&self, call: &Call) -> Result<Option<String>, Error> {
        let agent = call.agent.as_str();
        let Some(last) = self.core.db.read(|c| summary_jobs::last_completed(c, agent))? else { return Ok(None) };
        let Some(at) = time::parse_stored(&last) else { return Ok(None) };
        let (memories, sessions) = self.core.db.read(|c| {
            let memories = self.memory.count_since(c, &call.visible, &last, COUNTED)?;
            Ok((memories, summary_jobs::since(c, agent, &last, COUNTED)?))
        })?;
        let minutes = at.until(self.core.clock.now()).as_mins().max(0);
        let ago = match minutes {
            0..60 => format!("{minutes} minutes"),
            60..2_880 => format!("{} hours", minutes / 60),
            _ => format!("{} days", minutes / 1_440),
        };
        Ok(Some(format!(
            "[{ago} since the last session was summarised | {memories} new memories | {sessions} sessions since]"
        )))
    }

    /// Other sessions at work on the same project. What others say of themselves is text, not markup.
    fn peers_block(&self, call: &Call) -> Option<String> {
        let project = call.project.clone()?;
        let wanted = Wanted {
            agent: call.agent.clone(),
            session_key: call.key.clone(),
            project: Some(project),
            include_self: false,
        };
        let peers = self.peers.list(&wanted, PEERS);
        let rows: Vec<String> = peers
            .iter()
            .filter_map(|peer| {
                let key = peer.session_key.as_deref().unwrap_or("no session");
                let project = peer.project.as_deref()?;
                Some(format!(
                    "- {} in {} on {} ({}), last seen {}",
                    label(&peer.agent_id),
                    label(&peer.harness),
                    label(project),
                    label(key),
                    peer.last_seen_at
                ))
            })
            .collect();
        (!rows.is_empty()).then(|| format!("\n## Active Peer Sessions\n{}", rows.join("\n")))
    }
}

fn memories_block(chosen: &Chosen) -> Option<String> {
    let memories = &chosen.memories;
    if memories.is_empty() {
        return None;
    }
    let mut text =
        format!("\n## Relevant Memories (auto-loaded | scored by importance x recency | {} results)\n", memories.len());
    for candidate in memories {
        let m = &candidate.memory;
        let content = one_line(&m.content);
        let tags = m.tags.as_deref().map(one_line).filter(|tags| !tags.is_empty());
        let tags = tags.map(|tags| format!(" [{tags}]")).unwrap_or_default();
        text += &format!("\n- {content}{tags} ({})", day(&m.created_at));
    }
    Some(text)
}

/// `Mar 4, 2026`
fn day(stored: &str) -> String {
    let date = stored.get(..10).and_then(|day| day.parse::<jiff::civil::Date>().ok());
    date.map_or_else(|| stored.to_owned(), |date| date.strftime("%b %-d, %Y").to_string())
}

/// The rules, all of them, each as long as there is room.
pub fn constraints_block(constraints: &[(String, String)]) -> Option<String> {
    if constraints.is_empty() {
        return None;
    }
    let each = (CONSTRAINT_CHARS / constraints.len()).max(CONSTRAINT_LEAST);
    let mut text = String::from("## Active Constraints");
    for (entity, rule) in constraints {
        text += &format!("\n- [{}] {}", label(entity), clipped(rule, each));
    }
    Some(text)
}

/// The beginning of a text in so many bytes, and the word that it was cut.
fn cut(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    format!("{}\n{CUT}", head(text, bytes.saturating_sub(CUT.len() + 1)).trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_say_that_they_are_cuts() {
        assert_eq!(cut("short", 100), "short");
        let long = cut(&"ü".repeat(100), 51);
        assert!(long.len() <= 51 && long.ends_with("ü\n[context truncated]"), "{long}");
        assert_eq!(cut("abc", 0), "\n[context truncated]");
        assert_eq!((day("2026-03-04T00:00:00Z"), day("soon")), ("Mar 4, 2026".to_owned(), "soon".to_owned()));
    }

    #[test]
    fn constraints_are_shortened_and_never_dropped() {
        let rules: Vec<_> =
            (0..100).map(|n| (format!("E{n}"), "a rule of some length that will be cut".to_owned())).collect();
        let block = constraints_block(&rules).unwrap();
        assert_eq!(block.lines().count(), 101);
        assert!(block.contains("- [E99] a rule of some length th..."), "{block}");
        assert_eq!(constraints_block(&[]), None);
    }
}
