//! A tool call on its way: arguments → the route's request, under the caller of the outer one → its answer → what a
//! model is told.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use super::tool::{Tells, Tool};
use super::tools::SCORE_MIN;
use crate::core::Error;
use crate::http::{Body, Dispatch, Headers, Method, Request, Response};
use crate::parts::memory::as_text::{self, Told};

/// Who acts, in histories and sessions, where no credential says it.
const ACTING: [(&str, &str); 3] =
    [("x-signet-actor", "mcp-server"), ("x-signet-actor-type", "harness"), ("x-signet-runtime-path", "plugin")];
/// What of the outer request counts for the inner one too.
const HANDED_ON: [&str; 3] = ["x-signet-agent-id", "x-signet-session-key", "x-signet-session-id"];

/// The request that a call is for.
pub fn request(tool: &Tool, arguments: &Map<String, Value>, outer: &Request) -> Result<Request, Error> {
    let mut members = tool.members(arguments)?;
    if let Some((agent, project)) = tool.belongs {
        let bound = outer.caller.claims().and_then(|claims| claims.scope.project.as_deref());
        for (name, value) in [(agent, outer.headers.text("x-signet-agent-id")), (project, bound)] {
            if let Some(value) = value {
                members.entry(name).or_insert_with(|| Value::from(value));
            }
        }
    }
    let mut path = String::new();
    for segment in tool.path.split('/').skip(1) {
        path.push('/');
        match segment.strip_prefix(':') {
            Some(name) => {
                let value = members.shift_remove(name).unwrap_or_default();
                path.extend(utf8_percent_encode(value.as_str().unwrap_or_default(), NON_ALPHANUMERIC));
            }
            None => path += segment,
        }
    }
    let handed = HANDED_ON.iter().filter_map(|name| Some((*name, outer.headers.text(name)?)));
    let headers = ACTING.into_iter().chain(handed).map(|(name, value)| (name.to_owned(), value.to_owned()));
    let headers = Headers(headers.collect());
    let in_query = |name: &str| tool.method == Method::Get || name.starts_with('?');
    let (query, members): (Map<_, _>, Map<_, _>) = members.into_iter().partition(|(name, _)| in_query(name));
    let text = |value: Value| if let Value::String(text) = value { text } else { value.to_string() };
    let query = query.into_iter().map(|(name, value)| (name.trim_start_matches('?').to_owned(), text(value))).collect();
    let inner = outer.inner(tool.method, path, headers).with_query(query);
    Ok(if tool.method == Method::Get { inner } else { inner.with_members(members) })
}

/// The result of a call, as JSON. `structured`: the client knows of structured content.
pub fn call(
    tool: &Tool,
    arguments: &Map<String, Value>,
    outer: &Request,
    dispatch: &dyn Dispatch,
    structured: bool,
) -> String {
    let mut request = match request(tool, arguments, outer) {
        Ok(request) => request,
        Err(refused) => return failed(&format!("MCP error -32602: {refused}")),
    };
    let Response { status, body, .. } = dispatch.call(&mut request);
    let body = match body {
        Body::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        // no tool is on a route that streams
        Body::Stream(..) => String::new(),
    };
    if !(200..300).contains(&status) {
        return failed(&format!("{}: {body}", tool.fails));
    }
    let Ok(mut answer) = serde_json::from_str::<Value>(&body) else { return result(&body, None, false) };
    let least = arguments.get(SCORE_MIN).and_then(Value::as_f64);
    let (text, data) = match (tool.tells, least) {
        (Tells::Json, _) => (format!("{answer:#}"), body),
        (Tells::Recall, None) => (recalled(&answer), body),
        (Tells::Recall, Some(least)) => {
            keep_from(&mut answer, least);
            (recalled(&answer), answer.to_string())
        }
    };
    result(&text, (structured && answer.is_object()).then_some(data.as_str()), false)
}

/// Takes away the rows that are scored below a least.
fn keep_from(answer: &mut Value, least: f64) {
    let Some(rows) = answer["results"].as_array_mut() else { return };
    rows.retain(|row| row["score"].as_f64().is_none_or(|score| score >= least));
    let (kept, beside) = (rows.len(), rows.iter().any(|row| row["supplementary"] == true));
    let meta = &mut answer["meta"];
    meta["totalReturned"] = Value::from(kept);
    meta["noHits"] = Value::from(kept == 0);
    meta["hasSupplementary"] = Value::from(beside);
}

/// A call that failed: told to the model, which may do better.
pub fn failed(text: &str) -> String {
    result(text, None, true)
}

fn result(text: &str, structured: Option<&str>, is_error: bool) -> String {
    let structured = structured.map(|json| format!(r#","structuredContent":{json}"#)).unwrap_or_default();
    let is_error = if is_error { r#","isError":true"# } else { "" };
    format!(r#"{{"content":[{{"type":"text","text":{}}}]{structured}{is_error}}}"#, Value::from(text))
}

/// What a recall found, as a text.
fn recalled(answer: &Value) -> String {
    if let Some(message) = answer["message"].as_str() {
        return message.to_owned();
    }
    let rows: Vec<Told<'_>> = answer["results"].as_array().into_iter().flatten().map(told).collect();
    let temporal = &answer["meta"]["temporal"];
    match temporal["start"].as_str().filter(|_| temporal["mode"] == "timeline") {
        Some(start) => as_text::timeline(&rows, start),
        None => as_text::matches(&rows, answer["method"].as_str()),
    }
}

fn told(row: &Value) -> Told<'_> {
    Told {
        id: row["id"].as_str(),
        content: row["content"].as_str().unwrap_or_default(),
        score: row["score"].as_f64(),
        kind: row["type"].as_str(),
        source: row["source"].as_str(),
        created_at: row["created_at"].as_str(),
        who: row["who"].as_str(),
        supplementary: row["supplementary"] == true,
        facet: row["temporal_facet"].as_str(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::parts::mcp::tools;

    fn asked(name: &str, arguments: Value) -> Request {
        let tool = tools::all().find(|tool| tool.name == name).unwrap();
        let headers = Headers(vec![("X-Signet-Agent-Id".into(), "ann".into()), ("Cookie".into(), "c".into())]);
        let outer = Request::new(Method::Post, "/mcp", headers, None);
        request(tool, arguments.as_object().unwrap(), &outer).unwrap()
    }

    #[test]
    fn arguments_go_where_the_route_looks_for_them() {
        let get = asked("memory_get", json!({"id": "a/../b c", "other": 1}));
        assert_eq!((get.method, &*get.path), (Method::Get, "/api/memory/a%2F%2E%2E%2Fb%20c"));
        let bypass = asked("session_bypass", json!({"session_key": "k", "enabled": true, "agent_id": "ann"}));
        assert_eq!((bypass.query.get("agent_id"), &*bypass.body), (Some("ann"), &br#"{"enabled":true}"#[..]));
        let store = asked("memory_store", json!({"content": "c", "hints": ["h"], "agent_id": "no such argument"}));
        assert_eq!(store.object().unwrap()["agentId"], "ann", "of the header");
        let list = asked("memory_list", json!({"limit": 5, "type": "fact"}));
        assert_eq!((list.query.get("limit"), list.query.get("type")), (Some("5"), Some("fact")));
        let forget = asked("memory_forget", json!({"id": "x", "reason": "gone"}));
        assert_eq!(Value::from(forget.object().unwrap().clone()), json!({"reason": "gone"}));
        assert_eq!(forget.body, br#"{"reason":"gone"}"#);
        assert_eq!(forget.headers.get("x-signet-agent-id"), Some("ann"));
        assert_eq!((forget.headers.get("x-signet-actor"), forget.headers.get("cookie")), (Some("mcp-server"), None));
    }

    #[test]
    fn rows_below_a_least_score_are_not_told() {
        let rows = json!([{"id": "a", "score": 0.9, "supplementary": true}, {"id": "b", "score": 0.2}, {"id": "c"}]);
        let mut answer = json!({"results": rows, "method": "hybrid", "meta": {"totalReturned": 3, "noHits": false}});
        keep_from(&mut answer, 0.5);
        assert_eq!(answer["meta"], json!({"totalReturned": 2, "noHits": false, "hasSupplementary": true}));
        keep_from(&mut answer, 1.5);
        assert!(recalled(&answer).starts_with("Found 1 memory"), "what has no score stays");
        let mut answer = json!({"results": [{"score": 0.2}], "meta": {}});
        keep_from(&mut answer, 1.5);
        assert_eq!((recalled(&answer).as_str(), &answer["meta"]["noHits"]), (as_text::NOTHING, &json!(true)));
    }

    #[test]
    fn results_are_texts_with_the_data_beside_them() {
        assert_eq!(
            result("a \"b\"", Some(r#"{"x":1}"#), false),
            r#"{"content":[{"type":"text","text":"a \"b\""}],"structuredContent":{"x":1}}"#
        );
        assert_eq!(failed("no"), r#"{"content":[{"type":"text","text":"no"}],"isError":true}"#);
    }
}
