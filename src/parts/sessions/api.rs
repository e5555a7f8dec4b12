//! What is told of sessions.

use crate::answer;

answer! {
    /// Transcripts that wait to be captured, by the state of their jobs.
    pub struct CaptureJobs {
        pub pending: i64 = "pending";
        pub processing: i64 = "processing";
        pub failed: i64 = "failed";
        pub dead: i64 = "dead";
    }
}
