//! What of `memory.pipelineV2` runs at all.

use std::time::Duration;

use crate::settings;

settings! {
    /// What runs at all.
    pub struct Switches at "" {
        /// The background pipeline.
        enabled: bool = "enabled", true;
        /// Workers idle, the queue is kept; set by the routes that pause and resume.
        paused: bool = "paused", false;
        /// Extract and log, write nothing.
        shadow_mode: bool = "shadowMode", false;
        /// Reported as mode `shadow`.
        native_shadow: bool = "nativeShadowEnabled", false;
        /// The kill switch: every change is answered with 503, reads go on.
        mutations_frozen: bool = "mutationsFrozen", false;
        /// Ask the model whether facts contradict each other.
        semantic_contradiction: bool = "semanticContradictionEnabled", true;
        /// How long that may take, ms.
        semantic_contradiction_time: Duration = "semanticContradictionTimeoutMs", 120_000, 5_000.0 to 300_000.0;
        /// Count events for the owner.
        telemetry: bool = "telemetryEnabled", false;
    }
}
