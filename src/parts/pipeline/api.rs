//! What the routes of the pipeline answer.

use crate::answer;

answer! {
    /// A background job.
    pub struct JobAnswer {
        pub id: String = "id";
        pub memory_id: Option<String> = "memory_id";
        pub document_id: Option<String> = "document_id";
        pub job_type: String = "job_type";
        /// `pending`, `leased`, `completed` or `dead`.
        pub status: String = "status";
        pub attempt_count: i64 = "attempt_count";
        /// The same as `attempt_count`.
        pub attempts: i64 = "attempts";
        pub max_attempts: Option<i64> = "max_attempts";
        pub next_attempt_at: Option<String> = "next_attempt_at";
        pub last_error: Option<String> = "last_error";
        pub last_error_code: Option<String> = "last_error_code";
        /// The same as `last_error`.
        pub error: Option<String> = "error";
        pub leased_at: Option<String> = "leased_at";
        pub completed_at: Option<String> = "completed_at";
        pub failed_at: Option<String> = "failed_at";
        pub created_at: String = "created_at";
        pub updated_at: String = "updated_at";
    }
}

answer! {
    /// The worker that reads memories for facts.
    pub struct ExtractionWorker {
        pub running: bool = "running";
        pub overloaded: bool = "overloaded";
        pub load_per_cpu: Option<f64> = "loadPerCpu";
        pub max_load_per_cpu: f64 = "maxLoadPerCpu";
        pub overload_backoff_ms: i64 = "overloadBackoffMs";
        pub overload_since: Option<String> = "overloadSince";
        pub next_tick_in_ms: Option<i64> = "nextTickInMs";
    }
}

answer! {
    /// Which model reads memories, and why another than the configured one.
    pub struct ExtractionProvider {
        /// As the config names it, when it is a name we know.
        pub configured: Option<String> = "configured";
        /// With defaults filled in.
        pub resolved: String = "resolved";
        /// What is used now.
        pub effective: &'static str = "effective";
        pub fallback_provider: String = "fallbackProvider";
        /// `disabled`, `paused` or `blocked`.
        pub status: &'static str = "status";
        pub degraded: bool = "degraded";
        pub fallback_applied: bool = "fallbackApplied";
        pub reason: Option<&'static str> = "reason";
        pub since: Option<String> = "since";
    }
}

answer! {
    /// Which model writes summaries.
    pub struct SynthesisProvider {
        pub configured: Option<String> = "configured";
        pub resolved: String = "resolved";
        pub effective: Option<String> = "effective";
    }
}

answer! {
    /// Which models the pipeline asks.
    pub struct ProviderResolution {
        pub extraction: ExtractionProvider = "extraction";
        pub synthesis: SynthesisProvider = "synthesis";
    }
}
