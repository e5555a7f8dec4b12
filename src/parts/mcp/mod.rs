//! MCP: the memory as tools for agent programs (`/mcp`, mcp.md).
//!
//! A body of JSON-RPC messages → each message → for a tool call the request of a route, under the same caller, through
//! the [`Dispatch`] that also serves sockets → the route's answer as a text. Nothing is kept between requests.

mod api;
mod call;
mod routes;
mod rpc;
mod tool;
mod tools;

use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

pub use routes::ROUTES;
pub use rpc::RpcError;

use crate::http::{Dispatch, Headers, Lane, Method, Request};
use rpc::Message;
use tool::Tool;

/// The versions of the protocol that are spoken, newest first.
const VERSIONS: [&str; 5] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05", "2024-10-07"];
/// What a client that says no version speaks.
const UNSAID: &str = "2025-03-26";
/// The first version with structured content.
const STRUCTURED: &str = "2025-06-18";
/// Bytes of the answers to one body, after which no more is asked.
const MOST_ANSWERED: usize = 8 * 1024 * 1024;
/// How long the requests of one body may take before no further one is begun.
const LONGEST: Duration = Duration::from_secs(5);
/// What a model is told of the whole.
const INSTRUCTIONS: &str = "Signet is the long-term memory shared by the agents of this person. Before you answer from \
    assumption, look with memory_search for what is known of people, projects, decisions and preferences. Store what \
    will matter later with memory_store: one fact per call, whole sentences with names and dates, and hints a later \
    question may use. Never store secrets.";

/// The part.
pub struct Mcp {
    version: String,
    /// Known when everything is put together; the dispatcher holds the part in turn.
    dispatch: OnceLock<Weak<dyn Dispatch>>,
    /// The result of `tools/list`.
    listed: String,
}

impl Mcp {
    /// `version` is what clients are told of the server.
    pub fn new(version: &str) -> Self {
        let tools: Vec<Value> = tools::all().map(Tool::listed).collect();
        Mcp { version: version.to_owned(), dispatch: OnceLock::new(), listed: json!({ "tools": tools }).to_string() }
    }

    /// Says who answers the routes. The first stays.
    pub fn connect(&self, dispatch: &Arc<dyn Dispatch>) {
        if self.dispatch.set(Arc::downgrade(dispatch)).is_err() {
            log::error!(target: "mcp", "another dispatcher is there already");
        }
    }

    /// The routes that tools are on, to be held against the router's.
    pub fn tool_routes() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
        tools::all().map(|tool| (tool.name, tool.method.as_str(), tool.path))
    }

    fn dispatch(&self) -> Option<Arc<dyn Dispatch>> {
        self.dispatch.get().and_then(Weak::upgrade)
    }

    /// Whether a call in the body may wait for a model. Asked on a connection's small stack before anything is parsed, so
    /// it only looks, as the routes do: at the names of tools, any of which an escape may hide.
    fn may_wait(&self, request: &Request) -> bool {
        let Some(dispatch) = self.dispatch() else { return false };
        let escaped = request.body.windows(2).any(|pair| pair == br"\u");
        let mut named: Vec<&Tool> = if escaped { tools::all().collect() } else { Vec::new() };
        let texts = request.body.split(|byte| *byte == b'"').filter(|_| !escaped);
        for tool in texts.filter_map(|text| tools::all().find(|tool| tool.name.as_bytes() == text)) {
            if !named.iter().any(|known| known.name == tool.name) {
                named.push(tool);
            }
        }
        if named.is_empty() {
            return false;
        }
        let mut probe = request.inner(Method::Post, String::new(), Headers::default());
        // whatever makes a route slow stands in the body somewhere
        probe.body = request.body.clone();
        named.into_iter().any(|tool| {
            (probe.method, probe.path) = (tool.method, tool.path.replace(':', ""));
            dispatch.lane(&mut probe) == Lane::Model
        })
    }

    /// The answers to a body, as JSON; `None` when it asks for none.
    fn answers(&self, request: &Request, body: &Value, version: &str) -> Result<Option<String>, RpcError> {
        let (messages, listed) = rpc::messages(body)?;
        let (mut answers, mut bytes, began) = (Vec::new(), 0, Instant::now());
        for message in &messages {
            let Message::Request { id, method, params } = message else { continue };
            // a body has one worker, and what is too much is not done
            let outcome = match bytes < MOST_ANSWERED && (answers.is_empty() || began.elapsed() < LONGEST) {
                true => self.result(request, method, *params, version),
                false => Err(RpcError::transport(
                    "what comes before this took too long or says too much: ask for less at once",
                )),
            };
            let answer = rpc::answered(id, &outcome);
            bytes += answer.len();
            answers.push(answer);
        }
        Ok(rpc::together(answers, listed))
    }

    /// The answers of one that nobody has connected: the tools are known, calls of them fail and say why.
    pub fn without_memory(&self, body: &Value, why: &str) -> Option<String> {
        let nobody = Request::new(Method::Post, "/mcp", Headers::default(), None);
        let (messages, listed) = match rpc::messages(body) {
            Ok(read) => read,
            Err(error) => return Some(error.body().to_string()),
        };
        let answers = messages.iter().filter_map(|message| {
            let Message::Request { id, method, params } = message else { return None };
            let outcome = match *method {
                "tools/call" => Ok(call::failed(&format!("The memory cannot be reached: {why}"))),
                _ => self.result(&nobody, method, *params, UNSAID),
            };
            Some(rpc::answered(id, &outcome))
        });
        rpc::together(answers.collect(), listed)
    }

    /// The result of one request, as JSON.
    fn result(
        &self,
        request: &Request,
        method: &str,
        params: Option<&Map<String, Value>>,
        version: &str,
    ) -> Result<String, RpcError> {
        let params = || params.ok_or_else(|| RpcError::invalid_params("params must be an object"));
        match method {
            "initialize" => self.initialized(params()?),
            "ping" => Ok("{}".to_owned()),
            "tools/list" => Ok(self.listed.clone()),
            "tools/call" => self.called(request, params()?, version),
            _ => Err(RpcError::unknown_method()),
        }
    }

    fn initialized(&self, params: &Map<String, Value>) -> Result<String, RpcError> {
        let must = |what: &str| RpcError::invalid_params(what);
        let asked = params.get("protocolVersion").and_then(Value::as_str);
        let asked = asked.ok_or_else(|| must("protocolVersion must be a text"))?;
        params.get("capabilities").and_then(Value::as_object).ok_or_else(|| must("capabilities must be an object"))?;
        let client = params.get("clientInfo").and_then(Value::as_object);
        let client = client.ok_or_else(|| must("clientInfo must be an object"))?;
        if ["name", "version"].iter().any(|name| !client.get(*name).is_some_and(Value::is_string)) {
            return Err(must("clientInfo needs a name and a version"));
        }
        let spoken = VERSIONS.iter().find(|version| **version == asked).unwrap_or(&VERSIONS[0]);
        Ok(json!({
            "protocolVersion": spoken,
            // there is no stream to tell of a change
            "capabilities": { "tools": { "listChanged": false } },
            "serverInfo": { "name": "signet", "title": "Signet memory", "version": self.version },
            "instructions": INSTRUCTIONS,
        })
        .to_string())
    }

    fn called(&self, request: &Request, params: &Map<String, Value>, version: &str) -> Result<String, RpcError> {
        let (tool, arguments) = named(params)?;
        let Some(tool) = tool else {
            let name = params.get("name").and_then(Value::as_str).unwrap_or_default();
            return Ok(call::failed(&format!("MCP error -32602: Tool {name} not found")));
        };
        match self.dispatch() {
            Some(dispatch) => Ok(call::call(tool, arguments, request, &*dispatch, version >= STRUCTURED)),
            None => Ok(call::failed("the daemon is stopping")),
        }
    }
}

/// The tool that a call names, `None` where there is no such tool, and its arguments.
fn named(params: &Map<String, Value>) -> Result<(Option<&'static Tool>, &Map<String, Value>), RpcError> {
    let name = params.get("name").and_then(Value::as_str);
    let name = name.ok_or_else(|| RpcError::invalid_params("name must be a text"))?;
    let arguments = match params.get("arguments") {
        None | Some(Value::Null) => &rpc::NOTHING,
        Some(given) => given.as_object().ok_or_else(|| RpcError::invalid_params("arguments must be an object"))?,
    };
    Ok((tools::all().find(|tool| tool.name == name), arguments))
}

/// The table of tools for docs/api/mcp.md.
pub fn markdown() -> String {
    let mut text = String::from("| tool | arguments | route |\n| --- | --- | --- |\n");
    for tool in tools::all() {
        let mark = |arg: &tool::Arg| format!("`{}`{}", arg.name, if arg.required { "*" } else { "" });
        let args: Vec<String> = tool.args.iter().map(mark).collect();
        text += &format!("| `{}` | {} | `{} {}` |\n", tool.name, args.join(", "), tool.method, tool.path);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Response;

    /// Recalls that say something of an aggregate wait, as the real ones do.
    struct Lanes;

    impl Dispatch for Lanes {
        fn call(&self, _: &mut Request) -> Response {
            Response::empty(500)
        }

        fn lane(&self, request: &mut Request) -> Lane {
            let says = |word: &[u8]| request.body.windows(word.len()).any(|part| part == word);
            let waits = match request.path.as_str() {
                "/api/memory/recall" => says(b"aggregate") || says(br"\u"),
                "/api/cross-agent/messages" => says(b"\"acp\""),
                _ => false,
            };
            if waits { Lane::Model } else { Lane::Fast }
        }
    }

    #[test]
    fn what_may_wait_for_a_model_is_seen_before_it_is_parsed() {
        let mcp = Mcp::new("1");
        let lanes: Arc<dyn Dispatch> = Arc::new(Lanes);
        mcp.connect(&lanes);
        let waits = |body: &str| {
            let mut request = Request::new(Method::Post, "/mcp", Headers::default(), None);
            request.body = body.as_bytes().to_vec();
            mcp.may_wait(&request)
        };
        assert!(!waits(r#"{"name":"memory_search","arguments":{"query":"x"}}"#));
        assert!(waits(r#"{"name":"memory_search","arguments":{"query":"x","aggregate":true}}"#));
        assert!(waits(r#"{"name":"signet_recall","arguments":{"query":"aggregates of steel"}}"#));
        assert!(!waits(r#"{"name":"memory_list","arguments":{"aggregate":true}}"#));
        assert!(waits(r#"{"name":"\u006demory_search","arguments":{"\u0061ggregate":true}}"#));
        assert!(waits(r#"{"name":"agent_message_send","arguments":{"content":"x","via":"acp"}}"#));
        assert!(!waits(r#"{"name":"agent_message_send","arguments":{"content":"x","via":"local"}}"#));
        assert!(!waits("{"));
    }
}
