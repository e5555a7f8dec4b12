//! Live agents among each other: who is there, what they write to each other, and a stream of both.
//!
//! All of it is in memory and bounded; a restart forgets it.

mod acp;
mod api;
mod messages;
mod presence;
mod routes;

use std::sync::{Arc, Mutex};

use jiff::Timestamp;

pub use acp::Target;
pub use messages::{DeliveryPath, DeliveryStatus, Inbox, Message, MessageKind};
pub use presence::{Presence, Seen, Wanted};
pub use routes::ROUTES;

use super::claims::{Claims, plain_key};
use crate::core::access::Caller;
use crate::core::{Core, Error};
use crate::sys::locks;
use crate::text::time;
use crate::work::{Hub, Reader};
use api::{MessageEvent, PeerEvent, PresenceEvent};
use messages::Messages;
use presence::Presences;

/// Events that wait for one reader of the stream, and readers at once.
const WAITING: usize = 256;
pub const READERS: usize = 64;
/// Rows of a stream's first picture.
const FIRST_SESSIONS: usize = 50;
const FIRST_MESSAGES: usize = 20;

/// A message to be sent.
#[derive(Debug, Clone)]
pub struct Letter {
    pub from_agent: String,
    pub from_session: Option<String>,
    pub to_agent: Option<String>,
    pub to_session: Option<String>,
    pub broadcast: bool,
    pub kind: MessageKind,
    pub content: String,
    /// To an agent of another server.
    pub relay: Option<Target>,
}

pub struct Peers {
    core: Arc<Core>,
    claims: Arc<Claims>,
    presences: Mutex<Presences>,
    messages: Mutex<Messages>,
    hub: Hub<Arc<PeerEvent>>,
}

impl Peers {
    pub fn new(core: Arc<Core>, claims: Arc<Claims>) -> Self {
        Peers { core, claims, presences: Mutex::default(), messages: Mutex::default(), hub: Hub::new(WAITING, READERS) }
    }

    fn now(&self) -> Timestamp {
        self.core.clock.now()
    }

    /// Announces a session, or what has changed of it.
    pub fn announce(&self, seen: Seen) -> Presence {
        let now = self.now();
        let (row, count) = {
            let mut rows = locks::lock(&self.presences);
            (rows.put(seen, now), rows.count(now))
        };
        self.publish_presence("upsert", &row, count);
        row
    }

    /// Notes that a session was heard of; nobody is told.
    pub fn touch(&self, seen: Seen) {
        locks::lock(&self.presences).touch(seen, self.now());
    }

    /// Likewise of a session that is known already; whether it is.
    pub fn touch_session(&self, agent: &str, key: &str) -> bool {
        locks::lock(&self.presences).touch_session(agent, key, self.now())
    }

    pub fn of_session(&self, agent: &str, key: &str) -> Option<Presence> {
        locks::lock(&self.presences).of_session(agent, key, self.now())
    }

    /// Takes a session away; whether it was there.
    pub fn remove(&self, agent: &str, key: &str) -> bool {
        let now = self.now();
        let removed = {
            let mut rows = locks::lock(&self.presences);
            rows.remove(agent, key).map(|row| (row, rows.count(now)))
        };
        if let Some((row, count)) = &removed {
            self.publish_presence("remove", row, *count);
        }
        removed.is_some()
    }

    pub fn list(&self, wanted: &Wanted, limit: usize) -> Vec<Presence> {
        locks::lock(&self.presences).list(wanted, limit, self.now())
    }

    fn publish_presence(&self, action: &'static str, row: &Presence, count: usize) {
        let presence = row.clone();
        let event =
            PresenceEvent { kind: "presence", action, presence, active_count: count, timestamp: self.core.now() };
        self.hub.publish(&Arc::new(PeerEvent::Presence(event)));
    }

    /// The agents with a live session of a key.
    fn holders(&self, key: &str) -> Vec<String> {
        let mut holders = self.claims.holders(key);
        holders.extend(locks::lock(&self.presences).holders(key, self.now()));
        holders
    }

    /// A credential that is bound may name sessions of its own agent only, and `live` ones where that is asked.
    fn check_session(&self, caller: &Caller, agent: &str, key: &str, live: bool) -> Result<(), Error> {
        if caller.bound().is_none() {
            return Ok(());
        }
        let holders = self.holders(key);
        if holders.iter().any(|holder| holder == agent) {
            Ok(())
        } else if !holders.is_empty() {
            Err(Error::forbidden("the session belongs to another agent"))
        } else if live {
            Err(Error::forbidden("the session is not live"))
        } else {
            Ok(())
        }
    }

    /// Sends a message. Also one that could not be relayed is kept, with the reason.
    pub fn send(&self, letter: Letter) -> Arc<Message> {
        let relayed = letter.relay.as_ref().map(|target| {
            acp::relay(&self.core, target, (&letter.from_agent, letter.from_session.as_deref()), &letter.content)
        });
        let holder = letter.to_session.as_deref().and_then(|key| self.holders(key).into_iter().next());
        let error = relayed.as_ref().and_then(|relayed| relayed.error.clone());
        let now = self.now();
        let message = Arc::new(Message {
            id: self.core.ids.random(),
            created_at: time::iso(now),
            from_agent_id: letter.from_agent,
            from_session_key: letter.from_session,
            to_agent_id: letter.to_agent,
            to_session_key: letter.to_session,
            to_session_agent_id: holder,
            content: letter.content,
            kind: letter.kind,
            broadcast: letter.broadcast,
            delivery_path: if relayed.is_some() { DeliveryPath::Acp } else { DeliveryPath::Local },
            delivery_status: if error.is_some() { DeliveryStatus::Failed } else { DeliveryStatus::Delivered },
            delivery_error: error,
            delivery_receipt: relayed.map(|relayed| relayed.receipt),
        });
        locks::lock(&self.messages).push(Arc::clone(&message), now);
        let event = MessageEvent { kind: "message", message: (*message).clone(), timestamp: time::iso(now) };
        self.hub.publish(&Arc::new(PeerEvent::Message(event)));
        message
    }

    /// The messages of an inbox, newest first.
    pub fn inbox(&self, inbox: &Inbox, since: Option<Timestamp>, limit: usize) -> Vec<Arc<Message>> {
        // looked up before, so that no lock is taken under another
        let own = self.sessions_of(&inbox.agent);
        let wanted = |message: &Message| inbox.includes(message, |key| own.iter().any(|k| k == plain_key(key)));
        locks::lock(&self.messages).newest(since, self.now(), wanted, limit)
    }

    /// Keys of the sessions that an agent has now.
    fn sessions_of(&self, agent: &str) -> Vec<String> {
        let mut keys: Vec<String> = self.claims.of_agent(agent).into_iter().map(|(id, _)| id.key).collect();
        let wanted = Wanted { agent: agent.to_owned(), include_self: true, ..Wanted::default() };
        let rows = self.list(&wanted, usize::MAX);
        keys.extend(rows.into_iter().filter(|row| row.agent_id == agent).filter_map(|row| row.session_key));
        keys
    }

    /// What happens from now on; `None` when as many read as may.
    fn follow(&self) -> Option<Reader<Arc<PeerEvent>>> {
        self.hub.subscribe()
    }

    /// Ends all streams.
    pub fn close(&self) {
        self.hub.close();
    }
}
