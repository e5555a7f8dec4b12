//! Who the agent is, and the files that tell it: instructions, persona, the person it works for, working memory.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::super::api::IdentityAnswer;
use crate::config::{HarnessHooks, Identity, IdentityMode, ProfileFiles, StartFile};
use crate::core::access::DEFAULT_AGENT;
use crate::parts::sessions::folders::home_of;

/// Bytes of a file that are read.
const MOST: u64 = 1024 * 1024;
pub const MEMORY: &str = "MEMORY.md";
const INSTRUCTIONS: &str = "AGENTS.md";
const IDENTITY: &str = "IDENTITY.md";
const CUT: &str = "[truncated]";
/// What a setup program puts into AGENTS.md and keeps up to date there; nothing for an agent.
const BLOCK: (&str, &str) = ("<!-- SIGNET:START -->", "<!-- SIGNET:END -->");

/// A file's text under its heading.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    pub path: String,
    pub heading: String,
    pub text: String,
}

/// What is shown of an agent's files.
#[derive(Debug, Default)]
pub struct Shown {
    pub identity: Option<IdentityAnswer>,
    /// In their order; working memory is among them.
    pub sections: Vec<Section>,
    /// The text of MEMORY.md.
    pub memory: Option<String>,
}

/// The files of one agent.
pub struct Files<'a> {
    pub workspace: &'a Path,
    pub agent: &'a str,
    /// The agent is isolated, or the credential is bound to it: the working memory of all is not its.
    pub confined: bool,
    /// It is bound to a project: working memory is written of all projects together.
    pub by_project: bool,
}

impl Files<'_> {
    /// A file's text: the agent's own before that of all. Only files that really lie in the workspace.
    fn read(&self, path: &str) -> Option<String> {
        if path == MEMORY && self.by_project {
            return None;
        }
        let shared = (path != MEMORY || !self.confined || self.agent == DEFAULT_AGENT).then(|| path.to_owned());
        self.own(path).or_else(|| read_below(self.workspace, &shared?))
    }

    /// The text of a file that an agent has for itself.
    fn own(&self, path: &str) -> Option<String> {
        let home = home_of(self.workspace, self.agent).filter(|_| self.agent != DEFAULT_AGENT)?;
        read_below(&home, path)
    }

    /// Cut to a number of characters; `None` for a file that says nothing.
    fn section(&self, file: &StartFile) -> Option<Section> {
        let text = self.read(&file.path)?;
        let text = without_block(&text);
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        let heading = file.header.clone().unwrap_or_else(|| heading(&file.path));
        Some(Section { path: file.path.clone(), heading, text: cut(text, file.chars) })
    }

    /// What a session is begun with.
    pub fn shown(&self, identity: &Identity, hooks: &HarnessHooks) -> Shown {
        let allowed = identity.mode != IdentityMode::Off && hooks.start.identity;
        let usual = || {
            let files = identity.files.iter().filter(|file| file.path != MEMORY && allowed);
            let mut sections: Vec<Section> = files.filter_map(|file| self.section(file)).collect();
            // instructions come before who the agent is
            sections.sort_by_key(|section| section.path != INSTRUCTIONS);
            sections
        };
        let mut sections = match &hooks.files {
            ProfileFiles::These(files) if allowed => files.iter().filter_map(|file| self.section(file)).collect(),
            ProfileFiles::These(_) | ProfileFiles::Suppressed => Vec::new(),
            ProfileFiles::Inherit => usual(),
        };
        let chars = identity.files.iter().find(|file| file.path == MEMORY).map_or(10_000, |file| file.chars);
        let working = StartFile { path: MEMORY.to_owned(), header: None, chars };
        let replaced = matches!(hooks.files, ProfileFiles::These(_)) && allowed;
        if hooks.start.recent_context && !replaced {
            sections.extend(self.section(&working));
        }
        let memory = sections.iter().find(|section| section.path == MEMORY).map(|section| section.text.clone());
        let identity = if allowed { self.who(identity) } else { nobody() };
        Shown { identity: Some(identity), sections, memory }
    }

    /// Name and description: of the agent's own file, of the config, of the file of all.
    fn who(&self, identity: &Identity) -> IdentityAnswer {
        let own = self.own(IDENTITY);
        let of_file = |text: &str| {
            let name = line_value(text, "name").or_else(|| you_are(text))?;
            let description = line_value(text, "creature").or_else(|| line_value(text, "role"));
            Some(IdentityAnswer { name, description })
        };
        let configured = || {
            let name = identity.name.clone()?;
            Some(IdentityAnswer { name, description: identity.description.clone() })
        };
        let of_all = || read_below(self.workspace, IDENTITY).and_then(|text| of_file(&text));
        own.and_then(|text| of_file(&text)).or_else(configured).or_else(of_all).unwrap_or_else(nobody)
    }
}

pub fn nobody() -> IdentityAnswer {
    IdentityAnswer { name: "Agent".to_owned(), description: None }
}

/// The text of a file below a folder; a link that leads out of it is not followed.
fn read_below(workspace: &Path, path: &str) -> Option<String> {
    let root = std::fs::canonicalize(workspace).ok()?;
    let real: PathBuf = std::fs::canonicalize(workspace.join(path)).ok()?;
    if !real.starts_with(&root) || !real.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    std::fs::File::open(real).ok()?.take(MOST).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).trim_start_matches('\u{feff}').to_owned())
}

fn heading(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    match name {
        INSTRUCTIONS => "Agent Instructions".to_owned(),
        "SOUL.md" => "Soul".to_owned(),
        IDENTITY => "Identity".to_owned(),
        "USER.md" => "About Your User".to_owned(),
        MEMORY => "Working Memory".to_owned(),
        other => other.trim_end_matches(".md").to_owned(),
    }
}

/// The text without generated blocks, each with the line end behind it.
fn without_block(text: &str) -> String {
    let (open, close) = BLOCK;
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(open) {
        let Some(end) = rest[start..].find(close).map(|at| start + at + close.len()) else { break };
        kept += &rest[..start];
        rest = rest[end..].strip_prefix('\n').unwrap_or(&rest[end..]);
    }
    kept + rest
}

fn cut(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((end, _)) => format!("{}\n{CUT}", text[..end].trim_end()),
        None => text.to_owned(),
    }
}

/// The first line `key: value`, with a list's sign or emphasis around it.
fn line_value(text: &str, key: &str) -> Option<String> {
    let plain = |part: &str| part.trim().trim_matches(['-', '*', ' ', '_']).trim().to_owned();
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let value = plain(value);
        (plain(name).eq_ignore_ascii_case(key) && !value.is_empty()).then_some(value)
    })
}

/// The name in a line that begins `You are …`.
fn you_are(text: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let line = line.trim();
        let start = line.get(..8).filter(|start| start.eq_ignore_ascii_case("you are "))?.len();
        let name = line[start..].split([',', '.', ';', '\n']).next()?.trim();
        (!name.is_empty() && name.chars().count() <= 80).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Section as Yaml};
    use serde_json::json;

    fn shown(folder: &Path, agent: &str, config: serde_json::Value, confined: bool) -> Shown {
        let config = Config::from_section(Yaml(&config));
        Files { workspace: folder, agent, confined, by_project: false }.shown(&config.identity, &config.hooks.of("pi"))
    }

    #[test]
    fn files_are_shown_in_order_and_cut() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("AGENTS.md", "# R\n<!-- SIGNET:START -->\nx\n<!-- SIGNET:END -->\nkeep");
        write("SOUL.md", &"s".repeat(5_000));
        write("IDENTITY.md", "- **name:** Ada\n- creature: owl");
        write("MEMORY.md", "working");
        write("agents/bob/SOUL.md", "bob's soul");
        let all = shown(folder.path(), "default", json!({}), false);
        let paths: Vec<&str> = all.sections.iter().map(|s| s.path.as_str()).collect();
        assert_eq!(paths, ["AGENTS.md", "SOUL.md", "IDENTITY.md", "MEMORY.md"]);
        assert_eq!(all.sections[0].text, "# R\nkeep");
        assert!(all.sections[1].text.ends_with("s\n[truncated]"));
        assert_eq!(all.memory.as_deref(), Some("working"));
        let identity = all.identity.unwrap();
        assert_eq!((identity.name.as_str(), identity.description.as_deref()), ("Ada", Some("owl")));
        let bob = shown(folder.path(), "bob", json!({"agent": {"name": "N"}}), true);
        assert_eq!(
            (bob.sections[1].text.as_str(), bob.memory, bob.identity.unwrap().name),
            ("bob's soul", None, "N".to_owned())
        );
        let off = shown(folder.path(), "default", json!({"identity": {"mode": "off"}}), false);
        assert_eq!((off.sections.len(), off.identity.unwrap().name), (1, "Agent".to_owned()));
    }

    #[test]
    fn links_that_lead_out_are_not_followed() {
        let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(outside.path().join("secret"), "secret").unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret"), folder.path().join("SOUL.md")).unwrap();
        assert_eq!(read_below(folder.path(), "SOUL.md"), None);
        assert_eq!(read_below(folder.path(), "agents/../../etc/passwd"), None);
        assert_eq!(you_are("\nYou are Ada, an owl."), Some("Ada".to_owned()));
    }
}
