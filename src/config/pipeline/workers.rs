//! Workers: the queue, hints, vectors, documents.

use std::time::Duration;

use crate::settings;

settings! {
    /// The worker that takes jobs from the queue.
    pub struct Worker at "worker" {
        /// Between two looks for work, ms.
        poll: Duration = "pollMs" | "workerPollMs", 2_000, 100.0 to 60_000.0;
        /// Attempts of a job before it is dead.
        most_attempts: i64 = "maxRetries" | "workerMaxRetries", 3, 1.0 to 10.0;
        /// A job that is held longer is taken back, ms.
        lease: Duration = "leaseTimeoutMs" | "leaseTimeoutMs", 300_000, 10_000.0 to 600_000.0;
        /// It waits while the machine's load per processor is above this.
        max_load_per_cpu: f64 = "maxLoadPerCpu" | "workerMaxLoadPerCpu", 0.8, 0.1 to 8.0;
        /// How long it waits then, ms.
        overload_backoff: Duration = "overloadBackoffMs" | "workerOverloadBackoffMs", 30_000, 1_000.0 to 300_000.0;
        /// Of the reference daemon; no effect here.
        threaded_extraction: bool = "threadedExtraction", true;
    }
}

settings! {
    /// Taking in documents.
    pub struct DocumentIntake at "documents" {
        /// Between two looks for documents, ms.
        every: Duration = "workerIntervalMs" | "documentWorkerIntervalMs", 10_000, 1_000.0 to 300_000.0;
        /// Characters of a chunk.
        chunk_chars: usize = "chunkSize" | "documentChunkSize", 2_000, 200.0 to 50_000.0;
        /// Characters a chunk shares with the one before.
        overlap_chars: usize = "chunkOverlap" | "documentChunkOverlap", 200, 0.0 to 10_000.0;
        /// A larger document is refused.
        most_bytes: usize = "maxContentBytes" | "documentMaxContentBytes", 10_485_760, 1_024.0 to 104_857_600.0;
    }
}

settings! {
    /// The background embedder.
    pub struct EmbeddingTracker at "embeddingTracker" {
        /// Make vectors that are missing.
        enabled: bool = "enabled", true;
        /// Between two looks for them, ms.
        poll: Duration = "pollMs", 5_000, 1_000.0 to 60_000.0;
        /// Texts sent to a server at once.
        batch: usize = "batchSize", 8, 1.0 to 20.0;
    }
}

settings! {
    /// Phrases that a later question may use.
    pub struct Hints at "hints" {
        /// Make them, and let recall look at them.
        enabled: bool = "enabled", true;
        /// Phrases made per memory.
        most: usize = "max", 5, 1.0 to 10.0;
        /// How long a model may take, ms.
        time: Duration = "timeout", 60_000, 5_000.0 to 120_000.0;
        /// Tokens of its answer.
        most_tokens: i64 = "maxTokens", 256, 64.0 to 1_024.0;
        /// Between two looks for work, ms.
        poll: Duration = "poll", 5_000, 1_000.0 to 60_000.0;
    }
}
