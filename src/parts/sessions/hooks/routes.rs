//! `/api/hooks/*`.

use super::api::{
    CompactionAnswer, CompactionBody, EndAnswer, EndBody, ExtractAnswer, ExtractBody, NothingRecalled,
    NothingRemembered, PreCompactionAnswer, PreCompactionBody, PromptAnswer, PromptBody, SessionBody, SessionRecall,
    Short, SkillAnswer, SkillBody, StartAnswer, StartBody,
};
use super::call::Call;
use super::end::Ending;
use super::prompt::Prompt;
use super::start::Opening;
use crate::core::Error;
use crate::core::access::Access::Needs;
use crate::core::access::Asker;
use crate::core::access::Permission::{Recall, Remember};
use crate::http::input::{Loose, Text};
use crate::http::openapi::Described;
use crate::http::{ApiError, Request, Response, Route};
use crate::parts::memory::{RecallBody, RecallQuery, Remember as NewMemory, RememberBody, Remembered};
use crate::parts::sessions::Sessions;
use crate::parts::sessions::claims::RuntimePath;
use crate::parts::sessions::routes::{asker, project_of};
use crate::parts::sessions::store::skills::Invocation;
use crate::parts::sessions::transcripts::Given;
use crate::text::hosts::plain_address;

/// Bytes of a body that brings a conversation, a memory, a question.
const CONVERSATION: usize = 32 * 1024 * 1024;
const MEMORY: usize = 10 * 1024 * 1024;
const QUESTION: usize = 256 * 1024;
/// Characters of a skill's arguments and of its error that are kept.
const KEPT: usize = 2_000;

const REMEMBERED: &[(u16, Described)] = &[(200, Described::either::<Remembered, NothingRemembered>())];
const RECALLED: &[(u16, Described)] = &[(200, Described::either::<SessionRecall, NothingRecalled>())];

pub const ROUTES: &[Route<Sessions>] = &[
    Route::post("/api/hooks/session-start", Needs(Remember), start)
        .takes::<StartBody>()
        .gives::<StartAnswer>()
        .about("A conversation begins: what it should know"),
    Route::post("/api/hooks/user-prompt-submit", Needs(Remember), prompt)
        .takes::<PromptBody>()
        .gives::<PromptAnswer>()
        .body_limit(CONVERSATION)
        .model_if(prompt_waits)
        .about("A prompt: the little that it should know"),
    Route::post("/api/hooks/session-end", Needs(Remember), end)
        .takes::<EndBody>()
        .gives::<EndAnswer>()
        .body_limit(CONVERSATION)
        .about("A conversation ends: it is stored, and its summary is queued"),
    Route::post("/api/hooks/session-checkpoint-extract", Needs(Remember), extract)
        .takes::<ExtractBody>()
        .gives::<ExtractAnswer>()
        .body_limit(CONVERSATION)
        .about("What is new of a conversation that does not end"),
    Route::post("/api/hooks/skill-invocation", Needs(Remember), skill)
        .takes::<SkillBody>()
        .gives::<SkillAnswer>()
        .about("Notes that a skill was used"),
    Route::post("/api/hooks/remember", Needs(Remember), remember)
        .takes_both::<SessionBody, RememberBody>()
        .answers(REMEMBERED)
        .body_limit(MEMORY)
        .about("The same as `/api/memory/remember`, in a session"),
    Route::post("/api/hooks/recall", Needs(Recall), recall)
        .takes_both::<SessionBody, RecallBody>()
        .answers(RECALLED)
        .reads()
        .model_if(recall_waits)
        .body_limit(QUESTION)
        .about("The same as `/api/memory/recall`, in a session, with the results in words too"),
    Route::post("/api/hooks/pre-compaction", Needs(Remember), before_compaction)
        .takes::<PreCompactionBody>()
        .gives::<PreCompactionAnswer>()
        .about("What a harness's own summary should hold"),
    Route::post("/api/hooks/compaction-complete", Needs(Remember), after_compaction)
        .takes::<CompactionBody>()
        .gives::<CompactionAnswer>()
        .body_limit(MEMORY)
        .about("Keeps the summary of a compacted context"),
];

/// Made by an agent that the daemon has started itself: nothing is to come of it.
fn is_internal(req: &Request) -> bool {
    req.headers.text("x-signet-no-hooks") == Some("1")
}

/// On this machine, and bound to nothing.
fn is_trusted(req: &Request) -> bool {
    let here = req.peer_ip().is_some_and(|ip| plain_address(ip).is_loopback());
    here && req.caller.scoped().is_none()
}

fn is(given: &Option<Short>, word: &str) -> bool {
    given.as_deref().is_some_and(|given| given.eq_ignore_ascii_case(word))
}

fn text(given: Option<&Short>) -> Option<String> {
    given.map(|text| text.0.clone())
}

/// Who calls, for which session.
fn call(
    sessions: &Sessions,
    req: &Request,
    harness: &Short,
    agent: Option<&Short>,
    key: Option<&Short>,
    project: Option<&Short>,
    path: Loose<RuntimePath>,
) -> Result<Call, Error> {
    let asker: Asker<'_> = asker(req, agent.map(|a| &**a), key.map(|k| &**k));
    let header = req.headers.text("x-signet-runtime-path").and_then(RuntimePath::parse);
    let call = Call {
        harness: harness.0.clone(),
        agent: asker.caller.agent(asker.named, asker.session_key)?,
        key: text(key),
        project: project_of(req, project.map(|p| &**p))?,
        path: header.or(path.0),
        visible: crate::core::access::Visible::to_reader(asker)?,
        confined: req.caller.scoped().is_some(),
    };
    sessions.check_project(&call)?;
    Ok(call)
}

/// A failure in the words that hooks have for it.
fn hook_failed(error: Error) -> ApiError {
    in_words(error, "Hook execution failed")
}

fn in_words(error: Error, words: &str) -> ApiError {
    let answer = ApiError::from(error);
    if answer.status == 500 { ApiError::new(500, words) } else { answer }
}

fn start(sessions: &Sessions, req: &Request) -> Result<Response, ApiError> {
    if is_internal(req) {
        return Ok(Response::json(&StartAnswer::default()));
    }
    let body: StartBody = req.input()?;
    let key = body.session_key.as_ref();
    let call =
        call(sessions, req, &body.harness, body.agent_id.as_ref(), key, body.project.as_ref(), body.runtime_path)?;
    let opening = Opening {
        parent: text(body.parent_session_key.as_ref()),
        harness_agent: text(body.harness_agent_id.as_ref()),
        clear: is(&body.source, "clear"),
        compacted: is(&body.source, "compact"),
    };
    Ok(Response::json(&sessions.start(&call, &opening).map_err(hook_failed)?))
}

/// A prompt waits for a server where vectors come from one.
fn prompt_waits(sessions: &Sessions, _: &Request) -> bool {
    sessions.memory.asks_a_server()
}

fn prompt(sessions: &Sessions, req: &Request) -> Result<Response, ApiError> {
    if is_internal(req) {
        return Ok(Response::json(&PromptAnswer::default()));
    }
    let body: PromptBody = req.input()?;
    let prompt = Prompt::of(&body, is_trusted(req))?;
    let key = body.session_key.as_ref();
    let call =
        call(sessions, req, &body.harness, body.agent_id.as_ref(), key, body.project.as_ref(), body.runtime_path)?;
    Ok(Response::json(&sessions.prompt(&call, &prompt).map_err(hook_failed)?))
}

fn given(req: &Request, path: Option<&Short>, inline: Option<&Text>) -> Given {
    Given { path: text(path), inline: inline.map(|text| text.0.clone()), trusted: is_trusted(req) }
}

fn end(sessions: &Sessions, req: &Request) -> Result<Response, ApiError> {
    if is_internal(req) {
        return Ok(Response::json(&EndAnswer::default()));
    }
    let body: EndBody = req.input()?;
    let key = body.session_key.as_ref().or(body.session_id.as_ref());
    let call =
        call(sessions, req, &body.harness, body.agent_id.as_ref(), key, body.project.as_ref(), body.runtime_path)?;
    let ending = Ending {
        session_id: text(body.session_id.as_ref()),
        transcript: given(req, body.transcript_path.as_ref(), body.transcript.as_ref()),
        clear: is(&body.reason, "clear"),
    };
    Ok(Response::json(&sessions.end(&call, &ending).map_err(hook_failed)?))
}

fn extract(sessions: &Sessions, req: &Request) -> Result<Response, ApiError> {
    if is_internal(req) {
        return Ok(Response::json(&ExtractAnswer::skipped()));
    }
    let body: ExtractBody = req.input()?;
    let key = Some(&body.session_key);
    let call =
        call(sessions, req, &body.harness, body.agent_id.as_ref(), key, body.project.as_ref(), body.runtime_path)?;
    let given = given(req, body.transcript_path.as_ref(), body.transcript.as_ref());
    Ok(Response::json(&sessions.extract(&call, &given).map_err(hook_failed)?))
}

fn skill(sessions: &Sessions, req: &Request) -> Result<Response, ApiError> {
    if is_internal(req) {
        return Ok(Response::json(&SkillAnswer { recorded: false }));
    }
    let body: SkillBody = req.input()?;
    let asker = asker(req, body.agent_id.as_deref(), body.session_key.as_deref());
    let kept = |text: Option<Text>| text.map(|text| text.0.chars().take(KEPT).collect::<String>());
    let invocation = Invocation {
        skill: body.skill.to_lowercase(),
        agent: asker.caller.agent(asker.named, asker.session_key)?,
        harness: body.harness.0,
        session_id: text(body.session_key.as_ref()),
        tool_use_id: text(body.tool_use_id.as_ref()),
        cwd: text(body.cwd.as_ref()),
        origin: text(body.origin.as_ref()),
        args: kept(body.args.0),
        success: body.success.0.is_none_or(|flag| flag.0),
        latency_ms: body.latency_ms.0,
        error: kept(body.error_text.0),
        created_at: body.created_at.0.map_or_else(|| sessions.core.now(), |date| date.0),
    };
    sessions.note_skill(invocation);
    Ok(Response::json(&SkillAnswer { recorded: true }))
}

/// The session of what is remembered or asked: that of the header before that of the body.
fn session_call(sessions: &Sessions, req: &Request, body: SessionBody, agent: Option<&Text>) -> Result<Call, Error> {
    let header = req.headers.text("x-signet-session-key").map(|key| Short::from(key.to_owned()));
    let key = header.or(body.session_key);
    let agent = agent.map(|text| Short::from(text.0.clone()));
    call(sessions, req, &body.harness, agent.as_ref(), key.as_ref(), None, body.runtime_path)
}

fn remember(sessions: &Sessions, req: &Request) -> Result<Response, ApiError> {
    if is_internal(req) {
        return Ok(Response::json(&NothingRemembered::bypassed(false)));
    }
    let session: SessionBody = req.input()?;
    let body: RememberBody = req.input()?;
    let call = session_call(sessions, req, session, body.agent_id.as_ref())?;
    if sessions.admit_explicit(&call)? {
        return Ok(Response::json(&NothingRemembered::bypassed(true)));
    }
    let content = body.content.0.clone();
    let asker = Asker { session_key: call.key.as_deref().or(req.asker().session_key), ..req.asker() };
    let remember = NewMemory::of(body, asker)?;
    let remembered = sessions.memory.remember(remember).map_err(|e| in_words(e, "Failed to save memory"))?;
    sessions.note_remembered(&call, &content);
    Ok(Response::json(&remembered))
}

fn recall_waits(sessions: &Sessions, req: &Request) -> bool {
    sessions.memory.may_wait(&req.body)
}

fn recall(sessions: &Sessions, req: &Request) -> Result<Response, ApiError> {
    if is_internal(req) {
        return Ok(Response::json(&NothingRecalled::internal()));
    }
    let session: SessionBody = req.input()?;
    let body: RecallBody = req.input()?;
    project_of(req, body.project.as_deref())?;
    let call = session_call(sessions, req, session, body.agent_id.as_ref())?;
    if sessions.admit_explicit(&call)? {
        return Ok(Response::json(&NothingRecalled::bypassed(&body.query)));
    }
    let asker = Asker { session_key: call.key.as_deref().or(req.asker().session_key), ..req.asker() };
    let query = RecallQuery::of_body(body, asker)?;
    let answer = sessions.memory.answer(&req.caller, req.peer_ip(), &query);
    let answer = answer.map_err(|e| match in_words(e, "Recall failed") {
        failed if failed.status == 500 => failed.with("results", serde_json::json!([])),
        refused => refused,
    })?;
    Ok(Response::json(&SessionRecall::of(answer)))
}

fn before_compaction(sessions: &Sessions, req: &Request) -> Result<Response, ApiError> {
    let body: PreCompactionBody = req.input()?;
    let mut call =
        call(sessions, req, &body.harness, body.agent_id.as_ref(), body.session_key.as_ref(), None, body.runtime_path)?;
    sessions.find_agent(&mut call, body.agent_id.is_some(), &req.caller);
    let given = given(req, body.transcript_path.as_ref(), None);
    let answer = sessions.before_compaction(&call, body.session_context.as_deref(), &given);
    Ok(Response::json(&answer.map_err(hook_failed)?))
}

fn after_compaction(sessions: &Sessions, req: &Request) -> Result<Response, ApiError> {
    let body: CompactionBody = req.input()?;
    let key = body.session_key.as_ref();
    let call =
        call(sessions, req, &body.harness, body.agent_id.as_ref(), key, body.project.as_ref(), body.runtime_path)?;
    let answer = sessions.after_compaction(&call, &body.summary);
    Ok(Response::json(&answer.map_err(|e| in_words(e, "Failed to save summary"))?))
}
