//! The config as it is now: read at start and again when a config file changes.
//!
//! A file that cannot be read never opens a door: the last good config stays in force, and a copy
//! of it is kept for the next start.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, RwLock};
use std::time::SystemTime;

use serde_json::Value;

use super::file::{CONFIG_FILES, Found, Problem, Section, check_text, find};
use super::{Config, Environment, unknown_keys};
use crate::sys::files;
use crate::sys::locks;

/// The copy of the last good config, below the daemon's private folder.
const KEPT: &str = "last-good-config.yaml";

/// Time, size and inode of the candidate files: a change of any means "read again".
type Stamp = [Option<(SystemTime, u64, u64)>; CONFIG_FILES.len()];

/// What is in force.
#[derive(Debug, Clone)]
struct Loaded {
    config: Arc<Config>,
    /// The file it was resolved from; null for defaults.
    file: Arc<Value>,
    /// The name of that file: one of a lower rank does not stand in for it.
    name: Option<&'static str>,
    /// Why the file on disk is not what is in force.
    problem: Option<Problem>,
    /// Nothing good was ever read: nobody may reach the daemon from outside.
    held: bool,
}

impl Loaded {
    fn of(name: Option<&'static str>, file: Value, openai_key: Option<&str>) -> Self {
        for key in unknown_keys(Section(&file).at("memory.pipelineV2")) {
            log::warn!(target: "config", "memory.pipelineV2.{key} is no key that is known here: it has no effect");
        }
        let mut config = Config::from_section(Section(&file));
        config.embedding.api_key = config.embedding.api_key.or_else(|| openai_key.map(str::to_owned));
        Loaded { config: Arc::new(config), file: Arc::new(file), name, problem: None, held: false }
    }
}

/// Readers get an `Arc` and keep a consistent config for as long as they hold it.
pub struct Live {
    workspace: PathBuf,
    kept: PathBuf,
    /// Stands for a key of embeddings that the file does not name.
    openai_key: Option<String>,
    loaded: RwLock<Loaded>,
    seen: Mutex<Seen>,
}

/// What the last look at the files came to.
#[derive(Debug, Default)]
struct Seen {
    stamp: Stamp,
    /// Files that let more people in than before: taken when the next look finds them unchanged, as an
    /// editor may be in the middle of writing them.
    looser: Option<Stamp>,
}

impl Live {
    /// Reads the config of a workspace; a broken one is replaced by the copy of the last good one.
    pub fn load(env: &Environment) -> Self {
        let workspace = env.workspace.as_path();
        let openai_key = env.variable("OPENAI_API_KEY");
        let key = openai_key.as_deref();
        let seen = stamp(workspace);
        let kept = env.daemon_dir().join(KEPT);
        let loaded = match find(workspace) {
            Found::Missing => Loaded::of(None, Value::Null, key),
            Found::Good { name, text, value } => {
                keep(&kept, &text);
                Loaded::of(Some(name), value, key)
            }
            Found::Broken(problem) => fall_back(&kept, problem, key),
        };
        Live {
            workspace: workspace.to_owned(),
            kept,
            loaded: RwLock::new(loaded),
            seen: Mutex::new(Seen { stamp: seen, looser: None }),
            openai_key,
        }
    }

    fn loaded(&self) -> Loaded {
        locks::read(&self.loaded).clone()
    }

    pub fn current(&self) -> Arc<Config> {
        Arc::clone(&locks::read(&self.loaded).config)
    }

    /// The file that is in force, for keys that no part resolves yet.
    pub fn file(&self) -> Arc<Value> {
        self.loaded().file
    }

    pub fn problem(&self) -> Option<Problem> {
        self.loaded().problem
    }

    /// Whether the listener must stay on loopback: no config could be read, now or ever.
    pub fn is_held(&self) -> bool {
        self.loaded().held
    }

    /// Reads the files again if one of them changed; true when another config is in force now.
    pub fn refresh(&self) -> bool {
        let now = stamp(&self.workspace);
        let before = self.loaded();
        let mut seen = locks::lock(&self.seen);
        // a file that could not be read may be readable now and look the same
        if seen.stamp == now && before.problem.is_none() && seen.looser.is_none() {
            return false;
        }
        seen.stamp = now;
        let unchanged = seen.looser.take() == Some(now);
        let gone = before.name.filter(|name| !self.workspace.join(name).exists());
        let after = match (gone, find(&self.workspace)) {
            (Some(name), _) => Loaded { problem: Some(missing(name)), ..before.clone() },
            (None, Found::Missing) => before.clone(),
            (None, Found::Broken(problem)) => Loaded { problem: Some(problem), ..before.clone() },
            (None, Found::Good { name, text, value }) => {
                let after = Loaded::of(Some(name), value, self.openai_key.as_deref());
                if after.config.auth.mode.is_looser_than(before.config.auth.mode) && !unchanged {
                    seen.looser = Some(now);
                    return false;
                }
                keep(&self.kept, &text);
                after
            }
        };
        match &after.problem {
            Some(problem) if before.problem.as_ref() != Some(problem) => {
                log::error!(target: "config", "{problem}; the last good config stays in force");
            }
            None if before.problem.is_some() => log::info!(target: "config", "the config file is in order again"),
            _ => {}
        }
        let changed = *after.config != *before.config;
        *locks::write(&self.loaded) = after;
        changed
    }
}

fn missing(name: &str) -> Problem {
    Problem { file: name.to_owned(), line: None, column: None, message: "the file is gone".to_owned() }
}

fn fall_back(kept: &Path, problem: Problem, key: Option<&str>) -> Loaded {
    let good = std::fs::read_to_string(kept).ok().and_then(|text| check_text(KEPT, &text).ok());
    let name = CONFIG_FILES.into_iter().find(|name| *name == problem.file);
    let (loaded, held) = match good {
        Some(value) => (Loaded::of(name, value, key), false),
        None => (Loaded::of(name, Value::Null, key), true),
    };
    let instead = if held { "defaults are used, on loopback only" } else { "the last good config is used" };
    log::error!(target: "config", "{problem}; {instead}");
    Loaded { problem: Some(problem), held, ..loaded }
}

/// Keeps a good config for a start with a broken one. Only the owner may read it: it may hold keys.
fn keep(kept: &Path, text: &str) {
    let known = std::fs::read_to_string(kept).is_ok_and(|old| old == text);
    if known || kept.parent().is_none_or(|folder| !folder.is_dir()) {
        return;
    }
    if let Err(cause) = files::replace(kept, text.as_bytes(), 0o600) {
        log::warn!(target: "config", "no copy of the config was kept: {cause}");
    }
}

fn stamp(workspace: &Path) -> Stamp {
    CONFIG_FILES.map(|name| {
        let meta = std::fs::metadata(workspace.join(name)).ok()?;
        Some((meta.modified().ok()?, meta.len(), meta.ino()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{AuthMode, Overrides};

    /// The daemon's folder is made, as it is before the config is read.
    fn load(workspace: &Path) -> Live {
        std::fs::create_dir_all(workspace.join(".daemon")).unwrap();
        let overrides = Overrides { workspace: Some(workspace.display().to_string()), ..Overrides::default() };
        Live::load(&Environment::read(&overrides, |_| None).unwrap())
    }

    const TEAM: &str = "auth:\n  mode: team\n";

    #[test]
    fn a_broken_file_leaves_the_last_good_config_in_force() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("agent.yaml");
        let live = load(folder.path());
        assert!(!live.refresh() && live.problem().is_none());
        std::fs::write(&file, TEAM).unwrap();
        assert!(live.refresh());
        for broken in ["auth: [broken", "", "auth:\n  mode: taem\n", "auth: team", "- a list"] {
            std::fs::write(&file, broken).unwrap();
            assert!(!live.refresh(), "{broken}");
            assert!(live.problem().is_some() && !live.is_held(), "{broken}");
            assert_eq!(live.current().auth.mode, AuthMode::Team, "{broken}");
        }
        std::fs::remove_file(&file).unwrap();
        std::fs::write(folder.path().join("config.yaml"), "name: beside it").unwrap();
        assert!(!live.refresh());
        assert_eq!(live.problem().unwrap().message, "the file is gone");
        std::fs::write(&file, "auth:\n  mode: HYBRID\n").unwrap();
        assert!(!live.refresh(), "a looser one is taken at the second look");
        assert_eq!(live.current().auth.mode, AuthMode::Team);
        assert!(live.refresh() && live.problem().is_none());
        assert_eq!(live.current().auth.mode, AuthMode::Hybrid);
    }

    #[test]
    fn a_start_with_a_broken_file_uses_the_copy_and_without_one_is_held_to_loopback() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("agent.yaml");
        std::fs::write(&file, "auth: [broken").unwrap();
        let live = load(folder.path());
        assert!(live.is_held() && live.problem().is_some());
        std::fs::write(&file, TEAM).unwrap();
        load(folder.path());
        let mode = std::fs::metadata(folder.path().join(".daemon").join(KEPT)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::write(&file, "auth: [broken").unwrap();
        let live = load(folder.path());
        assert!(!live.is_held() && live.problem().is_some());
        assert_eq!(live.current().auth.mode, AuthMode::Team);
        // moved aside to be mended, it is not replaced by another name
        std::fs::rename(&file, folder.path().join("aside")).unwrap();
        std::fs::write(folder.path().join("config.yaml"), "name: beside it").unwrap();
        assert!(!live.refresh() && !live.refresh());
        assert_eq!(
            (live.current().auth.mode, live.problem().unwrap().message.as_str()),
            (AuthMode::Team, "the file is gone")
        );
        std::fs::rename(folder.path().join("aside"), &file).unwrap();
        // nor is a broken one, nor a link that leads nowhere
        std::fs::write(folder.path().join("config.yaml"), "auth:\n  mode: local\n").unwrap();
        assert_eq!(load(folder.path()).current().auth.mode, AuthMode::Team);
        std::fs::remove_file(&file).unwrap();
        std::os::unix::fs::symlink("/nowhere/agent.yaml", &file).unwrap();
        assert_eq!(load(folder.path()).current().auth.mode, AuthMode::Team);
    }
}
