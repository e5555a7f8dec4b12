//! The workspace's Markdown and config files, listed and saved.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::api::{ConfigFile, ConfigFiles, Safety, Save, Saved};
use super::safety::{Snapshot, Transition, transitions};
use super::{Settings, audit};
use crate::config::{CONFIG_FILES, check_text, parse_yaml, to_yaml};
use crate::core::Error;
use crate::core::access::{Caller, Permission};
use crate::sys::{files, locks};

/// Characters of a saved file.
const MAX_CONFIG: usize = 1_048_576;
/// Bytes of a file's name, as most file systems take them.
const LONGEST_NAME: usize = 255;
/// Listed files: how many, and bytes of each and of all.
const MOST_FILES: usize = 500;
const MAX_LISTED: u64 = 1_048_576;
const MAX_LISTED_IN_ALL: usize = 4 * 1_048_576;

/// Files that come first, in this order.
const FIRST: [&str; 5] = ["agent.yaml", "AGENTS.md", "SOUL.md", "IDENTITY.md", "USER.md"];

fn is_guarded(name: &str) -> bool {
    CONFIG_FILES.iter().any(|guarded| guarded.eq_ignore_ascii_case(name))
}

/// Whether a caller may see password hashes and keys.
fn sees_guarded(caller: &Caller) -> bool {
    caller.claims().is_none_or(|c| c.refusal(Permission::Admin).is_none())
}

impl Settings {
    /// What the caller may see of them.
    pub(super) fn list(&self, caller: &Caller) -> ConfigFiles {
        let entries = match std::fs::read_dir(&self.core.env.workspace) {
            Ok(entries) => entries,
            Err(cause) => {
                log::warn!(target: "settings", "the workspace cannot be read: {cause}");
                let error = Some("the workspace cannot be read");
                return ConfigFiles { files: Vec::new(), left_out: None, error };
            }
        };
        let guarded = sees_guarded(caller);
        let mut names: Vec<String> = entries
            .filter_map(Result::ok)
            .filter(|e| std::fs::metadata(e.path()).is_ok_and(|m| m.is_file() && m.len() <= MAX_LISTED))
            .filter_map(|e| e.file_name().into_string().ok())
            .filter(|name| name.ends_with(".md") || name.ends_with(".yaml"))
            .filter(|name| guarded || !is_guarded(name))
            .collect();
        names.sort_by_key(|name| (FIRST.iter().position(|f| f == name).unwrap_or(FIRST.len()), name.clone()));
        names.truncate(MOST_FILES);
        let mut room = MAX_LISTED_IN_ALL;
        let mut left_out = 0;
        let mut files = Vec::new();
        for name in names {
            match read_listed(&self.core.env.workspace.join(&name), room) {
                Some(bytes) => {
                    room -= bytes.len();
                    let content = String::from_utf8_lossy(&bytes).into_owned();
                    files.push(ConfigFile { name, content, size: bytes.len() });
                }
                None => left_out += 1,
            }
        }
        ConfigFiles { files, left_out: (left_out > 0).then_some(left_out), error: None }
    }

    /// Saves a file; of a guarded one the change of providers is noted.
    pub(super) fn save(&self, save: &Save, actor: Option<&str>) -> Result<Saved, Error> {
        let (file, content) = (save.file.as_str(), save.content.as_str());
        let path = self.core.env.workspace.join(file);
        let saved = {
            let _saving = locks::lock(&self.saving);
            if !is_guarded(file) {
                files::replace(&path, content.as_bytes(), 0o600).map_err(write_failed)?;
                return Ok(Saved::default());
            }
            let plan = Plan::of(&path, content)?;
            files::replace(&path, plan.text.as_bytes(), 0o600).map_err(write_failed)?;
            let source = format!("api/config:{file}");
            let changes = transitions(&plan.before, &plan.after, &source, actor, &self.core.now());
            let provider_transitions = changes.iter().map(Transition::to_answer).collect();
            let audit_error = self.record(changes).err().map(|cause| {
                log::error!(target: "settings", "the audit file was not written: {cause}");
                "the change was saved but not recorded"
            });
            let comments_stripped = plan.comments_stripped.then_some(true);
            Saved { success: true, provider_transitions, audit_error, comments_stripped }
        };
        self.core.refresh_config();
        Ok(saved)
    }

    fn record(&self, changes: Vec<Transition>) -> std::io::Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let path = audit::path(&self.core.env.daemon_dir());
        let mut entries = audit::read(&path);
        entries.extend(changes);
        audit::write(&path, &entries)
    }

    /// Which providers the config on disk chooses, and how that came.
    pub(super) fn safety(&self) -> Safety {
        let env = &self.core.env;
        let entries = audit::read(&audit::path(&env.daemon_dir()));
        let file = CONFIG_FILES.iter().map(|name| env.workspace.join(name)).find(|path| path.is_file());
        let config = file.map(|file| std::fs::read_to_string(file).ok().and_then(|text| parse_yaml(&text).ok()));
        Safety {
            snapshot: config.as_ref().and_then(Option::as_ref).map(|config| Snapshot::of(config).to_answer()),
            snapshot_error: matches!(config, Some(None)).then_some("Invalid YAML config"),
            transitions: entries.iter().map(Transition::to_answer).collect(),
            latest_risky_transition: entries.iter().rev().find(|t| t.risky).map(Transition::to_answer),
        }
    }
}

/// A file's content; `None` when it has no room or cannot be read.
fn read_listed(path: &Path, room: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(room as u64 + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() <= room).then_some(bytes)
}

fn write_failed(cause: std::io::Error) -> Error {
    match cause.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Error::Full,
        _ => Error::failed(format!("a config file was not written: {cause}")),
    }
}

pub(super) fn is_too_long(content: &str) -> bool {
    content.chars().count() > MAX_CONFIG
}

pub(super) fn check_name(file: &str) -> Result<(), Error> {
    if file.is_empty() {
        return Err(Error::malformed("Invalid request: file and content are required"));
    }
    if file.contains(['/', '\\']) || file.contains("..") || file.chars().any(char::is_control) {
        return Err(Error::malformed("Invalid file name: file must be a plain name"));
    }
    if file.len() > LONGEST_NAME {
        return Err(Error::malformed("Invalid file name: file may have 255 bytes at most"));
    }
    if !(file.ends_with(".md") || file.ends_with(".yaml")) || file.starts_with('.') {
        return Err(Error::malformed("Invalid file type: file must end in .md or .yaml"));
    }
    Ok(())
}

/// How a guarded file will be written.
struct Plan {
    before: Snapshot,
    after: Snapshot,
    text: String,
    comments_stripped: bool,
}

impl Plan {
    /// Refuses a text that does not parse or breaks the lock. A lock on disk that the text is
    /// silent about is written back into it.
    fn of(path: &Path, content: &str) -> Result<Self, Error> {
        let invalid = |_| Error::malformed("Invalid YAML config");
        let mut config = parse_yaml(content).map_err(invalid)?;
        // an empty file may be saved; the last good config stays in force
        if !config.is_null() {
            check_text("content", content)
                .map_err(|problem| Error::malformed(format!("Invalid YAML config: {problem}")))?;
        }
        let on_disk = std::fs::read_to_string(path).ok().and_then(|text| parse_yaml(&text).ok());
        let before = on_disk
            .as_ref()
            .map(Snapshot::of)
            .unwrap_or_else(|| Snapshot { allow_remote: true, ..Snapshot::default() });
        let after = Snapshot::of(&config);
        let kept_lock = !before.allow_remote && after.explicit_lock.is_none();
        after.check_lock(!after.allow_remote || kept_lock)?;
        if kept_lock && after.has_section {
            config["memory"]["pipelineV2"]["allowRemoteProviders"] = serde_json::Value::Bool(false);
            let text = to_yaml(&config).map_err(Error::failed)?;
            return Ok(Plan { before, after: Snapshot::of(&config), text, comments_stripped: true });
        }
        Ok(Plan { before, after, text: content.to_owned(), comments_stripped: false })
    }
}
