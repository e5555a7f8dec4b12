//! The config as it is now: read at start and again when a config file changes.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, RwLock};
use std::time::SystemTime;

use super::Config;
use super::file::{CONFIG_FILES, Section, read_first};

/// Time and size of the candidate files: a change of either means "read again".
type Stamp = [Option<(SystemTime, u64)>; CONFIG_FILES.len()];

/// Readers get an `Arc` and keep a consistent config for as long as they hold it.
pub struct Live {
    workspace: PathBuf,
    current: RwLock<Arc<Config>>,
    seen: Mutex<Stamp>,
}

impl Live {
    pub fn load(workspace: &Path) -> Self {
        let seen = stamp(workspace);
        Live {
            workspace: workspace.to_owned(),
            current: RwLock::new(Arc::new(read(workspace))),
            seen: Mutex::new(seen),
        }
    }

    pub fn current(&self) -> Arc<Config> {
        Arc::clone(&self.current.read().unwrap_or_else(|p| p.into_inner()))
    }

    /// Reads the files again if one of them changed; true when the config is another now.
    pub fn refresh(&self) -> bool {
        let now = stamp(&self.workspace);
        let mut seen = self.seen.lock().unwrap_or_else(|p| p.into_inner());
        if *seen == now {
            return false;
        }
        *seen = now;
        let config = Arc::new(read(&self.workspace));
        let mut current = self.current.write().unwrap_or_else(|p| p.into_inner());
        let changed = **current != *config;
        *current = config;
        changed
    }
}

fn read(workspace: &Path) -> Config {
    match read_first(workspace) {
        Some((_, value)) => Config::from_section(Section(&value)),
        None => Config::default(),
    }
}

fn stamp(workspace: &Path) -> Stamp {
    CONFIG_FILES.map(|name| {
        let meta = std::fs::metadata(workspace.join(name)).ok()?;
        Some((meta.modified().ok()?, meta.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_is_read_again_and_a_broken_one_means_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("agent.yaml");
        let live = Live::load(folder.path());
        assert!(!live.refresh());
        std::fs::write(&file, "memory:\n  pipelineV2:\n    mutationsFrozen: true\n").unwrap();
        assert!(live.refresh());
        assert!(live.current().pipeline.mutations_frozen);
        std::fs::write(&file, "memory: [broken").unwrap();
        assert!(live.refresh());
        assert_eq!(*live.current(), Config::default());
    }
}
