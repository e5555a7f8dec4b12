//! `inference`: which models there are, and which are asked for which work. What the inference part needs
//! further of it comes with its issue.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Section;
use super::settings::{Key, KeyTable};
use crate::names;
use crate::text::Named;

names! {
    /// The wire format of a target that can be asked from here.
    pub enum Executor {
        OpenAi = "openai-compatible",
        OpenRouter = "openrouter",
        LlamaCpp = "llama-cpp",
        Ollama = "ollama",
    }
}

names! {
    /// Kinds of work that models do.
    pub enum WorkloadName {
        Extraction = "memoryExtraction",
        Synthesis = "sessionSynthesis",
    }
}

/// Keys of `inference`.
pub const INFERENCE: KeyTable = KeyTable {
    section: "inference",
    about: "Which language models there are, and which are asked for which work.",
    keys: &[
        Key::by_hand("enabled", || true.into(), "Ask models at all."),
        Key::by_hand("targets.<id>.executor", || Value::Null, "The wire format; others cannot be asked from here yet.")
            .one_of(<Executor as Named>::NAMES)
            .older("inference.providers.<id>"),
        Key::by_hand("targets.<id>.endpoint", || Value::Null, "The server's address (`base_url` too)."),
        Key::by_hand("targets.<id>.account", || Value::Null, "An entry of `accounts`."),
        Key::by_hand("targets.<id>.models.<id>.model", || Value::Null, "What the server calls a model."),
        Key::by_hand(
            "accounts.<id>.credentialRef",
            || Value::Null,
            "The environment variable that holds a key (`secretRef` too).",
        ),
        Key::by_hand("defaultPolicy", || Value::Null, "The policy of workloads that name none."),
        Key::by_hand(
            "policies.<id>",
            || Value::Null,
            "Lists of `target/model`: `defaultTargets`, `allow`, `fallbackTargets` are tried in this order, but for those in `deny`.",
        ),
        Key::by_hand(
            "workloads.<name>",
            || Value::Null,
            "`target` and `policy` of a kind of work; `default` stands for those not named.",
        ),
    ],
};

/// A server with models.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    pub executor: Executor,
    /// Without a closing slash.
    pub endpoint: String,
    /// The environment variable that holds its key.
    pub credential: Option<String>,
    /// What the server calls each model.
    pub models: BTreeMap<String, String>,
}

/// In which order targets are tried; references of the form `target/model`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Policy {
    pub order: Vec<String>,
}

/// Which model does which work.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Workload {
    pub target: Option<String>,
    pub policy: Option<String>,
}

/// The section resolved.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Inference {
    pub enabled: bool,
    pub default_policy: Option<String>,
    pub targets: BTreeMap<String, Target>,
    pub policies: BTreeMap<String, Policy>,
    pub workloads: BTreeMap<String, Workload>,
}

impl Inference {
    pub fn read(section: Section<'_>) -> Self {
        // the older name first: the newer one replaces what it repeats
        let listed = ["providers", "targets"].into_iter().flat_map(|list| section.at(list).entries());
        Inference {
            enabled: section.at("enabled").bool().unwrap_or(true),
            default_policy: section.at("defaultPolicy").text().map(str::to_owned),
            targets: listed.filter_map(|(id, t)| Some((id.to_owned(), target(section, t)?))).collect(),
            policies: section.at("policies").entries().map(|(id, p)| (id.to_owned(), policy(p))).collect(),
            workloads: section.at("workloads").entries().map(|(id, w)| (id.to_owned(), workload(w))).collect(),
        }
    }

    /// `target/model` references in the order in which a workload tries them.
    pub fn references(&self, workload: WorkloadName) -> impl Iterator<Item = &str> {
        let chosen = self.workloads.get(workload.as_str()).or_else(|| self.workloads.get("default"));
        let named = chosen.and_then(|w| w.policy.as_ref()).or(self.default_policy.as_ref());
        let policy = named.and_then(|name| self.policies.get(name));
        let own = chosen.and_then(|w| w.target.as_deref());
        own.into_iter().chain(policy.into_iter().flat_map(|p| p.order.iter().map(String::as_str)))
    }
}

/// `None` for a target that cannot be asked from here.
fn target(inference: Section<'_>, target: Section<'_>) -> Option<Target> {
    let executor = Executor::parse(target.at("executor").text()?)?;
    let endpoint = target.at("endpoint").text().or_else(|| target.at("base_url").text())?;
    let account = target.at("account").text().map(|id| inference.at("accounts").at(id));
    let credential = account.and_then(|a| a.at("credentialRef").text().or_else(|| a.at("secretRef").text()));
    let models = target.at("models").entries();
    Some(Target {
        executor,
        endpoint: endpoint.trim_end_matches('/').to_owned(),
        credential: credential.map(str::to_owned),
        models: models.filter_map(|(id, m)| Some((id.to_owned(), m.at("model").text()?.to_owned()))).collect(),
    })
}

fn policy(policy: Section<'_>) -> Policy {
    let denied: Vec<&str> = policy.at("deny").items().filter_map(Section::text).collect();
    let lists = ["defaultTargets", "allow", "fallbackTargets"].into_iter();
    let named = lists.flat_map(|list| policy.at(list).items().filter_map(Section::text));
    Policy { order: named.filter(|name| !denied.contains(name)).map(str::to_owned).collect() }
}

fn workload(workload: Section<'_>) -> Workload {
    let text = |name: &str| workload.at(name).text().map(str::to_owned);
    Workload { target: text("target"), policy: text("policy") }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_workload_tries_its_target_then_its_policys() {
        let config = json!({
            "workloads": {"default": {"policy": "p"}, "sessionSynthesis": {"policy": "p", "target": "a/x"}},
            "policies": {"p": {"defaultTargets": ["b/y", "c/z"], "fallbackTargets": ["d/w"], "deny": ["c/z"]}},
        });
        let references = |config: &Value, workload: WorkloadName| -> Vec<String> {
            Inference::read(Section(config)).references(workload).map(str::to_owned).collect()
        };
        assert_eq!(references(&config, WorkloadName::Synthesis), ["a/x", "b/y", "d/w"]);
        assert_eq!(references(&config, WorkloadName::Extraction), ["b/y", "d/w"]);
        assert!(references(&Value::Null, WorkloadName::Extraction).is_empty());
    }

    #[test]
    fn targets_are_those_that_can_be_asked() {
        let config = json!({
            "providers": {"old": {"executor": "ollama", "base_url": "http://h:1/", "models": {"m": {"model": "q"}}}},
            "targets": {
                "cli": {"executor": "claude-code", "models": {"m": {"model": "haiku"}}},
                "far": {"executor": "openai-compatible", "endpoint": "http://f/v1", "account": "a",
                        "models": {"m": {"model": "gpt"}, "odd": {}}},
            },
            "accounts": {"a": {"credentialRef": "FAR_KEY"}},
        });
        let inference = Inference::read(Section(&config));
        assert_eq!(inference.targets.keys().collect::<Vec<_>>(), ["far", "old"]);
        let far = &inference.targets["far"];
        assert_eq!((far.credential.as_deref(), far.models.len()), (Some("FAR_KEY"), 1));
        assert_eq!(inference.targets["old"].endpoint, "http://h:1");
        assert!(Inference::read(Section(&Value::Null)).enabled);
    }
}
