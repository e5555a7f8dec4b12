//! What the routes of evidence take and answer.

use serde_json::{Map, Value};

use crate::http::input::{Clamped, LongText, Text};
use crate::{answer, input};

type Short = LongText<2_000>;

input! {
    /// Which sessions have evidence.
    pub struct BlackboxQuery in Query {
        /// Whose.
        agent_id: Option<Short> = "agent_id" | "agentId";
        /// Only of this project.
        project: Option<Short> = "project";
        /// Rows of the answer.
        limit: Clamped<50, 1, 100> = "limit";
    }
}

input! {
    /// Which evidence of a session.
    pub struct ReplayQuery in Query {
        /// Whose session.
        agent_id: Option<Short> = "agent_id" | "agentId";
        /// Only of this project.
        project: Option<Short> = "project";
        /// The moment that is looked at; the last event when left out.
        at: Option<Text> = "at";
        /// Events of the answer.
        limit: Clamped<500, 1, 500> = "limit";
    }
}

answer! {
    /// A session with evidence.
    pub struct BlackboxSession {
        pub session_key: String = "sessionKey";
        pub agent_id: String = "agentId";
        pub project: Option<String> = "project";
        pub last_at: String = "lastAt";
        pub recall_events: i64 = "recallEvents";
        pub artifact_events: i64 = "artifactEvents";
    }
}

answer! {
    /// Sessions with evidence.
    pub struct BlackboxList {
        pub agent_id: String = "agentId";
        pub project: Option<String> = "project", if some;
        /// Newest first.
        pub sessions: Vec<BlackboxSession> = "sessions";
        pub count: usize = "count";
    }
}

answer! {
    /// What an event is about.
    pub struct EvidenceRef {
        /// `memory`, `source`, `source_artifact` or `assertion`.
        pub kind: &'static str = "kind";
        pub id: String = "id";
        pub label: String = "label";
        pub score: Option<f64> = "score", if some;
        pub status: Option<String> = "status", if some;
        pub source_path: Option<String> = "sourcePath", if some;
    }
}

answer! {
    /// Something that happened in a session.
    pub struct EvidenceEvent {
        pub id: String = "id";
        pub kind: &'static str = "kind";
        pub at: String = "at";
        pub title: String = "title";
        pub detail: String = "detail";
        pub refs: Vec<EvidenceRef> = "refs";
        pub payload: Map<String, Value> = "payload";
    }
}

answer! {
    /// What may have led to what came next.
    pub struct Influence {
        pub event_id: String = "eventId";
        pub at: String = "at";
        pub refs: Vec<EvidenceRef> = "refs";
        pub reason: &'static str = "reason";
    }
}

answer! {
    /// How things stood at a moment.
    pub struct Frame {
        pub at: String = "at";
        pub active_ref_count: usize = "activeRefCount";
        pub active_refs: Vec<EvidenceRef> = "activeRefs";
        pub likely_influences: Vec<Influence> = "likelyInfluences";
        pub warnings: Vec<&'static str> = "warnings";
    }
}

answer! {
    /// A session's evidence.
    pub struct Replay {
        pub session_key: String = "sessionKey";
        pub agent_id: String = "agentId";
        pub generated_at: String = "generatedAt";
        pub event_count: usize = "eventCount";
        /// Oldest first.
        pub events: Vec<EvidenceEvent> = "events";
        pub frame: Frame = "frame";
    }
}
