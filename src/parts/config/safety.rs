//! Which model providers a config chooses, and the lock that keeps them local.

use serde_json::Value;

use super::api::{SnapshotAnswer, TransitionAnswer};
use crate::config::{Section, pipeline};
use crate::core::Error;
use crate::text::hosts::is_this_machine;

crate::names! {
    /// The two places where a provider is chosen.
    pub enum Role {
        Extraction = "extraction",
        Synthesis = "synthesis",
    }
}

const LOCAL: [&str; 3] = ["none", "llama-cpp", "ollama"];
const REMOTE: [&str; 7] = ["acpx", "claude-code", "codex", "opencode", "anthropic", "openrouter", "command"];
const BY_ENDPOINT: &str = "openai-compatible";

/// A provider with where it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Choice {
    pub provider: Option<String>,
    pub endpoint: Option<String>,
}

impl Choice {
    /// Whether data would leave this machine.
    pub fn is_remote(&self) -> bool {
        match self.provider.as_deref() {
            Some(BY_ENDPOINT) => !self.endpoint.as_deref().is_none_or(is_this_machine),
            Some(name) => !LOCAL.contains(&name),
            None => false,
        }
    }
}

/// What a config chooses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    pub extraction: Choice,
    pub synthesis: Choice,
    pub allow_remote: bool,
    /// The lock as the text says it; `None` when it does not.
    pub explicit_lock: Option<bool>,
    /// `memory.pipelineV2` is there.
    pub has_section: bool,
}

impl Snapshot {
    pub fn of(config: &Value) -> Self {
        let section = Section(config).at("memory.pipelineV2");
        let provider = |paths: &[&str]| {
            let name = paths.iter().find_map(|p| section.at(p).text())?;
            let known = LOCAL.contains(&name) || REMOTE.contains(&name) || name == BY_ENDPOINT;
            known.then(|| name.to_owned())
        };
        let endpoint = |paths: &[&str]| paths.iter().find_map(|p| section.at(p).text()).map(str::to_owned);
        Snapshot {
            extraction: Choice {
                provider: provider(&["extractionProvider", "extraction.provider"]),
                endpoint: endpoint(&[
                    "extractionEndpoint",
                    "extractionBaseUrl",
                    "extraction.endpoint",
                    "extraction.base_url",
                ]),
            },
            synthesis: Choice {
                provider: provider(&["synthesis.provider"]),
                endpoint: endpoint(&["synthesis.endpoint", "synthesis.base_url"]),
            },
            allow_remote: pipeline::allow_remote_providers(section),
            explicit_lock: section
                .at("allowRemoteProviders")
                .bool()
                .or_else(|| section.at("extraction.allowRemoteProviders").bool()),
            has_section: section.0.is_object(),
        }
    }

    pub fn choice(&self, role: Role) -> &Choice {
        match role {
            Role::Extraction => &self.extraction,
            Role::Synthesis => &self.synthesis,
        }
    }

    pub fn to_answer(&self) -> SnapshotAnswer {
        SnapshotAnswer {
            extraction_provider: self.extraction.provider.clone(),
            extraction_endpoint: self.extraction.endpoint.clone(),
            synthesis_provider: self.synthesis.provider.clone(),
            synthesis_endpoint: self.synthesis.endpoint.clone(),
            allow_remote_providers: self.allow_remote,
        }
    }

    /// Refuses a remote provider under a lock.
    pub fn check_lock(&self, locked: bool) -> Result<(), Error> {
        for role in Role::ALL {
            let choice = self.choice(role);
            if locked && choice.is_remote() {
                return Err(Error::malformed(format!(
                    "{} provider '{}' is remote and allowRemoteProviders is false",
                    role.as_str(),
                    choice.provider.as_deref().unwrap_or_default()
                )));
            }
        }
        Ok(())
    }
}

/// A change of provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    pub role: Role,
    pub from: Option<String>,
    pub to: String,
    pub timestamp: String,
    pub source: String,
    pub actor: Option<String>,
    pub risky: bool,
    pub rolled_back: bool,
}

impl Transition {
    /// As stored.
    pub fn to_stored(&self) -> TransitionAnswer {
        TransitionAnswer { actor: self.actor.clone(), ..self.to_answer() }
    }

    /// Answers leave the actor out.
    pub fn to_answer(&self) -> TransitionAnswer {
        TransitionAnswer {
            role: self.role,
            from: self.from.clone(),
            to: self.to.clone(),
            timestamp: self.timestamp.clone(),
            source: self.source.clone(),
            actor: None,
            risky: self.risky,
            rolled_back: self.rolled_back.then_some(true),
        }
    }

    /// `None` for an entry that cannot be read.
    pub fn parse(value: &Value) -> Option<Self> {
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Transition {
            role: Role::parse(&text("role")?)?,
            from: text("from"),
            to: text("to")?,
            timestamp: text("timestamp")?,
            source: text("source")?,
            actor: text("actor"),
            risky: value.get("risky").and_then(Value::as_bool).unwrap_or(false),
            rolled_back: value.get("rolledBack").and_then(Value::as_bool).unwrap_or(false),
        })
    }
}

/// The changes of provider from one config to another.
pub fn transitions(old: &Snapshot, new: &Snapshot, source: &str, actor: Option<&str>, now: &str) -> Vec<Transition> {
    Role::ALL
        .into_iter()
        .filter_map(|role| {
            let (before, after) = (old.choice(role), new.choice(role));
            let to = after.provider.clone().filter(|to| before.provider.as_ref() != Some(to))?;
            Some(Transition {
                role,
                from: before.provider.clone(),
                to,
                timestamp: now.to_owned(),
                source: source.to_owned(),
                actor: actor.map(str::to_owned),
                risky: !before.is_remote() && after.is_remote(),
                rolled_back: false,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn snapshot(pipeline: Value) -> Snapshot {
        Snapshot::of(&json!({ "memory": { "pipelineV2": pipeline } }))
    }

    #[test]
    fn an_openai_compatible_endpoint_on_this_machine_is_local() {
        for (url, local) in [
            ("http://127.0.0.1:8080/v1", true),
            ("http://localhost/v1", true),
            ("http://[::1]:9/v1", true),
            ("https://api.example.com/v1", false),
            ("http://localhost.evil.com", false),
            ("http://localhost@evil.com/", false),
        ] {
            let found = snapshot(json!({"extraction": {"provider": "openai-compatible", "endpoint": url}}));
            assert_eq!(!found.extraction.is_remote(), local, "{url}");
        }
        assert!(!snapshot(json!({"extraction": {"provider": "openai-compatible"}})).extraction.is_remote());
    }

    #[test]
    fn the_flat_provider_wins_and_unknown_names_are_none() {
        let found = snapshot(json!({"extractionProvider": "codex", "extraction": {"provider": "ollama"}}));
        assert_eq!(found.extraction.provider.as_deref(), Some("codex"));
        assert_eq!(snapshot(json!({"extraction": {"provider": "psychic"}})).extraction.provider, None);
    }

    #[test]
    fn only_a_step_from_local_or_nothing_to_remote_is_risky() {
        let (none, local, remote) = (
            snapshot(json!({})),
            snapshot(json!({"extraction": {"provider": "ollama"}})),
            snapshot(json!({"extraction": {"provider": "anthropic"}})),
        );
        let risky =
            |a: &Snapshot, b: &Snapshot| transitions(a, b, "s", None, "t").iter().map(|t| t.risky).collect::<Vec<_>>();
        assert_eq!(risky(&none, &remote), [true]);
        assert_eq!(risky(&local, &remote), [true]);
        assert_eq!(risky(&remote, &local), [false]);
        assert!(risky(&remote, &remote).is_empty());
        assert!(risky(&local, &none).is_empty());
    }
}
