//! Settings: the environment (read once) and `agent.yaml` (read again when it changes).
//!
//! A missing file means defaults; a broken one leaves the last good config in force. Every key has its default and bounds here or in
//! [`pipeline`], and nowhere else.

mod auth;
mod environment;
mod file;
mod hooks;
mod inference;
mod live;
pub mod pipeline;
mod rates;
pub mod reference;
pub mod settings;
mod unknown;

use serde_json::{Map, Value};

pub use auth::{AuthConfig, AuthMode, Reach};
pub use environment::{API_VERSION, Environment, NetworkMode, Overrides};
pub use file::{CONFIG_FILES, Found, Problem, Section, check_text, find, parse_yaml, to_yaml};
pub use hooks::{
    HarnessHooks, Hooks, Identity, IdentityMode, PreCompaction, ProfileFiles, PromptSubmit, SessionStart, StartFile,
};
pub use inference::{Executor, Inference, WorkloadName};
pub use live::Live;
pub use pipeline::{Graph, Pipeline, Traversal};
pub use rates::{Bucket, Rate};
use settings::{Key, KeyTable};
pub use unknown::unknown_keys;

use crate::text::Named;

crate::names! {
    /// Which embedding provider makes vectors.
    pub enum Provider {
        Native = "native",
        LlamaCpp = "llama-cpp",
        Ollama = "ollama",
        OpenAi = "openai",
        None = "none",
    }
}

impl Provider {
    fn default_url(self) -> &'static str {
        match self {
            Provider::Ollama => "http://localhost:11434",
            Provider::LlamaCpp => "http://localhost:8080",
            Provider::OpenAi => "https://api.openai.com/v1",
            Provider::Native | Provider::None => "",
        }
    }
}

/// Keys of `embedding`.
pub const EMBEDDING: KeyTable = KeyTable {
    section: "embedding",
    about: "Who makes vectors. Also found as `memory.embeddings` and `embeddings`: the first there is counts.",
    keys: &[
        Key::by_hand(
            "provider",
            || "native".into(),
            "The model in the binary, a server, or nobody: then by words only.",
        )
        .one_of(<Provider as Named>::NAMES),
        Key::by_hand("model", || "nomic-embed-text-v1.5".into(), "What a server calls its model."),
        Key::by_hand(
            "dimensions",
            || 768.into(),
            "Components of its vectors; read beside `provider`, below 1 it counts as left out.",
        )
        .within(1.0, 8_192.0),
        Key::by_hand(
            "base_url",
            || Value::Null,
            "The server; by default ollama on 11434, llama-cpp on 8080, OpenAI's own.",
        )
        .older("embedding.endpoint"),
        Key::by_hand("api_key", || Value::Null, "Its key, else `OPENAI_API_KEY` of the environment."),
        Key::by_hand(
            "promptSubmitTimeoutMs",
            || 1_000.into(),
            "How long a recall waits for the vector of its question, ms.",
        )
        .within(1_000.0, 300_000.0),
    ],
};

/// Keys outside any larger section.
pub const MISC: KeyTable = KeyTable {
    section: "",
    about: "What stands by itself.",
    keys: &[
        Key::by_hand("agent.created", || Value::Null, "Shown by `/api/status`."),
        Key::by_hand("features.<name>", || Value::Null, "A feature flag: true or false, as `/api/features` shows it; read at start."),
        Key::by_hand(
            "agents.roster",
            || Value::Null,
            "Agents with `name`, `read_policy` (isolated, shared, group) and `policy_group`; added at start.",
        ),
        Key::by_hand(
            "updates.checkInterval",
            || 21_600.into(),
            "Shown by `/api/status`, s; outside 300 to 604800 it counts as left out. This daemon never installs itself.",
        )
        .older("update.check_interval"),
    ],
};

/// `embedding` (also found as `memory.embeddings` or `embeddings`).
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    pub provider: Provider,
    pub model: String,
    /// Components of a vector of the model.
    pub dimensions: usize,
    /// Without a closing slash.
    pub base_url: String,
    /// As configured; where it is not, that of the environment is used.
    pub api_key: Option<String>,
    /// How long a recall waits for the vector of its question.
    pub query_timeout_ms: u64,
}

crate::settings! {
    /// How recall scores.
    pub struct Search at "search" {
        /// Weight of the vector where both vector and keywords found a memory.
        alpha: f64 = "alpha", 0.7, 0.0 to 1.0;
        /// Candidates scored below this are no results; read only beside `alpha`, with which the default is 0.3.
        min_score: f64 = "min_score", 0.1, 0.0 to 1.0;
        /// Memories that were recalled before score a little more.
        rehearsal_enabled: bool = "rehearsal_enabled", true;
        /// How much more at most.
        rehearsal_weight: f64 = "rehearsal_weight", 0.1, 0.0 to 1.0;
        /// Days after which the last recall counts half.
        rehearsal_half_life_days: f64 = "rehearsal_half_life_days", 30.0, 1.0 to 36_500.0;
    }
}

crate::names! {
    /// Whose rows an agent may read beside its own.
    pub enum PolicyName {
        Isolated = "isolated",
        Shared = "shared",
        Group = "group",
    }
}

/// One entry of `agents.roster`.
#[derive(Debug, Clone, PartialEq)]
pub struct RosterEntry {
    pub name: String,
    pub read_policy: PolicyName,
    pub policy_group: Option<String>,
}

/// `updates`, shown in the status: this daemon never installs itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Updates {
    pub check_interval_s: i64,
}

/// Everything `agent.yaml` says, with defaults filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    pub agent_created: Option<String>,
    pub network_mode: NetworkMode,
    pub reach: Reach,
    pub auth: AuthConfig,
    pub features: Map<String, Value>,
    pub roster: Vec<RosterEntry>,
    pub embedding: Embedding,
    pub search: Search,
    pub pipeline: Pipeline,
    pub inference: Inference,
    pub hooks: Hooks,
    pub identity: Identity,
    pub dreaming: Dreaming,
    pub updates: Updates,
}

impl Default for Config {
    fn default() -> Self {
        Config::from_section(Section(&Value::Null))
    }
}

crate::settings! {
    /// Consolidation of what was remembered, in the pauses; below `memory`.
    pub struct Dreaming at "dreaming" {
        /// Summarise sessions for it also where the pipeline is off.
        enabled: bool = "enabled", false;
    }
}

impl Config {
    pub fn from_section(root: Section<'_>) -> Self {
        let pipeline = Pipeline::read(root.at("memory.pipelineV2"));
        Config {
            hooks: Hooks::read(root, pipeline.guardrails.context_budget_chars),
            identity: Identity::read(root),
            dreaming: Dreaming::read(root.at("memory")),
            agent_created: root.at("agent.created").scalar_text(),
            network_mode: NetworkMode::of_text(root.at("network.mode").text()),
            reach: Reach::of(root.at("network")),
            auth: AuthConfig::of(root.at("auth")),
            features: features(root.at("features")),
            roster: root.at("agents.roster").items().filter_map(roster_entry).collect(),
            embedding: embedding(root),
            search: search(root),
            pipeline,
            inference: Inference::read(root.at("inference")),
            updates: updates(root),
        }
    }
}

fn features(section: Section<'_>) -> Map<String, Value> {
    section
        .entries()
        .filter_map(|(name, value)| value.lenient_bool().map(|on| (name.to_owned(), Value::Bool(on))))
        .collect()
}

fn roster_entry(entry: Section<'_>) -> Option<RosterEntry> {
    let name = entry.at("name").text()?.to_owned();
    let key = |key: &str| Some(entry.at(key)).filter(|s| s.is_some()).unwrap_or(entry.at("memory").at(key));
    let policy = key("read_policy");
    let (read_policy, group) = match policy.text() {
        Some(text) => (text, key("policy_group").text()),
        None => (policy.at("type").text().unwrap_or_default(), policy.at("group").text()),
    };
    let (read_policy, policy_group) = match (PolicyName::parse(read_policy), group) {
        (Some(PolicyName::Shared), _) => (PolicyName::Shared, None),
        (Some(PolicyName::Group), Some(group)) => (PolicyName::Group, Some(group.to_owned())),
        _ => (PolicyName::Isolated, None),
    };
    Some(RosterEntry { name, read_policy, policy_group })
}

fn embedding(root: Section<'_>) -> Embedding {
    let section = ["embedding", "memory.embeddings", "embeddings"]
        .iter()
        .map(|key| root.at(key))
        .find(|s| s.is_some())
        .unwrap_or(Section(&Value::Null));
    let provider = section.at("provider").text().and_then(Provider::parse).unwrap_or(Provider::Native);
    let base_url = section.at("base_url").text().or_else(|| section.at("endpoint").text());
    // a reference to the secret store is not a key
    let api_key = section.at("api_key").text().filter(|k| !k.starts_with("$secret:") && !k.starts_with("op://"));
    let dimensions = section.at("dimensions").number().filter(|n| section.at("provider").is_some() && *n >= 1.0);
    Embedding {
        provider,
        model: section.at("model").text().unwrap_or("nomic-embed-text-v1.5").to_owned(),
        dimensions: dimensions.map_or(768, |n| (n as usize).min(8192)),
        base_url: base_url.unwrap_or(provider.default_url()).trim_end_matches('/').to_owned(),
        api_key: api_key.map(str::to_owned),
        query_timeout_ms: section
            .at("promptSubmitTimeoutMs")
            .number()
            .map_or(1_000, |n| (n as i64).clamp(1_000, 300_000) as u64),
    }
}

/// `min_score` is only read beside `alpha`, and its default rises with it.
fn search(root: Section<'_>) -> Search {
    let given = |key: &str| root.at("search").at(key).number();
    let search = Search::read(root);
    match (given("alpha"), given("min_score")) {
        (Some(_), Some(_)) => search,
        (Some(_), None) => Search { min_score: 0.3, ..search },
        (None, _) => Search { min_score: 0.1, ..search },
    }
}

fn updates(root: Section<'_>) -> Updates {
    let section = Some(root.at("updates")).filter(|s| s.is_some()).unwrap_or(root.at("update"));
    let asked = ["checkInterval", "check_interval"].iter().find_map(|key| section.at(key).number());
    Updates { check_interval_s: asked.map(|n| n as i64).filter(|n| (300..=604_800).contains(n)).unwrap_or(21_600) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_empty_file_means_defaults() {
        let config = Config::default();
        assert_eq!(config.embedding.provider, Provider::Native);
        assert_eq!(config.search.min_score, 0.1);
        assert_eq!(config.updates.check_interval_s, 21_600);
        assert!(config.roster.is_empty() && config.features.is_empty());
    }

    #[test]
    fn wrong_types_fall_back_and_numbers_are_clamped() {
        let file = json!({
            "features": {"a": true, "b": "false", "c": 3},
            "search": {"alpha": 0.5},
            "updates": {"checkInterval": 5},
            "memory": {"pipelineV2": {"workerPollMs": 5, "worker": {"maxRetries": 99, "leaseTimeoutMs": "soon"}}},
            "agents": {"roster": [
                {"name": "x", "read_policy": "shared"},
                {"name": "y", "memory": {"read_policy": "group", "policy_group": "g"}},
                {"name": "z", "read_policy": {"type": "group", "group": "h"}},
                {"name": "w", "read_policy": "group"},
                "no entry"
            ]},
        });
        let config = Config::from_section(Section(&file));
        assert_eq!(Value::Object(config.features), json!({"a": true, "b": false}));
        assert_eq!(config.search.min_score, 0.3);
        assert_eq!(config.updates.check_interval_s, 21_600);
        let worker = config.pipeline.show()["worker"].clone();
        assert_eq!(worker["pollMs"], 100);
        assert_eq!(worker["maxRetries"], 10);
        assert_eq!(worker["leaseTimeoutMs"], 300_000);
        let policies: Vec<_> =
            config.roster.iter().map(|r| (r.read_policy.as_str(), r.policy_group.as_deref())).collect();
        assert_eq!(policies, [("shared", None), ("group", Some("g")), ("group", Some("h")), ("isolated", None)]);
    }
}
