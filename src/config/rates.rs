//! The operations whose rate is limited, and their rates (`auth.rateLimits`, foundation part, §4).

crate::names! {
    /// An operation that has a bucket of tokens per caller.
    pub enum Bucket {
        Forget = "forget",
        Modify = "modify",
        BatchForget = "batchForget",
        ForceDelete = "forceDelete",
        Admin = "admin",
        Login = "login",
        InferenceExplain = "inferenceExplain",
        InferenceExecute = "inferenceExecute",
        InferenceGateway = "inferenceGateway",
        RecallLlm = "recallLlm",
        Messages = "cross-agent-message",
    }
}

impl Bucket {
    /// Requests per minute unless configured.
    pub fn default_max(self) -> f64 {
        match self {
            Bucket::Forget | Bucket::InferenceGateway => 30.0,
            Bucket::Modify | Bucket::RecallLlm => 60.0,
            Bucket::BatchForget | Bucket::Login => 5.0,
            Bucket::ForceDelete => 3.0,
            Bucket::Admin => 10.0,
            Bucket::InferenceExplain | Bucket::Messages => 120.0,
            Bucket::InferenceExecute => 20.0,
        }
    }
}

/// `max` requests per `window_ms` milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    pub max: f64,
    pub window_ms: f64,
}
