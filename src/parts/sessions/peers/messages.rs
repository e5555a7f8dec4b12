//! What agents write to each other: kept in memory, a thousand messages or a week, and never consumed by reading.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::parts::sessions::claims::plain_key;
use crate::{answer, names};

/// Messages kept, for how long, and bytes of their texts in all.
const MOST: usize = 1_000;
const AGE: SignedDuration = SignedDuration::from_hours(7 * 24);
const MOST_BYTES: usize = 8 * 1024 * 1024;

names! {
    /// What a message is for.
    pub enum MessageKind {
        Info = "info",
        AssistRequest = "assist_request",
        DecisionUpdate = "decision_update",
        Question = "question",
    }
}

names! {
    /// How a message goes.
    pub enum DeliveryPath {
        Local = "local",
        Acp = "acp",
    }
}

names! {
    /// Whether it arrived.
    pub enum DeliveryStatus {
        Delivered = "delivered",
        Failed = "failed",
        Queued = "queued",
    }
}

answer! {
    /// What the other server said.
    pub struct Receipt {
        /// Its status; 0 when none was reached.
        pub status: u16 = "status";
        pub run_id: Option<String> = "runId", if some;
    }
}

answer! {
    /// A message of one agent to others.
    pub struct Message {
        pub id: String = "id";
        pub created_at: String = "createdAt";
        pub from_agent_id: String = "fromAgentId";
        pub from_session_key: Option<String> = "fromSessionKey", if some;
        pub to_agent_id: Option<String> = "toAgentId", if some;
        pub to_session_key: Option<String> = "toSessionKey", if some;
        /// Whose session it was when the message was sent.
        pub to_session_agent_id: Option<String> = "toSessionAgentId", if some;
        pub content: String = "content";
        pub kind: MessageKind = "type";
        pub broadcast: bool = "broadcast";
        pub delivery_path: DeliveryPath = "deliveryPath";
        pub delivery_status: DeliveryStatus = "deliveryStatus";
        pub delivery_error: Option<String> = "deliveryError", if some;
        pub delivery_receipt: Option<Receipt> = "deliveryReceipt", if some;
    }
}

/// Whose inbox is looked at.
#[derive(Debug, Clone)]
pub struct Inbox {
    pub agent: String,
    pub session_key: Option<String>,
    pub include_sent: bool,
    pub include_broadcast: bool,
}

impl Inbox {
    /// `holds` tells whether the agent holds a session now, for messages whose target nobody held when
    /// they were sent.
    pub fn includes(&self, message: &Message, holds: impl Fn(&str) -> bool) -> bool {
        let to_session = message.to_session_key.as_deref();
        let is_others = message.to_session_agent_id.as_ref().is_some_and(|holder| *holder != self.agent);
        let is_own_session = match (to_session, &self.session_key) {
            // whoever has a session of this key now: it was sent to whom had it then
            (Some(target), Some(own)) => !is_others && plain_key(target) == plain_key(own),
            _ => false,
        };
        let held_target = || match (&message.to_session_agent_id, to_session) {
            (Some(holder), _) => *holder == self.agent,
            (None, Some(target)) => holds(target),
            (None, None) => false,
        };
        is_own_session
            || message.to_agent_id.as_ref() == Some(&self.agent)
            || held_target()
            || self.include_broadcast && message.broadcast
            || self.include_sent && message.from_agent_id == self.agent
    }
}

/// The messages, oldest first.
#[derive(Debug, Default)]
pub struct Messages {
    kept: VecDeque<(Timestamp, Arc<Message>)>,
    bytes: usize,
}

impl Messages {
    pub fn push(&mut self, message: Arc<Message>, now: Timestamp) {
        self.bytes += message.content.len();
        self.kept.push_back((now, message));
        self.settle(now);
    }

    fn settle(&mut self, now: Timestamp) {
        let too_much = |m: &Self| m.kept.len() > MOST || m.bytes > MOST_BYTES;
        while too_much(self) || self.kept.front().is_some_and(|(at, _)| *at + AGE <= now) {
            let Some((_, gone)) = self.kept.pop_front() else { return };
            self.bytes -= gone.content.len();
        }
    }

    /// Newest first, from a time on.
    pub fn newest(
        &mut self,
        since: Option<Timestamp>,
        now: Timestamp,
        wanted: impl Fn(&Message) -> bool,
        limit: usize,
    ) -> Vec<Arc<Message>> {
        self.settle(now);
        let recent = self.kept.iter().rev().filter(|(at, _)| since.is_none_or(|since| *at >= since));
        recent.map(|(_, message)| message).filter(|message| wanted(message)).take(limit).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(content: &str) -> Message {
        Message {
            id: "1".into(),
            created_at: String::new(),
            from_agent_id: "ann".into(),
            from_session_key: None,
            to_agent_id: None,
            to_session_key: None,
            to_session_agent_id: None,
            content: content.into(),
            kind: MessageKind::Info,
            broadcast: false,
            delivery_path: DeliveryPath::Local,
            delivery_status: DeliveryStatus::Delivered,
            delivery_error: None,
            delivery_receipt: None,
        }
    }

    #[test]
    fn a_message_is_for_its_agent_its_session_or_everybody() {
        let inbox = |agent: &str, session: Option<&str>, sent: bool| Inbox {
            agent: agent.into(),
            session_key: session.map(Into::into),
            include_sent: sent,
            include_broadcast: true,
        };
        let nobody = |_: &str| false;
        let to_bob = Message { to_agent_id: Some("bob".into()), ..message("x") };
        assert!(inbox("bob", None, false).includes(&to_bob, nobody));
        assert!(
            !inbox("ann", None, false).includes(&to_bob, nobody) && inbox("ann", None, true).includes(&to_bob, nobody)
        );
        let to_session = Message { to_session_key: Some("session:s".into()), ..message("x") };
        assert!(inbox("cid", Some("s"), false).includes(&to_session, nobody));
        assert!(!inbox("cid", None, false).includes(&to_session, nobody));
        assert!(inbox("cid", None, false).includes(&to_session, |key| key == "session:s"), "who holds it now");
        let was_held = Message { to_session_agent_id: Some("dan".into()), ..to_session };
        assert!(
            !inbox("cid", None, false).includes(&was_held, |_| true)
                && inbox("dan", None, false).includes(&was_held, nobody)
        );
        assert!(!inbox("cid", Some("s"), false).includes(&was_held, |_| true), "nor by a session of the same key");
        let broadcast = Message { broadcast: true, ..message("x") };
        assert!(inbox("eve", None, false).includes(&broadcast, nobody));
        assert!(!Inbox { include_broadcast: false, ..inbox("eve", None, false) }.includes(&broadcast, nobody));
    }

    #[test]
    fn messages_are_bounded_in_number_size_and_age() {
        let mut messages = Messages::default();
        let start = Timestamp::UNIX_EPOCH;
        for n in 0..MOST + 5 {
            messages.push(Arc::new(message(&n.to_string())), start);
        }
        assert_eq!(
            messages.newest(None, start, |_| true, 2).iter().map(|m| &*m.content).collect::<Vec<_>>(),
            ["1004", "1003"]
        );
        assert_eq!(messages.kept.len(), MOST);
        let large = Arc::new(message(&"x".repeat(3 * 1024 * 1024)));
        (0..4).for_each(|_| messages.push(large.clone(), start));
        assert_eq!(messages.kept.len(), 2);
        assert!(messages.newest(None, start + AGE, |_| true, 9).is_empty());
        assert_eq!(messages.bytes, 0);
    }
}
