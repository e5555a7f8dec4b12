//! What the routes of MEMORY.md take and answer.

use crate::http::input::Text;
use crate::parts::sessions::hooks::Short;
use crate::{answer, input};

input! {
    /// Whose MEMORY.md is rendered.
    pub struct RenderBody in MaybeBody {
        /// The agent.
        agent_id: Option<Short> = "agentId";
        /// A session of the agent.
        session_key: Option<Short> = "sessionKey";
    }
}

input! {
    /// A MEMORY.md that a client has made.
    pub struct CompleteBody in Body {
        /// Markdown.
        content: Text = "content";
        /// The agent: letters, digits and dashes.
        agent_id: Option<Short> = "agentId";
        /// A session of the agent.
        session_key: Option<Short> = "sessionKey";
    }
}

answer! {
    /// How MEMORY.md and summaries are made.
    pub struct SynthesisConfig {
        pub enabled: bool = "enabled";
        pub provider: String = "provider";
        pub model: String = "model";
        pub endpoint: Option<String> = "endpoint", if some;
        /// Milliseconds.
        pub timeout: i64 = "timeout";
        pub max_tokens: i64 = "maxTokens";
        pub idle_gap_minutes: i64 = "idleGapMinutes";
    }
}

answer! {
    /// MEMORY.md as it would be written.
    pub struct Rendered {
        pub harness: &'static str = "harness";
        pub model: &'static str = "model";
        /// The text.
        pub prompt: String = "prompt";
        /// Memories, threads, sessions and nodes in it.
        pub file_count: usize = "fileCount";
        /// The part about the newest nodes; may be empty.
        pub index_block: String = "indexBlock";
    }
}

answer! {
    /// It was written.
    pub struct Completed {
        pub success: bool = "success";
    }
}

answer! {
    /// What came of a run.
    pub struct Triggered {
        pub success: bool = "success";
        pub skipped: bool = "skipped";
        pub reason: Option<&'static str> = "reason", if some;
    }
}

answer! {
    /// Whether MEMORY.md is written by itself, and when it was last.
    pub struct SynthesisStatus {
        pub running: bool = "running";
        pub last_run_at: Option<String> = "lastRunAt";
        pub config: SynthesisConfig = "config";
    }
}
