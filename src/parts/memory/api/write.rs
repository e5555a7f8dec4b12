//! Storing a memory, and a note beside them.

use std::path::PathBuf;

use crate::http::input::{Bool, Date, Fraction, Later, LongText, Loose, Nested, Phrases, Tags, Text};
use crate::parts::knowledge::write::StructuredInput;
use crate::{answer, input, one_of};

input! {
    /// A memory to be stored. Long content becomes linked chunks.
    pub struct RememberBody in Body {
        /// The text; `critical:` in front pins it, `[tag, …]:` tags it.
        content: Text = "content";
        /// The author.
        who: Option<Text> = "who";
        /// The folder of the project it belongs to.
        project: Option<Text> = "project";
        /// 0.8 when left out, 1 for critical ones.
        importance: Later<Option<Fraction>> = "importance";
        /// Override those of the text's prefix.
        tags: Later<Option<Tags>> = "tags";
        /// Pinned ones are never forgotten by themselves.
        pinned: Later<Option<Bool>> = "pinned";
        /// What kind of source it is from.
        source_type: Option<Text> = "sourceType";
        /// The first key by which a repeat is found.
        source_id: Option<Text> = "sourceId";
        /// Where it was said: a file or an address.
        source_path: Option<Text> = "sourcePath" | "source_path" | "source";
        /// By which way the client calls.
        runtime_path: Option<Text> = "runtimePath" | "runtime_path";
        /// The second key by which a repeat is found.
        idempotency_key: Option<Text> = "idempotencyKey" | "idempotency_key";
        /// When it was made; now when left out.
        created_at: Option<Date> = "createdAt";
        /// When its source was made.
        source_created_at: Option<Date> = "sourceCreatedAt";
        /// When it was seen.
        observed_at: Option<Date> = "observedAt";
        /// When what it tells of happened.
        occurred_at: Option<Date> = "occurredAt";
        /// From when it holds.
        valid_from: Option<Date> = "validFrom";
        /// Until when it holds.
        valid_until: Option<Date> = "validUntil";
        /// A memory with a scope is only recalled when that scope is asked for.
        scope: Option<Text> = "scope";
        /// Whose memory it is.
        agent_id: Option<Text> = "agentId";
        /// `private`, or anything else for global.
        visibility: Loose<Text> = "visibility";
        /// Phrases that a later question may use.
        hints: Later<Phrases<5, 300>> = "hints";
        /// The raw conversation, kept under `sourceId`.
        transcript: Option<Text> = "transcript";
        /// Entities and claims for the knowledge graph.
        structured: Later<Option<Nested<StructuredInput>>> = "structured";
        /// May hold `sourcePath`, `runtimePath` and `idempotencyKey` too.
        metadata: Option<Nested<Provenance>> = "metadata";
    }
}

input! {
    /// Where a memory comes from.
    pub struct Provenance in Inside {
        /// Where it was said: a file or an address.
        source_path: Option<Text> = "sourcePath" | "source_path" | "source";
        /// By which way the client calls.
        runtime_path: Option<Text> = "runtimePath" | "runtime_path";
        /// The second key by which a repeat is found.
        idempotency_key: Option<Text> = "idempotencyKey" | "idempotency_key";
    }
}

answer! {
    /// A memory was stored.
    pub struct Stored {
        pub id: String = "id";
        pub kind: String = "type";
        pub tags: Option<String> = "tags";
        pub pinned: bool = "pinned";
        pub importance: f64 = "importance";
        /// As stored, without its prefixes.
        pub content: String = "content";
        /// Recall finds it by meaning.
        pub embedded: bool = "embedded";
        /// Mentions of entities that are new.
        pub entities_linked: usize = "entities_linked";
        pub hints_written: usize = "hints_written";
        pub structured: bool = "structured";
    }
}

answer! {
    /// It was stored before: the values of the memory that is there.
    pub struct Duplicate {
        pub id: String = "id";
        pub kind: String = "type";
        pub tags: String = "tags";
        pub pinned: bool = "pinned";
        pub importance: f64 = "importance";
        pub content: String = "content";
        pub embedded: bool = "embedded";
        pub deduped: bool = "deduped";
    }
}

answer! {
    /// Long content was stored as linked chunks.
    pub struct Chunked {
        pub chunked: bool = "chunked";
        pub chunk_count: usize = "chunk_count";
        pub ids: Vec<String> = "ids";
        pub group_id: String = "group_id";
        pub deduped: Option<bool> = "deduped", if some;
    }
}

one_of! {
    /// What came of a remember.
    pub enum Remembered {
        Stored(Stored),
        Duplicate(Duplicate),
        Chunked(Chunked),
    }
}

/// Characters of a note.
pub const LONGEST_NOTE: usize = 8000;

input! {
    /// A note for Codex.
    pub struct NoteBody in Body {
        /// The text.
        content: LongText<LONGEST_NOTE> = "content";
        /// Of the note; its file is named by it.
        title: Option<Text> = "title";
        /// Of the note, a comma list.
        tags: Option<Text> = "tags";
    }
}

answer! {
    /// A note was written.
    pub struct NoteWritten {
        pub ok: bool = "ok";
        pub path: PathBuf = "path";
    }
}
