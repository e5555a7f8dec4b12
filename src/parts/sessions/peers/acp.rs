//! A message relayed to an agent of another server by the Agent Communication Protocol: one `POST /runs`.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::messages::Receipt;
use crate::core::Core;
use crate::text::hosts::{Origin, is_private_address, is_private_name};
use crate::text::listed;
use crate::upstream::Client;

/// Origins that may be private or without TLS: a comma list.
const ALLOWED: &str = "SIGNET_ACP_ALLOWED_ORIGINS";
/// Bytes of the other server's answer that are looked at.
const ANSWER: u64 = 256 * 1024;

/// Where a message goes.
#[derive(Debug, Clone)]
pub struct Target {
    pub base_url: String,
    pub agent_name: String,
    pub limit: Duration,
    pub metadata: Option<Map<String, Value>>,
}

/// What came of it: a receipt, and why it failed.
#[derive(Debug)]
pub struct Relayed {
    pub receipt: Receipt,
    pub error: Option<String>,
}

/// Sends a message; a failure is part of what came of it.
pub fn relay(core: &Core, target: &Target, from: (&str, Option<&str>), content: &str) -> Relayed {
    let failed = |why: String| Relayed { receipt: Receipt { status: 0, run_id: None }, error: Some(why) };
    let allowed = core.env.variable(ALLOWED).unwrap_or_default();
    let (origin, trusted) = match origin_of(&target.base_url, &allowed) {
        Ok(found) => found,
        Err(why) => return failed(why.to_owned()),
    };
    let client = if trusted { core.upstream.clone() } else { Client::to_public() };
    let body = run_of(target, from, content);
    match client.post_for_status(&format!("{origin}/runs"), &body, target.limit, ANSWER) {
        Err(cause) => failed(cause.to_string()),
        Ok((status, answer)) => Relayed {
            receipt: Receipt { status, run_id: run_id(&answer) },
            error: (!(200..300).contains(&status)).then(|| format!("answered {status}")),
        },
    }
}

/// The run that is asked for.
fn run_of(target: &Target, (agent, session): (&str, Option<&str>), content: &str) -> Value {
    let mut metadata = json!({ "from_agent_id": agent });
    if let Some(session) = session {
        metadata["from_session_key"] = json!(session);
    }
    if let Some(own) = &target.metadata {
        metadata["signet"] = Value::Object(own.clone());
    }
    json!({
        "agent_name": target.agent_name,
        "mode": "sync",
        "input": [{ "role": "user", "parts": [{ "content_type": "text/plain", "content": content }] }],
        "metadata": metadata,
    })
}

/// The origin of a URL that may be asked, and whether the environment vouches for it.
fn origin_of(url: &str, allowed: &str) -> Result<(String, bool), &'static str> {
    let origin = Origin::of(url.trim()).filter(|o| !o.host.is_empty()).ok_or("the URL cannot be read")?;
    let authority =
        url.split_once("://").map_or("", |(_, rest)| rest).split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err("the URL may hold no credentials");
    }
    let port = origin.port.ok_or("the URL has no usable port")?;
    if !matches!(origin.scheme.as_str(), "http" | "https") {
        return Err("the URL must be http or https");
    }
    let host = if origin.host.contains(':') { format!("[{}]", origin.host) } else { origin.host.clone() };
    let text = format!("{}://{host}:{port}", origin.scheme);
    if listed(allowed).any(|entry| Origin::of(entry).as_ref() == Some(&origin)) {
        return Ok((text, true));
    }
    if origin.scheme != "https" {
        return Err("the URL must be https");
    }
    let private = match origin.host.parse() {
        Ok(address) => is_private_address(address),
        Err(_) => is_private_name(&origin.host),
    };
    if private { Err("the URL names a private or local host") } else { Ok((text, false)) }
}

/// `run_id`, `runId` or `id` of an answer or of its `run`.
fn run_id(answer: &[u8]) -> Option<String> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let of = |value: &Value| {
        ["run_id", "runId", "id"]
            .iter()
            .find_map(|name| value.get(*name)?.as_str().map(|id| id.chars().take(200).collect()))
    };
    of(&answer).or_else(|| of(answer.get("run")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_https_is_asked_unless_the_environment_vouches_for_an_origin() {
        for url in [
            "http://example.org",
            "https://user@example.org",
            "https://10.0.0.1",
            "https://[::1]/x",
            "https://nas.local",
            "https://localhost:1",
            "https://pi",
            "ftp://example.org",
            "example.org",
            "https://h:x",
            "https://[::ffff:127.0.0.1]",
        ] {
            assert!(origin_of(url, "").is_err(), "{url}");
        }
        assert_eq!(origin_of("https://Example.org/base?x", ""), Ok(("https://example.org:443".into(), false)));
        let allowed = "https://x.example, http://127.0.0.1:9";
        assert_eq!(origin_of("http://127.0.0.1:9/deep", allowed), Ok(("http://127.0.0.1:9".into(), true)));
        assert!(origin_of("http://127.0.0.1:10/", allowed).is_err());
    }

    #[test]
    fn run_ids_are_found_where_servers_put_them() {
        for (answer, id) in [
            (&br#"{"run_id":"a"}"#[..], Some("a")),
            (br#"{"run":{"id":"b"}}"#, Some("b")),
            (br#"{"id":7}"#, None),
            (b"no json", None),
        ] {
            assert_eq!(run_id(answer).as_deref(), id);
        }
    }
}
