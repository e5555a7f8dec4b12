//! Uses of skills that a transcript of JSON lines tells of: a call of the tool `Skill` with its result.

use std::collections::HashMap;

use super::lean::Lean;
use crate::text::time;

/// Characters of a skill's arguments that are kept.
const ARGS: usize = 2_000;
/// Calls that wait for their result at most.
const OPEN: usize = 1_000;
/// Uses that are taken from one transcript at most.
const MOST: usize = 1_000;

/// A skill that was used.
#[derive(Debug, Clone, PartialEq)]
pub struct Use {
    pub skill: String,
    pub tool_use_id: String,
    pub args: Option<String>,
    pub success: bool,
    pub latency_ms: i64,
    pub at: Option<String>,
}

struct Call {
    skill: String,
    args: Option<String>,
    at: Option<String>,
}

/// The uses that a transcript tells of; a call without its result is left out.
pub fn uses(raw: &str) -> Vec<Use> {
    let mut open: HashMap<String, Call> = HashMap::new();
    let mut found = Vec::new();
    let telling = raw.lines().filter(|line| line.contains("\"tool_use") || line.contains("\"tool_result"));
    for line in telling.filter_map(|line| Lean::of(line.trim())) {
        let at = line.text_of("timestamp").map(str::to_owned);
        let blocks = line.get("message").and_then(|message| message.get("content")).map_or(&[][..], Lean::items);
        for block in blocks {
            match block.text_of("type") {
                Some("tool_use") if block.text_of("name") == Some("Skill") && open.len() < OPEN => {
                    open.extend(call_of(block, at.clone()));
                }
                Some("tool_result") if found.len() < MOST => {
                    let id = block.text_of("tool_use_id").unwrap_or_default();
                    if let Some(call) = open.remove(id) {
                        let success = block.get("is_error") != Some(&Lean::Flag(true));
                        found.push(used(id, call, success, at.as_deref()));
                    }
                }
                _ => {}
            }
        }
    }
    found
}

fn call_of(block: &Lean, at: Option<String>) -> Option<(String, Call)> {
    let input = block.get("input")?;
    let skill = ["skill", "name", "skill_name"].iter().find_map(|name| input.text_of(name))?.trim();
    let id = block.text_of("id").filter(|id| !id.is_empty())?;
    let args = input.text_of("args").map(|args| args.chars().take(ARGS).collect());
    (!skill.is_empty()).then(|| (id.to_owned(), Call { skill: skill.to_lowercase(), args, at }))
}

fn used(id: &str, call: Call, success: bool, until: Option<&str>) -> Use {
    let time = |text: Option<&str>| text.and_then(time::parse_iso);
    let latency = match (time(call.at.as_deref()), time(until)) {
        (Some(from), Some(until)) => (until.millis() - from.millis()).max(0),
        _ => 0,
    };
    Use { skill: call.skill, tool_use_id: id.to_owned(), args: call.args, success, latency_ms: latency, at: call.at }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_paired_with_their_results() {
        let raw = r#"{"type":"assistant","timestamp":"2026-01-01T00:00:00Z","message":{"content":[{"type":"tool_use","id":"t1","name":"Skill","input":{"skill":"Recall","args":"x"}},{"type":"tool_use","id":"t2","name":"Bash","input":{}}]}}
{"type":"user","timestamp":"2026-01-01T00:00:01.5Z","message":{"content":[{"type":"tool_result","tool_use_id":"t1"},{"type":"tool_result","tool_use_id":"t2"}]}}
{"message":{"content":[{"type":"tool_use","id":"t3","name":"Skill","input":{"name":"open"}}]}}
{"message":{"content":"tool_use"}}"#;
        let found = uses(raw);
        assert_eq!(found.len(), 1, "{found:?}");
        let one = &found[0];
        assert_eq!(
            (one.skill.as_str(), one.args.as_deref(), one.success, one.latency_ms),
            ("recall", Some("x"), true, 1_500)
        );
    }
}
