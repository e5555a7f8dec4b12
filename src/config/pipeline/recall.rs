//! How recall works: graph, second look, feedback, lengths.

use std::time::Duration;

use crate::settings;

settings! {
    /// The knowledge graph.
    pub struct Graph at "graph" {
        /// Recall asks the graph, writes keep it.
        enabled: bool = "enabled" | "graphEnabled", true;
        /// Extracted facts become entities.
        extraction_writes: bool = "extractionWritesEnabled" | "graphExtractionWritesEnabled", true;
        /// How much a memory linked to the question's entities is raised.
        boost_weight: f64 = "boostWeight" | "graphBoostWeight", 0.15, 0.0 to 1.0;
        /// How long that may take, ms.
        boost_time: Duration = "boostTimeoutMs" | "graphBoostTimeoutMs", 500, 50.0 to 5_000.0;
    }
}

settings! {
    /// The walk through the graph.
    pub struct Traversal at "traversal" {
        /// Walk from the question's entities.
        enabled: bool = "enabled", true;
        /// Walked memories are candidates of their own; else the walk only raises candidates.
        primary: bool = "primary", true;
        /// Aspects looked at.
        aspects_per_entity: i64 = "maxAspectsPerEntity", 10, 1.0 to 100.0;
        /// Claims looked at.
        attributes_per_aspect: i64 = "maxAttributesPerAspect", 20, 1.0 to 200.0;
        /// Links followed one after the other.
        hops: usize = "maxDependencyHops", 10, 1.0 to 200.0;
        /// Least confidence × strength of a link.
        least_strength: f64 = "minDependencyStrength", 0.3, 0.0 to 1.0;
        /// Links followed per entity.
        branching: usize = "maxBranching", 4, 1.0 to 50.0;
        /// Memories found in all.
        memories: usize = "maxTraversalPaths", 50, 1.0 to 500.0;
        /// Least confidence of a link.
        least_confidence: f64 = "minConfidence", 0.5, 0.0 to 1.0;
        /// How long the walk may take, ms.
        time: Duration = "timeoutMs", 500, 50.0 to 5_000.0;
        /// How much a walked memory is raised.
        boost_weight: f64 = "boostWeight", 0.2, 0.0 to 1.0;
        /// Characters of constraints shown with the results.
        constraint_chars: usize = "constraintBudgetChars", 1_000, 200.0 to 10_000.0;
    }
}

settings! {
    /// The second look at the best candidates.
    pub struct Reranker at "reranker" {
        /// The best candidates are looked at again.
        enabled: bool = "enabled" | "rerankerEnabled", true;
        /// A model to do it; empty: by vectors.
        model: String = "model" | "rerankerModel", "";
        /// A language model judges the candidates.
        by_model: bool = "useExtractionModel" | "rerankerUseExtractionModel", false;
        /// Candidates looked at.
        most: usize = "topN" | "rerankerTopN", 20, 1.0 to 100.0;
        /// How long it may take, ms.
        time: Duration = "timeoutMs" | "rerankerTimeoutMs", 2_000, 100.0 to 30_000.0;
    }
}

settings! {
    /// What ratings teach the graph.
    pub struct Feedback at "feedback" {
        /// Ratings move weights.
        enabled: bool = "enabled", true;
        /// Weights nobody confirms sink.
        decay: bool = "decayEnabled", true;
        /// How far one rating moves a weight.
        step: f64 = "ftsWeightDelta", 0.02, 0.0 to 1.0;
        /// Greatest weight of an aspect.
        most_weight: f64 = "maxAspectWeight", 1.0, 0.0 to 1.0;
        /// Least weight of an aspect; never above the greatest.
        least_weight: f64 = "minAspectWeight", 0.1, 0.0 to 1.0;
        /// How far one decay moves a weight.
        decay_rate: f64 = "decayRate", 0.005, 0.0 to 1.0;
        /// Days without confirmation before that.
        stale_days: i64 = "staleDays", 14, 1.0 to 365.0;
        /// Sessions between two decays.
        decay_every: i64 = "decayIntervalSessions", 10, 1.0 to 1_000.0;
    }
}

settings! {
    /// Lengths of texts, in characters.
    pub struct Guardrails at "guardrails" {
        /// A longer memory is stored in chunks.
        max_content_chars: usize = "maxContentChars", 800, 50.0 to 100_000.0;
        /// The length of a chunk.
        chunk_target_chars: usize = "chunkTargetChars", 600, 50.0 to 50_000.0;
        /// Results are cut to this.
        recall_truncate_chars: usize = "recallTruncateChars", 500, 50.0 to 100_000.0;
        /// All of what a prompt is given.
        context_budget_chars: usize = "contextBudgetChars", 4_000, 200.0 to 100_000.0;
    }
}

impl Feedback {
    /// Least and greatest weight of an aspect.
    pub fn aspect_weights(&self) -> (f64, f64) {
        (self.least_weight.min(self.most_weight), self.most_weight)
    }
}
