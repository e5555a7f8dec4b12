//! `memory/<harness>/transcripts/transcript.jsonl`: what every session of a harness said, a line per turn.
//!
//! A session's new turns are appended where its lines are the beginning of what it says now; else the file is
//! written anew without its old lines. One thread writes. A crash leaves whole lines: what a torn append left of
//! a line is cut off before the next one.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::contents::{Author, Contents, Line, SCHEMA, Standing, each_line, length_of, token};
use super::normal::{Speaker, spoken};
use crate::sys::files;
use crate::text::hex;

/// Sessions whose lines are remembered, so that the file need not be read for each: some 80 bytes of each.
const REMEMBERED: usize = 250_000;

/// Where the lines come from.
#[derive(Debug, Clone)]
pub struct Origin {
    pub captured_at: String,
    /// `live`, `normalized` or `db`.
    pub format: &'static str,
    pub path: Option<String>,
    pub project: Option<String>,
}

/// The files of a workspace, and what is known of them.
pub struct Transcripts {
    memory: PathBuf,
    known: HashMap<PathBuf, Contents>,
}

/// A harness as a folder's name.
pub fn folder_of(harness: &str) -> String {
    let kept: String = harness
        .to_lowercase()
        .chars()
        .map(|c| if matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '-') { c } else { '-' })
        .collect();
    match kept.trim_matches(['-', '.']) {
        "" => "unknown".to_owned(),
        name => name.chars().take(100).collect(),
    }
}

/// Below the workspace.
pub fn path_of(harness: &str) -> String {
    format!("memory/{}/transcripts/transcript.jsonl", folder_of(harness))
}

impl Transcripts {
    pub fn new(workspace: &Path) -> Self {
        Transcripts { memory: workspace.to_owned(), known: HashMap::new() }
    }

    /// Makes the lines of a session those of a transcript.
    pub fn sync(&mut self, author: &Author, transcript: &str, origin: &Origin) -> io::Result<()> {
        let path = self.memory.join(path_of(&author.harness));
        if let Some(folder) = path.parent() {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let stands = self.contents(&path)?.sessions.get(&author.token()).copied().unwrap_or_default();
        let (mut now, mut met) = (Standing::default(), stands.lines == 0);
        let mut lines = String::new();
        for (speaker, content) in spoken(transcript) {
            now = now.after(speaker.as_str(), &content);
            if met {
                lines += &record(author, origin, now.lines, speaker, &content);
                lines.push('\n');
            }
            met |= now == stands;
        }
        if met {
            if !lines.is_empty() {
                append(&path, &lines)?;
            }
        } else {
            rewrite(&path, author, transcript, origin)?;
        }
        self.remember(&path, author, now);
        Ok(())
    }

    /// Whether the file has any line of a session, under whatever id.
    pub fn knows(&mut self, author: &Author) -> io::Result<bool> {
        let contents = self.contents(&self.memory.join(path_of(&author.harness)))?;
        Ok(contents.keys.contains(&token(&[&author.key])))
    }

    /// What is known of a file. One that another has written to is read.
    fn contents(&mut self, path: &Path) -> io::Result<&mut Contents> {
        mend(path)?;
        let length = length_of(path);
        let fresh = self.known.get(path).is_some_and(|known| known.length == length);
        if !fresh {
            self.known.insert(path.to_owned(), Contents::read(path)?);
        }
        Ok(self.known.entry(path.to_owned()).or_default())
    }

    /// What a session's lines are from now on. Of too many sessions those of this run are forgotten: the file knows.
    fn remember(&mut self, path: &Path, author: &Author, now: Standing) {
        let Some(contents) = self.known.get_mut(path) else { return };
        if contents.sessions.len() >= REMEMBERED {
            self.known.remove(path);
            return;
        }
        contents.length = length_of(path);
        contents.sessions.insert(author.token(), now);
        contents.keys.insert(token(&[&author.key]));
    }
}

/// One line of the file.
fn record(author: &Author, origin: &Origin, seq: usize, speaker: Speaker, content: &str) -> String {
    let source = hex(&Sha256::digest(content.as_bytes()));
    let seq_text = seq.to_string();
    let parts = [
        SCHEMA,
        &author.agent,
        &author.harness,
        &author.key,
        &author.key,
        &seq_text,
        speaker.as_str(),
        content,
        &source,
    ];
    let id = &hex(&Sha256::digest(parts.join("\0").as_bytes()))[..32];
    let mut record = json!({
        "schema": SCHEMA, "captured_at": origin.captured_at, "agent_id": author.agent, "harness": author.harness,
        "session_key": author.key, "session_id": author.key, "project": origin.project, "seq": seq, "role": speaker.as_str(),
        "content": content, "source_format": origin.format, "source_sha256": source, "id": id,
    });
    if let Some(path) = &origin.path {
        record["source_path"] = json!(path);
    }
    record.to_string()
}

/// Cuts off what a torn append has left of a line; a whole one only lacks its end.
fn mend(path: &Path) -> io::Result<()> {
    let mut file = match OpenOptions::new().read(true).write(true).open(path) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(()),
        file => file?,
    };
    let length = file.metadata()?.len();
    let mut from = length;
    let mut tail = Vec::new();
    // back to the last line's beginning
    while from > 0 && !tail.contains(&b'\n') {
        let step = from.min(64 * 1024);
        from -= step;
        file.seek(SeekFrom::Start(from))?;
        let mut piece = vec![0; step as usize];
        file.read_exact(&mut piece)?;
        if length - from == step && piece.ends_with(b"\n") {
            return Ok(());
        }
        piece.append(&mut tail);
        tail = piece;
    }
    if tail.is_empty() {
        return Ok(());
    }
    let start = tail.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
    if serde_json::from_slice::<Value>(&tail[start..]).is_ok() {
        file.seek(SeekFrom::End(0))?;
        file.write_all(b"\n")?;
    } else {
        file.set_len(from + start as u64)?;
    }
    file.sync_all()
}

fn append(path: &Path, lines: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    file.write_all(lines.as_bytes())?;
    file.sync_all()
}

/// The file without this session's old lines and with its new ones.
fn rewrite(path: &Path, author: &Author, transcript: &str, origin: &Origin) -> io::Result<()> {
    files::replace_with(path, 0o600, |file| {
        let mut out = BufWriter::new(file);
        each_line(path, |line| {
            if Line::parse(line).is_none_or(|line| line.author() != author.token()) {
                out.write_all(line.as_bytes())?;
            }
            Ok(())
        })?;
        for (n, (speaker, content)) in spoken(transcript).enumerate() {
            out.write_all(record(author, origin, n + 1, speaker, &content).as_bytes())?;
            out.write_all(b"\n")?;
        }
        out.flush()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn author(key: &str) -> Author {
        Author { agent: "default".into(), harness: "Pi".into(), key: key.into() }
    }

    const LIVE: fn() -> Origin = || Origin { captured_at: "now".into(), format: "live", path: None, project: None };

    fn contents(path: &Path) -> Vec<String> {
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.ends_with('\n'));
        text.lines()
            .map(|line| {
                serde_json::from_str::<Value>(line)
                    .map_or(line.to_owned(), |r| r["content"].as_str().unwrap().to_owned())
            })
            .collect()
    }

    #[test]
    fn new_turns_are_appended_and_changed_ones_written_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("memory/pi/transcripts/transcript.jsonl");
        let mut files = Transcripts::new(folder.path());
        files.sync(&author("a"), "User: 1", &LIVE()).unwrap();
        files.sync(&author("b"), "User: other", &LIVE()).unwrap();
        files.sync(&author("a"), "User: 1\nAssistant: 2", &LIVE()).unwrap();
        files.sync(&author("a"), "User: 1\nAssistant: 2", &LIVE()).unwrap();
        assert_eq!(contents(&path), ["1", "other", "2"]);
        // a fresh writer knows nothing and reads the file
        let mut files = Transcripts::new(folder.path());
        files.sync(&author("a"), "User: 1\nAssistant: 2\nUser: 3", &LIVE()).unwrap();
        assert_eq!(contents(&path), ["1", "other", "2", "3"]);
        files.sync(&author("a"), "User: changed", &LIVE()).unwrap();
        assert_eq!(contents(&path), ["other", "changed"]);
        let last: Value =
            serde_json::from_str(std::fs::read_to_string(&path).unwrap().lines().last().unwrap()).unwrap();
        assert_eq!(
            (last["seq"].as_i64(), last["role"].as_str(), last["id"].as_str().map(str::len)),
            (Some(1), Some("user"), Some(32))
        );
    }

    #[test]
    fn lines_of_others_stay_and_a_torn_one_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("memory/pi/transcripts/transcript.jsonl");
        let mut files = Transcripts::new(folder.path());
        files.sync(&author("a"), "User: 1", &LIVE()).unwrap();
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"no json at all\n{\"schema\":\"signet.transcr").unwrap();
        files.sync(&author("a"), "User: 1\nUser: 2", &LIVE()).unwrap();
        assert_eq!(contents(&path), ["1", "no json at all", "2"]);
        file.write_all(b"{\"content\":\"whole\"}").unwrap();
        files.sync(&author("a"), "User: 0", &LIVE()).unwrap();
        assert_eq!(contents(&path), ["no json at all", "whole", "0"]);
    }

    #[test]
    fn harnesses_are_folders() {
        for (harness, folder) in
            [("Claude Code", "claude-code"), ("../..", "unknown"), ("", "unknown"), ("a/b", "a-b"), ("ü", "unknown")]
        {
            assert_eq!(folder_of(harness), folder);
        }
    }

    proptest::proptest! {
        #[test]
        fn the_file_always_holds_what_was_said_last(said in proptest::collection::vec((0usize..3, proptest::collection::vec("[a-c]{1,3}", 0..5)), 1..12)) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("memory/pi/transcripts/transcript.jsonl");
            let mut files = Transcripts::new(folder.path());
            let mut wanted: HashMap<String, Vec<String>> = HashMap::new();
            for (session, turns) in &said {
                let key = format!("s{session}");
                let text: Vec<String> = turns.iter().map(|t| format!("User: {t}")).collect();
                files.sync(&author(&key), &text.join("\n"), &LIVE()).unwrap();
                wanted.insert(key, turns.clone());
            }
            let mut found: HashMap<String, Vec<String>> = wanted.keys().map(|k| (k.clone(), Vec::new())).collect();
            each_line(&path, |line| {
                let record: Value = serde_json::from_str(line).unwrap();
                found.get_mut(record["session_key"].as_str().unwrap()).unwrap().push(record["content"].as_str().unwrap().to_owned());
                Ok(())
            }).unwrap();
            proptest::prop_assert_eq!(found, wanted);
        }
    }
}
