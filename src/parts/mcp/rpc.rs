//! JSON-RPC 2.0 as MCP uses it: what a body holds, and how answers are written.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

/// Messages of one body.
const MOST: usize = 100;

/// Stands for params and arguments that were left out.
pub static NOTHING: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

/// What a client sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Message<'a> {
    Request {
        id: &'a Value,
        method: &'a str,
        /// `None` for params that are no object.
        params: Option<&'a Map<String, Value>>,
    },
    /// A notification, or an answer to something that was never asked: nothing comes back.
    Silent,
}

/// A failure of one message or of a whole body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RpcError {
    pub code: i64,
    pub message: String,
}

impl RpcError {
    pub fn parse(message: &str) -> Self {
        RpcError { code: -32_700, message: format!("Parse error: {message}") }
    }

    pub fn invalid_request(message: &str) -> Self {
        RpcError { code: -32_600, message: format!("Invalid Request: {message}") }
    }

    pub fn unknown_method() -> Self {
        RpcError { code: -32_601, message: "Method not found".to_owned() }
    }

    pub fn invalid_params(message: &str) -> Self {
        RpcError { code: -32_602, message: format!("Invalid params: {message}") }
    }

    /// Of the transport: codes that MCP leaves to servers.
    pub fn transport(message: impl Into<String>) -> Self {
        RpcError { code: -32_000, message: message.into() }
    }

    /// For each request of a body; `None` where it holds none. With no id where it holds what is no message.
    pub fn to_each(&self, body: &Value) -> Option<String> {
        let Ok((messages, listed)) = messages(body) else { return Some(self.body().to_string()) };
        let requests = messages.iter().filter_map(|message| match message {
            Message::Request { id, .. } => Some(answered(id, &Err(self.clone()))),
            Message::Silent => None,
        });
        together(requests.collect(), listed)
    }

    /// As a whole body, for a request that has no id to answer to.
    pub fn body(&self) -> Value {
        json!({ "jsonrpc": "2.0", "error": { "code": self.code, "message": self.message }, "id": null })
    }
}

/// The messages of a body, and whether they came as a list. One that is none refuses them all: nothing is done.
pub fn messages(body: &Value) -> Result<(Vec<Message<'_>>, bool), RpcError> {
    let (all, listed) = match body {
        Value::Array(all) => (all.as_slice(), true),
        one => (std::slice::from_ref(one), false),
    };
    if all.len() > MOST {
        return Err(RpcError::invalid_request(&format!("at most {MOST} messages at once")));
    }
    let read: Option<Vec<Message<'_>>> = all.iter().map(message).collect();
    let read = read.ok_or_else(|| RpcError::parse("not a JSON-RPC 2.0 message"))?;
    let begins = |message: &Message<'_>| matches!(message, Message::Request { method: "initialize", .. });
    if read.len() > 1 && read.iter().any(begins) {
        return Err(RpcError::invalid_request("initialize comes alone"));
    }
    Ok((read, listed))
}

fn message(value: &Value) -> Option<Message<'_>> {
    let object = value.as_object()?;
    if object.get("jsonrpc")? != "2.0" {
        return None;
    }
    let method = match object.get("method") {
        Some(method) => Some(method.as_str()?),
        None => None,
    };
    match (method, object.get("id")) {
        (Some(method), Some(id)) => {
            let params = object.get("params").map_or(Some(&*NOTHING), Value::as_object);
            is_id(id).then_some(Message::Request { id, method, params })
        }
        (Some(_), None) => Some(Message::Silent),
        (None, Some(id)) => {
            let answers = object.contains_key("result") || object.contains_key("error");
            (answers && is_id(id)).then_some(Message::Silent)
        }
        (None, None) => None,
    }
}

fn is_id(id: &Value) -> bool {
    id.is_string() || id.is_i64() || id.is_u64()
}

/// The answers to a body, as JSON; `None` when there are none.
pub fn together(answers: Vec<String>, listed: bool) -> Option<String> {
    match (answers.is_empty(), listed) {
        (true, _) => None,
        (false, true) => Some(format!("[{}]", answers.join(","))),
        (false, false) => Some(answers.concat()),
    }
}

/// An answer; its result is JSON already.
pub fn answered(id: &Value, outcome: &Result<String, RpcError>) -> String {
    match outcome {
        Ok(result) => format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#),
        Err(error) => json!({
            "jsonrpc": "2.0", "id": id, "error": { "code": error.code, "message": error.message },
        })
        .to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_requests_notifications_or_answers() {
        let request = json!({"jsonrpc": "2.0", "id": "a", "method": "ping"});
        let (read, listed) = messages(&request).unwrap();
        assert!(matches!(read[..], [Message::Request { method: "ping", params: Some(_), .. }]) && !listed);
        let list = json!([{"jsonrpc": "2.0", "method": "notifications/x"}, {"jsonrpc": "2.0", "id": 1, "result": {}}]);
        assert_eq!(messages(&list).unwrap(), (vec![Message::Silent, Message::Silent], true));
        let odd = json!({"jsonrpc": "2.0", "id": 1, "method": "x", "params": [1]});
        assert!(matches!(messages(&odd).unwrap().0[..], [Message::Request { params: None, .. }]));
        assert_eq!(messages(&json!([])).unwrap(), (vec![], true));
    }

    #[test]
    fn one_that_is_none_refuses_all() {
        let good = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
        for bad in [
            json!({"hello": 1}),
            json!({"jsonrpc": "1.0", "id": 1, "method": "ping"}),
            json!({"jsonrpc": "2.0", "id": null, "method": "ping"}),
            json!({"jsonrpc": "2.0", "id": 1.5, "method": "ping"}),
            json!({"jsonrpc": "2.0", "id": {}, "method": "ping"}),
            json!({"jsonrpc": "2.0", "id": 1, "method": 7}),
            json!({"jsonrpc": "2.0", "id": 1}),
            json!({"jsonrpc": "2.0"}),
            json!("ping"),
            json!([[]]),
        ] {
            assert_eq!(messages(&bad).unwrap_err().code, -32_700, "{bad}");
            assert_eq!(messages(&json!([good, bad])).unwrap_err().code, -32_700);
        }
        assert_eq!(messages(&json!(vec![good.clone(); MOST + 1])).unwrap_err().code, -32_600);
        let begin = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize"});
        assert_eq!(messages(&json!([begin, good])).unwrap_err().code, -32_600);
        assert!(messages(&json!([begin])).is_ok());
    }
}
