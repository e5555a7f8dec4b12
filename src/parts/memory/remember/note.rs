//! Notes as Markdown files for Codex (memory part, `codex-native-note`). No database row.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::core::Error;
use crate::parts::memory::Memory;
use crate::parts::memory::api::{NoteBody, NoteWritten};
use crate::text::hex;

const TRIES: usize = 8;

impl Memory {
    /// Writes a note beside those of Codex.
    pub fn note(&self, body: NoteBody) -> Result<NoteWritten, Error> {
        self.core.mutable()?;
        let written = match &self.core.env.codex_home {
            Some(home) => Note::of(body).write(home, &self.core.now()),
            None => Err(std::io::Error::other("neither HOME nor CODEX_HOME is set")),
        };
        let path = written.map_err(|cause| Error::failed(format!("codex note: {cause}")))?;
        Ok(NoteWritten { ok: true, path })
    }
}

/// A note as it is written.
struct Note {
    content: String,
    title: Option<String>,
    tags: Option<String>,
}

impl Note {
    fn of(body: NoteBody) -> Self {
        Note { content: body.content.0, title: body.title.map(|t| t.0), tags: body.tags.map(|t| t.0) }
    }

    /// Writes the file below Codex's folder; never over an existing one.
    fn write(&self, codex_home: &Path, now: &str) -> std::io::Result<PathBuf> {
        let folder = codex_home.join("memories/extensions/ad_hoc/notes");
        std::fs::create_dir_all(&folder)?;
        let name = format!("{}-{}", now.replace([':', '.'], "-"), self.slug());
        let mut path = folder.join(format!("{name}.md"));
        for _ in 0..TRIES {
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
                Ok(mut file) => {
                    file.write_all(self.text(now).as_bytes())?;
                    file.sync_all()?;
                    return Ok(path);
                }
                Err(cause) if cause.kind() == std::io::ErrorKind::AlreadyExists => {
                    let suffix = &uuid::Uuid::new_v4().simple().to_string()[..8];
                    path = folder.join(format!("{name}-{suffix}.md"));
                }
                Err(cause) => return Err(cause),
            }
        }
        Err(std::io::ErrorKind::AlreadyExists.into())
    }

    fn slug(&self) -> String {
        let basis: String = match &self.title {
            Some(title) => title.clone(),
            None => self.content.chars().take(80).collect(),
        };
        let mut slug = String::new();
        for c in basis.to_lowercase().chars() {
            if c.is_ascii_alphanumeric() {
                slug.push(c);
            } else if !slug.ends_with('-') {
                slug.push('-');
            }
        }
        let slug: String = slug.trim_matches('-').chars().take(48).collect();
        if slug.is_empty() {
            return hex(&Sha256::digest(self.content.as_bytes()))[..12].to_owned();
        }
        slug
    }

    fn text(&self, now: &str) -> String {
        let quoted = |text: &str| Value::from(text).to_string();
        let mut text = format!("---\nsource: signet_save_note\ncreated_at: {}\n", quoted(now));
        if let Some(title) = &self.title {
            text += &format!("title: {}\n", quoted(title));
        }
        if let Some(tags) = &self.tags {
            text += &format!("tags: {}\n", quoted(tags));
        }
        text + "---\n\n" + &self.content + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn a_second_note_of_the_same_moment_gets_a_name_of_its_own() {
        let home = tempfile::tempdir().unwrap();
        let note = Note { content: "Deploy on Fridays".into(), title: Some("Ops: rule!".into()), tags: None };
        let first = note.write(home.path(), "2026-01-01T00:00:00.000Z").unwrap();
        let second = note.write(home.path(), "2026-01-01T00:00:00.000Z").unwrap();
        assert_ne!(first, second);
        assert!(first.ends_with("2026-01-01T00-00-00-000Z-ops-rule.md"));
        let text = std::fs::read_to_string(first).unwrap();
        assert!(text.contains("title: \"Ops: rule!\"") && text.ends_with("\n\nDeploy on Fridays\n"));
    }
}
