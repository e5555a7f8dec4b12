//! `/api/cross-agent/*`.

use std::sync::Arc;
use std::time::Duration;

use super::api::{
    Announced, Connected, MessageBody, MessageList, MessagesQuery, PeerEvent, PresenceBody, PresenceList,
    PresenceQuery, PresenceRemoved, RemovalQuery, Sent, Snapshot, StreamQuery, Via, line,
};
use super::{FIRST_MESSAGES, FIRST_SESSIONS, Inbox, Letter, Peers, READERS, Seen, Target, Wanted};
use crate::config::Bucket;
use crate::core::Error;
use crate::core::access::Access::Needs;
use crate::core::access::Permission::{Recall, Remember};
use crate::http::input::Nested;
use crate::http::stream::{Event, StreamKind};
use crate::http::{ApiError, Request, Response, Route};
use crate::parts::sessions::hooks::Short;
use crate::parts::sessions::routes::{acting_as, input_or, project_of};
use crate::text::time;

/// Characters of a message.
const LONGEST: usize = 65_536;
const RELAY_MS: i64 = 20_000;
const STREAM: StreamKind = StreamKind { name: "cross-agent", most: READERS };

pub const ROUTES: &[Route<Arc<Peers>>] = &[
    Route::get("/api/cross-agent/presence", Needs(Recall), presence)
        .takes::<PresenceQuery>()
        .gives::<PresenceList>()
        .about("Live sessions of all agents"),
    Route::post("/api/cross-agent/presence", Needs(Remember), announce)
        .takes::<PresenceBody>()
        .gives::<Announced>()
        .about("Announces a live session, or what has changed of it"),
    Route::delete("/api/cross-agent/presence/:sessionKey", Needs(Remember), remove)
        .takes::<RemovalQuery>()
        .gives::<PresenceRemoved>()
        .about("Takes a live session away"),
    Route::get("/api/cross-agent/messages", Needs(Recall), messages)
        .takes::<MessagesQuery>()
        .gives::<MessageList>()
        .about("An agent's inbox; reading takes nothing out of it"),
    Route::post("/api/cross-agent/messages", Needs(Remember), send)
        .takes::<MessageBody>()
        .gives::<Sent>()
        .limited(Bucket::Messages)
        .model_if(is_relayed)
        .about("Sends a message to an agent, a session, everybody, or an agent of another server"),
    Route::get("/api/cross-agent/stream", Needs(Recall), stream)
        .takes::<StreamQuery>()
        .streams()
        .about("Server-sent events: live sessions and messages as they come"),
];

fn text(given: Option<Short>) -> Option<String> {
    given.map(|text| text.0)
}

fn presence(peers: &Arc<Peers>, req: &Request) -> Result<Response, ApiError> {
    let query: PresenceQuery = req.input()?;
    let agent = acting_as(req, query.agent_id.as_deref(), query.session_key.as_deref())?;
    if let Some(key) = &query.session_key {
        peers.check_session(&req.caller, &agent, key, true)?;
    }
    let wanted = Wanted {
        agent,
        session_key: text(query.session_key),
        project: project_of(req, query.project.as_deref())?,
        include_self: query.include_self.0.is_some_and(|flag| flag.0),
    };
    let sessions = peers.list(&wanted, query.limit.0.map_or(50, |n| n.0) as usize);
    Ok(Response::json(&PresenceList { count: sessions.len(), sessions }))
}

fn announce(peers: &Arc<Peers>, req: &Request) -> Result<Response, ApiError> {
    let body: PresenceBody = input_or(req, "invalid request body")?;
    let agent = acting_as(req, body.agent_id.as_deref(), body.session_key.as_deref())?;
    if let Some(key) = &body.session_key {
        peers.check_session(&req.caller, &agent, key, false)?;
    }
    let harness = body.harness.0;
    let presence = peers.announce(Seen {
        agent,
        session_key: text(body.session_key),
        provider: text(body.provider).or_else(|| Some(harness.clone())),
        harness,
        project: project_of(req, body.project.as_deref())?,
        runtime_path: body.runtime_path.0,
    });
    Ok(Response::json(&Announced { presence }))
}

/// Without an agent named, whoever has that session.
fn remove(peers: &Arc<Peers>, req: &Request) -> Result<Response, ApiError> {
    let query: RemovalQuery = req.input()?;
    let key = req.param("sessionKey");
    let agent = acting_as(req, query.agent_id.as_deref(), Some(key))?;
    peers.check_session(&req.caller, &agent, key, false)?;
    let mut holders = vec![agent];
    if req.caller.bound().is_none() && query.agent_id.is_none() {
        holders.extend(peers.holders(key));
    }
    let removed = holders.iter().any(|agent| peers.remove(agent, key));
    Ok(Response::json(&PresenceRemoved { removed }))
}

fn messages(peers: &Arc<Peers>, req: &Request) -> Result<Response, ApiError> {
    let query: MessagesQuery = req.input()?;
    let agent = acting_as(req, query.agent_id.as_deref(), query.session_key.as_deref())?;
    if let Some(key) = &query.session_key {
        peers.check_session(&req.caller, &agent, key, true)?;
    }
    let inbox = Inbox {
        agent,
        session_key: text(query.session_key),
        include_sent: query.include_sent.0.is_some_and(|flag| flag.0),
        include_broadcast: query.include_broadcast.0.is_none_or(|flag| flag.0),
    };
    let since = query.since.as_deref().and_then(time::parse_iso);
    let since = since.and_then(|time| jiff::Timestamp::from_millisecond(time.millis()).ok());
    let limit = query.limit.0.map_or(100, |n| n.0) as usize;
    Ok(Response::json(&MessageList::of(peers.inbox(&inbox, since, limit))))
}

/// By the look of the body: true for every message that is relayed.
fn is_relayed(_: &Arc<Peers>, req: &Request) -> bool {
    let names = |needle: &[u8]| req.body.windows(needle.len()).any(|part| part == needle);
    names(b"\"acp\"") || names(b"\\u")
}

fn send(peers: &Arc<Peers>, req: &Request) -> Result<Response, ApiError> {
    let body: MessageBody = req.input()?;
    let from_agent = acting_as(req, body.from_agent_id.as_deref(), body.from_session_key.as_deref())?;
    if let Some(key) = &body.from_session_key {
        peers.check_session(&req.caller, &from_agent, key, true)?;
    }
    let content = body.content.0;
    if content.chars().count() > LONGEST {
        return Err(Error::invalid("content", "must be at most 65536 characters").into());
    }
    let broadcast = body.broadcast.0.is_some_and(|flag| flag.0);
    let relay = match (body.via.0, body.acp) {
        (Some(Via::Acp), None) => return Err(Error::required("acp").into()),
        (Some(Via::Acp), Some(Nested(acp))) => Some(Target {
            base_url: acp.base_url.0,
            agent_name: acp.agent_name.0,
            limit: Duration::from_millis(acp.timeout_ms.0.map_or(RELAY_MS, |n| n.0) as u64),
            metadata: acp.metadata.0.map(|object| object.0),
        }),
        _ if !broadcast && body.to_agent_id.is_none() && body.to_session_key.is_none() => {
            return Err(Error::malformed("toAgentId, toSessionKey or broadcast is required").into());
        }
        _ => None,
    };
    let message = peers.send(Letter {
        from_agent,
        from_session: text(body.from_session_key),
        to_agent: text(body.to_agent_id),
        to_session: text(body.to_session_key),
        broadcast,
        kind: body.kind,
        content,
        relay,
    });
    Ok(Response::json(&Sent { message: Arc::unwrap_or_clone(message) }))
}

fn stream(peers: &Arc<Peers>, req: &Request) -> Result<Response, ApiError> {
    let query: StreamQuery = req.input()?;
    let agent = acting_as(req, query.agent_id.as_deref(), query.session_key.as_deref())?;
    if let Some(key) = &query.session_key {
        peers.check_session(&req.caller, &agent, key, true)?;
    }
    let session_key = text(query.session_key);
    let inbox = Inbox {
        agent: agent.clone(),
        session_key: session_key.clone(),
        include_sent: query.include_sent.0.is_some_and(|flag| flag.0),
        include_broadcast: true,
    };
    let wanted = Wanted {
        agent,
        session_key,
        project: project_of(req, query.project.as_deref())?,
        include_self: query.include_self.0.is_some_and(|flag| flag.0),
    };
    let peers = Arc::clone(peers);
    Ok(Response::stream(&STREAM, move |sse, stop| {
        // followed before the first picture is taken: nothing is lost between the two
        let Some(reader) = peers.follow() else { return Ok(()) };
        sse.send(&Event::data(line(&peers.connected(&wanted))))?;
        sse.send(&Event::data(line(&peers.snapshot(&wanted, &inbox))))?;
        sse.follow(&reader, stop, |event| {
            let includes = match &*event {
                PeerEvent::Presence(event) => wanted.includes(&event.presence),
                PeerEvent::Message(event) => {
                    let own = peers.sessions_of(&inbox.agent);
                    inbox.includes(&event.message, |key| own.iter().any(|k| k == key))
                }
            };
            includes.then(|| Event::data(line(&*event)))
        })
    }))
}

impl Peers {
    fn connected(&self, wanted: &Wanted) -> Connected {
        Connected {
            kind: "connected",
            agent_id: wanted.agent.clone(),
            session_key: wanted.session_key.clone(),
            project: wanted.project.clone(),
            timestamp: self.core.now(),
        }
    }

    fn snapshot(&self, wanted: &Wanted, inbox: &Inbox) -> Snapshot {
        Snapshot {
            kind: "snapshot",
            presence: self.list(wanted, FIRST_SESSIONS),
            messages: MessageList::of(self.inbox(inbox, None, FIRST_MESSAGES)).items,
            timestamp: self.core.now(),
        }
    }
}
