//! What harnesses send as a transcript, made into lines `User: …` and `Assistant: …`.
//!
//! Codex, Claude Code, OpenClaw and pi keep JSON lines, each in its own shape; OpenCode and others send such
//! lines of text already.

use super::lean::Lean;
use crate::text::one_line;

/// A text counts as JSON lines when so much of its lines are objects.
const MOSTLY: f64 = 0.6;

/// The transcript of a harness as lines of turns; a text that is no JSON stays as it is.
pub fn normalise(harness: &str, raw: &str) -> String {
    let raw = raw.trim();
    if harness.eq_ignore_ascii_case("codex") {
        // whatever else a Codex log holds is none of the conversation
        return if looks_like_json(raw) || raw.starts_with('{') { turns(raw, codex) } else { raw.to_owned() };
    }
    if looks_like_json(raw) { turns(raw, any) } else { raw.to_owned() }
}

fn lines(raw: &str) -> impl Iterator<Item = &str> {
    raw.lines().map(str::trim).filter(|line| !line.is_empty())
}

fn looks_like_json(raw: &str) -> bool {
    if !raw.starts_with('{') && !raw.contains("\n{") {
        return false;
    }
    let is_object = |line: &&str| {
        line.starts_with('{') && line.ends_with('}') && serde_json::from_str::<serde::de::IgnoredAny>(line).is_ok()
    };
    let (all, objects) =
        lines(raw).fold((0, 0), |(all, objects), line| (all + 1, objects + usize::from(is_object(&line))));
    all > 0 && objects >= (f64::from(all) * MOSTLY).ceil() as usize
}

/// One line per turn that a reader finds in a line.
fn turns(raw: &str, read: fn(&Lean) -> Option<(&'static str, String)>) -> String {
    let mut text = String::with_capacity(raw.len() / 2);
    for line in lines(raw) {
        let Some((label, said)) = Lean::of(line).and_then(|line| read(&line)) else { continue };
        let said = one_line(&said);
        if !said.is_empty() {
            if !text.is_empty() {
                text.push('\n');
            }
            text += label;
            text += ": ";
            text += &said;
        }
    }
    text
}

/// The two shapes in which Codex logs what was said.
fn codex(line: &Lean) -> Option<(&'static str, String)> {
    let of = |outer: &str, kind: &str, text: &str| {
        let inner = line.get(outer).filter(|inner| inner.text_of("type") == Some(kind))?;
        inner.text_of(text).map(str::to_owned)
    };
    match line.text_of("type")? {
        "event_msg" => Some(("User", of("payload", "user_message", "message")?)),
        "item.completed" => Some(("Assistant", of("item", "agent_message", "text")?)),
        _ => None,
    }
}

/// Codex's shapes, or a role with a text.
fn any(line: &Lean) -> Option<(&'static str, String)> {
    codex(line).or_else(|| {
        let message = line.get("message").filter(|m| m.is_object());
        let role = [Some(line), message].into_iter().flatten().find_map(role)?;
        let said = [message, Some(line)].into_iter().flatten().find_map(said)?;
        Some((label(role)?, said))
    })
}

fn role(value: &Lean) -> Option<&str> {
    ["role", "speaker", "author"].iter().find_map(|name| value.text_of(name))
}

fn label(role: &str) -> Option<&'static str> {
    Some(match role.to_ascii_lowercase().as_str() {
        "user" | "human" | "client" => "User",
        "assistant" | "agent" | "model" | "ai" => "Assistant",
        "system" | "developer" => "System",
        "tool" | "toolresult" | "tool_result" | "bashexecution" | "pythonexecution" | "custom" => "Tool",
        _ => return None,
    })
}

/// The text of a message: as it stands, or the texts of its parts.
fn said(value: &Lean) -> Option<String> {
    if let Some(text) = ["content", "text", "message", "output"].iter().find_map(|name| value.text_of(name)) {
        return Some(text.to_owned());
    }
    let parts = ["content", "parts"].iter().find_map(|name| value.get(name).filter(|v| matches!(v, Lean::List(_))))?;
    let text = |part: &Lean| {
        let names = ["text", "input_text", "content", "message"];
        part.as_str().or_else(|| names.iter().find_map(|name| part.text_of(name))).map(str::to_owned)
    };
    let texts: Vec<String> = parts.items().iter().filter_map(text).collect();
    (!texts.is_empty()).then(|| texts.join(" "))
}

/// Who said a line of a transcript.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    User,
    Assistant,
    Unknown,
}

impl Speaker {
    pub fn as_str(self) -> &'static str {
        match self {
            Speaker::User => "user",
            Speaker::Assistant => "assistant",
            Speaker::Unknown => "unknown",
        }
    }
}

/// The turns of a normalised transcript: speaker and text, white space collapsed.
pub fn spoken(transcript: &str) -> impl Iterator<Item = (Speaker, String)> + '_ {
    lines(transcript).map(|line| {
        let (speaker, text) = match line.split_once(':') {
            Some(("User" | "Human", rest)) => (Speaker::User, rest),
            Some(("Assistant", rest)) => (Speaker::Assistant, rest),
            _ => (Speaker::Unknown, line),
        };
        (speaker, one_line(text))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claude_code_lines_become_turns() {
        let raw = r#"{"type":"summary","summary":"ignored"}
{"type":"user","message":{"role":"user","content":"Which port?\nTell me."}}

{"type":"assistant","message":{"role":"assistant","content":[{"type":"text","text":"9123."},{"type":"tool_use","name":"x"}]}}
{"type":"user","message":{"role":"user","content":[{"type":"tool_result","content":"done"}]}}
{"broken"#;
        assert_eq!(normalise("claude-code", raw), "User: Which port? Tell me.\nAssistant: 9123.\nUser: done");
    }

    #[test]
    fn codex_lines_become_turns_and_nothing_else_does() {
        let raw = r#"{"type":"session_meta","payload":{"cwd":"/home/secret"}}
{"type":"event_msg","payload":{"type":"user_message","message":"Rename it"}}
{"type":"event_msg","payload":{"type":"agent_message","message":"duplicate"}}
{"type":"response_item","payload":{"role":"user","content":[{"text":"duplicate"}]}}
{"type":"item.completed","item":{"type":"agent_message","text":"Renamed."}}"#;
        assert_eq!(normalise("Codex", raw), "User: Rename it\nAssistant: Renamed.");
        assert_eq!(normalise("codex", r#"{"type":"session_meta"}"#), "");
    }

    #[test]
    fn other_shapes_and_plain_text() {
        let raw = r#"{"speaker":"human","text":"a"}
{"role":"toolResult","output":"b"}
{"author":"nobody","text":"c"}
{"role":"developer","parts":["d",{"input_text":"e"}]}
{"role":"ai","content":""}"#;
        assert_eq!(normalise("pi", raw), "User: a\nTool: b\nSystem: d e");
        for text in ["User: about {braces}\nAssistant: kept.", "{ not json", "", "{}\nmore\nlines"] {
            assert_eq!(normalise("pi", text), text);
        }
    }

    #[test]
    fn speakers_are_told_by_their_names() {
        let all: Vec<_> = spoken("User: a  b\nHuman: c\nAssistant: d\nTool: e\n\nodd").collect();
        let told: Vec<_> = all.iter().map(|(who, text)| (who.as_str(), text.as_str())).collect();
        assert_eq!(
            told,
            [("user", "a b"), ("user", "c"), ("assistant", "d"), ("unknown", "Tool: e"), ("unknown", "odd")]
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_taken(text in "\\PC{0,200}", lines in proptest::collection::vec("[{}\":a-z\\[\\], \n]{0,40}", 0..8)) {
            normalise("codex", &text);
            normalise("pi", &lines.join("\n"));
        }
    }
}
