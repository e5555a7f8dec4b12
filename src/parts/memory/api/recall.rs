//! Recall: what is asked and what is answered.

use crate::core::Error;
use crate::http::input::{
    Clamped, ClampedNumber, Decimal, Given, IfTrue, Kind, List, Nested, Relaxed, Switch, Text, UnlessFalse,
};
use crate::text::time;
use crate::{answer, input, names};

/// Rows of an answer unless asked otherwise, and at most.
pub type Limit = Clamped<10, 1, 50>;
/// Of a body, where a text is no number.
pub type BodyLimit = ClampedNumber<10, 1, 50>;

names! {
    /// Which time of a memory is meant.
    pub enum Facet {
        Session = "session",
        Source = "source",
        Occurred = "occurred",
        Observed = "observed",
        Valid = "valid",
        Captured = "captured",
    }
}

names! {
    /// What a window of time is for.
    pub enum TimeMode {
        Auto = "auto",
        /// Everything in it, in order.
        Timeline = "timeline",
        /// Recall goes on among its memories.
        Filter = "filter",
    }
}

names! {
    /// How many questions an aggregate may ask in all.
    pub enum Budget {
        Small = "small",
        Medium = "medium",
        Large = "large",
    }
}

/// An ISO date or date-time as it was written: of a bare date the first or the last instant may be meant.
#[derive(Debug, Clone)]
pub struct Bound(pub String);

impl Kind for Bound {
    const BLANK_IS_ABSENT: bool = false;

    fn read(given: Given<'_>) -> Result<Self, Error> {
        let value = given.present().ok_or_else(|| given.required())?;
        let text = value.as_str().filter(|text| time::parse_iso(text).is_some());
        text.map(|t| Bound(t.to_owned())).ok_or_else(|| given.must_be("a valid ISO timestamp"))
    }

    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": "string", "examples": ["2026-05-13"] })
    }
}

input! {
    /// A window of time.
    pub struct TimeInput in Inside {
        /// From when.
        start: Bound = "start";
        /// A day after the start when left out.
        end: Option<Bound> = "end";
        /// All when left out.
        facets: Option<List<Facet, 6>> = "facets";
        /// Whether the window lists all it holds (`timeline`) or narrows a recall (`filter`); `auto` decides by the question.
        mode: TimeMode = "mode", default TimeMode::Auto;
    }
}

input! {
    /// A question to the memories.
    pub struct RecallBody in Body {
        /// The question; 8,000 characters of it are looked at.
        query: Text = "query";
        /// Words that replace the question in the full-text search.
        keyword_query: Option<Text> = "keywordQuery";
        /// Rows of the answer.
        limit: BodyLimit = "limit";
        /// Only of this type.
        kind: Option<Text> = "type";
        /// Only of this author.
        who: Option<Text> = "who";
        /// Only of this project.
        project: Option<Text> = "project";
        /// A comma list; a memory must have all of them.
        tags: Option<Text> = "tags";
        /// `true`: only pinned ones.
        pinned: IfTrue = "pinned";
        /// Least importance.
        importance_min: Option<Decimal> = "importance_min";
        /// Not older than this time; a bare date means its beginning.
        since: Option<Text> = "since";
        /// Not newer than this time; a bare date means its end.
        until: Option<Text> = "until";
        /// Rows scored below it, 0 to 1, are left out.
        min_score: Option<Decimal> = "minScore" | "min_score";
        /// Only of this scope; without it only those that have none.
        scope: Option<Text> = "scope";
        /// A window of time to look at.
        time: Option<Nested<TimeInput>> = "time";
        /// The agent that acts; else of the session, of the credential, `default`.
        agent_id: Option<Text> = "agentId" | "agent_id";
        /// A row is shown to a session once per context.
        session_key: Option<Text> = "sessionKey" | "session_key";
        /// Show again what the session has seen.
        include_recalled: IfTrue = "includeRecalled" | "include_recalled";
        /// Only texts of sources.
        source_only: IfTrue = "sourceOnly";
        /// A model writes one note from what several recalls find.
        aggregate: IfTrue = "aggregate";
        /// Keep the note that an aggregate makes.
        save_aggregate: UnlessFalse = "saveAggregate" | "save_aggregate";
        /// How many questions an aggregate may ask: 3, 5 or 8.
        budget: Budget = "aggregateBudget" | "aggregate_budget", default Budget::Small;
    }
}

input! {
    /// A question to the memories, by query.
    pub struct SearchQuery in Query {
        /// The question.
        q: Text = "q";
        /// Rows of the answer.
        limit: Limit = "limit";
        /// Only of this type.
        kind: Option<Text> = "type";
        /// Only of this author.
        who: Option<Text> = "who";
        /// Only of this project.
        project: Option<Text> = "project";
        /// A comma list; each must be part of a memory's tags.
        tags: Option<Text> = "tags";
        /// `true`: only pinned ones.
        pinned: Switch = "pinned";
        /// Least importance.
        importance_min: Relaxed = "importance_min";
        /// Not older than this time; a bare date means its beginning.
        since: Option<Text> = "since";
        /// Not newer than this time; a bare date means its end.
        until: Option<Text> = "until";
        /// What scores less is left out.
        min_score: Relaxed = "minScore" | "min_score";
        /// The session, whose ledger keeps rows from being shown twice.
        session_key: Option<Text> = "sessionKey" | "session_key";
        /// Show again what the session has seen.
        include_recalled: Switch = "includeRecalled" | "include_recalled";
    }
}

answer! {
    /// One row of a recall: a memory, a dated row, or a text beside them.
    #[derive(Default)]
    pub struct Hit {
        /// A memory's id; texts that are no memories have a prefix (`source-chunk:`, `constructed:`, …).
        pub id: String = "id";
        pub content: String = "content";
        /// Characters of the whole.
        pub content_length: usize = "content_length";
        pub truncated: bool = "truncated";
        /// 0 to 1; recalled before a little more.
        pub score: f64 = "score";
        /// Which channel found it.
        pub source: String = "source";
        pub source_id: Option<String> = "source_id", if some;
        pub session_id: Option<String> = "session_id", if some;
        pub kind: String = "type";
        pub tags: Option<String> = "tags";
        pub pinned: bool = "pinned";
        pub importance: Option<f64> = "importance";
        pub who: Option<String> = "who";
        pub project: Option<String> = "project";
        pub created_at: String = "created_at";
        pub visibility: Option<String> = "visibility", if some;
        pub scope: Option<Option<String>> = "scope", if some;
        pub source_path: Option<String> = "source_path", if some;
        pub temporal_facet: Option<String> = "temporal_facet", if some;
        pub temporal_start_at: Option<String> = "temporal_start_at", if some;
        pub temporal_end_at: Option<Option<String>> = "temporal_end_at", if some;
        pub subject_type: Option<String> = "subject_type", if some;
        pub subject_id: Option<String> = "subject_id", if some;
        /// Of help with the answer, not an answer itself.
        pub supplementary: Option<bool> = "supplementary", if some;
        /// This session was shown it before.
        pub already_recalled: Option<bool> = "already_recalled", if some;
    }
}

answer! {
    /// The window of time that was asked about.
    pub struct TemporalMeta {
        pub mode: TimeMode = "mode";
        /// `request` or `query`.
        pub source: &'static str = "source";
        pub original_query: String = "originalQuery";
        /// The question without its date.
        pub content_query: String = "contentQuery";
        pub start: String = "start";
        pub end: String = "end";
        pub facets: Vec<Facet> = "facets";
    }
}

answer! {
    /// What the session's ledger did.
    pub struct DedupeMeta {
        pub enabled: bool = "enabled";
        pub context_epoch: i64 = "contextEpoch";
        pub suppressed: usize = "suppressed";
        pub repeated_returned: usize = "repeatedReturned";
    }
}

answer! {
    /// How long a stage took.
    pub struct Stage {
        pub name: &'static str = "name";
        pub duration_ms: f64 = "durationMs";
    }
}

answer! {
    /// How long it took.
    pub struct TimingsMeta {
        pub total_ms: f64 = "totalMs";
        pub stages: Vec<Stage> = "stages";
    }
}

answer! {
    /// About an answer.
    pub struct RecallMeta {
        pub total_returned: usize = "totalReturned";
        pub has_supplementary: bool = "hasSupplementary";
        pub no_hits: bool = "noHits";
        pub temporal: Option<TemporalMeta> = "temporal", if some;
        pub dedupe: Option<DedupeMeta> = "dedupe", if some;
        pub timings: TimingsMeta = "timings";
    }
}

answer! {
    /// A claim of the graph.
    pub struct ClaimAnswer {
        pub content: String = "content";
        pub status: String = "status";
        pub importance: f64 = "importance";
    }
}

answer! {
    /// An aspect of an entity.
    pub struct AspectAnswer {
        pub name: String = "name";
        pub attributes: Vec<ClaimAnswer> = "attributes";
    }
}

answer! {
    /// What the graph knows of an entity that the question names.
    pub struct EntityAnswer {
        pub name: String = "name";
        pub kind: String = "type";
        pub aspects: Vec<AspectAnswer> = "aspects";
    }
}

answer! {
    /// One call of a model.
    pub struct ModelStage {
        pub name: &'static str = "name";
        pub target_ref: String = "targetRef";
        pub attempt_count: usize = "attemptCount";
        pub fallback_count: usize = "fallbackCount";
        pub usage: TokenUsage = flat;
    }
}

answer! {
    /// What calls of a model cost; null where nobody said.
    #[derive(Default)]
    pub struct TokenUsage {
        pub input_tokens: Option<u64> = "inputTokens";
        pub output_tokens: Option<u64> = "outputTokens";
        pub cache_read_tokens: Option<u64> = "cacheReadTokens";
        pub cache_creation_tokens: Option<u64> = "cacheCreationTokens";
        pub total_cost: Option<f64> = "totalCost";
        pub total_duration_ms: Option<u64> = "totalDurationMs";
    }
}

answer! {
    /// What all calls cost.
    pub struct AggregateUsage {
        pub total: TokenUsage = flat;
        pub stages: Vec<ModelStage> = "stages";
    }
}

answer! {
    /// How an aggregate came about.
    pub struct AggregateMeta {
        pub saved_memory_id: Option<String> = "savedMemoryId";
        pub saved: bool = "saved";
        pub deduped: bool = "deduped";
        pub budget: Budget = "budget";
        pub queries: Vec<String> = "queries";
        pub source_memory_ids: Vec<String> = "sourceMemoryIds";
        /// `complete`, `no_evidence` or `synthesis_failed`.
        pub stopped_reason: &'static str = "stoppedReason";
        pub usage: Option<AggregateUsage> = "usage", if some;
    }
}

answer! {
    /// What was found, best first.
    pub struct RecallAnswer {
        pub results: Vec<Hit> = "results";
        /// What was looked for: the question, without a date it names.
        pub query: String = "query";
        /// `hybrid` when vectors took part, else `keyword`.
        pub method: &'static str = "method";
        pub meta: RecallMeta = "meta";
        pub entities: Option<Vec<EntityAnswer>> = "entities", if some;
        pub aggregate: Option<AggregateMeta> = "aggregate", if some;
    }
}
