//! Vectors: export, neighbours, the provider's state, a map.

use crate::http::input::{Clamped, Relaxed, Switch, Text};
use crate::http::openapi::{Describe, Types};
use crate::{answer, input, names};

input! {
    /// The memory whose neighbours are asked for.
    pub struct SimilarQuery in Query {
        /// The memory whose neighbours are sought.
        id: Text = "id";
        /// How many.
        k: Clamped<10, 1, 100> = "k";
        /// Only of this type.
        kind: Option<Text> = "type";
    }
}

answer! {
    /// A neighbour.
    pub struct Neighbour {
        pub id: String = "id";
        pub content: String = "content";
        pub kind: String = "type";
        pub tags: Vec<String> = "tags";
        /// Cosine.
        pub score: f64 = "score";
        pub confidence: f64 = "confidence";
        pub created_at: String = "created_at";
    }
}

answer! {
    /// The nearest memories, nearest first.
    pub struct Neighbours {
        pub results: Vec<Neighbour> = "results";
    }
}

input! {
    /// A page of the export.
    pub struct ExportQuery in Query {
        /// Rows of the answer.
        limit: Clamped<600, 50, 5000> = "limit";
        /// Rows skipped before them.
        offset: Clamped<0, 0, 100_000> = "offset";
        /// `true` for the vectors themselves.
        vectors: Option<Text> = "vectors";
    }
}

answer! {
    /// A memory with a vector.
    pub struct Exported {
        pub id: String = "id";
        pub content: String = "content";
        /// The same as `content`.
        pub text: String = "text";
        pub who: String = "who";
        pub importance: f64 = "importance";
        pub kind: String = "type";
        pub tags: Vec<String> = "tags";
        pub source_type: Option<String> = "sourceType";
        pub source_id: Option<String> = "sourceId";
        pub created_at: String = "createdAt";
        pub vector: Option<Vec<f32>> = "vector", if some;
    }
}

answer! {
    /// A page of memories with vectors, newest first.
    pub struct Export {
        pub embeddings: Vec<Exported> = "embeddings";
        pub count: i64 = "count";
        pub total: i64 = "total";
        pub limit: i64 = "limit";
        pub offset: i64 = "offset";
        pub has_more: bool = "hasMore";
    }
}

answer! {
    /// The background embedder.
    pub struct TrackerAnswer {
        pub running: bool = "running";
        pub processed: u64 = "processed";
        pub failed: u64 = "failed";
        pub skipped_cycles: u64 = "skippedCycles";
        pub last_cycle_at: Option<String> = "lastCycleAt";
        pub queue_depth: usize = "queueDepth";
    }
}

answer! {
    /// Whether vectors can be made.
    pub struct EmbeddingStatus {
        pub provider: &'static str = "provider";
        pub model: String = "model";
        pub available: bool = "available";
        pub base_url: String = "base_url";
        pub checked_at: String = "checkedAt";
        /// Null when it is off.
        pub tracker: Option<TrackerAnswer> = "tracker";
        pub dimensions: Option<usize> = "dimensions", if some;
        pub model_cached: Option<bool> = "modelCached", if some;
        pub error: Option<String> = "error", if some;
    }
}

names! {
    /// The verdict of one check.
    pub enum CheckStatus {
        Ok = "ok",
        Warn = "warn",
        Fail = "fail",
    }
}

answer! {
    /// One check of the vectors.
    pub struct CheckAnswer {
        pub name: &'static str = "name";
        pub status: CheckStatus = "status";
        pub message: String = "message";
        pub detail: String = "detail";
        /// What to do when it is not in order.
        pub fix: Option<&'static str> = "fix";
    }
}

answer! {
    /// What vectors are made with.
    pub struct EmbeddingConfig {
        pub provider: &'static str = "provider";
        pub model: String = "model";
        pub dimensions: usize = "dimensions";
    }
}

answer! {
    /// How complete the vectors are.
    pub struct EmbeddingHealth {
        /// `healthy`, `degraded` or `unhealthy`.
        pub status: &'static str = "status";
        /// 0 to 1.
        pub score: f64 = "score";
        pub checked_at: String = "checkedAt";
        pub config: EmbeddingConfig = "config";
        pub checks: Vec<CheckAnswer> = "checks";
    }
}

input! {
    /// Which memories the map shows.
    pub struct MapQuery in Query {
        /// `3` for three; anything else is two.
        dimensions: Option<Text> = "dimensions";
        /// Rows of the answer.
        limit: Option<Clamped<5000, 1, 5000>> = "limit";
        /// Rows skipped before them.
        offset: Option<Clamped<0, 0, 100_000>> = "offset";
        /// A part of the text, tags, author or source.
        q: Option<Text> = "q";
        /// Only of these authors, a comma list.
        who: Option<Text> = "who" | "harness";
        /// Only of these types, a comma list.
        kinds: Option<Text> = "types" | "type";
        /// Only from these kinds of sources, a comma list.
        source_types: Option<Text> = "sourceTypes" | "source_type" | "sourceType";
        /// A comma list; each must be part of a memory's tags.
        tags: Option<Text> = "tags";
        /// Not older than this time; a bare date means its beginning.
        since: Option<Text> = "since";
        /// Not newer than this time; a bare date means its end.
        until: Option<Text> = "until";
        /// `1` or `true`: only pinned ones.
        pinned: Switch = "pinned";
        /// Least importance.
        importance_min: Relaxed = "importanceMin" | "importance_min";
        /// Greatest importance.
        importance_max: Relaxed = "importanceMax" | "importance_max";
    }
}

answer! {
    /// A memory on the map.
    pub struct Node {
        pub id: String = "id";
        pub x: f64 = "x";
        pub y: f64 = "y";
        pub content: String = "content";
        pub who: String = "who";
        pub importance: f64 = "importance";
        pub kind: String = "type";
        pub tags: Vec<String> = "tags";
        pub pinned: bool = "pinned";
        pub source_type: Option<String> = "sourceType";
        pub source_id: Option<String> = "sourceId";
        pub created_at: String = "createdAt";
        pub z: Option<f64> = "z", if some;
    }
}

/// A list of [`Node`]s as it was kept.
#[derive(Debug, Clone)]
pub struct Nodes(pub serde_json::Value);

impl serde::Serialize for Nodes {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl Describe for Nodes {
    fn schema(types: &mut Types) -> serde_json::Value {
        Vec::<Node>::schema(types)
    }
}

answer! {
    /// A map of memories by the likeness of their vectors.
    pub struct MapReady {
        pub status: &'static str = "status";
        pub dimensions: i64 = "dimensions";
        pub count: i64 = "count";
        pub total: i64 = "total";
        pub limit: i64 = "limit";
        pub offset: i64 = "offset";
        pub has_more: bool = "hasMore";
        pub nodes: Nodes = "nodes";
        /// Pairs of places in `nodes`.
        pub edges: serde_json::Value = "edges";
        pub cached_at: Option<String> = "cachedAt", if some;
    }
}

answer! {
    /// The map is being made: ask again.
    pub struct MapComputing {
        pub status: &'static str = "status";
        pub dimensions: i64 = "dimensions";
    }
}

answer! {
    /// The last try to make a map failed.
    pub struct MapFailed {
        pub status: &'static str = "status";
        pub message: String = "message";
    }
}
