//! What becomes of a conversation on disk: its lines in the harness's transcript, the raw text in a log, an
//! immutable copy with a manifest, and a row of the index for each file.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::audit::Audit;
use super::contents::Author;
use super::jsonl::{self, Origin, Transcripts};
use super::lineage::{self, Document, Kind, Subject};
use super::noise;
use crate::core::Core;
use crate::db;
use crate::parts::documents::artifacts::{self, Lineage};
use crate::parts::sessions::store::captures::Capture;
use crate::sys::{files, locks};

/// Characters of a file's text that are indexed.
const INDEXED: usize = 256 * 1024;

/// Why a file was not written.
#[derive(Debug)]
pub enum Failure {
    /// Another text stands in its place, which is never changed.
    Conflict(String),
    Disk(std::io::Error),
    Database(db::Error),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::Conflict(path) => write!(f, "{path} holds another text"),
            Failure::Disk(cause) => cause.fmt(f),
            Failure::Database(cause) => cause.fmt(f),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(cause: std::io::Error) -> Self {
        Failure::Disk(cause)
    }
}

impl From<db::Error> for Failure {
    fn from(cause: db::Error) -> Self {
        Failure::Database(cause)
    }
}

pub struct Archive {
    core: Arc<Core>,
    lines: Mutex<Transcripts>,
    /// One writer of manifests at a time.
    manifests: Mutex<()>,
    audit: Audit,
}

impl Archive {
    pub fn new(core: Arc<Core>) -> Self {
        let lines = Mutex::new(Transcripts::new(&core.env.workspace));
        let audit = Audit::new(&core.env.daemon_dir());
        Archive { core, lines, manifests: Mutex::default(), audit }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.core.env.workspace.join(path)
    }

    /// Makes a session's lines those of a transcript.
    pub fn write_lines(&self, author: &Author, transcript: &str, origin: &Origin) -> std::io::Result<()> {
        locks::lock(&self.lines).sync(author, transcript, origin)
    }

    /// The same of a session that has no lines at all yet, whoever wrote the file.
    pub fn write_missing(&self, author: &Author, transcript: &str, origin: &Origin) -> std::io::Result<()> {
        let mut lines = locks::lock(&self.lines);
        if lines.knows(author)? { Ok(()) } else { lines.sync(author, transcript, origin) }
    }

    /// The raw text of a session as it was sent last.
    pub fn log_latest(&self, agent: &str, session: &str, raw: &str) -> std::io::Result<()> {
        self.audit.write_latest(agent, session, raw)
    }

    /// All files of a conversation that has ended.
    pub fn capture(&self, c: &Capture) -> Result<(), Failure> {
        let raw = c.raw.as_deref().unwrap_or(&c.transcript);
        let session = c.session_key.as_deref().unwrap_or(&c.session_id);
        if !raw.trim().is_empty() {
            self.audit.write_raw(&c.agent, session, &c.captured_at, raw)?;
            self.audit.write_latest(&c.agent, session, raw)?;
        }
        let noise = noise::is_noise(c.project.as_deref(), c.session_key.as_deref(), Some(&c.session_id), &c.harness);
        if noise || c.transcript.trim().is_empty() {
            return Ok(());
        }
        let author = Author { agent: c.agent.clone(), harness: c.harness.clone(), key: session.to_owned() };
        let origin = Origin {
            captured_at: c.captured_at.clone(),
            format: if c.raw.is_some() { "normalized" } else { "markdown" },
            path: c.transcript_path.clone(),
            project: c.project.clone(),
        };
        self.write_lines(&author, &c.transcript, &origin)?;
        let subject = self.settled(Subject {
            agent: c.agent.clone(),
            session_id: c.session_id.clone(),
            session_key: c.session_key.clone(),
            project: c.project.clone(),
            harness: c.harness.clone(),
            captured_at: c.captured_at.clone(),
            started_at: None,
            ended_at: c.ended_at.clone(),
        })?;
        let (written, transcript) = self.write(Kind::Transcript, &subject, None, &c.transcript)?;
        let canonical = jsonl::path_of(&c.harness);
        let manifest = self.write_manifest(&subject, |manifest| {
            manifest.set("transcript_path", written.as_str());
            manifest.set("transcript_status", "completed");
            manifest.set("canonical_transcript_path", canonical.as_str());
            if c.summary_status != "not_requested"
                && manifest.text_of("summary_status").as_deref() == Some("not_requested")
            {
                manifest.set("summary_status", c.summary_status.as_str());
            }
        })?;
        let mut row = row_of(&subject, "transcript_jsonl", format!("{canonical}#{}", subject.token()));
        row.sha256 = lineage::hash_of(&c.transcript);
        self.index(transcript.into_iter().chain(manifest).chain([row]).collect())
    }

    /// A compaction's summary as a file of its own.
    pub fn write_compaction(&self, subject: &Subject, node: &str, summary: &str) -> Result<(), Failure> {
        let subject = self.settled(subject.clone())?;
        let (written, compaction) = self.write(Kind::Compaction, &subject, Some(node), summary)?;
        let manifest = self.write_manifest(&subject, |manifest| {
            manifest.set("compaction_path", written.as_str());
            manifest.set("transcript_status", "not_requested");
        })?;
        self.index(compaction.into_iter().chain(manifest).collect())
    }

    /// A session that has a manifest has its time.
    fn settled(&self, mut subject: Subject) -> Result<Subject, Failure> {
        let (agent, token) = (subject.agent.clone(), subject.token());
        let known = self.core.db.read(|c| artifacts::manifest_of(c, &agent, &token))?;
        let manifest = known.and_then(|path| std::fs::read_to_string(self.at(&path)).ok());
        if let Some(time) = manifest.and_then(|text| Document::parse(&text)?.text_of("captured_at")) {
            subject.captured_at = time;
        }
        Ok(subject)
    }

    /// Writes a file that is never changed; its path, and its row for the index.
    fn write(
        &self,
        kind: Kind,
        subject: &Subject,
        node: Option<&str>,
        body: &str,
    ) -> Result<(String, Option<Lineage>), Failure> {
        let path = subject.path(kind);
        let document = Document::of(kind, subject, node, body, &self.core.now());
        match std::fs::read_to_string(self.at(&path)) {
            Ok(text) if Document::parse(&text).is_some_and(|stands| stands.is_same(&document)) => {}
            Ok(_) => return Err(Failure::Conflict(path)),
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {
                files::replace(&self.at(&path), document.text().as_bytes(), 0o600)?;
            }
            Err(cause) => return Err(cause.into()),
        }
        let row = self.row(&path, &document);
        Ok((path, row))
    }

    /// Changes a session's manifest and its row.
    pub fn change_manifest(&self, subject: &Subject, change: impl FnOnce(&mut Document)) -> Result<(), Failure> {
        let row = self.write_manifest(subject, change)?;
        self.index(row.into_iter().collect())
    }

    /// Changes a session's manifest, which is made where there is none; its row, if anything has changed.
    fn write_manifest(
        &self,
        subject: &Subject,
        change: impl FnOnce(&mut Document),
    ) -> Result<Option<Lineage>, Failure> {
        let path = subject.path(Kind::Manifest);
        let _one = locks::lock(&self.manifests);
        let text = std::fs::read_to_string(self.at(&path)).ok();
        let stands = text.and_then(|text| Document::parse(&text));
        let before = stands.clone();
        let mut document = stands.unwrap_or_else(|| Document::manifest(subject, &self.core.now()));
        change(&mut document);
        if before.as_ref() == Some(&document) {
            return Ok(None);
        }
        let revision = document.get("revision").and_then(serde_json::Value::as_i64).unwrap_or(0);
        document.set("revision", revision + 1);
        document.set("updated_at", self.core.now());
        files::replace(&self.at(&path), document.text().as_bytes(), 0o600)?;
        Ok(self.row(&path, &document))
    }

    /// The subject that a manifest's file tells of.
    pub fn subject_of(&self, path: &str) -> Option<Subject> {
        let document = Document::parse(&std::fs::read_to_string(self.at(path)).ok()?)?;
        subject(&document)
    }

    /// Puts rows of files into the index.
    fn index(&self, rows: Vec<Lineage>) -> Result<(), Failure> {
        if rows.is_empty() {
            return Ok(());
        }
        Ok(self.core.db.write(move |tx| rows.iter().try_for_each(|row| artifacts::put(tx, row)))?)
    }

    /// A file's row; `None` for one that does not say whom it is about.
    fn row(&self, path: &str, document: &Document) -> Option<Lineage> {
        let subject = subject(document)?;
        let kind = document.text_of("kind").unwrap_or_default();
        let mut row = row_of(&subject, &kind, path.to_owned());
        row.sha256 = document.text_of("content_sha256").unwrap_or_default();
        row.source_node_id = document.text_of("source_node_id");
        row.sentence = document.text_of("memory_sentence");
        row.sentence_quality = document.text_of("memory_sentence_quality");
        row.content = document.body.chars().take(INDEXED).collect();
        row.mtime_ms = mtime_ms(&self.at(path));
        Some(row)
    }

    /// Brings the index up to the files: new and changed ones are read, what does not match its own hash or
    /// belongs to a removed session loses its row.
    pub fn reindex(&self, stop: &crate::core::Stop) -> Result<(), Failure> {
        let workspace = self.core.env.workspace.clone();
        for file in lineage::files(&workspace) {
            if stop.is_stopped() {
                break;
            }
            let Some(name) = file.file_name().and_then(|name| name.to_str()) else { continue };
            let path = format!("memory/{name}");
            let Some((_, token)) = lineage::kind_of(&file) else { continue };
            let written = mtime_ms(&file);
            // files of one name are of one agent, whose name only the file tells
            if self.core.db.read(|c| artifacts::is_current(c, &path, written))? {
                continue;
            }
            let Some(document) = std::fs::read_to_string(&file).ok().and_then(|text| Document::parse(&text)) else {
                continue;
            };
            let Some(subject) = subject(&document) else { continue };
            let agent = subject.agent.clone();
            let buried = self.core.db.read(|c| artifacts::is_buried(c, &agent, &token))?;
            let is_manifest = document.text_of("kind").as_deref() == Some(Kind::Manifest.as_str());
            if buried || !is_manifest && !document.is_whole() {
                self.core.db.write(move |tx| artifacts::remove(tx, &agent, &path))?;
            } else {
                self.index(self.row(&path, &document).into_iter().collect())?;
            }
        }
        Ok(())
    }
}

fn mtime_ms(path: &std::path::Path) -> Option<f64> {
    let modified = std::fs::metadata(path).and_then(|meta| meta.modified()).ok()?;
    let since = modified.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(since.as_millis() as f64)
}

/// Whom a file's frontmatter is about.
fn subject(document: &Document) -> Option<Subject> {
    Some(Subject {
        agent: document.text_of("agent_id")?,
        session_id: document.text_of("session_id")?,
        session_key: document.text_of("session_key"),
        project: document.text_of("project"),
        harness: document.text_of("harness").unwrap_or_default(),
        captured_at: document.text_of("captured_at")?,
        started_at: document.text_of("started_at"),
        ended_at: document.text_of("ended_at"),
    })
}

fn row_of(subject: &Subject, kind: &str, path: String) -> Lineage {
    Lineage {
        agent: subject.agent.clone(),
        path,
        kind: kind.to_owned(),
        session_id: subject.session_id.clone(),
        session_key: subject.session_key.clone(),
        session_token: subject.token(),
        project: subject.project.clone(),
        harness: Some(subject.harness.clone()),
        captured_at: subject.captured_at.clone(),
        started_at: subject.started_at.clone(),
        ended_at: subject.ended_at.clone(),
        manifest_path: Some(subject.path(Kind::Manifest)),
        ..Lineage::default()
    }
}
