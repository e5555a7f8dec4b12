//! `/api/sessions*`, and how every route of this part finds out who asks for what.

use super::Sessions;
use super::browse::{
    AgentQuery, BlackboxList, BlackboxQuery, Bypassed, ExpandBody, Expanded, LiveOf, LiveSession, LiveSessions, Looked,
    Renewed, Replay, ReplayQuery, SearchAnswer, SearchBody, SummaryList, SummaryQuery, TranscriptAnswer,
};
use super::claims::plain_key;
use super::hooks::BypassBody;
use super::store::search::Wanted;
use super::store::summaries;
use super::transcripts::Question;
use crate::core::Error;
use crate::core::access::Access::Needs;
use crate::core::access::Permission::{Recall, Remember};
use crate::core::access::{Asker, Target, Visible};
use crate::http::input::Input;
use crate::http::{ApiError, Request, Response, Route};
use crate::text::time;

pub const ROUTES: &[Route<Sessions>] = &[
    Route::get("/api/sessions", Needs(Recall), list)
        .takes::<AgentQuery>()
        .gives::<LiveSessions>()
        .about("An agent's live sessions"),
    Route::get("/api/sessions/:key", Needs(Recall), one)
        .takes::<AgentQuery>()
        .gives::<LiveSession>()
        .about("A live session"),
    Route::post("/api/sessions/:key/bypass", Needs(Remember), bypass)
        .takes::<BypassBody>()
        .gives::<Bypassed>()
        .about("Switches whether hooks of a session do nothing"),
    Route::post("/api/sessions/:key/renew", Needs(Remember), renew)
        .takes::<AgentQuery>()
        .gives::<Renewed>()
        .about("Keeps a session claimed for four more hours"),
    Route::get("/api/sessions/:key/transcript", Needs(Recall), transcript)
        .takes::<AgentQuery>()
        .gives::<TranscriptAnswer>()
        .about("What a session said"),
    Route::post("/api/sessions/search", Needs(Recall), search)
        .takes::<SearchBody>()
        .gives::<SearchAnswer>()
        .reads()
        .about("Earlier conversations by their words"),
    Route::get("/api/sessions/summaries", Needs(Recall), list_summaries)
        .takes::<SummaryQuery>()
        .gives::<SummaryList>()
        .about("What sessions were about, newest first"),
    Route::post("/api/sessions/summaries/expand", Needs(Recall), expand)
        .takes::<ExpandBody>()
        .gives::<Expanded>()
        .reads()
        .about("A summary with what stands around it, its memories and its transcript"),
    Route::get("/api/sessions/blackbox", Needs(Recall), blackbox)
        .takes::<BlackboxQuery>()
        .gives::<BlackboxList>()
        .about("Sessions of which it is known what they were shown"),
    Route::get("/api/sessions/:key/blackbox", Needs(Recall), replay)
        .takes::<ReplayQuery>()
        .gives::<Replay>()
        .about("What a session was shown, and what was made of it"),
];

/// Who asks, with the agent and the session that a request names itself.
pub fn asker<'a>(req: &'a Request, named: Option<&'a str>, key: Option<&'a str>) -> Asker<'a> {
    let asker = req.asker();
    Asker { named: named.or(asker.named), session_key: key.or(asker.session_key), ..asker }
}

/// What a route takes; a body that is no JSON object is refused in these words.
pub fn input_or<I: Input>(req: &Request, words: &'static str) -> Result<I, Error> {
    req.input().map_err(|error| if let Error::Malformed(_) = error { Error::malformed(words) } else { error })
}

/// The agent that a request acts for; refused when the credential is bound to another.
pub fn acting_as(req: &Request, named: Option<&str>, key: Option<&str>) -> Result<String, Error> {
    let asker = asker(req, named, key);
    asker.caller.agent(asker.named, asker.session_key)
}

/// What it may see.
pub fn visible_to(req: &Request, named: Option<&str>, key: Option<&str>) -> Result<Visible, Error> {
    Visible::to_reader(asker(req, named, key))
}

/// The project that is asked for; a credential that is bound to one asks for that and no other.
pub fn project_of(req: &Request, named: Option<&str>) -> Result<Option<String>, Error> {
    req.caller.check_scope(Target { project: named, ..Target::default() })?;
    Ok(req.caller.forced_project().or(named).map(str::to_owned))
}

/// Whose live sessions are meant: of the agent that the query names, not of that in a key; and of the project that
/// the credential is bound to.
fn live_of(req: &Request) -> Result<LiveOf<'_>, Error> {
    let query: AgentQuery = AgentQuery::of_query(req)?;
    let agent = req.caller.agent(query.agent_id.as_deref().or(req.asker().named), None)?;
    Ok(LiveOf { agent, project: req.caller.forced_project() })
}

impl AgentQuery {
    /// Of the query also where a route has a body.
    fn of_query(req: &Request) -> Result<Self, Error> {
        AgentQuery::read(&req.query.to_map(), req)
    }
}

fn list(sessions: &Sessions, req: &Request) -> Result<Response, ApiError> {
    Ok(Response::json(&sessions.live_sessions(&live_of(req)?)))
}

fn one(sessions: &Sessions, req: &Request) -> Result<Response, ApiError> {
    Ok(Response::json(&sessions.live_session(&live_of(req)?, req.param("key"))?))
}

/// Who may, then which session, then what.
fn bypass(sessions: &Sessions, req: &Request) -> Result<Response, ApiError> {
    let (of, key) = (live_of(req)?, req.param("key"));
    sessions.live_session(&of, key)?;
    let body: BypassBody = req.input()?;
    Ok(Response::json(&sessions.bypass(&of.agent, key, body.enabled.0)))
}

fn renew(sessions: &Sessions, req: &Request) -> Result<Response, ApiError> {
    Ok(Response::json(&sessions.renew(&live_of(req)?, req.param("key"))?))
}

fn transcript(sessions: &Sessions, req: &Request) -> Result<Response, ApiError> {
    let query: AgentQuery = req.input()?;
    let visible = visible_to(req, query.agent_id.as_deref(), Some(plain_key(req.param("key"))))?;
    Ok(Response::json(&sessions.transcript(&visible, req.param("key"))?))
}

/// A sub-agent looks into the session that started it; others look anywhere but into their own.
fn search(sessions: &Sessions, req: &Request) -> Result<Response, ApiError> {
    let body: SearchBody = input_or(req, "Invalid JSON body")?;
    let key = body.current.as_deref().or(body.session_key.as_deref());
    let agent = acting_as(req, body.agent_id.as_deref(), key)?;
    let of_parent = || {
        let fields: Vec<&str> = body.current.as_deref()?.split(':').collect();
        matches!(fields[..], ["agent", _, "subagent", _, ..]).then(|| format!("agent:{}:main", fields[1]))
    };
    let session_key = body.session_key.as_deref().map(str::to_owned).or_else(of_parent);
    let wanted = Wanted {
        agent,
        session_key,
        but: body.current.as_deref().map(str::to_owned),
        project: project_of(req, body.project.as_deref())?,
    };
    let hits = sessions.search(&Question { text: body.query.0.clone(), wanted, limit: body.limit.0 })?;
    Ok(Response::json(&SearchAnswer::of(body.query.0, hits)))
}

fn list_summaries(sessions: &Sessions, req: &Request) -> Result<Response, ApiError> {
    let query: SummaryQuery = req.input()?;
    let agent = acting_as(req, query.agent_id.as_deref(), query.session_key.as_deref())?;
    let depth = query.depth.as_deref().map(|text| text.parse::<u32>().map(i64::from)).transpose();
    let depth = depth.map_err(|_| Error::invalid("depth", "must be a whole number from 0 on"))?;
    let wanted = summaries::Wanted { agent, project: project_of(req, query.project.as_deref())?, depth };
    Ok(Response::json(&sessions.summaries(&wanted, query.limit.0, query.offset.0)?))
}

fn expand(sessions: &Sessions, req: &Request) -> Result<Response, ApiError> {
    let body: ExpandBody = req.input()?;
    let visible = visible_to(req, body.agent_id.as_deref(), body.session_key.as_deref())?;
    let chars = body.include_transcript.0.then_some(body.chars.0 as usize);
    Ok(Response::json(&sessions.expand(&visible, &body.id, chars)?))
}

fn blackbox(sessions: &Sessions, req: &Request) -> Result<Response, ApiError> {
    let query: BlackboxQuery = req.input()?;
    let agent = acting_as(req, query.agent_id.as_deref(), None)?;
    let project = project_of(req, query.project.as_deref())?;
    Ok(Response::json(&sessions.blackbox(&agent, project.as_deref(), query.limit.0 as usize)?))
}

fn replay(sessions: &Sessions, req: &Request) -> Result<Response, ApiError> {
    let query: ReplayQuery = req.input()?;
    let key = req.param("key");
    let visible = visible_to(req, query.agent_id.as_deref(), Some(key))?;
    let project = project_of(req, query.project.as_deref())?;
    let at = query.at.as_deref().map(|text| {
        let time = time::parse_iso(text).and_then(|time| jiff::Timestamp::from_millisecond(time.millis()).ok());
        time.ok_or_else(|| Error::invalid("at", "must be a valid ISO timestamp"))
    });
    let looked = Looked { key, project: project.as_deref(), at: at.transpose()?, limit: query.limit.0 as usize };
    Ok(Response::json(&sessions.replay(&visible, &looked)?))
}
