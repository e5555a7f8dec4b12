//! What hooks take and answer.

use super::prompt::Engine;
use crate::http::input::{Bool, ClampedNumber, Date, Flag, LongText, Loose, Object, Text};
use crate::parts::memory::{Hit, RecallAnswer};
use crate::parts::sessions::claims::RuntimePath;
use crate::{answer, input};

/// A name or a path: nobody has longer ones.
pub type Short = LongText<2_000>;

input! {
    /// A conversation begins.
    pub struct StartBody in Body {
        /// Who calls.
        harness: Short = "harness";
        /// The folder of the project: its memories come first.
        project: Option<Short> = "project";
        /// Whose memories; an agent that is not known is registered.
        agent_id: Option<Short> = "agentId";
        /// Without it nothing is claimed, and nothing is left out the second time.
        session_key: Option<Short> = "sessionKey";
        /// The way by which the harness calls; the header `x-signet-runtime-path` counts before it.
        runtime_path: Loose<RuntimePath> = "runtimePath";
        /// What the harness calls a sub-agent.
        harness_agent_id: Option<Short> = "harnessAgentId";
        /// The session that this one was started from.
        parent_session_key: Option<Short> = "parentSessionKey" | "parentKey" | "parentId" | "parentID";
        /// `clear` forgets the conversation so far; after `compact` everything is shown again.
        source: Option<Short> = "source";
    }
}

input! {
    /// A prompt.
    pub struct PromptBody in Body {
        /// Who calls.
        harness: Short = "harness";
        /// What the person wrote.
        user_message: Option<Text> = "userMessage";
        /// The same, where the harness calls it so.
        user_prompt: Option<Text> = "userPrompt";
        /// What was answered before it.
        last_assistant_message: Option<Text> = "lastAssistantMessage";
        /// The session.
        session_key: Option<Short> = "sessionKey";
        /// Whose memories.
        agent_id: Option<Short> = "agentId";
        /// The folder of the project.
        project: Option<Short> = "project";
        /// The way by which the harness calls.
        runtime_path: Loose<RuntimePath> = "runtimePath";
        /// A file that holds the conversation so far; a readable one counts before the text.
        transcript_path: Option<Short> = "transcriptPath";
        /// The conversation so far.
        transcript: Option<Text> = "transcript";
        /// Ratings of memories, -1 to 1 by their ids.
        memory_feedback: Loose<Object> = "memory_feedback";
    }
}

input! {
    /// A conversation ends.
    pub struct EndBody in Body {
        /// Who calls.
        harness: Short = "harness";
        /// The session.
        session_key: Option<Short> = "sessionKey";
        /// The session, where there is no key.
        session_id: Option<Short> = "sessionId";
        /// Whose session.
        agent_id: Option<Short> = "agentId";
        /// The folder of the project.
        project: Option<Short> = "cwd" | "project";
        /// The way by which the harness calls.
        runtime_path: Loose<RuntimePath> = "runtimePath";
        /// A file that holds the conversation; a readable one counts before the text.
        transcript_path: Option<Short> = "transcriptPath";
        /// The conversation.
        transcript: Option<Text> = "transcript";
        /// `clear` forgets it.
        reason: Option<Short> = "reason";
    }
}

input! {
    /// What is new of a conversation that does not end.
    pub struct ExtractBody in Body {
        /// Who calls.
        harness: Short = "harness";
        /// The session.
        session_key: Short = "sessionKey";
        /// Whose session.
        agent_id: Option<Short> = "agentId";
        /// The folder of the project.
        project: Option<Short> = "project";
        /// The conversation so far; counts before the file.
        transcript: Option<Text> = "transcript";
        /// A file that holds it.
        transcript_path: Option<Short> = "transcriptPath";
        /// The way by which the harness calls.
        runtime_path: Loose<RuntimePath> = "runtimePath";
    }
}

input! {
    /// A skill was used.
    pub struct SkillBody in Body {
        /// Who calls.
        harness: Short = "harness";
        /// The skill.
        skill: Short = "skillName" | "skill";
        /// Who used it.
        agent_id: Option<Short> = "agentId";
        /// In which session.
        session_key: Option<Short> = "sessionKey" | "sessionId";
        /// The harness's id of the call: by it a repeat is found.
        tool_use_id: Option<Short> = "toolUseId";
        /// Where.
        cwd: Option<Short> = "cwd";
        /// With what.
        args: Loose<Text> = "args";
        /// Who reports it.
        origin: Option<Short> = "origin";
        /// Whether it did its work.
        success: Loose<Flag> = "success";
        /// How long it took, ms.
        latency_ms: ClampedNumber<0, 0, 86_400_000> = "latencyMs";
        /// What went wrong.
        error_text: Loose<Text> = "errorText";
        /// When.
        created_at: Loose<Date> = "createdAt";
    }
}

input! {
    /// The session that remembers or asks; what is remembered or asked stands beside it.
    pub struct SessionBody in Body {
        /// Who calls.
        harness: Short = "harness";
        /// The session.
        session_key: Option<Short> = "sessionKey" | "session_key";
        /// The way by which the harness calls.
        runtime_path: Loose<RuntimePath> = "runtimePath";
    }
}

input! {
    /// A harness is about to summarise its context.
    pub struct PreCompactionBody in Body {
        /// Who calls.
        harness: Short = "harness";
        /// The session.
        session_key: Option<Short> = "sessionKey";
        /// Where work stands, for the checkpoint.
        session_context: Option<LongText<20_000>> = "sessionContext";
        /// A file that holds the conversation: uses of skills are read from it.
        transcript_path: Option<Short> = "transcriptPath" | "transcript_path";
        /// The way by which the harness calls.
        runtime_path: Loose<RuntimePath> = "runtimePath";
        /// Whose session.
        agent_id: Option<Short> = "agentId";
    }
}

input! {
    /// A harness has summarised its context.
    pub struct CompactionBody in Body {
        /// Who calls.
        harness: Short = "harness";
        /// The summary.
        summary: Text = "summary";
        /// The session.
        session_key: Option<Short> = "sessionKey";
        /// The folder of the project, where no transcript of the session tells it.
        project: Option<Short> = "project";
        /// Whose session.
        agent_id: Option<Short> = "agentId";
        /// The way by which the harness calls.
        runtime_path: Loose<RuntimePath> = "runtimePath";
    }
}

input! {
    /// A bypass is switched.
    pub struct BypassBody in Body {
        /// Whether hooks of the session do nothing.
        enabled: Bool = "enabled";
    }
}

answer! {
    /// Another runtime has the session: nothing was done.
    pub struct HeldAnswer {
        pub skipped: bool = "skipped";
        pub duplicate_runtime_path: bool = "duplicateRuntimePath";
        pub claimed_by: RuntimePath = "claimedBy";
    }
}

impl HeldAnswer {
    pub fn by(path: RuntimePath) -> Option<Self> {
        Some(HeldAnswer { skipped: true, duplicate_runtime_path: true, claimed_by: path })
    }
}

answer! {
    /// Who the agent is.
    pub struct IdentityAnswer {
        pub name: String = "name";
        pub description: Option<String> = "description", if some;
    }
}

answer! {
    /// A memory that was put into the context.
    pub struct StartMemory {
        pub id: String = "id";
        pub content: String = "content";
        pub kind: String = "type";
        pub importance: f64 = "importance";
        pub created_at: String = "created_at";
    }
}

answer! {
    /// What a conversation begins with.
    #[derive(Default)]
    pub struct StartAnswer {
        pub identity: Option<IdentityAnswer> = "identity", if some;
        pub memories: Vec<StartMemory> = "memories";
        /// MEMORY.md.
        pub recent_context: Option<String> = "recentContext", if some;
        /// The text for the context.
        pub inject: String = "inject";
        pub warnings: Option<Vec<String>> = "warnings", if some;
        pub bypassed: Option<bool> = "bypassed", if some;
    }
}

answer! {
    /// What a prompt is given.
    #[derive(Default)]
    pub struct PromptAnswer {
        /// The text for the context.
        pub inject: String = "inject";
        pub memory_count: usize = "memoryCount";
        /// The words that were looked for.
        pub query_terms: Option<String> = "queryTerms", if some;
        pub engine: Option<Engine> = "engine", if some;
        /// Whether the session had a claim before: false after a restart.
        pub session_known: Option<bool> = "sessionKnown", if some;
        pub warnings: Option<Vec<String>> = "warnings", if some;
        pub bypassed: Option<bool> = "bypassed", if some;
        pub held: Option<HeldAnswer> = flat, if some;
    }
}

impl PromptAnswer {
    pub fn held(by: RuntimePath, known: bool) -> Self {
        PromptAnswer { session_known: Some(known), held: HeldAnswer::by(by), ..PromptAnswer::default() }
    }
}

answer! {
    /// A conversation has ended.
    #[derive(Default)]
    pub struct EndAnswer {
        /// Always 0: memories are made of it later.
        pub memories_saved: i64 = "memoriesSaved";
        /// Whether it will be summarised.
        pub queued: Option<bool> = "queued", if some;
        pub job_id: Option<String> = "jobId", if some;
        pub bypassed: Option<bool> = "bypassed", if some;
        pub held: Option<HeldAnswer> = flat, if some;
        pub repeated: Option<RepeatedEnd> = flat, if some;
    }
}

answer! {
    /// The session had ended already.
    pub struct RepeatedEnd {
        pub skipped: bool = "skipped";
        pub duplicate_session_end: bool = "duplicateSessionEnd";
        pub ended_by: RuntimePath = "endedBy";
    }
}

answer! {
    /// What became of a conversation that goes on.
    #[derive(Default)]
    pub struct ExtractAnswer {
        pub queued: Option<bool> = "queued", if some;
        pub job_id: Option<String> = "jobId", if some;
        /// There is nothing new, or nobody to read it.
        pub skipped: Option<bool> = "skipped", if some;
        pub duplicate_runtime_path: Option<bool> = "duplicateRuntimePath", if some;
        pub claimed_by: Option<RuntimePath> = "claimedBy", if some;
    }
}

impl ExtractAnswer {
    pub fn skipped() -> Self {
        ExtractAnswer { skipped: Some(true), ..ExtractAnswer::default() }
    }

    pub fn held(by: RuntimePath) -> Self {
        ExtractAnswer { duplicate_runtime_path: Some(true), claimed_by: Some(by), ..Self::skipped() }
    }
}

answer! {
    /// Whether a use was noted.
    pub struct SkillAnswer {
        pub recorded: bool = "recorded";
    }
}

answer! {
    /// Nothing was remembered: the session is bypassed, or the caller is the daemon's own.
    pub struct NothingRemembered {
        pub success: bool = "success";
        pub memories: Vec<StartMemory> = "memories";
        pub bypassed: Option<bool> = "bypassed", if some;
    }
}

answer! {
    /// Counts of a recall that was not made.
    pub struct EmptyMeta {
        pub total_returned: usize = "totalReturned";
        pub has_supplementary: bool = "hasSupplementary";
        pub no_hits: bool = "noHits";
    }
}

answer! {
    /// Nothing was asked.
    pub struct NothingRecalled {
        pub results: Vec<Hit> = "results";
        pub memories: Vec<Hit> = "memories";
        pub count: usize = "count";
        pub query: String = "query";
        pub method: &'static str = "method";
        pub meta: EmptyMeta = "meta";
        pub message: &'static str = "message";
        pub internal: Option<bool> = "internal", if some;
        pub bypassed: Option<bool> = "bypassed", if some;
    }
}

answer! {
    /// What a session's question found.
    pub struct SessionRecall {
        pub answer: RecallAnswer = flat;
        /// The same as `results`.
        pub memories: Vec<Hit> = "memories";
        pub count: usize = "count";
        /// The results in words.
        pub message: String = "message";
    }
}

answer! {
    /// What a harness's own summary should hold.
    #[derive(Default)]
    pub struct PreCompactionAnswer {
        pub summary_prompt: Option<String> = "summaryPrompt", if some;
        pub guidelines: Option<String> = "guidelines", if some;
        pub instructions: Option<String> = "instructions", if some;
        pub bypassed: Option<bool> = "bypassed", if some;
        pub held: Option<HeldAnswer> = flat, if some;
    }
}

answer! {
    /// A summary was kept.
    #[derive(Default)]
    pub struct CompactionAnswer {
        pub success: bool = "success";
        /// Null for a session that nobody wants to remember.
        pub memory_id: Option<Option<String>> = "memoryId", if some;
        /// The session's context from here on.
        pub context_epoch: Option<i64> = "contextEpoch", if some;
        pub bypassed: Option<bool> = "bypassed", if some;
        pub held: Option<HeldAnswer> = flat, if some;
    }
}
