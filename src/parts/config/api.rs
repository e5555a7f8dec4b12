//! What the routes of settings take and answer.

use serde_json::Value;

use super::safety::Role;
use crate::core::Error;
use crate::http::input::{Given, Kind};
use crate::{answer, input};

/// A text as it is, empty or not.
#[derive(Debug, Clone)]
pub struct Content(pub String);

impl Kind for Content {
    const BLANK_IS_ABSENT: bool = false;

    fn read(given: Given<'_>) -> Result<Self, Error> {
        match given.value {
            Some(Value::String(text)) => Ok(Content(text.clone())),
            _ => Err(Error::malformed("Invalid request: file and content are required")),
        }
    }

    fn schema() -> Value {
        serde_json::json!({ "type": "string" })
    }
}

impl Content {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

input! {
    /// A file to be saved in the workspace.
    pub struct Save in Body {
        /// A plain name that ends in `.md` or `.yaml`.
        file: Content = "file";
        /// The whole file.
        content: Content = "content";
    }
}

input! {
    /// Which change of provider is undone.
    pub struct Rollback in Body {
        /// Of extraction or of synthesis; the newest of either when left out.
        role: Option<Role> = "role";
    }
}

answer! {
    /// A file of the workspace.
    pub struct ConfigFile {
        pub name: String = "name";
        pub content: String = "content";
        /// Bytes.
        pub size: usize = "size";
    }
}

answer! {
    /// Markdown and YAML files of the workspace.
    pub struct ConfigFiles {
        pub files: Vec<ConfigFile> = "files";
        /// Files that had no room in this answer.
        pub left_out: Option<usize> = "leftOut", if some;
        pub error: Option<&'static str> = "error", if some;
    }
}

answer! {
    /// A change of provider.
    pub struct TransitionAnswer {
        pub role: Role = "role";
        pub from: Option<String> = "from";
        pub to: String = "to";
        pub timestamp: String = "timestamp";
        pub source: String = "source";
        pub actor: Option<String> = "actor", if some;
        /// Data leaves this machine since.
        pub risky: bool = "risky";
        pub rolled_back: Option<bool> = "rolledBack", if some;
    }
}

answer! {
    /// A file was saved.
    pub struct Saved {
        pub success: bool = "success";
        pub provider_transitions: Vec<TransitionAnswer> = "providerTransitions";
        pub audit_error: Option<&'static str> = "auditError", if some;
        pub comments_stripped: Option<bool> = "commentsStripped", if some;
    }
}

impl Default for Saved {
    fn default() -> Self {
        Saved { success: true, provider_transitions: Vec::new(), audit_error: None, comments_stripped: None }
    }
}

answer! {
    /// Which model providers the config chooses.
    pub struct SnapshotAnswer {
        pub extraction_provider: Option<String> = "extractionProvider", if some;
        pub extraction_endpoint: Option<String> = "extractionEndpoint", if some;
        pub synthesis_provider: Option<String> = "synthesisProvider", if some;
        pub synthesis_endpoint: Option<String> = "synthesisEndpoint", if some;
        pub allow_remote_providers: bool = "allowRemoteProviders";
    }
}

answer! {
    /// The providers chosen, and the last hundred changes.
    pub struct Safety {
        pub snapshot: Option<SnapshotAnswer> = "snapshot";
        pub snapshot_error: Option<&'static str> = "snapshotError", if some;
        pub transitions: Vec<TransitionAnswer> = "transitions";
        pub latest_risky_transition: Option<TransitionAnswer> = "latestRiskyTransition";
    }
}

answer! {
    /// The provider was set back.
    pub struct RolledBack {
        pub success: bool = "success";
        pub file: &'static str = "file";
        pub rolled_back: TransitionAnswer = "rolledBack";
        pub provider_transitions: Vec<TransitionAnswer> = "providerTransitions";
        /// The config had it already.
        pub is_retry: bool = "isRetry";
    }
}

answer! {
    /// Who the agent is.
    pub struct Identity {
        pub name: String = "name";
        pub creature: String = "creature";
        pub vibe: String = "vibe";
    }
}
