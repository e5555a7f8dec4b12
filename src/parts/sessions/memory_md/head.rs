//! The one MEMORY.md of an agent: written under a lease, the older one kept beside it.

use std::path::PathBuf;

use jiff::SignedDuration;
use sha2::{Digest, Sha256};

use super::projection::HEAD_TOKENS;
use crate::core::Error;
use crate::parts::sessions::Sessions;
use crate::parts::sessions::folders::home_of;
use crate::parts::sessions::store::heads;
use crate::sys::files;
use crate::text::hex;

/// Backups kept; the oldest go first.
const BACKUPS: usize = 50;
/// Why an agent has no MEMORY.md.
pub const NO_FOLDER: &str = "is of an agent whose name is no folder's";
/// The first line says when it was made.
const MARK: &str = "<!-- generated ";

/// Why a head was not written.
#[derive(Debug)]
pub enum Unwritten {
    /// There is nothing in it, or it is JSON.
    Unfit(&'static str),
    /// Another is writing it.
    Busy,
    Failed(Error),
}

impl From<Error> for Unwritten {
    fn from(error: Error) -> Self {
        Unwritten::Failed(error)
    }
}

/// Whether a text can be a head.
pub fn check(content: &str) -> Result<&str, Unwritten> {
    let text = content.trim();
    if text.is_empty() {
        return Err(Unwritten::Unfit("is blank"));
    }
    if serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() {
        return Err(Unwritten::Unfit("is JSON, not Markdown"));
    }
    Ok(text)
}

/// The content without the line that says when it was made.
fn without_mark(text: &str) -> &str {
    match text.strip_prefix(MARK).and_then(|rest| rest.split_once("-->")) {
        Some((_, rest)) => rest.trim_start(),
        None => text,
    }
}

impl Sessions {
    /// Writes an agent's working memory; false when it stands so already.
    pub fn write_head(&self, agent: &str, content: &str, owner: &str) -> Result<bool, Unwritten> {
        let body = without_mark(check(content)?);
        self.head_paths(agent).ok_or(Unwritten::Unfit(NO_FOLDER))?;
        self.core.mutable()?;
        let now = self.core.clock.now().to_zoned_datetime(jiff::tz::TimeZone::UTC);
        let mark = format!("{MARK}{} -->\n\n", now.strftime("%Y-%m-%d %H:%M"));
        let body = shortened(body, HEAD_TOKENS * 4 - mark.len() - 1);
        let hash = hex(&Sha256::digest(body.as_bytes()));
        let lease = self.core.config().pipeline.worker.lease;
        let lasts = SignedDuration::try_from(lease).unwrap_or(SignedDuration::from_mins(5));
        let (of, by) = (agent.to_owned(), owner.to_owned());
        let token = self.core.db.write(move |tx| heads::lease(tx, &of, &by, lasts)).map_err(Error::from)?;
        let token = token.ok_or(Unwritten::Busy)?;
        let text = format!("{mark}{body}\n");
        let (of, whole) = (agent.to_owned(), text.clone());
        let stored = self.core.db.write(move |tx| heads::store(tx, &of, &token, &whole, &hash)).map_err(Error::from)?;
        if !stored {
            return Err(Unwritten::Busy);
        }
        self.write_file(agent, &text, body)
    }

    /// The file, if its content is another; the older one is kept.
    fn write_file(&self, agent: &str, text: &str, body: &str) -> Result<bool, Unwritten> {
        let (path, backups) = self.head_paths(agent).ok_or(Unwritten::Unfit(NO_FOLDER))?;
        let failed = |cause: std::io::Error| Unwritten::Failed(Error::failed(format!("MEMORY.md: {cause}")));
        let old = std::fs::read_to_string(&path).ok();
        if old.as_deref().is_some_and(|old| without_mark(old.trim()) == body.trim()) {
            return Ok(false);
        }
        private_folder(path.parent()).and_then(|()| private_folder(Some(&backups))).map_err(failed)?;
        if let Some(old) = old.filter(|old| !old.trim().is_empty()) {
            let now = self.core.clock.now().to_zoned_datetime(jiff::tz::TimeZone::UTC);
            let name = format!("MEMORY.backup-{}", now.strftime("%Y-%m-%dT%H-%M-%S"));
            // two of one second are two
            let free = (1..100).map(|n| if n == 1 { format!("{name}.md") } else { format!("{name}-{n}.md") });
            let place = free.map(|name| backups.join(name)).find(|place| !place.exists());
            if let Some(place) = place {
                files::replace(&place, old.as_bytes(), 0o600).map_err(failed)?;
            }
            prune(&backups).map_err(failed)?;
        }
        files::replace(&path, text.as_bytes(), 0o600).map_err(failed)?;
        Ok(true)
    }

    /// Where an agent's MEMORY.md stands, and where its backups do.
    pub fn head_paths(&self, agent: &str) -> Option<(PathBuf, PathBuf)> {
        let home = home_of(&self.core.env.workspace, agent)?;
        Some((home.join("MEMORY.md"), home.join("memory")))
    }
}

fn private_folder(folder: Option<&std::path::Path>) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    folder.map_or(Ok(()), |folder| std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder))
}

/// The newest backups stay.
fn prune(folder: &std::path::Path) -> std::io::Result<()> {
    let is_backup = |name: &str| name.starts_with("MEMORY.backup-") && name.ends_with(".md");
    let mut names: Vec<String> = std::fs::read_dir(folder)?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| is_backup(name))
        .collect();
    names.sort();
    let surplus = names.len().saturating_sub(BACKUPS);
    names.iter().take(surplus).try_for_each(|name| std::fs::remove_file(folder.join(name)))
}

/// The beginning of a text in so many bytes, up to a whole line.
fn shortened(text: &str, bytes: usize) -> &str {
    if text.len() <= bytes {
        return text;
    }
    let cut = crate::text::head(text, bytes);
    cut.rsplit_once('\n').map_or(cut, |(whole, _)| whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_texts_and_json_are_no_heads() {
        for (text, fits) in
            [("", false), (" \n", false), ("{\"a\":1}", false), ("[1]", false), ("12", false), ("# M\n\n{}", true)]
        {
            assert_eq!(check(text).is_ok(), fits, "{text}");
        }
        assert_eq!(without_mark("<!-- generated 2026-01-01 00:00 -->\n\n# M"), "# M");
        assert_eq!((shortened("ab\ncd", 4), shortened("üü", 3), shortened("a", 9)), ("ab", "ü", "a"));
    }
}
