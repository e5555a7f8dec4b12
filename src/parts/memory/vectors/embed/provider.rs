//! The embedding servers' wire formats (memory part, §7).

use std::time::Duration;

use serde_json::{Value, json};

use crate::config::{Embedding, Provider};
use crate::text::hosts::Origin;
use crate::upstream::{Client, Error};

const OPENAI_HOST: &str = "api.openai.com";

/// The vector of a text.
pub fn vector(client: &Client, embedding: &Embedding, text: &str, limit: Duration) -> Result<Vec<f32>, Error> {
    let base = &embedding.base_url;
    let model = &embedding.model;
    match embedding.provider {
        Provider::Ollama => {
            let body = json!({ "model": model, "prompt": text });
            let answer = client.post_json(&format!("{base}/api/embeddings"), None, &body, limit)?;
            numbers(&answer["embedding"])
        }
        Provider::OpenAi => {
            if embedding.api_key.is_none() && Origin::of(base).is_some_and(|o| o.host == OPENAI_HOST) {
                return Err(Error::Malformed("an API key is needed".to_owned()));
            }
            let body = json!({ "model": model, "input": text });
            let key = embedding.api_key.as_deref();
            let answer = client.post_json(&format!("{base}/embeddings"), key, &body, limit)?;
            numbers(&answer["data"][0]["embedding"])
        }
        Provider::LlamaCpp => {
            let body = json!({ "model": model, "input": text });
            let answer = client.post_json(&format!("{base}/v1/embeddings"), None, &body, limit)?;
            numbers(&answer["data"][0]["embedding"])
        }
        Provider::Native | Provider::None => Err(Error::Malformed("no server".to_owned())),
    }
}

fn numbers(value: &Value) -> Result<Vec<f32>, Error> {
    value
        .as_array()
        .filter(|list| !list.is_empty())
        .and_then(|list| list.iter().map(|n| n.as_f64().map(|n| n as f32)).collect())
        .ok_or_else(|| Error::Malformed("no vector in it".to_owned()))
}

/// Whether the provider can be used, with the dimensions it is known to make, or why not.
pub fn check(client: &Client, embedding: &Embedding, limit: Duration) -> Result<Option<usize>, String> {
    let base = &embedding.base_url;
    match embedding.provider {
        Provider::Native => Ok(Some(crate::embedding::DIMS)),
        Provider::None => Err("embeddings are switched off (embedding.provider: none)".to_owned()),
        Provider::Ollama => {
            let tags = client.get_json(&format!("{base}/api/tags"), None, limit).map_err(|e| e.to_string())?;
            let known = tags["models"].as_array().into_iter().flatten();
            let found = known.filter_map(|m| m["name"].as_str()).any(|name| name.starts_with(embedding.model.as_str()));
            if found {
                Ok(Some(embedding.dimensions))
            } else {
                Err(format!("the server has no model {}", embedding.model))
            }
        }
        Provider::LlamaCpp => {
            client.get_json(&format!("{base}/v1/models"), None, limit).map_err(|e| e.to_string())?;
            tried(client, embedding, limit)
        }
        Provider::OpenAi => tried(client, embedding, limit),
    }
}

fn tried(client: &Client, embedding: &Embedding, limit: Duration) -> Result<Option<usize>, String> {
    vector(client, embedding, "test", limit).map(|v| Some(v.len())).map_err(|e| e.to_string())
}
