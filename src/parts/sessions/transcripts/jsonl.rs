//! `memory/<harness>/transcripts/transcript.jsonl`: what every session of a harness said, a line per turn.
//!
//! A session's new turns are appended where its lines are the beginning of what it says now; else the file is
//! written anew without its old lines. One thread writes. A crash leaves whole lines: what a torn append left of
//! a line is cut off before the next one.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::normal::{Speaker, spoken};
use crate::sys::files;
use crate::text::hex;

const SCHEMA: &str = "signet.transcript.v1";
/// Sessions whose lines are remembered, so that the file need not be read for each.
const REMEMBERED: usize = 2_000;

/// Whose lines.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Author {
    pub agent: String,
    pub harness: String,
    pub key: String,
    pub session_id: String,
}

/// Where the lines come from.
#[derive(Debug, Clone)]
pub struct Origin {
    pub captured_at: String,
    /// `live`, `normalized` or `db`.
    pub format: &'static str,
    pub path: Option<String>,
}

/// What stands in a file of one session: how many lines, and a hash over them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Standing {
    lines: usize,
    chain: [u8; 16],
}

impl Standing {
    fn after(self, speaker: &str, content: &str) -> Standing {
        let mut hash = Sha256::new();
        hash.update(self.chain);
        hash.update(speaker.as_bytes());
        hash.update([0]);
        hash.update(content.as_bytes());
        let mut chain = [0; 16];
        chain.copy_from_slice(&hash.finalize()[..16]);
        Standing { lines: self.lines + 1, chain }
    }
}

/// The files of a workspace, and what is known of them.
pub struct Transcripts {
    memory: PathBuf,
    /// By file: its length when we last looked, and the sessions in it.
    known: HashMap<PathBuf, (u64, HashMap<Author, Standing>)>,
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
        let stands = self.standing(&path, author)?;
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
        self.remember(path, author, now);
        Ok(())
    }

    /// Whether the file has any line of a session, under whatever id.
    pub fn knows(&self, author: &Author) -> io::Result<bool> {
        let key = format!("\"session_key\":{}", Value::from(author.key.as_str()));
        let mut found = false;
        each_line(&self.memory.join(path_of(&author.harness)), |line| {
            found |= line.contains(&key) || line.contains(&key.replacen(':', ": ", 1));
            Ok(())
        })?;
        Ok(found)
    }

    fn remember(&mut self, path: PathBuf, author: &Author, now: Standing) {
        let length = std::fs::metadata(&path).map_or(0, |meta| meta.len());
        let (known_length, sessions) = self.known.entry(path).or_default();
        if sessions.len() >= REMEMBERED {
            sessions.clear();
        }
        *known_length = length;
        sessions.insert(author.clone(), now);
    }

    /// What stands in the file of a session. A file that another has written to is read.
    fn standing(&mut self, path: &Path, author: &Author) -> io::Result<Standing> {
        mend(path)?;
        let length = std::fs::metadata(path).map_or(0, |meta| meta.len());
        if let Some((known, sessions)) = self.known.get_mut(path) {
            if *known != length {
                sessions.clear();
            } else if let Some(standing) = sessions.get(author) {
                return Ok(*standing);
            }
        }
        let mut standing = Standing::default();
        each_line(path, |line| {
            if let Some(record) = own_record(line, author) {
                let of = |name: &str| record.get(name).and_then(Value::as_str).unwrap_or_default();
                standing = standing.after(of("role"), of("content"));
            }
            Ok(())
        })?;
        Ok(standing)
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
        &author.session_id,
        &seq_text,
        speaker.as_str(),
        content,
        &source,
    ];
    let id = &hex(&Sha256::digest(parts.join("\0").as_bytes()))[..32];
    let mut record = json!({
        "schema": SCHEMA, "captured_at": origin.captured_at, "agent_id": author.agent, "harness": author.harness,
        "session_key": author.key, "session_id": author.session_id, "seq": seq, "role": speaker.as_str(),
        "content": content, "source_format": origin.format, "source_sha256": source, "id": id,
    });
    if let Some(path) = &origin.path {
        record["source_path"] = json!(path);
    }
    record.to_string()
}

/// A line's record, if it is one of this session's: of the same agent and harness and the same session id, or
/// of the same key where the key is the id.
fn own_record(line: &str, author: &Author) -> Option<Value> {
    // most lines are of other sessions and need not be parsed
    let quoted = Value::from(author.session_id.as_str()).to_string();
    let key = Value::from(author.key.as_str()).to_string();
    if !line.contains(&quoted) && !line.contains(&key) {
        return None;
    }
    let record: Value = serde_json::from_str(line).ok()?;
    let is = |name: &str, wanted: &str| record.get(name).and_then(Value::as_str) == Some(wanted);
    let same_session =
        is("session_id", &author.session_id) || is("session_key", &author.key) && is("session_id", &author.key);
    (is("schema", SCHEMA) && is("agent_id", &author.agent) && is("harness", &author.harness) && same_session)
        .then_some(record)
}

fn each_line(path: &Path, mut look: impl FnMut(&str) -> io::Result<()>) -> io::Result<()> {
    let file = match File::open(path) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(()),
        file => file?,
    };
    let mut reader = BufReader::with_capacity(64 * 1024, file);
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        look(&String::from_utf8_lossy(&line))?;
    }
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
            if own_record(line, author).is_none() {
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
        Author { agent: "default".into(), harness: "Pi".into(), key: key.into(), session_id: key.into() }
    }

    const LIVE: fn() -> Origin = || Origin { captured_at: "now".into(), format: "live", path: None };

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
