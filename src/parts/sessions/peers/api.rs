//! What the routes of live agents take and answer.

use std::sync::Arc;

use serde_json::Value;

use super::messages::{Message, MessageKind};
use super::presence::Presence;
use crate::http::input::{Flag, Loose, Nested, Object, Positive, Text};
use crate::parts::sessions::claims::RuntimePath;
use crate::parts::sessions::hooks::Short;
use crate::{answer, input, names, one_of};

/// Rows of a list, at most a thousand.
pub type Rows = Loose<Positive<1_000>>;

input! {
    /// Which live sessions are asked for.
    pub struct PresenceQuery in Query {
        /// The agent that asks.
        agent_id: Option<Short> = "agent_id" | "agentId";
        /// The session that asks: with it the agent's other sessions are shown too.
        session_key: Option<Short> = "session_key" | "sessionKey";
        /// Only of this project.
        project: Option<Short> = "project";
        /// Show the asking agent's own sessions.
        include_self: Loose<Flag> = "include_self";
        /// Rows of the answer; 50 when left out.
        limit: Rows = "limit";
    }
}

input! {
    /// A session that is live.
    pub struct PresenceBody in Body {
        /// The harness it runs in.
        harness: Short = "harness";
        /// The session; a second announcement of the same one replaces the first.
        session_key: Option<Short> = "sessionKey";
        /// Whose session it is.
        agent_id: Option<Short> = "agentId";
        /// Its project.
        project: Option<Short> = "project";
        /// The way by which its harness calls.
        runtime_path: Loose<RuntimePath> = "runtimePath";
        /// Who provides it; the harness when left out.
        provider: Option<Short> = "provider";
    }
}

input! {
    /// Whose inbox, and how much of it.
    pub struct MessagesQuery in Query {
        /// The agent that reads.
        agent_id: Option<Short> = "agent_id" | "agentId";
        /// The session that reads.
        session_key: Option<Short> = "session_key" | "sessionKey";
        /// Not older than this time.
        since: Option<Text> = "since";
        /// With what the agent has sent itself.
        include_sent: Loose<Flag> = "include_sent";
        /// With messages to everybody; yes when left out.
        include_broadcast: Loose<Flag> = "include_broadcast";
        /// Rows of the answer; 100 when left out.
        limit: Rows = "limit";
    }
}

names! {
    /// The way of a message that is not delivered here.
    pub enum Via {
        Acp = "acp",
        Local = "local",
    }
}

input! {
    /// An agent of another server.
    pub struct AcpInput in Inside {
        /// Its server.
        base_url: Short = "baseUrl" | "url";
        /// What that server calls it.
        agent_name: Short = "targetAgentName" | "agentName";
        /// How long the relay may take; 20000 when left out.
        timeout_ms: Loose<Positive<120_000>> = "timeoutMs";
        /// Goes with the message.
        metadata: Loose<Object> = "metadata";
    }
}

input! {
    /// A message to other agents.
    pub struct MessageBody in Body {
        /// The text, 65,536 characters at most.
        content: Text = "content";
        /// What it is for.
        kind: MessageKind = "type", default MessageKind::Info;
        /// Who writes.
        from_agent_id: Option<Short> = "fromAgentId";
        /// In which session.
        from_session_key: Option<Short> = "fromSessionKey";
        /// To this agent.
        to_agent_id: Option<Short> = "toAgentId";
        /// To this session.
        to_session_key: Option<Short> = "toSessionKey";
        /// To everybody.
        broadcast: Loose<Flag> = "broadcast";
        /// `acp` relays it to another server.
        via: Loose<Via> = "via";
        /// Which server and agent, with `via: acp`.
        acp: Option<Nested<AcpInput>> = "acp";
    }
}

input! {
    /// Who follows what happens.
    pub struct StreamQuery in Query {
        /// The agent that follows.
        agent_id: Option<Short> = "agent_id" | "agentId";
        /// Its session.
        session_key: Option<Short> = "session_key" | "sessionKey";
        /// Only sessions of this project.
        project: Option<Short> = "project";
        /// With the agent's own sessions.
        include_self: Loose<Flag> = "include_self";
        /// With what the agent has sent itself.
        include_sent: Loose<Flag> = "include_sent";
    }
}

input! {
    /// Whose session is taken away.
    pub struct RemovalQuery in Query {
        /// Its agent.
        agent_id: Option<Short> = "agent_id" | "agentId";
    }
}

answer! {
    /// Live sessions.
    pub struct PresenceList {
        /// Those heard of last first.
        pub sessions: Vec<Presence> = "sessions";
        pub count: usize = "count";
    }
}

answer! {
    /// A session was announced.
    pub struct Announced {
        pub presence: Presence = "presence";
    }
}

answer! {
    /// A session was taken away, or was not there.
    pub struct PresenceRemoved {
        pub removed: bool = "removed";
    }
}

answer! {
    /// An inbox.
    pub struct MessageList {
        /// Newest first.
        pub items: Vec<Message> = "items";
        pub count: usize = "count";
    }
}

answer! {
    /// A message was sent.
    pub struct Sent {
        pub message: Message = "message";
    }
}

answer! {
    /// A session has come, changed or gone.
    pub struct PresenceEvent {
        pub kind: &'static str = "type";
        /// `upsert` or `remove`.
        pub action: &'static str = "action";
        pub presence: Presence = "presence";
        pub active_count: usize = "activeCount";
        pub timestamp: String = "timestamp";
    }
}

answer! {
    /// A message was sent.
    pub struct MessageEvent {
        pub kind: &'static str = "type";
        pub message: Message = "message";
        pub timestamp: String = "timestamp";
    }
}

one_of! {
    /// What happens among agents.
    pub enum PeerEvent {
        Presence(PresenceEvent),
        Message(MessageEvent),
    }
}

answer! {
    /// The first event of a stream.
    pub struct Connected {
        pub kind: &'static str = "type";
        pub agent_id: String = "agentId";
        pub session_key: Option<String> = "sessionKey", if some;
        pub project: Option<String> = "project", if some;
        pub timestamp: String = "timestamp";
    }
}

answer! {
    /// The second: how things stand.
    pub struct Snapshot {
        pub kind: &'static str = "type";
        pub presence: Vec<Presence> = "presence";
        pub messages: Vec<Message> = "messages";
        pub timestamp: String = "timestamp";
    }
}

impl MessageList {
    pub fn of(messages: Vec<Arc<Message>>) -> Self {
        let items: Vec<Message> = messages.into_iter().map(Arc::unwrap_or_clone).collect();
        MessageList { count: items.len(), items }
    }
}

/// An event's JSON; what is serialised here always can be.
pub fn line(event: &impl serde::Serialize) -> String {
    serde_json::to_value(event).unwrap_or(Value::Null).to_string()
}
