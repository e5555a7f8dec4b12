//! What a `transcript.jsonl` holds of each session, so that the next turns can be appended without reading it.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use serde::Deserialize;
use sha2::{Digest, Sha256};

/// What every line says that it is.
pub const SCHEMA: &str = "signet.transcript.v1";

/// Whose lines. A session's key is its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    pub agent: String,
    pub harness: String,
    pub key: String,
}

/// An author or a key, as it is remembered.
pub type Token = [u8; 16];

pub fn token(parts: &[&str]) -> Token {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let mut token = [0; 16];
    token.copy_from_slice(&hash.finalize()[..16]);
    token
}

impl Author {
    pub fn token(&self) -> Token {
        token(&[&self.agent, &self.harness, &self.key])
    }
}

/// What of a line says whose it is, and what was said.
#[derive(Deserialize)]
pub struct Line<'a> {
    #[serde(borrow)]
    schema: Cow<'a, str>,
    #[serde(borrow)]
    agent_id: Cow<'a, str>,
    #[serde(borrow)]
    harness: Cow<'a, str>,
    #[serde(borrow, default)]
    session_key: Cow<'a, str>,
    #[serde(borrow)]
    session_id: Cow<'a, str>,
    #[serde(borrow, default)]
    role: Cow<'a, str>,
    #[serde(borrow, default)]
    content: Cow<'a, str>,
}

impl<'a> Line<'a> {
    /// `None` for what is no line of ours.
    pub fn parse(text: &'a str) -> Option<Self> {
        serde_json::from_str::<Line<'_>>(text).ok().filter(|line| line.schema == SCHEMA)
    }

    pub fn author(&self) -> Token {
        token(&[&self.agent_id, &self.harness, &self.session_id])
    }
}

/// What stands in a file of one session: how many lines, and a hash over them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    pub lines: usize,
    chain: [u8; 16],
}

impl Standing {
    pub fn after(self, speaker: &str, content: &str) -> Standing {
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

/// What is known of a file: what stands in it of each session, and its length when we last looked.
#[derive(Default)]
pub struct Contents {
    pub length: u64,
    pub sessions: HashMap<Token, Standing>,
    /// The keys that its lines name, under whatever id.
    pub keys: HashSet<Token>,
}

impl Contents {
    pub fn read(path: &Path) -> io::Result<Self> {
        let mut found = Contents::default();
        each_line(path, |text| {
            let Some(line) = Line::parse(text) else { return Ok(()) };
            let standing = found.sessions.entry(line.author()).or_default();
            *standing = standing.after(&line.role, &line.content);
            found.keys.insert(token(&[&line.session_key]));
            Ok(())
        })?;
        found.length = length_of(path);
        Ok(found)
    }
}

pub fn length_of(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |meta| meta.len())
}

pub fn each_line(path: &Path, mut look: impl FnMut(&str) -> io::Result<()>) -> io::Result<()> {
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
