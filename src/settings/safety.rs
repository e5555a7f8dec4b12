//! Which model providers a config chooses, and the lock that keeps them local.

use serde_json::{Value, json};

use crate::config::{Section, pipeline};
use crate::http::ApiError;

/// The two places where a provider is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Extraction,
    Synthesis,
}

impl Role {
    pub const ALL: [Role; 2] = [Role::Extraction, Role::Synthesis];

    pub fn as_str(self) -> &'static str {
        match self {
            Role::Extraction => "extraction",
            Role::Synthesis => "synthesis",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.as_str() == name)
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

/// A URL whose host is 127.0.0.1, localhost or ::1.
fn is_this_machine(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    matches!(host.to_ascii_lowercase().as_str(), "127.0.0.1" | "localhost" | "::1")
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

    pub fn to_json(&self) -> Value {
        let mut json = json!({});
        for (role, choice) in [("extraction", &self.extraction), ("synthesis", &self.synthesis)] {
            if let Some(provider) = &choice.provider {
                json[format!("{role}Provider")] = json!(provider);
            }
            if let Some(endpoint) = &choice.endpoint {
                json[format!("{role}Endpoint")] = json!(endpoint);
            }
        }
        json["allowRemoteProviders"] = json!(self.allow_remote);
        json
    }

    /// 400 when a remote provider stands under a lock.
    pub fn check_lock(&self, locked: bool) -> Result<(), ApiError> {
        for role in Role::ALL {
            let choice = self.choice(role);
            if locked && choice.is_remote() {
                return Err(ApiError::bad_request(format!(
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
    /// As stored; answers leave the actor out.
    pub fn to_json(&self, with_actor: bool) -> Value {
        let mut json = json!({
            "role": self.role.as_str(), "from": self.from, "to": self.to, "timestamp": self.timestamp,
            "source": self.source,
        });
        if let Some(actor) = self.actor.as_ref().filter(|_| with_actor) {
            json["actor"] = json!(actor);
        }
        json["risky"] = json!(self.risky);
        if self.rolled_back {
            json["rolledBack"] = json!(true);
        }
        json
    }

    /// `None` for an entry that is none.
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
