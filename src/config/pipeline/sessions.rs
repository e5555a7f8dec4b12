//! Sessions: checkpoints, subagents, what is worth a summary.

use std::time::Duration;

use crate::settings;

settings! {
    /// Checkpoints of sessions.
    pub struct Continuity at "continuity" {
        /// Keep checkpoints.
        enabled: bool = "enabled", true;
        /// Prompts between two.
        every_prompts: i64 = "promptInterval", 10, 1.0 to 1_000.0;
        /// Time between two, ms.
        every: Duration = "timeIntervalMs", 900_000, 60_000.0 to 3_600_000.0;
        /// Kept per session.
        most: i64 = "maxCheckpointsPerSession", 50, 1.0 to 500.0;
        /// Days they are kept.
        days: i64 = "retentionDays", 7, 1.0 to 90.0;
        /// Characters of a recovery.
        recovery_chars: usize = "recoveryBudgetChars", 2_000, 200.0 to 10_000.0;
    }
}

settings! {
    /// What a subagent is told of its parent.
    pub struct Subagents at "subagents" {
        /// It is told anything at all.
        inherit: bool = "inheritContext", true;
        /// Characters of the end of its parent's transcript.
        tail_chars: usize = "tailChars", 3_000, 0.0 to 20_000.0;
    }
}

settings! {
    /// Which sessions are worth a summary.
    pub struct Significance at "significance" {
        /// Leave out those that are not.
        enabled: bool = "enabled", true;
        /// Least turns of a session that is worth it.
        least_turns: i64 = "minTurns", 5, 1.0 to 100.0;
        /// Least known entities named.
        least_entities: i64 = "minEntityOverlap", 1, 0.0 to 100.0;
        /// Least share of what is new.
        novelty: f64 = "noveltyThreshold", 0.15, 0.0 to 1.0;
    }
}
