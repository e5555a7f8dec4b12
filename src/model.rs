//! Asking a language model that the `inference` section names: OpenAI-compatible and Ollama
//! targets, chosen by workload, policy and account.
//!
//! The inference part will route, stream and account for every call; this is what one-shot
//! questions of other parts need.

use std::time::Duration;

use serde_json::{Value, json};

use crate::app::App;
use crate::config::Section;
use crate::upstream::{Client, Error};

/// What wire format a target speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Executor {
    OpenAi,
    Ollama,
}

/// One model of one target.
#[derive(Debug, Clone)]
pub struct Model {
    /// `<target>/<model id>`, as the config names it.
    pub target: String,
    executor: Executor,
    endpoint: String,
    name: String,
    key: Option<String>,
    client: Client,
}

/// What a model answered.
#[derive(Debug, Clone)]
pub struct Completion {
    pub text: String,
    pub input_tokens: Option<u64>,
    pub output_tokens: Option<u64>,
}

impl Model {
    /// The model of a workload; `None` when the config names none that can be asked from here.
    pub fn of(app: &App, workload: &str) -> Option<Self> {
        let config = app.config.file();
        let inference = Section(&config).at("inference");
        if inference.at("enabled").bool() == Some(false) {
            return None;
        }
        references(inference, workload).iter().find_map(|r| Self::at(inference, r, app.upstream.clone()))
    }

    fn at(inference: Section<'_>, reference: &str, client: Client) -> Option<Self> {
        let (target_id, model_id) = reference.split_once('/')?;
        let targets = [inference.at("targets"), inference.at("providers")];
        let target = targets.into_iter().map(|t| t.at(target_id)).find(|t| t.is_some())?;
        let executor = match target.at("executor").text() {
            Some("openai-compatible" | "openrouter" | "llama-cpp") => Executor::OpenAi,
            Some("ollama") => Executor::Ollama,
            _ => return None,
        };
        let endpoint = target.at("endpoint").text().or_else(|| target.at("base_url").text())?;
        let name = target.at("models").at(model_id).at("model").text()?;
        let account = target.at("account").text().map(|id| inference.at("accounts").at(id));
        let reference = account.and_then(|a| a.at("credentialRef").text().or_else(|| a.at("secretRef").text()));
        Some(Model {
            target: format!("{target_id}/{model_id}"),
            executor,
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            name: name.to_owned(),
            key: reference.and_then(|name| std::env::var(name).ok()).filter(|k| !k.is_empty()),
            client,
        })
    }

    /// One question, one answer.
    pub fn complete(&self, prompt: &str, max_tokens: u32, limit: Duration) -> Result<Completion, Error> {
        let messages = json!([{ "role": "user", "content": prompt }]);
        match self.executor {
            Executor::OpenAi => {
                let body = json!({ "model": self.name, "messages": messages, "max_tokens": max_tokens });
                let url = format!("{}/chat/completions", self.endpoint);
                let answer = self.client.post_json(&url, self.key.as_deref(), &body, limit)?;
                read(
                    &answer["choices"][0]["message"]["content"],
                    &answer["usage"],
                    ["prompt_tokens", "completion_tokens"],
                )
            }
            Executor::Ollama => {
                let body = json!({
                    "model": self.name, "messages": messages, "stream": false, "options": { "num_predict": max_tokens },
                });
                let url = format!("{}/api/chat", self.endpoint);
                let answer = self.client.post_json(&url, None, &body, limit)?;
                read(&answer["message"]["content"], &answer, ["prompt_eval_count", "eval_count"])
            }
        }
    }
}

fn read(text: &Value, counts: &Value, names: [&str; 2]) -> Result<Completion, Error> {
    let text = text.as_str().ok_or_else(|| Error::Malformed("no text in it".to_owned()))?;
    Ok(Completion {
        text: text.to_owned(),
        input_tokens: counts[names[0]].as_u64(),
        output_tokens: counts[names[1]].as_u64(),
    })
}

/// `target/model` names in the order in which a workload tries them.
fn references(inference: Section<'_>, workload: &str) -> Vec<String> {
    let chosen = [workload, "default"]
        .into_iter()
        .map(|name| inference.at("workloads").at(name))
        .find(|section| section.is_some());
    let mut found: Vec<String> = Vec::new();
    found.extend(chosen.and_then(|w| w.at("target").text()).map(str::to_owned));
    let policy = chosen.and_then(|w| w.at("policy").text()).or_else(|| inference.at("defaultPolicy").text());
    if let Some(policy) = policy.map(|name| inference.at("policies").at(name)) {
        let denied: Vec<&str> = policy.at("deny").items().filter_map(Section::text).collect();
        for list in ["defaultTargets", "allow", "fallbackTargets"] {
            let names = policy.at(list).items().filter_map(Section::text);
            found.extend(names.filter(|n| !denied.contains(n)).map(str::to_owned));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workload_tries_its_target_then_its_policys() {
        let config = json!({
            "workloads": {"default": {"policy": "p"}, "sessionSynthesis": {"policy": "p", "target": "a/x"}},
            "policies": {"p": {"defaultTargets": ["b/y", "c/z"], "fallbackTargets": ["d/w"], "deny": ["c/z"]}},
        });
        assert_eq!(references(Section(&config), "sessionSynthesis"), ["a/x", "b/y", "d/w"]);
        assert_eq!(references(Section(&config), "other"), ["b/y", "d/w"]);
        assert!(references(Section(&Value::Null), "other").is_empty());
    }
}
