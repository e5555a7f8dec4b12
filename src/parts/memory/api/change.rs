//! Changing, deleting, recovering and forgetting memories.

use serde_json::Value;

use crate::core::Error;
use crate::http::input::{
    Anything, Filled, Flag, Given, Input, Kind, LenientFraction, Loose, Positive, Strict, Tags, Text,
};
use crate::{answer, input, names};

/// Patches of one request, and rows of one forget.
pub const MOST: usize = 200;

/// A version number.
pub type Version = Positive<{ i64::MAX }>;

input! {
    /// A change of one memory: a reason and at least one of the fields that can be changed.
    pub struct PatchBody in Body {
        /// The new text.
        content: Option<Filled> = "content";
        /// The new type.
        kind: Option<Filled> = "type";
        /// `null` clears them.
        tags: Option<Tags> = "tags";
        /// The new importance.
        importance: Option<Strict<LenientFraction>> = "importance";
        /// Whether it is pinned.
        pinned: Option<Flag> = "pinned";
        /// The change is only made to this version.
        if_version: Option<Version> = "if_version";
        /// Why, for the history; a change without it is 400.
        reason: Loose<Text> = "reason";
        /// Who, where no credential says it.
        changed_by: Loose<Text> = "changed_by";
        /// Which memory, in a batch.
        id: Loose<Text> = "id";
    }
}

/// 1 to 200 changes; each is read by itself, so that a bad one spoils no other.
#[derive(Debug, Clone)]
pub struct Patches(pub Vec<Value>);

impl Kind for Patches {
    fn read(given: Given<'_>) -> Result<Self, Error> {
        match given.value.and_then(Value::as_array) {
            Some(patches) if (1..=MOST).contains(&patches.len()) => Ok(Patches(patches.clone())),
            _ => Err(given.must_be("a list of 1 to 200 changes")),
        }
    }

    fn schema() -> Value {
        let item = crate::http::openapi::object_of(PatchBody::SHAPE);
        serde_json::json!({ "type": "array", "items": item, "minItems": 1, "maxItems": MOST })
    }
}

input! {
    /// Changes of several memories, each its own transaction.
    pub struct ModifyBody in Body {
        /// What to change, each with its `id`.
        patches: Patches = "patches";
        /// Why, of patches that say no reason of their own.
        reason: Loose<Text> = "reason";
        /// Who, for the history, where no credential says it.
        changed_by: Loose<Text> = "changed_by";
    }
}

/// A bad value in the query is ignored, one in the body is refused.
#[derive(Debug, Clone, Copy)]
pub struct Force(pub bool);

impl Kind for Force {
    const REQUIRED: bool = false;

    fn read(given: Given<'_>) -> Result<Self, Error> {
        let body = given.request.optional_object()?;
        let in_body = body.is_some_and(|body| body.contains_key(given.name));
        match (given.value, Flag::read(given)) {
            (None, _) => Ok(Force(false)),
            (Some(_), Ok(Flag(force))) => Ok(Force(force)),
            (Some(_), Err(refused)) if in_body => Err(refused),
            (Some(_), Err(_)) => Ok(Force(false)),
        }
    }

    fn schema() -> Value {
        Flag::schema()
    }
}

input! {
    /// How a memory is deleted.
    pub struct DeleteInput in Either {
        /// Why, for the history; a delete without it is 400.
        reason: Loose<Text> = "reason";
        /// Pinned ones are only deleted with it.
        force: Force = "force";
        /// Refused with 409 when the row is at another version.
        if_version: Option<Version> = "if_version";
        /// Who, for the history, where no credential says it.
        changed_by: Loose<Text> = "changed_by";
    }
}

input! {
    /// How a deleted memory is recovered.
    pub struct RecoverInput in Either {
        /// Why, for the history; a recover without it is 400.
        reason: Loose<Text> = "reason";
        /// Refused with 409 when the row is at another version.
        if_version: Option<Version> = "if_version";
        /// Who, for the history, where no credential says it.
        changed_by: Loose<Text> = "changed_by";
    }
}

names! {
    pub enum ForgetMode {
        /// Shows what would go.
        Preview = "preview",
        Execute = "execute",
    }
}

/// Ids of memories, none of them empty.
#[derive(Debug, Clone)]
pub struct MemoryIds(pub Vec<String>);

impl Kind for MemoryIds {
    fn read(given: Given<'_>) -> Result<Self, Error> {
        let refused = || given.must_be("a list of non-empty strings");
        let items = given.value.and_then(Value::as_array).ok_or_else(refused)?;
        let id = |id: &Value| id.as_str().map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned);
        items.iter().map(id).collect::<Option<_>>().map(MemoryIds).ok_or_else(refused)
    }

    fn schema() -> Value {
        serde_json::json!({ "type": "array", "items": { "type": "string", "minLength": 1 } })
    }
}

input! {
    /// Which memories are forgotten: by ids, by a full-text expression, or by filters.
    pub struct ForgetBody in Body {
        /// Show what would be forgotten, or forget it.
        mode: ForgetMode = "mode", default ForgetMode::Preview;
        /// These memories.
        ids: Option<MemoryIds> = "ids";
        /// A full-text expression of 64 terms at most.
        query: Option<Text> = "query";
        /// Rows at most.
        limit: Positive<200> = "limit", default Positive(20);
        /// Why, for the history; `execute` without it is 400.
        reason: Loose<Text> = "reason";
        /// Also pinned ones.
        force: Option<Flag> = "force";
        /// That of a preview: more than 25 rows are forgotten only with it.
        confirm_token: Loose<Text> = "confirm_token";
        /// Who, for the history, where no credential says it.
        changed_by: Loose<Text> = "changed_by";
        /// Only of this type.
        kind: Option<Text> = "type";
        /// Only of this author.
        who: Option<Text> = "who";
        /// Only from this kind of source.
        source_type: Option<Text> = "source_type";
        /// A comma list; each must be part of a memory's tags.
        tags: Option<Text> = "tags";
        /// Not older than this time; a bare date means its beginning.
        since: Option<Text> = "since";
        /// Not newer than this time; a bare date means its end.
        until: Option<Text> = "until";
        /// Only of this scope; without it only those that have none.
        scope: Option<Text> = "scope";
        /// Not supported here: a batch has no one version.
        if_version: Option<Anything> = "if_version";
    }
}

answer! {
    /// What came of a change of one memory.
    pub struct ChangeAnswer {
        pub id: Option<String> = "id";
        /// `updated`, `no_changes`, `deleted`, `recovered`, or why nothing was changed.
        pub status: &'static str = "status";
        pub error: Option<String> = "error", if some;
        pub current_version: Option<i64> = "currentVersion", if some;
        pub new_version: Option<i64> = "newVersion", if some;
        pub content_changed: Option<bool> = "contentChanged", if some;
        pub embedded: Option<bool> = "embedded", if some;
        /// Days for which a deleted memory can be recovered.
        pub retention_days: Option<i64> = "retentionDays", if some;
        /// The live memory with the same content or key, where it may be seen.
        pub duplicate_memory_id: Option<String> = "duplicateMemoryId", if some;
    }
}

answer! {
    /// What came of several changes.
    pub struct Modified {
        pub total: usize = "total";
        pub updated: usize = "updated";
        /// In the order of the patches.
        pub results: Vec<ChangeAnswer> = "results";
    }
}

answer! {
    /// A memory that would be forgotten.
    pub struct CandidateAnswer {
        pub id: String = "id";
        pub score: f64 = "score";
        pub pinned: bool = "pinned";
        pub version: i64 = "version";
    }
}

answer! {
    /// What a forget would do.
    pub struct ForgetPreview {
        pub mode: ForgetMode = "mode";
        pub count: usize = "count";
        pub requires_confirm: bool = "requiresConfirm";
        /// Names this set of memories.
        pub confirm_token: String = "confirmToken";
        pub candidates: Vec<CandidateAnswer> = "candidates";
    }
}

answer! {
    /// What a forget did.
    pub struct Forgotten {
        pub mode: ForgetMode = "mode";
        pub requested: usize = "requested";
        pub deleted: usize = "deleted";
        pub results: Vec<ChangeAnswer> = "results";
    }
}

crate::one_of! {
    /// What came of a forget.
    pub enum ForgetAnswer {
        Preview(ForgetPreview),
        Forgotten(Forgotten),
    }
}
