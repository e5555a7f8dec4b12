//! MCP without a client's help: what the protocol says of odd messages, who may do what by a tool, and `signetd mcp`
//! while a daemon comes and goes.

mod common;

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use common::asking::Caller;
use common::{Daemon, QUIET, TEAM};
use serde_json::{Value, json};

/// A caller who sends JSON, as the protocol asks.
fn rpc(caller: Caller<'_>) -> Caller<'_> {
    caller.header("Content-Type", "application/json")
}

fn post(caller: &Caller<'_>, body: &Value) -> common::Answer {
    caller.send("POST", "/mcp", body.to_string().as_bytes())
}

fn call(caller: &Caller<'_>, tool: &str, arguments: Value) -> (bool, String) {
    let message =
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}});
    let result = post(caller, &message).expect(200).json()["result"].clone();
    (result["isError"] == true, result["content"][0]["text"].as_str().unwrap().to_owned())
}

#[test]
fn odd_messages_are_answered_as_the_protocol_says() {
    let daemon = Daemon::start(QUIET);
    let anyone = rpc(daemon.as_nobody());
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let many = Value::from(vec![ping.clone(); 101]).to_string();
    for (body, status, code) in [
        ("{half", 400, -32_700),
        ("", 400, -32_700),
        ("7", 400, -32_700),
        (r#"[[]]"#, 400, -32_700),
        (r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, 400, -32_700),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, 400, -32_700),
        (deep.as_str(), 400, -32_700),
        (many.as_str(), 400, -32_600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping/ping"}"#, 200, -32_601),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]}"#, 200, -32_602),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":7}}"#, 200, -32_602),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"memory_get","arguments":"x"}}"#,
            200,
            -32_602,
        ),
        (r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18"}}"#, 200, -32_602),
    ] {
        let answer = anyone.send("POST", "/mcp", body.as_bytes()).expect(status).json();
        assert_eq!(answer["error"]["code"], code, "{}", &body[..body.len().min(80)]);
    }
    for (header, value, status) in [
        ("Accept", "text/html", 406),
        ("Accept", "*/*", 200),
        ("Accept", "application/json", 200),
        ("Mcp-Session-Id", "gone", 200),
        ("MCP-Protocol-Version", "2024-11-05", 200),
        ("MCP-Protocol-Version", "tomorrow", 400),
        ("Origin", "http://evil.example", 403),
    ] {
        post(&rpc(daemon.as_nobody()).header(header, value), &ping).expect(status);
    }
    for (method, status) in [("GET", 405), ("PUT", 405), ("PATCH", 405), ("DELETE", 200)] {
        let answer = anyone.send(method, "/mcp", b"{}").expect(status);
        assert_eq!(answer.head.contains("Allow: POST, DELETE"), status == 405, "{method}");
    }
    daemon.get("/health").expect(200);
}

#[test]
fn answers_have_data_beside_the_text_for_who_knows_of_it() {
    let daemon = Daemon::start(QUIET);
    daemon.remember("The ferry leaves at noon");
    let search = json!({"jsonrpc": "2.0", "id": "s", "method": "tools/call",
        "params": {"name": "memory_search", "arguments": {"query": "ferry", "limit": 3}}});
    let older = post(&rpc(daemon.as_nobody()), &search).expect(200).json();
    assert_eq!((older["id"].as_str(), older["result"].get("structuredContent")), (Some("s"), None));
    let newer = post(&rpc(daemon.as_nobody()).header("MCP-Protocol-Version", "2025-06-18"), &search).expect(200).json();
    assert_eq!(newer["result"]["structuredContent"]["results"][0]["content"], "The ferry leaves at noon");
    // whatever words a question has, and however its message is escaped
    for query in
        ["the aggregate root of ferries", r"C:\users\ferry", "ferry \u{1b}[0m", "say \"aggregate\" to the ferry"]
    {
        let (failed, text) = call(&rpc(daemon.as_nobody()), "memory_search", json!({"query": query}));
        assert!(!failed, "{query}: {text}");
    }
    let escaped = r#"{"jsonrpc":"2.0","id":1,"method":"tools\/call","params":{"name":"\u006demory_search","arguments":{"query":"ferry"}}}"#;
    let answer = rpc(daemon.as_nobody()).send("POST", "/mcp", escaped.as_bytes()).expect(200).json();
    assert!(answer["result"]["content"][0]["text"].as_str().unwrap().contains("leaves at noon"), "{answer}");
    let (failed, text) = call(&rpc(daemon.as_nobody()), "agent_message_send", json!({"content": "x", "via": "acp"}));
    assert!(failed && text.contains("acp"), "the route says what is missing: {text}");
    let (failed, text) = call(
        &rpc(daemon.as_nobody()),
        "memory_search",
        json!({"query": "x", "time": {"start": "2026-11-03", "mode": "x"}}),
    );
    assert!(failed && text.starts_with("MCP error -32602: time.mode must be"), "{text}");
    // the calls of a list see each other
    let store = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "memory_store", "arguments": {"content": "The kiln is hot", "hints": ["kiln heat"]}}});
    let list = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "memory_list"}});
    let both = post(&rpc(daemon.as_nobody()), &json!([store, list])).expect(200).json();
    assert!(both[1]["result"]["content"][0]["text"].as_str().unwrap().contains("The kiln is hot"), "{both}");
    // and histories say who it was
    let stored = serde_json::from_str::<Value>(both[0]["result"]["content"][0]["text"].as_str().unwrap()).unwrap();
    let (id, anyone) = (stored["id"].as_str().unwrap(), rpc(daemon.as_nobody()));
    assert!(!call(&anyone, "memory_modify", json!({"id": id, "reason": "cooled", "content": "The kiln is cold"})).0);
    let history = daemon.get(&format!("/api/memory/{id}/history")).expect(200).json();
    assert!(history.to_string().contains("mcp-server"), "{history}");
}

#[test]
fn a_tool_can_do_what_its_route_lets_the_caller_do() {
    let daemon = Daemon::start(&format!("{QUIET}{TEAM}"));
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    post(&rpc(daemon.as_nobody()), &ping).expect(401);
    daemon.as_nobody().header("Accept", "text/html").get("/mcp").expect(401);
    let admin = daemon.as_role("admin");
    let note = |content: &str, project: &str| admin.memory(content).project(project).save();
    let (mine, foreign) = (note("The mill grinds rye", "/srv/a"), note("The mill grinds wheat", "/srv/b"));
    let scoped = rpc(daemon.as_role("agent").scoped_to("/srv/a"));
    let (failed, found) = call(&scoped, "memory_search", json!({"query": "mill grinds"}));
    let (_, asked_for) = call(&scoped, "memory_search", json!({"query": "mill grinds", "project": "/srv/b"}));
    assert!(!asked_for.contains("wheat"), "{asked_for}");
    assert!(!failed && found.contains(&mine) && !found.contains(&foreign), "{found}");
    for (tool, arguments) in [
        ("memory_get", json!({"id": foreign})),
        ("memory_forget", json!({"id": foreign, "reason": "x"})),
        ("memory_modify", json!({"id": foreign, "reason": "x", "content": "changed"})),
    ] {
        let (failed, text) = call(&scoped, tool, arguments);
        assert!(failed, "{tool}: {text}");
    }
    assert_eq!(admin.get(&format!("/api/memory/{foreign}")).expect(200).json()["content"], "The mill grinds wheat");
    // what it stores belongs where it is bound to, and to the agent that a header names
    let (failed, text) =
        call(&scoped, "memory_store", json!({"content": "The mill is old", "hints": ["age of the mill"]}));
    assert!(!failed, "{text}");
    assert_eq!(
        admin.ask(&json!({"query": "old mill", "project": "/srv/a"}))["results"][0]["content"],
        "The mill is old"
    );
    let ann = rpc(daemon.as_role("agent")).header("x-signet-agent-id", "ann");
    assert!(!call(&ann, "memory_store", json!({"content": "Ann likes rye", "hints": ["what does ann like"]})).0);
    let rows = common::open(&daemon.database());
    let owner: String =
        rows.query_row("SELECT agent_id FROM memories WHERE content = 'Ann likes rye'", [], |row| row.get(0)).unwrap();
    assert_eq!(owner, "ann");
    let reader = rpc(daemon.as_role("readonly"));
    let (failed, text) = call(&reader, "memory_store", json!({"content": "c", "hints": ["hints"]}));
    assert!(failed && text.starts_with("Store failed: {") && text.contains("permission"), "{text}");
    assert!(!call(&reader, "memory_list", json!({})).0);
}

#[test]
fn calls_are_counted_by_the_rate_of_their_route() {
    let daemon = Daemon::start(&format!("{QUIET}auth:\n  mode: team\n  rateLimits:\n    forget: {{max: 1}}\n"));
    let admin = rpc(daemon.as_role("admin"));
    let forget = json!({"id": "nobody", "reason": "x"});
    let (first, second) = (call(&admin, "memory_forget", forget.clone()), call(&admin, "memory_forget", forget));
    assert!(first.1.contains("not found") && second.0, "{first:?}");
    assert!(second.1.starts_with("Forget failed: {") && second.1.contains("rate limit"), "{second:?}");
    assert!(!call(&admin, "memory_list", json!({})).0, "other routes go on");
}

/// `signetd mcp` at work.
struct Bridge {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Bridge {
    fn start(daemon: &Daemon, arguments: &[&str]) -> Self {
        let mut command = daemon.command(&[&["mcp"], arguments].concat());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let (input, output) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        Bridge { child, input, output }
    }

    fn say(&mut self, line: &str) {
        let input = self.input.as_mut().unwrap();
        input.write_all(line.as_bytes()).unwrap();
        input.flush().unwrap();
    }

    fn hear(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON: {line}"))
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.say(&format!("{}\n", json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})));
        self.hear()
    }

    /// Whether a search finds the mill.
    fn finds(&mut self) -> bool {
        let answer = self.ask("tools/call", json!({"name": "memory_search", "arguments": {"query": "mill"}}));
        answer["result"]["content"][0]["text"].as_str().unwrap_or_default().contains("The mill turns")
    }

    /// Ends its input; what it says still.
    fn end(mut self) -> String {
        drop(self.input.take());
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut self.output, &mut rest).unwrap();
        assert!(self.child.wait().unwrap().success());
        rest
    }
}

#[test]
fn standard_input_works_with_and_without_a_daemon() {
    let mut daemon = Daemon::prepare(QUIET);
    let mut bridge = Bridge::start(&daemon, &[]);
    let hello =
        json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    assert_eq!(bridge.ask("initialize", hello)["result"]["protocolVersion"], "2025-06-18");
    bridge.say("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n\n");
    let arguments = json!({"content": "The mill turns", "hints": ["what does the mill do"]});
    let stored = bridge.ask("tools/call", json!({"name": "memory_store", "arguments": arguments}));
    assert_eq!(
        stored["result"]["structuredContent"]["content"], "The mill turns",
        "no daemon: the workspace is opened"
    );
    // a second client and then a daemon take the workspace over while the first is idle
    let mut second = Bridge::start(&daemon, &[]);
    assert!(second.finds() && bridge.finds());
    daemon.boot();
    assert!(bridge.finds() && second.finds());
    daemon.end(rustix::process::Signal::KILL);
    assert!(bridge.finds(), "the daemon was killed");
    assert_eq!(second.end(), "");
    daemon.boot();
    assert!(bridge.finds());
    bridge.say("{half a line\n");
    assert_eq!(bridge.hear()["error"]["code"], -32_700);
    bridge.say(r#"{"jsonrpc":"2.0","id":"#);
    assert!(bridge.end().contains("-32700"), "half a message at the end");
}

#[test]
fn standard_input_says_what_a_server_elsewhere_refuses() {
    let daemon = Daemon::start(&format!("{QUIET}{TEAM}"));
    let call = json!({"name": "memory_list", "arguments": {}});
    let mut nobody = Bridge::start(&daemon, &[]);
    let answer = nobody.ask("tools/call", call.clone());
    assert!(answer["id"] == 1 && answer["error"]["message"].as_str().unwrap().contains("401"), "{answer}");
    let bearer = daemon.bearer(&["--role", "readonly"]);
    let mut known = Bridge::start(&daemon, &["--api-key", bearer.strip_prefix("Bearer ").unwrap()]);
    assert_eq!(known.ask("tools/call", call.clone())["result"].get("isError"), None);
    // nobody listens there, and another's workspace is not to be opened: tools are known, calls fail
    let nowhere = format!("http://127.0.0.1:{}", common::free_port());
    let mut lost = Bridge::start(&daemon, &["--url", &nowhere]);
    assert!(lost.ask("tools/list", json!({}))["result"]["tools"].as_array().unwrap().len() > 10);
    assert_eq!(lost.ask("tools/call", call)["result"]["isError"], true);
    for bridge in [nobody, known, lost] {
        bridge.end();
    }
}
