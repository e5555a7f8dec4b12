//! `signetd hook HARNESS EVENT`: what a harness calls at the fixed points of a conversation. It reads the hook's
//! JSON from standard input, calls the running daemon, and prints what the harness puts into its context.
//!
//! It fails open: whatever goes wrong, the harness goes on without memory, and standard error says why.

use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::config::Environment;
use crate::names;
use crate::text::hosts::is_this_machine;
use crate::upstream::Client;

/// Bytes of a hook's JSON, and of a transcript that is sent along.
const MOST_INPUT: u64 = 16 * 1024 * 1024;
const MOST_TRANSCRIPT: u64 = 24 * 1024 * 1024;
/// Bytes at the end of a transcript in which the last answer is looked for.
const TAIL: u64 = 256 * 1024;

names! {
    /// The point of a conversation.
    pub enum Event {
        Start = "session-start",
        Prompt = "user-prompt-submit",
        PreCompact = "pre-compact",
        PostCompact = "post-compact",
        End = "session-end",
        /// A turn has ended; the conversation may go on.
        Stop = "stop",
    }
}

impl Event {
    /// By our names or by those of the harnesses: `SessionStart`, `sessionstart`, `session-start`.
    pub fn of(name: &str) -> Option<Self> {
        let plain = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
        let wanted = match plain(name).as_str() {
            "precompaction" => "precompact".to_owned(),
            "compactioncomplete" => "postcompact".to_owned(),
            other => other.to_owned(),
        };
        Event::ALL.into_iter().find(|event| plain(event.as_str()) == wanted)
    }

    fn path(self) -> &'static str {
        match self {
            Event::Start => "/api/hooks/session-start",
            Event::Prompt => "/api/hooks/user-prompt-submit",
            Event::PreCompact => "/api/hooks/pre-compaction",
            Event::PostCompact => "/api/hooks/compaction-complete",
            Event::End | Event::Stop => "/api/hooks/session-end",
        }
    }

    /// A little less than harnesses wait.
    fn limit(self) -> Duration {
        Duration::from_millis(match self {
            Event::Start | Event::PreCompact | Event::PostCompact => 14_000,
            Event::Prompt => 4_500,
            Event::End | Event::Stop => 55_000,
        })
    }

    /// The member of the answer that is printed.
    fn printed(self) -> Option<&'static str> {
        match self {
            Event::Start | Event::Prompt => Some("inject"),
            Event::PreCompact => Some("summaryPrompt"),
            Event::PostCompact | Event::End | Event::Stop => None,
        }
    }
}

/// Calls the daemon for a hook; a harness never sees a failure of it.
pub fn run(env: &Environment, harness: &str, event: Event) -> ExitCode {
    if let Err(why) = call(env, harness, event) {
        eprintln!("signetd hook: {why}; the conversation goes on without memory");
    }
    ExitCode::SUCCESS
}

fn call(env: &Environment, harness: &str, event: Event) -> Result<(), String> {
    // set for agents that the daemon has started, and by people who want to be left alone
    if ["SIGNET_NO_HOOKS", "SIGNET_BYPASS"].iter().any(|name| env.variable(name).is_some_and(|v| v != "0")) {
        return Ok(());
    }
    let mut input = Vec::new();
    std::io::stdin().take(MOST_INPUT).read_to_end(&mut input).map_err(|cause| format!("standard input: {cause}"))?;
    let hook: Value = serde_json::from_slice(&input).map_err(|_| "the hook's input is no JSON".to_owned())?;
    let Value::Object(hook) = hook else { return Err("the hook's input is no JSON object".to_owned()) };
    let url = env.variable("SIGNET_DAEMON_URL").unwrap_or_else(|| format!("http://127.0.0.1:{}", env.port));
    let url = url.trim_end_matches('/');
    let Some(body) = body(env, harness, event, &hook, is_this_machine(url)) else { return Ok(()) };
    let credential = env.variable("SIGNET_API_KEY").or_else(|| env.variable("SIGNET_TOKEN"));
    let answer = Client::direct()
        .post_json(&format!("{url}{}", event.path()), credential.as_deref(), &body, event.limit())
        .map_err(|cause| format!("{url}: {cause}"))?;
    for warning in answer["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        eprintln!("signetd hook: {warning}");
    }
    let text = event.printed().and_then(|member| answer[member].as_str()).filter(|text| !text.is_empty());
    text.map_or(Ok(()), |text| writeln!(std::io::stdout(), "{text}"))
        .map_err(|cause| format!("standard output: {cause}"))
}

fn text<'a>(hook: &'a Map<String, Value>, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| hook.get(*name)?.as_str()).filter(|text| !text.trim().is_empty())
}

/// What the daemon is sent; `None` when there is nothing to say.
fn body(env: &Environment, harness: &str, event: Event, hook: &Map<String, Value>, here: bool) -> Option<Value> {
    let mut body = json!({ "harness": harness, "runtimePath": "legacy" });
    let mut put = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            body[name] = json!(value);
        }
    };
    let agent = env.variable("SIGNET_AGENT_ID");
    put("agentId", agent.as_deref());
    put("sessionKey", text(hook, &["session_id", "sessionId"]));
    let folder = text(hook, &["cwd"]);
    let path = text(hook, &["transcript_path", "transcriptPath"]);
    match event {
        Event::Start => {
            put("project", folder);
            put("source", text(hook, &["source"]));
            put("harnessAgentId", text(hook, &["agent_id"]));
            put("parentSessionKey", text(hook, &["parent_session_id"]));
        }
        Event::Prompt => {
            put("userMessage", Some(text(hook, &["prompt", "user_prompt", "userPrompt"])?));
            put("project", folder);
            put("harnessAgentId", text(hook, &["agent_id"]));
            let said = path.and_then(|path| last_answer(Path::new(path)));
            put("lastAssistantMessage", text(hook, &["last_assistant_message"]).or(said.as_deref()));
            // the daemon of another machine has other files
            put("transcriptPath", path.filter(|_| here));
        }
        Event::PreCompact => {
            put("sessionContext", text(hook, &["custom_instructions"]));
            put("transcriptPath", path.filter(|_| here));
        }
        Event::PostCompact => {
            put("summary", Some(text(hook, &["summary", "compact_summary"])?));
            put("project", folder);
        }
        Event::End | Event::Stop => {
            put("sessionId", text(hook, &["session_id", "sessionId"]));
            put("cwd", folder);
            put("reason", text(hook, &["reason"]));
            put("transcriptPath", path.filter(|_| here));
            // also where the daemon may not read this person's files
            let whole = path.and_then(|path| whole(Path::new(path)));
            put("transcript", whole.as_deref());
        }
    }
    Some(body)
}

/// A transcript of a size that can be sent.
fn whole(path: &Path) -> Option<String> {
    let file = std::fs::File::open(path).ok()?;
    let meta = file.metadata().ok().filter(|meta| meta.is_file() && meta.len() <= MOST_TRANSCRIPT)?;
    let mut bytes = Vec::with_capacity(meta.len() as usize);
    file.take(MOST_TRANSCRIPT).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// What was answered last, of a transcript in JSON lines.
fn last_answer(path: &Path) -> Option<String> {
    let mut file = std::fs::File::open(path).ok()?;
    let meta = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
    file.seek(SeekFrom::Start(meta.len().saturating_sub(TAIL))).ok()?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes).ok()?;
    let tail = String::from_utf8_lossy(&bytes);
    let lines = tail.lines().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    for line in lines {
        let message = line.get("message").unwrap_or(&line);
        if message["role"] == "assistant" {
            let parts = message["content"].as_array().into_iter().flatten().filter_map(|part| part["text"].as_str());
            let text = message["content"].as_str().map_or_else(|| parts.collect::<Vec<_>>().join(" "), str::to_owned);
            if !text.trim().is_empty() {
                return Some(text);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Overrides;

    fn env(agent: Option<&'static str>) -> Environment {
        let var = move |name: &str| match name {
            "HOME" => Some("/nowhere".to_owned()),
            "SIGNET_AGENT_ID" => agent.map(str::to_owned),
            _ => None,
        };
        Environment::read(&Overrides::default(), var).unwrap()
    }

    fn sent(event: Event, hook: Value, here: bool) -> Option<Value> {
        let Value::Object(hook) = hook else { panic!() };
        body(&env(Some("ada")), "claude-code", event, &hook, here)
    }

    #[test]
    fn events_go_by_their_names() {
        for name in ["session-start", "SessionStart", "sessionstart", "SESSION_START"] {
            assert_eq!(Event::of(name), Some(Event::Start));
        }
        assert_eq!(
            (Event::of("PreCompaction"), Event::of("Stop"), Event::of("PreToolUse")),
            (Some(Event::PreCompact), Some(Event::Stop), None)
        );
    }

    #[test]
    fn a_hook_becomes_what_the_daemon_takes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.jsonl");
        let lines = r#"{"message":{"role":"assistant","content":[{"type":"text","text":"first"}]}}
{"message":{"role":"assistant","content":[{"type":"text","text":"last"}]}}
{"message":{"role":"user","content":"now"}}
{"type":"system"}"#;
        std::fs::write(&path, lines).unwrap();
        let hook = json!({"session_id": "s", "transcript_path": path, "cwd": "/p", "prompt": "hello", "source": "clear", "reason": "other"});
        let prompt = sent(Event::Prompt, hook.clone(), true).unwrap();
        assert_eq!(
            prompt,
            json!({
                "harness": "claude-code", "runtimePath": "legacy", "agentId": "ada", "sessionKey": "s", "userMessage": "hello",
                "project": "/p", "lastAssistantMessage": "last", "transcriptPath": path,
            })
        );
        let end = sent(Event::End, hook.clone(), false).unwrap();
        assert_eq!(
            (end["transcript"].as_str(), end.get("transcriptPath"), end["cwd"].as_str()),
            (Some(lines), None, Some("/p"))
        );
        assert_eq!(sent(Event::Start, hook, true).unwrap()["source"], "clear");
        assert_eq!(sent(Event::Prompt, json!({"prompt": " "}), true), None, "nothing was said");
    }
}
