//! A harness summarises its context: what the summary should hold, and the summary itself.

use jiff::Timestamp;

use super::api::{CompactionAnswer, HeldAnswer, PreCompactionAnswer};
use super::call::Call;
use super::start::start_key;
use crate::core::Error;
use crate::parts::memory::{Brief, Place, Record};
use crate::parts::sessions::Sessions;
use crate::parts::sessions::checkpoints::Trigger;
use crate::parts::sessions::store::summaries::{self, Node, NodeKind};
use crate::parts::sessions::store::{epochs, threads, transcripts};
use crate::parts::sessions::transcripts::lineage::Subject;
use crate::parts::sessions::transcripts::{Given, is_noise};
use crate::text::{clipped, one_line, time};

/// What a summary should hold where the config says nothing.
const GUIDELINES: &str = "\
- Key decisions, and why they were made
- Facts learned about the project, the people and the tools
- Preferences the person has expressed
- Open threads and next steps
- Errors met, and how they were solved
Be concise. Write in the first person.";
/// Memories looked at for the newest that matter.
const LOOKED_AT: i64 = 200;
/// Characters of one memory in the prompt.
const MEMORY: usize = 400;

impl Sessions {
    /// Tells a harness what its summary should hold, and keeps where work stands.
    pub fn before_compaction(
        &self,
        call: &Call,
        context: Option<&str>,
        transcript: &Given,
    ) -> Result<PreCompactionAnswer, Error> {
        if let Err(by) = self.claim(call) {
            let empty = || Some(String::new());
            return Ok(PreCompactionAnswer {
                summary_prompt: empty(),
                guidelines: empty(),
                instructions: empty(),
                held: HeldAnswer::by(by),
                ..PreCompactionAnswer::default()
            });
        }
        if self.is_bypassed(call) {
            let instructions = Some(String::new());
            return Ok(PreCompactionAnswer { instructions, bypassed: Some(true), ..PreCompactionAnswer::default() });
        }
        self.checkpoint_now(call, context);
        if let Some(raw) = transcript.file(&self.core.env) {
            self.note_skills(call, &raw.text);
        }
        let hooks = self.core.config().hooks.pre_compaction();
        let mut guidelines = hooks.guidelines.unwrap_or_else(|| GUIDELINES.to_owned());
        if let Some(chars) = hooks.most_chars {
            guidelines += &format!("\nKeep it under {chars} characters.");
        }
        let mut prompt = format!(
            "The context is about to be compacted: store what should outlast it with the memory tools, then summarise.\n\n{guidelines}"
        );
        if hooks.memories && hooks.memory_limit > 0 {
            // less context is better than none
            let memories = self.recent(call, hooks.memory_limit).unwrap_or_default();
            if !memories.is_empty() {
                prompt += "\n\nAlready remembered:";
                for memory in memories {
                    prompt += &format!("\n- {}", clipped(&memory.content, MEMORY));
                }
            }
        }
        let (summary_prompt, guidelines) = (Some(prompt), Some(guidelines));
        Ok(PreCompactionAnswer { summary_prompt, guidelines, ..PreCompactionAnswer::default() })
    }

    fn checkpoint_now(&self, call: &Call, context: Option<&str>) {
        let draft = call.session().filter(|_| self.core.mutable().is_ok()).and_then(|id| {
            let done = self.continuity.take(&id)?;
            self.draft(&id, &done, Trigger::PreCompaction, context)
        });
        if let Some(draft) = draft
            && let Err(cause) = self.core.db.write(move |tx| draft.store(tx))
        {
            log::warn!(target: "sessions", "a checkpoint was not written: {cause}");
        }
    }

    /// The newest memories, by age and a little by importance.
    fn recent(&self, call: &Call, limit: usize) -> Result<Vec<Brief>, Error> {
        let now = self.core.clock.now();
        let mut all = self.core.db.read(|c| self.memory.newest(c, &call.visible, LOOKED_AT))?;
        let score = |m: &Brief| m.importance * 0.1 + 0.9 / (1.0 + age_days(&m.created_at, now));
        all.sort_by(|a, b| score(b).total_cmp(&score(a)));
        all.truncate(limit);
        Ok(all)
    }

    /// Keeps a summary: as a memory, in the tree of sessions and as a file. From here on everything may be shown
    /// to the session again.
    pub fn after_compaction(&self, call: &Call, summary: &str) -> Result<CompactionAnswer, Error> {
        if let Err(by) = self.claim(call) {
            return Ok(CompactionAnswer { success: true, held: HeldAnswer::by(by), ..CompactionAnswer::default() });
        }
        if self.is_bypassed(call) {
            return Ok(CompactionAnswer { success: true, bypassed: Some(true), ..CompactionAnswer::default() });
        }
        self.core.mutable()?;
        let stored = match &call.key {
            Some(key) => self.core.db.read(|c| transcripts::find(c, &call.agent, key, call.bound_to()))?,
            None => None,
        };
        let project = stored.as_ref().and_then(|stored| stored.project.clone()).or(call.project.clone());
        let noise = is_noise(project.as_deref(), call.key.as_deref(), None, &call.harness);
        let node = (!noise).then(|| self.compaction_node(call, project.clone(), summary, stored.map(|s| s.created_at)));
        let record = node.as_ref().map(|node| record_of(call, node, summary));
        let started = Call { project: project.or(call.project.clone()), ..call.clone() };
        let begun = start_key(&started);
        let (key, agent, kept) = (call.key.clone(), call.agent.clone(), node.clone());
        let (recorded, epoch) = self.core.db.write(move |tx| {
            let recorded = record.map(|record| record.insert(tx)).transpose()?;
            if let Some(node) = &kept {
                summaries::insert(tx, node)?;
                threads::follow(tx, node)?;
            }
            let Some(key) = &key else { return Ok((recorded, None)) };
            epochs::advance(tx, &begun, &agent, "compaction-complete")?;
            let epoch = epochs::advance(tx, key, &agent, "compaction-complete")?;
            transcripts::delete(tx, &agent, key)?;
            epochs::drop_cursor(tx, key, &agent)?;
            Ok((recorded, Some(epoch)))
        })?;
        if let Some(recorded) = &recorded {
            self.memory.follow_record(recorded);
        }
        self.starts.forget(&started);
        if let Some(node) = node {
            self.write_compaction_file(call, &node, summary);
        }
        self.synthesis.force(&call.agent);
        let memory_id = Some(recorded.map(|recorded| recorded.id));
        Ok(CompactionAnswer { success: true, memory_id, context_epoch: epoch, ..CompactionAnswer::default() })
    }

    fn compaction_node(&self, call: &Call, project: Option<String>, summary: &str, since: Option<String>) -> Node {
        let now = self.core.now();
        let id = match &call.key {
            // two summaries of one session in one millisecond would be one node
            Some(key) => format!("{key}:compaction:{}", self.moments.next(self.core.clock.now().as_millisecond())),
            None => self.core.ids.random(),
        };
        Node {
            id,
            project,
            depth: 0,
            kind: NodeKind::Session.as_str().to_owned(),
            content: summary.to_owned(),
            token_count: Some(summary.chars().count().div_ceil(4) as i64),
            earliest_at: since.unwrap_or_else(|| now.clone()),
            latest_at: now.clone(),
            session_key: call.key.clone(),
            harness: Some(call.harness.clone()),
            agent: call.agent.clone(),
            source_type: Some("compaction".to_owned()),
            source_ref: call.key.clone(),
            meta_json: Some(r#"{"source":"compaction-complete"}"#.to_owned()),
            created_at: now,
        }
    }

    fn write_compaction_file(&self, call: &Call, node: &Node, summary: &str) {
        let subject = Subject {
            agent: call.agent.clone(),
            session_id: node.id.clone(),
            session_key: call.key.clone(),
            project: node.project.clone(),
            harness: call.harness.clone(),
            captured_at: node.created_at.clone(),
            started_at: Some(node.earliest_at.clone()),
            ended_at: Some(node.latest_at.clone()),
        };
        if let Err(cause) = self.archive.write_compaction(&subject, &node.id, summary) {
            log::warn!(target: "sessions", "a compaction has no file: {cause}");
        }
    }
}

fn record_of(call: &Call, node: &Node, summary: &str) -> Record {
    Record {
        content: summary.to_owned(),
        kind: "session_summary",
        importance: 0.8,
        tags: Some(format!("session,summary,{}", one_line(&call.harness).replace(',', " "))),
        who: "system",
        source_type: call.harness.clone(),
        source_id: call.key.clone(),
        place: Place {
            agent: call.agent.clone(),
            project: node.project.clone(),
            scope: None,
            visibility: "global".to_owned(),
        },
    }
}

/// Days since a stored time; 0 for one that cannot be read or is to come.
pub fn age_days(stored: &str, now: Timestamp) -> f64 {
    time::parse_stored(stored).map_or(0.0, |at| (at.until(now).as_secs_f64() / 86_400.0).max(0.0))
}
