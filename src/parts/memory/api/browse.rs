//! Memories one by one and in lists.

use crate::http::input::{Clamped, Positive, Relaxed, Switch, Text};
use crate::{answer, input};

answer! {
    /// A memory with everything that is kept of it.
    pub struct OneMemory {
        pub id: String = "id";
        pub content: String = "content";
        pub kind: String = "type";
        pub importance: Option<f64> = "importance";
        pub tags: Option<String> = "tags";
        /// 0 or 1.
        pub pinned: i64 = "pinned";
        pub who: Option<String> = "who";
        pub source_id: Option<String> = "source_id";
        pub source_type: Option<String> = "source_type";
        pub source_path: Option<String> = "source_path";
        pub runtime_path: Option<String> = "runtime_path";
        pub idempotency_key: Option<String> = "idempotency_key";
        pub project: Option<String> = "project";
        pub session_id: Option<String> = "session_id";
        pub confidence: f64 = "confidence";
        /// How often recalls returned it.
        pub access_count: i64 = "access_count";
        pub last_accessed: Option<String> = "last_accessed";
        pub is_deleted: i64 = "is_deleted";
        pub deleted_at: Option<String> = "deleted_at";
        pub extraction_status: Option<String> = "extraction_status";
        pub embedding_model: Option<String> = "embedding_model";
        pub version: i64 = "version";
        pub created_at: String = "created_at";
        pub updated_at: String = "updated_at";
        pub updated_by: String = "updated_by";
        pub names: OtherNames = flat;
    }
}

answer! {
    /// The same under the names that some clients read.
    pub struct OtherNames {
        pub source_path: Option<String> = "sourcePath";
        pub runtime_path: Option<String> = "runtimePath";
        pub idempotency_key: Option<String> = "idempotencyKey";
        /// The session it is from, if it is from one.
        pub session_id: Option<String> = "sessionId", if some;
    }
}

input! {
    /// A page of the list.
    pub struct ListQuery in Query {
        /// Rows of the answer.
        limit: Clamped<100, 1, 1000> = "limit";
        /// Rows skipped before them.
        offset: Clamped<0, 0, { i64::MAX }> = "offset";
    }
}

answer! {
    /// A memory in a list.
    pub struct Listed {
        pub id: String = "id";
        pub content: String = "content";
        pub created_at: String = "created_at";
        pub who: Option<String> = "who";
        pub importance: Option<f64> = "importance";
        pub tags: Option<String> = "tags";
        pub source_type: Option<String> = "source_type";
        pub pinned: i64 = "pinned";
        pub kind: String = "type";
    }
}

answer! {
    /// Counts of all memories that may be seen.
    pub struct Stats {
        pub total: i64 = "total";
        pub with_embeddings: i64 = "withEmbeddings";
        /// Of importance 0.9 and more.
        pub critical: i64 = "critical";
    }
}

answer! {
    /// Memories, newest first.
    pub struct MemoryList {
        pub memories: Vec<Listed> = "memories";
        pub stats: Stats = "stats";
    }
}

input! {
    /// How many.
    pub struct MostUsedQuery in Query {
        /// 200 at most.
        limit: Clamped<6, { i64::MIN }, { i64::MAX }> = "limit";
    }
}

answer! {
    /// A memory that is recalled often.
    pub struct MostUsed {
        pub id: String = "id";
        pub content: String = "content";
        pub access_count: i64 = "access_count";
        pub importance: Option<f64> = "importance";
        pub kind: String = "type";
        pub tags: Option<String> = "tags";
    }
}

answer! {
    /// Memories, the most recalled first.
    pub struct MostUsedList {
        pub memories: Vec<MostUsed> = "memories";
    }
}

input! {
    /// A raw full-text expression, or filters.
    pub struct KeywordQuery in Query {
        /// 64 terms and 4 KiB at most.
        q: Option<Text> = "q";
        /// `who` lists the authors instead.
        distinct: Option<Text> = "distinct";
        /// 20 with an expression, else 50.
        limit: Clamped<-1, 1, 1000> = "limit";
        /// Only of this type.
        kind: Option<Text> = "type";
        /// Only of this author.
        who: Option<Text> = "who";
        /// A comma list; each must be part of a memory's tags.
        tags: Option<Text> = "tags";
        /// Not older than this time; a bare date means its beginning.
        since: Option<Text> = "since";
        /// `1` or `true`: only pinned ones.
        pinned: Switch = "pinned";
        /// Least importance.
        importance_min: Relaxed = "importance_min";
    }
}

answer! {
    /// A memory found by words.
    pub struct Found {
        pub id: String = "id";
        pub content: String = "content";
        pub created_at: String = "created_at";
        pub who: Option<String> = "who";
        pub importance: Option<f64> = "importance";
        pub tags: Option<String> = "tags";
        pub kind: String = "type";
        pub pinned: i64 = "pinned";
        /// BM25 of an expression (smaller is better), importance faded by age of a filter.
        pub score: Option<f64> = "score", if some;
    }
}

answer! {
    /// What the words found, or the authors.
    #[derive(Default)]
    pub struct FoundList {
        pub results: Option<Vec<Found>> = "results", if some;
        pub values: Option<Vec<String>> = "values", if some;
        /// A failure of the search.
        pub error: Option<&'static str> = "error", if some;
    }
}

input! {
    /// How far back.
    pub struct HistoryQuery in Query {
        /// Rows of the answer.
        limit: Positive<1000> = "limit", default Positive(200);
    }
}

answer! {
    /// One change of a memory.
    pub struct Event {
        pub id: String = "id";
        pub event: String = "event";
        pub old_content: Option<String> = "oldContent";
        pub new_content: Option<String> = "newContent";
        pub changed_by: String = "changedBy";
        pub actor_type: Option<String> = "actorType", if some;
        pub reason: Option<String> = "reason";
        pub metadata: serde_json::Value = "metadata";
        pub created_at: String = "createdAt";
        pub session_id: Option<String> = "sessionId", if some;
        pub request_id: Option<String> = "requestId", if some;
    }
}

answer! {
    /// What was changed, oldest first.
    pub struct History {
        pub memory_id: String = "memoryId";
        pub count: usize = "count";
        pub history: Vec<Event> = "history";
    }
}

input! {
    /// Whose day.
    pub struct TimelineQuery in Query {
        /// Minutes west of UTC.
        tz_offset: Clamped<0, -840, 840> = "tzOffset";
    }
}

answer! {
    /// How often something was met.
    pub struct Frequency {
        pub key: String = "key";
        pub count: usize = "count";
    }
}

answer! {
    /// The activity of a day, week or month.
    pub struct Era {
        pub era_index: usize = "eraIndex";
        pub range_key: &'static str = "rangeKey";
        pub label: &'static str = "label";
        pub start: String = "start";
        pub end: String = "end";
        pub memories_added: usize = "memoriesAdded";
        pub tracked_events: usize = "trackedEvents";
        pub evolved: usize = "evolved";
        pub strengthened: usize = "strengthened";
        pub recovered: usize = "recovered";
        pub avg_importance: f64 = "avgImportance";
        pub pinned: usize = "pinned";
        pub type_breakdown: Vec<Frequency> = "typeBreakdown";
        pub source_breakdown: Vec<Frequency> = "sourceBreakdown";
        pub top_tags: Vec<Frequency> = "topTags";
    }
}

answer! {
    /// The activity of today, the last week and the last month.
    pub struct Timeline {
        pub generated_at: String = "generatedAt";
        pub generated_for: String = "generatedFor";
        pub range_preset: &'static str = "rangePreset";
        pub total_memories: usize = "totalMemories";
        pub total_history_events: usize = "totalHistoryEvents";
        pub invalid_memory_timestamps: usize = "invalidMemoryTimestamps";
        pub invalid_history_timestamps: usize = "invalidHistoryTimestamps";
        pub buckets: Vec<Era> = "buckets";
    }
}

answer! {
    /// A change that someone should look at.
    pub struct Review {
        pub id: String = "id";
        pub memory_id: String = "memory_id";
        pub event: String = "event";
        pub old_content: Option<String> = "old_content";
        pub new_content: Option<String> = "new_content";
        pub reason: Option<String> = "reason";
        pub metadata: Option<String> = "metadata";
        pub created_at: String = "created_at";
        pub session_id: Option<String> = "session_id";
        pub current_content: Option<String> = "current_content";
        pub memory_type: Option<String> = "memory_type";
        pub importance: Option<f64> = "importance";
    }
}

answer! {
    /// Changes of the last 30 days to look at, newest first.
    pub struct ReviewQueue {
        pub items: Vec<Review> = "items";
    }
}
