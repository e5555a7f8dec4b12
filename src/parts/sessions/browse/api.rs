//! What the routes of sessions take and answer.

use crate::http::input::{Clamped, LongText, Text, UnlessFalse};
use crate::parts::sessions::claims::RuntimePath;
use crate::parts::sessions::store::search::Hit;
use crate::parts::sessions::store::summaries::Node;
use crate::{answer, input, names};

type Short = LongText<2_000>;
/// Of a body a number, of a query such a text.
type Limit = Clamped<10, 1, 20>;

input! {
    /// Whose sessions.
    pub struct AgentQuery in Query {
        /// The agent.
        agent_id: Option<Short> = "agent_id" | "agentId";
    }
}

input! {
    /// What is looked for in earlier conversations.
    pub struct SearchBody in Either {
        /// The words.
        query: Text = "query";
        /// Only this session.
        session_key: Option<Short> = "sessionKey" | "session_key";
        /// Not this one; a sub-agent looks into the session that started it.
        current: Option<Short> = "currentSessionKey" | "current_session_key";
        /// Whose conversations.
        agent_id: Option<Short> = "agentId" | "agent_id";
        /// Only of this project.
        project: Option<Short> = "project";
        /// Rows of the answer.
        limit: Limit = "limit";
    }
}

input! {
    /// Which summaries.
    pub struct SummaryQuery in Query {
        /// Whose.
        agent_id: Option<Short> = "agent_id" | "agentId";
        /// A session of the agent.
        session_key: Option<Short> = "session_key" | "sessionKey";
        /// Only of this project.
        project: Option<Short> = "project";
        /// 0 for sessions, 1 for several of them, 2 for many.
        depth: Option<Text> = "depth";
        /// Rows of the answer.
        limit: Clamped<50, 0, 200> = "limit";
        /// Rows left out before them.
        offset: Clamped<0, 0, 1_000_000_000> = "offset";
    }
}

input! {
    /// The summary that is looked into.
    pub struct ExpandBody in Body {
        /// Its id.
        id: Text = "id";
        /// With the transcript it was made of, if that is stored still.
        include_transcript: UnlessFalse = "includeTranscript";
        /// Characters of the transcript.
        chars: Clamped<2_000, 400, 12_000> = "transcriptCharLimit";
        /// Whose summary.
        agent_id: Option<Short> = "agentId";
        /// A session of the agent.
        session_key: Option<Short> = "sessionKey";
    }
}

names! {
    /// By which runtime a session is claimed.
    pub enum ClaimedBy {
        Plugin = "plugin",
        Legacy = "legacy",
        Unknown = "unknown",
    }
}

impl From<Option<RuntimePath>> for ClaimedBy {
    fn from(path: Option<RuntimePath>) -> Self {
        match path {
            Some(RuntimePath::Plugin) => ClaimedBy::Plugin,
            Some(RuntimePath::Legacy) => ClaimedBy::Legacy,
            None => ClaimedBy::Unknown,
        }
    }
}

answer! {
    /// A live session.
    pub struct LiveSession {
        pub key: String = "key";
        pub agent_id: Option<String> = "agentId", if some;
        pub runtime_path: ClaimedBy = "runtimePath";
        pub claimed_at: String = "claimedAt";
        /// Null for one that nobody has claimed.
        pub expires_at: Option<String> = "expiresAt";
        pub bypassed: bool = "bypassed";
    }
}

answer! {
    /// An agent's live sessions.
    pub struct LiveSessions {
        /// Newest first.
        pub sessions: Vec<LiveSession> = "sessions";
        pub count: usize = "count";
    }
}

answer! {
    /// A bypass was switched.
    pub struct Bypassed {
        pub key: String = "key";
        pub bypassed: bool = "bypassed";
    }
}

answer! {
    /// A session was renewed.
    pub struct Renewed {
        pub key: String = "key";
        pub renewed: bool = "renewed";
        pub expires_at: Option<String> = "expiresAt", if some;
    }
}

answer! {
    /// What a session said.
    pub struct TranscriptAnswer {
        pub session_key: String = "sessionKey";
        pub agent_id: String = "agentId";
        /// A line per turn.
        pub content: String = "content";
    }
}

answer! {
    /// A conversation that was found.
    pub struct SearchHit {
        pub session_key: String = "sessionKey";
        pub project: Option<String> = "project";
        pub updated_at: String = "updatedAt";
        pub excerpt: String = "excerpt";
        pub rank: f64 = "rank";
    }
}

answer! {
    /// Conversations that were found.
    pub struct SearchAnswer {
        pub query: String = "query";
        /// Best first.
        pub hits: Vec<SearchHit> = "hits";
        pub count: usize = "count";
    }
}

impl SearchAnswer {
    pub fn of(query: String, hits: Vec<Hit>) -> Self {
        let hit = |hit: Hit| SearchHit {
            session_key: hit.session_key,
            project: hit.project,
            updated_at: hit.updated_at,
            excerpt: hit.excerpt,
            rank: hit.rank,
        };
        SearchAnswer { query, count: hits.len(), hits: hits.into_iter().map(hit).collect() }
    }
}

answer! {
    /// What a session, or several, were about.
    pub struct SummaryRow {
        pub id: String = "id";
        pub project: Option<String> = "project";
        pub depth: i64 = "depth";
        pub kind: String = "kind";
        pub content: String = "content";
        pub token_count: Option<i64> = "token_count";
        pub earliest_at: String = "earliest_at";
        pub latest_at: String = "latest_at";
        pub session_key: Option<String> = "session_key";
        pub harness: Option<String> = "harness";
        pub agent_id: String = "agent_id";
        pub source_type: Option<String> = "source_type";
        pub source_ref: Option<String> = "source_ref";
        pub meta_json: Option<String> = "meta_json";
        pub created_at: String = "created_at";
        pub child_count: i64 = "childCount";
    }
}

answer! {
    /// Summaries.
    pub struct SummaryList {
        /// Newest first.
        pub summaries: Vec<SummaryRow> = "summaries";
        /// Of all pages.
        pub total: i64 = "total";
    }
}

impl From<(Node, i64)> for SummaryRow {
    fn from((node, child_count): (Node, i64)) -> Self {
        SummaryRow {
            id: node.id,
            project: node.project,
            depth: node.depth,
            kind: node.kind,
            content: node.content,
            token_count: node.token_count,
            earliest_at: node.earliest_at,
            latest_at: node.latest_at,
            session_key: node.session_key,
            harness: node.harness,
            agent_id: node.agent,
            source_type: node.source_type,
            source_ref: node.source_ref,
            meta_json: node.meta_json,
            created_at: node.created_at,
            child_count,
        }
    }
}

answer! {
    /// The same as a summary's row, in other names.
    pub struct SummaryNode {
        pub id: String = "id";
        pub project: Option<String> = "project";
        pub depth: i64 = "depth";
        pub kind: String = "kind";
        pub content: String = "content";
        pub token_count: Option<i64> = "tokenCount";
        pub earliest_at: String = "earliestAt";
        pub latest_at: String = "latestAt";
        pub session_key: Option<String> = "sessionKey";
        pub harness: Option<String> = "harness";
        pub agent_id: String = "agentId";
        pub source_type: Option<String> = "sourceType";
        pub source_ref: Option<String> = "sourceRef";
        pub meta_json: Option<String> = "metaJson";
        pub created_at: String = "createdAt";
    }
}

impl From<Node> for SummaryNode {
    fn from(node: Node) -> Self {
        SummaryNode {
            id: node.id,
            project: node.project,
            depth: node.depth,
            kind: node.kind,
            content: node.content,
            token_count: node.token_count,
            earliest_at: node.earliest_at,
            latest_at: node.latest_at,
            session_key: node.session_key,
            harness: node.harness,
            agent_id: node.agent,
            source_type: node.source_type,
            source_ref: node.source_ref,
            meta_json: node.meta_json,
            created_at: node.created_at,
        }
    }
}

answer! {
    /// A memory that belongs to a summary.
    pub struct LinkedMemory {
        pub id: String = "id";
        pub content: String = "content";
        pub kind: String = "type";
        /// Nothing for one that is gone for good.
        pub created_at: Option<String> = "createdAt";
        pub deleted: bool = "deleted";
    }
}

answer! {
    /// The conversation behind a summary.
    pub struct ExpandedTranscript {
        pub session_key: String = "sessionKey";
        pub harness: Option<String> = "harness";
        pub project: Option<String> = "project";
        pub updated_at: String = "updatedAt";
        pub excerpt: String = "excerpt";
        pub content: String = "content";
    }
}

answer! {
    /// A summary with what stands around it.
    pub struct Expanded {
        pub node: SummaryNode = "node";
        pub parents: Vec<SummaryNode> = "parents";
        pub children: Vec<SummaryNode> = "children";
        /// Newest first.
        pub linked_memories: Vec<LinkedMemory> = "linkedMemories";
        pub transcript: Option<ExpandedTranscript> = "transcript", if some;
    }
}
