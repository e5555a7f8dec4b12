//! Files about a session, as Markdown with frontmatter: summaries, transcripts and compactions that are never
//! changed once written, and a manifest that names them.
//!
//! `memory/<time>--<token>--<kind>.md`. All files of one session id have the time of its manifest.

use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::names;
use crate::text::hex;

names! {
    /// What a file holds.
    pub enum Kind {
        Summary = "summary",
        Transcript = "transcript",
        Compaction = "compaction",
        Manifest = "manifest",
    }
}

/// Which session a file is about.
#[derive(Debug, Clone, Default)]
pub struct Subject {
    pub agent: String,
    pub session_id: String,
    pub session_key: Option<String>,
    pub project: Option<String>,
    pub harness: String,
    pub captured_at: String,
    pub started_at: Option<String>,
    pub ended_at: Option<String>,
}

impl Subject {
    pub fn token(&self) -> String {
        token(&self.agent, &self.session_id)
    }

    /// Below the workspace.
    pub fn path(&self, kind: Kind) -> String {
        format!("memory/{}--{}--{}.md", self.captured_at.replace(':', "-"), self.token(), kind.as_str())
    }

    /// A sentence that tells what the session was about, where no model writes one.
    pub fn sentence(&self) -> String {
        let folder = self.project.as_deref().and_then(|p| Path::new(p).file_name()).and_then(|name| name.to_str());
        let anchor = folder.unwrap_or(&self.harness);
        format!(
            "Session work on {anchor} was captured here with its transcript so that later sessions can find it again."
        )
    }
}

/// The short name of a session in file names: 16 characters of base32.
pub fn token(agent: &str, session_id: &str) -> String {
    let hash = Sha256::digest(format!("{agent}:{session_id}").as_bytes());
    base32(&hash[..10])
}

/// RFC 4648, in lower case; for lengths that need no padding.
fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut text = String::new();
    for five in bytes.chunks(5) {
        let bits = five.iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
        text.extend((0..8).rev().map(|n| char::from(ALPHABET[(bits >> (5 * n) & 31) as usize])));
    }
    text
}

/// Lines end in LF and not in white space, and the text not in blank lines.
pub fn plain_body(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let end = lines.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1);
    lines[..end].join("\n")
}

pub fn hash_of(body: &str) -> String {
    hex(&Sha256::digest(body.as_bytes()))
}

/// A file's frontmatter, in its order, and its body.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Document {
    pub front: Vec<(String, Value)>,
    pub body: String,
}

impl Document {
    /// An artifact about a session.
    pub fn of(kind: Kind, subject: &Subject, node: Option<&str>, body: &str, now: &str) -> Self {
        let body = plain_body(body);
        let text = |value: &str| Value::from(value);
        let maybe = |value: &Option<String>| value.as_deref().map_or(Value::Null, Value::from);
        let mut front: Vec<(&str, Value)> = vec![
            ("kind", text(kind.as_str())),
            ("agent_id", text(&subject.agent)),
            ("session_id", text(&subject.session_id)),
            ("session_key", maybe(&subject.session_key)),
            ("project", maybe(&subject.project)),
            ("harness", text(&subject.harness)),
            ("captured_at", text(&subject.captured_at)),
            ("started_at", maybe(&subject.started_at)),
            ("ended_at", maybe(&subject.ended_at)),
            ("manifest_path", text(&subject.path(Kind::Manifest))),
            ("source_node_id", node.map_or(Value::Null, Value::from)),
            ("content_sha256", text(&hash_of(&body))),
            ("hash_scope", text("body-normalized-v1")),
            ("memory_sentence", text(&subject.sentence())),
            ("memory_sentence_version", text("memory_sentence_v1")),
            ("memory_sentence_quality", text("fallback")),
            ("memory_sentence_generated_at", text(now)),
        ];
        if kind == Kind::Transcript {
            front.push(("sanitizer_version", text("sanitize_transcript_v1")));
        }
        Document { front: front.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(), body }
    }

    /// A manifest that names nothing yet.
    pub fn manifest(subject: &Subject, now: &str) -> Self {
        let mut manifest = Document::of(Kind::Manifest, subject, None, "", now);
        for (name, value) in [
            ("summary_path", Value::Null),
            ("summary_status", Value::from("not_requested")),
            ("transcript_path", Value::Null),
            ("transcript_status", Value::from("pending")),
            ("canonical_transcript_path", Value::Null),
            ("compaction_path", Value::Null),
            ("memory_md_refs", Value::Array(Vec::new())),
            ("updated_at", Value::from(now)),
            ("revision", Value::from(0)),
        ] {
            manifest.front.push((name.to_owned(), value));
        }
        manifest
    }

    pub fn text(&self) -> String {
        let mut text = String::from("---\n");
        for (name, value) in &self.front {
            text += &format!("{name}: {value}\n");
        }
        text += "---\n";
        if !self.body.is_empty() {
            text += "\n";
            text += &self.body;
            text += "\n";
        }
        text
    }

    /// A file's text taken apart; `None` where there is no frontmatter.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("---\n").or_else(|| text.strip_prefix("---\r\n"))?;
        let mut front = Vec::new();
        let mut at = 0;
        for line in rest.split_inclusive('\n') {
            at += line.len();
            let line = line.trim_end();
            if line == "---" {
                let body = plain_body(rest[at..].strip_prefix('\n').unwrap_or(&rest[at..]));
                return Some(Document { front, body });
            }
            let (name, value) = line.split_once(':')?;
            let value = value.trim();
            let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
            front.push((name.trim().to_owned(), value));
        }
        None
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        self.front.iter().find(|(n, _)| n == name).map(|(_, value)| value).filter(|value| !value.is_null())
    }

    pub fn text_of(&self, name: &str) -> Option<String> {
        self.get(name)?.as_str().map(str::to_owned)
    }

    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        let value = value.into();
        match self.front.iter_mut().find(|(n, _)| n == name) {
            Some((_, old)) => *old = value,
            None => self.front.push((name.to_owned(), value)),
        }
    }

    /// Whether the body is the one its hash was made of. Programs differ in the blank line before a body.
    pub fn is_whole(&self) -> bool {
        let Some(wanted) = self.text_of("content_sha256") else { return false };
        [self.body.as_str(), self.body.trim_start_matches('\n')].iter().any(|body| hash_of(body) == wanted)
            || hash_of(&format!("\n{}", self.body)) == wanted
    }

    /// Whether another file is about the same with the same body.
    pub fn is_same(&self, other: &Self) -> bool {
        ["kind", "agent_id", "session_id"].iter().all(|name| self.get(name) == other.get(name))
            && self.body == other.body
    }
}

/// The kind that a file's name tells, if it is one of these files, and its token.
pub fn kind_of(path: &Path) -> Option<(Kind, String)> {
    let mut parts = path.file_name()?.to_str()?.strip_suffix(".md")?.rsplitn(3, "--");
    let kind = Kind::parse(parts.next()?)?;
    let token = parts.next()?;
    parts.next()?;
    Some((kind, token.to_owned()))
}

/// Files about sessions in the workspace.
pub fn files(workspace: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = std::fs::read_dir(workspace.join("memory")).into_iter().flatten().filter_map(Result::ok);
    entries.map(|entry| entry.path()).filter(|path| kind_of(path).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject() -> Subject {
        Subject {
            agent: "default".into(),
            session_id: "session-end:s:1".into(),
            session_key: Some("s\"1".into()),
            project: Some("/srv/quay".into()),
            harness: "pi".into(),
            captured_at: "2026-01-02T03:04:05.006Z".into(),
            ..Subject::default()
        }
    }

    #[test]
    fn tokens_and_paths() {
        assert_eq!(base32(b"foobarfoob"), "mzxw6ytboj2g633c".replace("oj2g633c", "ojtg633c"));
        let path = subject().path(Kind::Transcript);
        assert!(path.starts_with("memory/2026-01-02T03-04-05.006Z--") && path.ends_with("--transcript.md"), "{path}");
        assert_eq!(subject().token().len(), 16);
        assert_eq!(kind_of(Path::new(&path)), Some((Kind::Transcript, subject().token())));
        assert_eq!(kind_of(Path::new("memory/notes--plan.md")), None);
    }

    #[test]
    fn a_document_is_read_as_it_was_written() {
        let body = "User: a  \r\n\r\nAssistant: b\n\n\n";
        let document = Document::of(Kind::Transcript, &subject(), None, body, "now");
        let read = Document::parse(&document.text()).unwrap();
        assert_eq!(read, document);
        assert!(read.is_whole() && read.is_same(&document));
        assert_eq!(read.body, "User: a\n\nAssistant: b");
        assert_eq!((read.text_of("session_key"), read.text_of("started_at")), (Some("s\"1".into()), None));
        let changed = document.text().replace("Assistant: b", "Assistant: c");
        let changed = Document::parse(&changed).unwrap();
        assert!(!changed.is_whole() && !changed.is_same(&document));
        let words = read.text_of("memory_sentence").unwrap();
        assert!(
            (12..=48).contains(&words.split_whitespace().count()) && words.contains("quay") && words.ends_with('.')
        );
    }

    #[test]
    fn a_manifest_is_changed_and_keeps_what_it_does_not_know() {
        let mut manifest = Document::manifest(&subject(), "now");
        manifest.set("compaction_path", "memory/x.md");
        let text = manifest.text().replace("revision: 0\n", "revision: 0\nodd: [1, \"x\"]\n");
        let mut read = Document::parse(&text).unwrap();
        read.set("revision", 1);
        assert!(read.text().contains("odd: [1,\"x\"]") && read.text().contains("compaction_path: \"memory/x.md\""));
        for none in ["", "no frontmatter", "---\nkind: 1\n", "---\nodd line\n---\n"] {
            assert_eq!(Document::parse(none), None, "{none:?}");
        }
    }
}
