//! Rate limits of operations.

/// The operations that have a bucket (foundation part, §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bucket {
    Forget,
    Modify,
    BatchForget,
    RecallLlm,
}

impl Bucket {
    pub fn as_str(self) -> &'static str {
        match self {
            Bucket::Forget => "forget",
            Bucket::Modify => "modify",
            Bucket::BatchForget => "batchForget",
            Bucket::RecallLlm => "recallLlm",
        }
    }
}
