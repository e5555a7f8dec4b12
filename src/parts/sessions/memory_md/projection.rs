//! MEMORY.md as it is rendered: the few memories that matter most, where each thread of work stands, and what
//! sessions there were in the last thirty days.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use crate::core::Error;
use crate::core::access::{Asker, Caller, Visible};
use crate::parts::documents::artifacts::{self, Lineage};
use crate::parts::memory::Brief;
use crate::parts::sessions::Sessions;
use crate::parts::sessions::store::summaries::{self, Node};
use crate::parts::sessions::store::threads::{self, Head};
use crate::parts::sessions::transcripts::is_noise;
use crate::text::{clipped, one_line, time};

/// Tokens of a head, and those that its first line and its end may take.
pub const HEAD_TOKENS: usize = 5_000;
const BYTES: usize = (HEAD_TOKENS - 256) * 4;
/// Rows of each section.
const MEMORIES: i64 = 8;
const THREADS: i64 = 12;
const OPEN_THREADS: usize = 8;
const NODES: i64 = 20;
const LEDGER_DAYS: i64 = 30;
const ARTIFACTS: i64 = 2_000;
/// Characters of one memory, of the name of a thread and of a node's line.
const MEMORY: usize = 240;
const LABEL: usize = 200;
const NODE: usize = 120;
/// What of the room the index of nodes may take from the ledger.
const INDEX_SHARE: usize = 3;

/// What is rendered, and how much of what is in it.
#[derive(Debug)]
pub struct Projection {
    pub text: String,
    pub index_block: String,
    pub rows: usize,
    /// Manifests of the sessions in the ledger.
    pub manifests: Vec<String>,
}

impl Sessions {
    /// Renders an agent's working memory.
    pub fn project(&self, agent: &str) -> Result<Projection, Error> {
        if let Err(cause) = self.archive.reindex(&self.core.stop) {
            log::warn!(target: "sessions", "files about sessions were not looked through: {cause}");
        }
        let visible = Visible::to_reader(Asker { caller: &Caller::Local, named: Some(agent), session_key: None })?;
        let since = time::iso(self.core.clock.now() - SignedDuration::from_hours(24 * LEDGER_DAYS));
        let (memories, heads, nodes, files) = self.core.db.read(|c| {
            Ok((
                self.memory.worthiest(c, &visible, MEMORIES)?,
                threads::newest(c, agent, THREADS * 2)?,
                summaries::newest(c, agent, NODES * 2)?,
                artifacts::since(c, agent, &since, ARTIFACTS)?,
            ))
        })?;
        let noisy = |project: &Option<String>, key: &Option<String>, harness: &Option<String>| {
            is_noise(project.as_deref(), key.as_deref(), None, harness.as_deref().unwrap_or_default())
        };
        let nodes = nodes.into_iter().filter(|node| !noisy(&node.project, &node.session_key, &node.harness));
        let nodes: Vec<Node> = nodes.take(NODES as usize).collect();
        let heads = heads.into_iter().filter(|head| !noisy(&head.project, &head.session_key, &head.harness));
        let heads: Vec<Head> = heads.take(THREADS as usize).collect();
        Ok(render(&memories, &heads, &nodes, files))
    }
}

fn render(memories: &[Brief], heads: &[Head], nodes: &[Node], files: Vec<Lineage>) -> Projection {
    let fixed = [
        "# Working Memory Summary".to_owned(),
        section(
            "Global Head (Tier 1)",
            memories.iter().map(|m| format!("- [{}] {}", m.kind, clipped(&m.content, MEMORY))),
            "No memories yet.",
        ),
        threads_section(heads),
        section(
            "Open Threads",
            heads.iter().take(OPEN_THREADS).map(|head| format!("- {}", clipped(&head.label, LABEL))),
            "No open threads yet.",
        ),
        section(
            "Durable Notes & Constraints",
            memories.iter().map(|m| format!("- {}", clipped(&m.content, MEMORY))),
            "No durable notes yet.",
        ),
    ]
    .join("\n\n");
    let room = BYTES.saturating_sub(fixed.len() + 4);
    let (index_block, shown_nodes) = index(nodes, room / INDEX_SHARE);
    let sessions = sessions(files);
    let (ledger, shown_sessions) = ledger(&sessions, room.saturating_sub(index_block.len() + 2));
    let manifests = sessions.iter().take(shown_sessions).filter_map(|s| s.path_of("manifest")).collect();
    let mut text = format!("{fixed}\n\n{ledger}");
    if !index_block.is_empty() {
        text += &format!("\n\n{index_block}");
    }
    Projection { text, index_block, rows: memories.len() + heads.len() + shown_sessions + shown_nodes, manifests }
}

fn section(title: &str, rows: impl Iterator<Item = String>, empty: &str) -> String {
    let rows: Vec<String> = rows.collect();
    format!("## {title}\n\n{}", if rows.is_empty() { empty.to_owned() } else { rows.join("\n") })
}

fn threads_section(heads: &[Head]) -> String {
    let rows = heads.iter().map(|head| {
        format!(
            "### {}\n\n- {}\n- latest={} source={} node={}",
            clipped(&head.label, LABEL),
            one_line(&head.sample),
            head.latest_at,
            one_line(&head.source_type),
            one_line(&head.node_id)
        )
    });
    let rows: Vec<String> = rows.collect();
    let body = if rows.is_empty() { "No threads yet.".to_owned() } else { rows.join("\n\n") };
    format!("## Thread Heads (Tier 2)\n\n{body}")
}

/// The newest nodes as far as there is room; nothing where there is none.
fn index(nodes: &[Node], room: usize) -> (String, usize) {
    if nodes.is_empty() {
        return (String::new(), 0);
    }
    let mut text = String::from("## Temporal Index\n");
    let mut shown = 0;
    let none = |text: &Option<String>| text.as_deref().map_or_else(|| "none".to_owned(), one_line);
    for node in nodes {
        let row = format!(
            "\n- id={} kind={} source={} depth={} session={} project={} ref={} latest={}\n  summary: {}",
            one_line(&node.id),
            one_line(&node.kind),
            none(&node.source_type),
            node.depth,
            none(&node.session_key),
            none(&node.project),
            none(&node.source_ref),
            node.latest_at,
            clipped(&node.content, NODE)
        );
        if shown > 0 && text.len() + row.len() > room {
            break;
        }
        text += &row;
        shown += 1;
    }
    (text, shown)
}

/// The files of one session.
struct Session {
    at: String,
    name: String,
    project: Option<String>,
    files: BTreeMap<String, Lineage>,
}

impl Session {
    fn path_of(&self, kind: &str) -> Option<String> {
        self.files.get(kind).map(|file| file.path.clone())
    }

    fn sentence(&self) -> String {
        let told =
            ["summary", "compaction", "transcript"].iter().find_map(|kind| self.files.get(*kind)?.sentence.clone());
        told.map_or_else(|| "A session was captured.".to_owned(), |told| clipped(&told, MEMORY))
    }

    fn row(&self) -> String {
        let links = ["summary", "transcript", "compaction", "manifest"];
        let links: Vec<String> =
            links.iter().filter_map(|kind| Some(format!("[[{}|{kind}]]", self.path_of(kind)?))).collect();
        let project = one_line(self.project.as_deref().unwrap_or("none"));
        let name = one_line(&self.name);
        format!("- {} | session={name} | project={project} | {} {}", self.at, self.sentence(), links.join(" "))
    }
}

/// Sessions by their tokens, newest first, without those nobody wants to remember.
fn sessions(files: Vec<Lineage>) -> Vec<Session> {
    let mut all: Vec<Session> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for file in files {
        let harness = file.harness.as_deref().unwrap_or_default();
        if is_noise(file.project.as_deref(), file.session_key.as_deref(), Some(&file.session_id), harness) {
            continue;
        }
        let at = file.ended_at.clone().unwrap_or_else(|| file.captured_at.clone());
        let place = *places.entry(file.session_token.clone()).or_insert_with(|| {
            let name = file.session_key.clone().unwrap_or_else(|| file.session_id.clone());
            all.push(Session { at: at.clone(), name, project: file.project.clone(), files: BTreeMap::new() });
            all.len() - 1
        });
        all[place].files.insert(file.kind.clone(), file);
    }
    // a manifest alone tells of nothing
    all.retain(|session| session.files.keys().any(|kind| kind != "manifest"));
    all.sort_by(|a, b| b.at.cmp(&a.at));
    all
}

/// The sessions of the last thirty days, as many as there is room for.
fn ledger(sessions: &[Session], room: usize) -> (String, usize) {
    let title = "## Session Ledger (Last 30 Days)\n";
    if sessions.is_empty() {
        return (format!("{title}\nNo sessions yet."), 0);
    }
    let (mut rows, mut shown, mut day) = (String::new(), 0, "");
    // the word that it is clipped needs its room too
    let most = room.saturating_sub(title.len() + 80);
    for session in sessions {
        let own_day = session.at.get(..10).unwrap_or_default();
        let mut row = String::new();
        if own_day != day {
            row += &format!("\n### {own_day}\n\n");
        }
        row += &format!("{}\n", session.row());
        if rows.len() + row.len() > most {
            break;
        }
        day = own_day;
        rows += &row;
        shown += 1;
    }
    let clipped = match sessions.len() - shown {
        0 => String::new(),
        more => format!("\n_clipped: {more} older sessions are not shown_\n"),
    };
    ((title.to_owned() + &clipped + &rows).trim_end().to_owned(), shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(token: usize, kind: &str, at: &str) -> Lineage {
        Lineage {
            kind: kind.into(),
            path: format!("memory/{token}--{kind}.md"),
            session_token: token.to_string(),
            session_key: Some(format!("s{token}")),
            project: Some("/srv/quay".into()),
            captured_at: at.into(),
            sentence: Some(format!("About {token}.")),
            ..Lineage::default()
        }
    }

    #[test]
    fn an_empty_agent_has_every_section_and_no_rows() {
        let nothing = render(&[], &[], &[], Vec::new());
        assert_eq!((nothing.rows, nothing.index_block.as_str()), (0, ""));
        for title in [
            "Global Head (Tier 1)",
            "Thread Heads (Tier 2)",
            "Open Threads",
            "Durable Notes & Constraints",
            "Session Ledger",
        ] {
            assert!(nothing.text.contains(&format!("## {title}")), "{title}");
        }
    }

    #[test]
    fn sessions_are_grouped_by_day_and_clipped_to_the_room() {
        let files = vec![
            file(1, "transcript", "2026-01-02T10:00:00Z"),
            file(1, "manifest", "2026-01-02T10:00:00Z"),
            file(2, "compaction", "2026-01-03T10:00:00Z"),
            file(3, "manifest", "2026-01-04T10:00:00Z"),
        ];
        let projection = render(&[], &[], &[], files);
        let text = &projection.text;
        assert!(text.contains("- 2026-01-02T10:00:00Z | session=s1 | project=/srv/quay | About 1. [[memory/1--transcript.md|transcript]] [[memory/1--manifest.md|manifest]]"), "{text}");
        assert!(
            text.find("### 2026-01-03").unwrap() < text.find("### 2026-01-02").unwrap() && !text.contains("2026-01-04")
        );
        assert_eq!((projection.rows, projection.manifests), (2, vec!["memory/1--manifest.md".to_owned()]));
        let many = (0..500).map(|n| file(n, "transcript", "2026-01-02T10:00:00Z")).collect();
        let projection = render(&[], &[], &[], many);
        assert!(projection.text.len() <= BYTES && projection.text.contains("_clipped: "), "{}", projection.text.len());
    }
}
