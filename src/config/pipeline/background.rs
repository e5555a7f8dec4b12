//! Upkeep: repairs, the graph's order, skills, reflections, telemetry.

use std::time::Duration;

use crate::{names, settings};

names! {
    /// What upkeep does with what it finds.
    pub enum MaintenanceMode {
        Execute = "execute",
        Observe = "observe",
    }
}

settings! {
    /// Upkeep that nobody asked for.
    pub struct Autonomous at "autonomous" {
        /// Upkeep runs at all.
        enabled: bool = "enabled" | "autonomousEnabled", true;
        /// Look, change nothing.
        frozen: bool = "frozen" | "autonomousFrozen", false;
        /// It may change and delete memories.
        may_change: bool = "allowUpdateDelete" | "allowUpdateDelete", true;
        /// Between two turns, ms.
        every: Duration = "maintenanceIntervalMs" | "maintenanceIntervalMs", 1_800_000, 60_000.0 to 86_400_000.0;
        /// Repair, or only report.
        mode: MaintenanceMode = "maintenanceMode" | "maintenanceMode", MaintenanceMode::Execute;
    }
}

settings! {
    /// How often repairs may run.
    pub struct Repair at "repair" {
        /// Between two re-embeddings, ms.
        reembed_cooldown: Duration = "reembedCooldownMs" | "repairReembedCooldownMs", 300_000, 10_000.0 to 3_600_000.0;
        /// Re-embeddings in an hour.
        reembed_hourly: i64 = "reembedHourlyBudget" | "repairReembedHourlyBudget", 10, 1.0 to 1_000.0;
        /// Between two requeueings of dead jobs, ms.
        requeue_cooldown: Duration = "requeueCooldownMs" | "repairRequeueCooldownMs", 60_000, 5_000.0 to 3_600_000.0;
        /// Requeueings in an hour.
        requeue_hourly: i64 = "requeueHourlyBudget" | "repairRequeueHourlyBudget", 50, 1.0 to 1_000.0;
        /// Between two deduplications, ms.
        dedup_cooldown: Duration = "dedupCooldownMs" | "repairDedupCooldownMs", 600_000, 10_000.0 to 3_600_000.0;
        /// Deduplications in an hour.
        dedup_hourly: i64 = "dedupHourlyBudget" | "repairDedupHourlyBudget", 3, 1.0 to 100.0;
        /// Similarity from which two memories are the same.
        dedup_threshold: f64 = "dedupSemanticThreshold" | "repairDedupSemanticThreshold", 0.92, 0.0 to 1.0;
        /// Memories of one turn.
        dedup_batch: usize = "dedupBatchSize" | "repairDedupBatchSize", 100, 10.0 to 1_000.0;
    }
}

settings! {
    /// Keeping the graph in order.
    pub struct Structural at "structural" {
        /// Classify claims and find links.
        enabled: bool = "enabled", false;
        /// Write summaries of entities.
        synthesis: bool = "synthesisEnabled", false;
        /// Claims classified at once.
        classify_batch: usize = "classifyBatchSize", 8, 1.0 to 20.0;
        /// Links looked for at once.
        dependency_batch: usize = "dependencyBatchSize", 5, 1.0 to 10.0;
        /// Between two looks for work, ms.
        poll: Duration = "pollIntervalMs", 10_000, 2_000.0 to 120_000.0;
        /// Between two summaries, ms.
        synthesis_every: Duration = "synthesisIntervalMs", 60_000, 10_000.0 to 600_000.0;
        /// Entities summarised.
        synthesis_entities: usize = "synthesisTopEntities", 20, 5.0 to 100.0;
        /// Facts of a summary.
        synthesis_facts: usize = "synthesisMaxFacts", 10, 3.0 to 50.0;
        /// A summary that stalls this long is dropped, ms; 0: never.
        synthesis_stall: Duration = "synthesisMaxStallMs" | "dependencySynthesis.maxStallMs", 1_800_000, 0.0 to 86_400_000.0;
        /// Newer claims replace older ones.
        supersession: bool = "supersessionEnabled", true;
        /// Also those that were there before.
        supersession_sweep: bool = "supersessionSweepEnabled", true;
        /// Ask a model where names do not tell.
        supersession_by_meaning: bool = "supersessionSemanticFallback", false;
        /// Least confidence of that answer.
        supersession_confidence: f64 = "supersessionMinConfidence", 0.7, 0.1 to 1.0;
    }
}

settings! {
    /// Which extracted facts are worth writing.
    pub struct WriteGate at "writeGate" {
        /// Leave out those that are not.
        enabled: bool = "enabled" | "writeGateEnabled", true;
        /// Least surprise of a fact.
        threshold: f64 = "threshold" | "writeGateThreshold", 0.4, 0.0 to 1.0;
        /// Less for facts that go on with what is known.
        discount: f64 = "continuityDiscount" | "writeGateContinuityDiscount", 0.15, 0.0 to 1.0;
    }
}

settings! {
    /// Memories of how things are done.
    pub struct Procedural at "procedural" {
        /// They are kept.
        enabled: bool = "enabled", true;
        /// What remains of their importance each day.
        decay_rate: f64 = "decayRate", 0.99, 0.0 to 1.0;
        /// They do not sink below this.
        least_importance: f64 = "minImportance", 0.3, 0.0 to 1.0;
        /// Importance of a skill that is installed.
        importance: f64 = "importanceOnInstall", 0.7, 0.0 to 1.0;
        /// Ask a model to describe it.
        enrich: bool = "enrichOnInstall", true;
        /// Characters from which its own description will do.
        least_description: usize = "enrichMinDescription", 30, 10.0 to 500.0;
        /// Between two looks at the skills' folder, ms.
        reconcile_every: Duration = "reconcileIntervalMs", 60_000, 10_000.0 to 600_000.0;
    }
}

settings! {
    /// The list of known models.
    pub struct ModelRegistry at "modelRegistry" {
        /// The list is kept.
        enabled: bool = "enabled", true;
        /// Between two looks, ms.
        every: Duration = "refreshIntervalMs", 3_600_000, 60_000.0 to 86_400_000.0;
    }
}

settings! {
    /// A daily summary.
    pub struct Reflections at "reflections" {
        /// It is written.
        enabled: bool = "enabled", true;
        /// When, as a line of cron.
        schedule: String = "schedule", "0 8 * * *";
        /// Who writes it.
        model: String = "model", "qwen3:4b";
        /// How long that may take, ms.
        time: Duration = "timeout", 120_000, 5_000.0 to 300_000.0;
        /// Tokens of it.
        most_tokens: i64 = "maxTokens", 4_000, 500.0 to 16_000.0;
        /// Hours it looks back.
        hours: i64 = "timeWindowHours", 24, 1.0 to 168.0;
        /// Memories it looks at.
        memories: usize = "maxMemories", 50, 5.0 to 500.0;
        /// Session summaries it looks at.
        summaries: usize = "maxSummaries", 10, 1.0 to 50.0;
    }
}

settings! {
    /// Events counted for the owner; nothing is sent anywhere.
    pub struct Telemetry at "telemetry" {
        /// Of the reference daemon; nothing is sent.
        host: String = "posthogHost", "";
        /// Between two writes, ms.
        flush_every: Duration = "flushIntervalMs", 60_000, 5_000.0 to 600_000.0;
        /// Events of one write.
        batch: usize = "flushBatchSize", 50, 1.0 to 500.0;
        /// Days they are kept.
        days: i64 = "retentionDays", 90, 1.0 to 365.0;
        /// Keep questions and results of recall for review.
        keep_searches: bool = "memorySearchQaEnabled", false;
    }
}
