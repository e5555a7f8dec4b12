//! One model of one target that the `inference` section names: OpenAI-compatible and Ollama.

use std::time::Duration;

use serde_json::{Value, json};

use crate::config::{Executor, Inference};
use crate::upstream::{Client, Error};

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
    /// The model of a reference `target/model`; `key` looks a credential up.
    pub(super) fn at(
        inference: &Inference,
        reference: &str,
        client: Client,
        key: impl Fn(&str) -> Option<String>,
    ) -> Option<Self> {
        let (target, model) = reference.split_once('/')?;
        let target = inference.targets.get(target)?;
        Some(Model {
            target: reference.to_owned(),
            executor: target.executor,
            endpoint: target.endpoint.clone(),
            name: target.models.get(model)?.clone(),
            key: target.credential.as_deref().and_then(key),
            client,
        })
    }

    /// One question, one answer.
    pub fn complete(&self, prompt: &str, max_tokens: u32, limit: Duration) -> Result<Completion, Error> {
        let messages = json!([{ "role": "user", "content": prompt }]);
        if self.executor == Executor::Ollama {
            let body = json!({
                "model": self.name, "messages": messages, "stream": false, "options": { "num_predict": max_tokens },
            });
            let answer = self.client.post_json(&format!("{}/api/chat", self.endpoint), None, &body, limit)?;
            return read(&answer["message"]["content"], &answer, ["prompt_eval_count", "eval_count"]);
        }
        let body = json!({ "model": self.name, "messages": messages, "max_tokens": max_tokens });
        let url = format!("{}/chat/completions", self.endpoint);
        let answer = self.client.post_json(&url, self.key.as_deref(), &body, limit)?;
        let text = &answer["choices"][0]["message"]["content"];
        read(text, &answer["usage"], ["prompt_tokens", "completion_tokens"])
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
