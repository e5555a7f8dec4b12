//! What sessions were about, and what stands behind it.

use super::{Expanded, ExpandedTranscript, LinkedMemory, SummaryList, SummaryNode};
use crate::core::Error;
use crate::core::access::{DEFAULT_AGENT, Visible};
use crate::parts::memory::Brief;
use crate::parts::sessions::Sessions;
use crate::parts::sessions::store::summaries::{self, Node, Wanted};
use crate::parts::sessions::store::transcripts::{self, Stored};
use crate::parts::sessions::transcripts::excerpt;
use crate::text::{clipped, one_line};

/// Nodes around one, and memories behind it.
const AROUND: i64 = 100;
const MEMORIES: usize = 25;
const LINKS: i64 = 200;
/// Words by which a place in a transcript is found, letters of each at least, characters shown there.
const WORDS: usize = 6;
const SHORTEST: usize = 4;
const EXCERPT: usize = 420;

impl Sessions {
    /// A page of an agent's summaries.
    pub fn summaries(&self, wanted: &Wanted, limit: i64, offset: i64) -> Result<SummaryList, Error> {
        let (rows, total) =
            self.core.db.read(|c| Ok((summaries::page(c, wanted, limit, offset)?, summaries::count(c, wanted)?)))?;
        Ok(SummaryList { summaries: rows.into_iter().map(Into::into).collect(), total })
    }

    /// A summary with what stands around it; `chars` of its transcript where that is wanted.
    pub fn expand(&self, visible: &Visible, id: &str, chars: Option<usize>) -> Result<Expanded, Error> {
        let (agent, bound_to) = visible.agent_and_project();
        let agent = agent.unwrap_or(DEFAULT_AGENT);
        let found = self.core.db.read(|c| {
            let Some(node) = summaries::find(c, id, agent, bound_to)? else { return Ok(None) };
            let around = |up| summaries::around(c, id, agent, bound_to, up, AROUND);
            let (parents, children) = (around(true)?, around(false)?);
            let links = summaries::memories_of(c, id, LINKS)?;
            let memories = self.memory.briefs(c, &links, visible)?;
            let purged: Vec<String> = links.into_iter().filter(|id| !memories.iter().any(|m| m.id == *id)).collect();
            let purged =
                if visible.agent_and_project().1.is_some() { Vec::new() } else { self.memory.unknown(c, &purged)? };
            let transcript = if chars.is_some() { behind(c, agent, bound_to, &node)? } else { None };
            Ok(Some((node, parents, children, memories, purged, transcript)))
        })?;
        let Some((node, parents, children, memories, purged, transcript)) = found else {
            return Err(Error::not_found("summary node not found"));
        };
        let transcript = transcript.map(|stored| shown(stored, &node, chars.unwrap_or_default()));
        let nodes = |nodes: Vec<Node>| nodes.into_iter().map(SummaryNode::from).collect();
        Ok(Expanded {
            parents: nodes(parents),
            children: nodes(children),
            linked_memories: linked(memories, purged),
            transcript,
            node: node.into(),
        })
    }
}

/// The stored transcript of a node's session, else of what it was made from.
fn behind(
    connection: &rusqlite::Connection,
    agent: &str,
    bound_to: Option<&str>,
    node: &Node,
) -> rusqlite::Result<Option<Stored>> {
    let of = |key: &Option<String>| match key {
        Some(key) => transcripts::find(connection, agent, key, bound_to),
        None => Ok(None),
    };
    if let Some(stored) = of(&node.session_key)? {
        return Ok(Some(stored));
    }
    let leads_on = matches!(node.source_type.as_deref(), None | Some("chunk" | "compaction" | "summary"));
    if leads_on { of(&node.source_ref) } else { Ok(None) }
}

/// Newest first; one that is gone for good is shown as gone.
fn linked(mut memories: Vec<Brief>, purged: Vec<String>) -> Vec<LinkedMemory> {
    memories.sort_by(|a, b| b.created_at.cmp(&a.created_at));
    let there = memories.into_iter().map(|m| LinkedMemory {
        id: m.id,
        content: if m.deleted { "[deleted memory]".to_owned() } else { m.content },
        kind: m.kind,
        created_at: Some(m.created_at),
        deleted: m.deleted,
    });
    let gone = purged.into_iter().map(|id| LinkedMemory {
        id,
        content: "[deleted memory]".to_owned(),
        kind: "unknown".to_owned(),
        created_at: None,
        deleted: true,
    });
    there.chain(gone).take(MEMORIES).collect()
}

fn shown(stored: Stored, node: &Node, chars: usize) -> ExpandedTranscript {
    let plain = one_line(&stored.content);
    let letters = |word: &&str| word.chars().filter(|c| c.is_alphabetic()).count() >= SHORTEST;
    let words: Vec<String> =
        node.content.split(|c: char| !c.is_alphanumeric()).filter(letters).map(str::to_lowercase).take(WORDS).collect();
    let excerpt = excerpt(&plain, &words, EXCERPT);
    let content = clipped(&plain, chars);
    ExpandedTranscript {
        session_key: stored.key,
        harness: stored.harness,
        project: stored.project,
        updated_at: stored.updated_at,
        excerpt,
        content,
    }
}
