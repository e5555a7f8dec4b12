//! Tools on the routes of `sessions`: past conversations, and other agents at work.

use serde_json::{Map, Value};

use super::{Arg, Hint, Kind, Method, PLAIN, Tool};

const SESSION_SEARCH: Tool = Tool {
    title: "Search past conversations",
    args: &[
        Arg::text("query", "The words you look for.").required(),
        Arg::text("session_key", "Only in this session.").sent_as("sessionKey"),
        Arg::text("current_session_key", "The key of your own session, which is left out.")
            .sent_as("currentSessionKey"),
        Arg::text("agent_id", "Whose conversations; leave it out unless you were told one.").sent_as("agentId"),
        Arg::text("project", "Only of this project: the absolute path of its folder."),
        Arg::new("limit", Kind::Clamped(1, 20), "How many passages; 10 when left out."),
    ],
    method: Method::Post,
    path: "/api/sessions/search",
    fails: "Session search failed",
    ..PLAIN
};

pub const TOOLS: &[Tool] = &[
    Tool {
        name: "session_search",
        about: "Finds passages in the transcripts of earlier conversations by their words: what was said, tried or decided, and in which \
                session. For facts use memory_search first. Comes back as JSON with hits, each an excerpt with its session.",
        ..SESSION_SEARCH
    },
    Tool {
        name: "signet_session_search",
        about: "The same search as session_search, under Signet's own name: passages in the transcripts of earlier conversations, by \
                their words. Comes back as JSON with hits.",
        ..SESSION_SEARCH
    },
    Tool {
        name: "session_bypass",
        title: "Pause memory for a session",
        about: "Turns the hooks of one session off or on: while it is bypassed nothing is put into its context and nothing of it is kept. \
                Only when the person asks for it.",
        args: &[
            Arg::text("session_key", "The key of the session.").sent_as("key").required(),
            Arg::new("enabled", Kind::Flag, "true to pause, false to go on.").required(),
            Arg::text("agent_id", "Whose session.").sent_as("?agent_id"),
        ],
        hint: Hint::Writes,
        method: Method::Post,
        path: "/api/sessions/:key/bypass",
        fails: "Bypass toggle failed",
        ..PLAIN
    },
    Tool {
        name: "lcm_expand",
        title: "Expand a summary",
        about: "Opens a summary of earlier sessions: what it is made of, above and below, and the transcript behind it. Use it when a \
                summary in your context is not enough and names its id. Comes back as JSON.",
        args: &[
            Arg::text("id", "The id of the summary.").required(),
            Arg::new("include_transcript", Kind::Flag, "With the transcript; it is when left out.")
                .sent_as("includeTranscript"),
            Arg::new("transcript_char_limit", Kind::Number, "Characters of the transcript; 2000 when left out.")
                .sent_as("transcriptCharLimit"),
        ],
        method: Method::Post,
        path: "/api/sessions/summaries/expand",
        fails: "Temporal expansion failed",
        ..PLAIN
    },
    Tool {
        name: "agent_peers",
        title: "Who else is at work",
        about: "Lists the sessions of agents that are at work now, with their project and when they were last seen. Use it before you \
                touch what another may be changing, or to find whom to write to. Comes back as JSON.",
        args: &[
            Arg::text("agent_id", "Your agent."),
            Arg::text("session_key", "Your session."),
            Arg::new("include_self", Kind::Flag, "Your own session too."),
            Arg::text("project", "Only of this project."),
            Arg::new("limit", Kind::Clamped(1, 200), "How many."),
        ],
        method: Method::Get,
        path: "/api/cross-agent/presence",
        fails: "Peer list failed",
        ..PLAIN
    },
    Tool {
        name: "agent_message_send",
        title: "Write to another agent",
        about: "Sends a message to another agent, to a session, or to all: a question, a decision, a request for help. Only for those who \
                are at work; what shall last belongs into memory_store. Say to whom: to_agent_id, to_session_key or broadcast.",
        args: &[
            Arg::text("content", "The message.").required(),
            Arg::text("from_agent_id", "Your agent.").sent_as("fromAgentId"),
            Arg::text("from_session_key", "Your session.").sent_as("fromSessionKey"),
            Arg::text("to_agent_id", "To this agent.").sent_as("toAgentId"),
            Arg::text("to_session_key", "To this session.").sent_as("toSessionKey"),
            Arg::new("broadcast", Kind::Flag, "To everybody."),
            Arg::new("type", Kind::Choice(&["assist_request", "decision_update", "info", "question"]), "What it is."),
            Arg::new("via", Kind::Choice(&["local", "acp"]), "acp relays it to an agent of another server."),
            Arg::text("acp_base_url", "With acp: the other server.").sent_as("baseUrl"),
            Arg::text("acp_target_agent_name", "With acp: what that server calls the agent.")
                .sent_as("targetAgentName"),
            Arg::new("acp_timeout_ms", Kind::Number, "With acp: how long the relay may take.").sent_as("timeoutMs"),
        ],
        hint: Hint::Writes,
        method: Method::Post,
        path: "/api/cross-agent/messages",
        fails: "Send failed",
        finish: Some(relay),
        ..PLAIN
    },
    Tool {
        name: "agent_message_inbox",
        title: "Read messages",
        about: "Reads the messages that other agents have sent to you or to all, newest first. Look when you begin a piece of work \
                others are part of. Comes back as JSON.",
        args: &[
            Arg::text("agent_id", "Your agent."),
            Arg::text("session_key", "Your session."),
            Arg::text("since", "Not older than this ISO time."),
            Arg::new("limit", Kind::Clamped(1, 500), "How many."),
            Arg::new("include_sent", Kind::Flag, "Those you have sent too."),
            Arg::new("include_broadcast", Kind::Flag, "Those to everybody; they are when left out."),
        ],
        method: Method::Get,
        path: "/api/cross-agent/messages",
        fails: "Inbox read failed",
        ..PLAIN
    },
];

/// What is said of a relay stands in an object of its own, and only where there is one.
fn relay(members: &mut Map<String, Value>) {
    let mut acp = Map::new();
    for name in ["baseUrl", "targetAgentName", "timeoutMs"] {
        if let Some(value) = members.shift_remove(name) {
            acp.insert(name.to_owned(), value);
        }
    }
    if members.get("via").is_some_and(|via| via == "acp") {
        members.insert("acp".to_owned(), Value::Object(acp));
    }
}
