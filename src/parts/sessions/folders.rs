//! Folders of agents in the workspace. An agent's name comes from clients: only one that is a plain name has a folder.

use std::path::{Path, PathBuf};

use crate::core::access::DEFAULT_AGENT;

/// Characters of a name that has a folder.
const LONGEST: usize = 100;

/// Where an agent's own files stand: the workspace for the default one, `agents/<name>` for one whose name cannot
/// lead anywhere else.
pub fn home_of(workspace: &Path, agent: &str) -> Option<PathBuf> {
    if agent == DEFAULT_AGENT {
        return Some(workspace.to_owned());
    }
    let fine = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    let plain = !agent.starts_with('.') && !agent.is_empty() && agent.chars().all(fine);
    (plain && agent.len() <= LONGEST).then(|| workspace.join("agents").join(agent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_have_folders() {
        let home = |agent: &str| home_of(Path::new("/w"), agent);
        assert_eq!(home("default"), Some(PathBuf::from("/w")));
        assert_eq!(home("ada-2"), Some(PathBuf::from("/w/agents/ada-2")));
        for odd in ["..", "../x", "/tmp/x", "a/b", "a\0", "a\nb", "", ".hidden", &"x".repeat(101)] {
            assert_eq!(home(odd), None, "{odd:?}");
        }
    }
}
