//! Who is live: agents with their harnesses and sessions, held in memory.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use crate::answer;
use crate::parts::sessions::claims::{RuntimePath, plain_key};
use crate::text::time;

/// Without a touch for so long a row is gone.
const STALE: SignedDuration = SignedDuration::from_hours(4);
/// Rows at most; those that were silent longest go first.
const MOST: usize = 1_000;
/// An agent with so many of them makes room among its own.
const SHARE: usize = 200;

answer! {
    /// A live session.
    pub struct Presence {
        pub key: String = "key";
        pub session_key: Option<String> = "sessionKey", if some;
        pub agent_id: String = "agentId";
        pub harness: String = "harness";
        pub project: Option<String> = "project", if some;
        pub runtime_path: Option<RuntimePath> = "runtimePath", if some;
        /// Who provides the session; the harness unless said otherwise.
        pub provider: Option<String> = "provider", if some;
        pub started_at: String = "startedAt";
        pub last_seen_at: String = "lastSeenAt";
    }
}

/// What is told of a live session.
#[derive(Debug, Clone)]
pub struct Seen {
    pub agent: String,
    pub session_key: Option<String>,
    pub harness: String,
    pub project: Option<String>,
    pub runtime_path: Option<RuntimePath>,
    pub provider: Option<String>,
}

/// Which rows are asked for.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    pub agent: String,
    /// The asking session: with it the agent's other sessions are shown too.
    pub session_key: Option<String>,
    pub project: Option<String>,
    pub include_self: bool,
}

impl Wanted {
    pub fn includes(&self, row: &Presence) -> bool {
        let in_project = self.project.is_none() || self.project == row.project;
        let own = row.agent_id == self.agent;
        let another_session = match (&self.session_key, &row.session_key) {
            (Some(asking), Some(of_row)) => plain_key(asking) != of_row,
            _ => false,
        };
        in_project && (self.include_self || !own || another_session)
    }
}

#[derive(Debug)]
struct Row {
    seen: Seen,
    started: Timestamp,
    last: Timestamp,
}

impl Row {
    fn answer(&self, key: &str) -> Presence {
        Presence {
            key: key.to_owned(),
            session_key: self.seen.session_key.clone(),
            agent_id: self.seen.agent.clone(),
            harness: self.seen.harness.clone(),
            project: self.seen.project.clone(),
            runtime_path: self.seen.runtime_path,
            provider: self.seen.provider.clone(),
            started_at: time::iso(self.started),
            last_seen_at: time::iso(self.last),
        }
    }
}

/// All rows by their keys.
#[derive(Debug, Default)]
pub struct Presences(HashMap<String, Row>);

/// A row with a session is that of agent and session; one without that of agent, harness and project.
fn row_key(seen: &Seen) -> String {
    match &seen.session_key {
        Some(key) => keyed(&seen.agent, key),
        None => format!("{}:{}:{}", seen.agent, seen.harness, seen.project.as_deref().unwrap_or_default()),
    }
}

fn keyed(agent: &str, session_key: &str) -> String {
    format!("{agent}:session:{}", plain_key(session_key))
}

impl Presences {
    fn settle(&mut self, now: Timestamp) {
        self.0.retain(|_, row| row.last + STALE > now);
    }

    /// Who makes room: an agent with many rows for itself, else whoever was silent longest.
    fn oldest(&self, agent: &str) -> Option<String> {
        let own = |row: &&Row| row.seen.agent == agent;
        let many = self.0.values().filter(own).count() >= SHARE;
        let rows = self.0.iter().filter(|(_, row)| !many || row.seen.agent == agent);
        rows.min_by_key(|(_, row)| row.last).map(|(key, _)| key.clone())
    }

    /// Puts a row in the place of the one with its key, which it was since then.
    pub fn put(&mut self, mut seen: Seen, now: Timestamp) -> Presence {
        self.settle(now);
        seen.session_key = seen.session_key.map(|key| plain_key(&key).to_owned());
        let key = row_key(&seen);
        if self.0.len() >= MOST
            && !self.0.contains_key(&key)
            && let Some(oldest) = self.oldest(&seen.agent)
        {
            self.0.remove(&oldest);
        }
        let started = self.0.get(&key).map_or(now, |row| row.started);
        let row = Row { seen, started, last: now };
        let answer = row.answer(&key);
        self.0.insert(key, row);
        answer
    }

    /// Notes that a session was heard of; one that is not there is put in.
    pub fn touch(&mut self, seen: Seen, now: Timestamp) {
        match self.0.get_mut(&row_key(&Seen { session_key: seen.session_key.clone(), ..seen.clone() })) {
            Some(row) => row.last = now,
            None => drop(self.put(seen, now)),
        }
    }

    /// Whether a session was there to be touched.
    pub fn touch_session(&mut self, agent: &str, session_key: &str, now: Timestamp) -> bool {
        self.settle(now);
        let row = self.0.get_mut(&keyed(agent, session_key));
        row.map(|row| row.last = now).is_some()
    }

    pub fn of_session(&mut self, agent: &str, session_key: &str, now: Timestamp) -> Option<Presence> {
        self.settle(now);
        let key = keyed(agent, session_key);
        self.0.get(&key).map(|row| row.answer(&key))
    }

    pub fn remove(&mut self, agent: &str, session_key: &str) -> Option<Presence> {
        let key = keyed(agent, session_key);
        self.0.remove(&key).map(|row| row.answer(&key))
    }

    /// The agents with a live session of this key.
    pub fn holders(&mut self, session_key: &str, now: Timestamp) -> Vec<String> {
        self.settle(now);
        let key = Some(plain_key(session_key));
        self.0.values().filter(|r| r.seen.session_key.as_deref() == key).map(|r| r.seen.agent.clone()).collect()
    }

    /// Rows heard of last first.
    pub fn list(&mut self, wanted: &Wanted, limit: usize, now: Timestamp) -> Vec<Presence> {
        self.settle(now);
        let mut rows: Vec<(Timestamp, Presence)> = self
            .0
            .iter()
            .map(|(key, row)| (row.last, row.answer(key)))
            .filter(|(_, row)| wanted.includes(row))
            .collect();
        rows.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.key.cmp(&b.1.key)));
        rows.into_iter().take(limit).map(|(_, row)| row).collect()
    }

    pub fn count(&mut self, now: Timestamp) -> usize {
        self.settle(now);
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(agent: &str, key: Option<&str>) -> Seen {
        Seen {
            agent: agent.into(),
            session_key: key.map(Into::into),
            harness: "pi".into(),
            project: Some("/p".into()),
            runtime_path: None,
            provider: None,
        }
    }

    #[test]
    fn rows_are_kept_while_they_are_touched_and_shown_to_others() {
        let start = Timestamp::UNIX_EPOCH;
        let mut rows = Presences::default();
        rows.put(seen("ann", Some("session:a")), start);
        let later = start + SignedDuration::from_hours(3);
        rows.touch(seen("ann", Some("a")), later);
        rows.put(seen("bob", Some("a")), start);
        let listed = |rows: &mut Presences, agent: &str, key: Option<&str>| {
            let wanted = Wanted { agent: agent.into(), session_key: key.map(Into::into), ..Wanted::default() };
            rows.list(&wanted, 9, later).iter().map(|row| row.agent_id.clone()).collect::<Vec<_>>()
        };
        assert_eq!(listed(&mut rows, "ann", None), ["bob"]);
        assert_eq!(listed(&mut rows, "cid", None), ["ann", "bob"], "heard of last first");
        assert_eq!(listed(&mut rows, "ann", Some("other")), ["ann", "bob"]);
        assert_eq!(listed(&mut rows, "ann", Some("session:a")), ["bob"]);
        let stale = later + SignedDuration::from_hours(2);
        assert_eq!((rows.count(stale), rows.holders("a", stale)), (1, vec!["ann".to_owned()]));
        assert!(rows.remove("ann", "a").is_some() && rows.remove("ann", "a").is_none());
    }

    #[test]
    fn the_number_of_rows_is_bounded() {
        let mut rows = Presences::default();
        for n in 0..=MOST {
            let now = Timestamp::UNIX_EPOCH + SignedDuration::from_millis(n as i64);
            rows.put(seen("ann", Some(&n.to_string())), now);
        }
        assert_eq!(rows.0.len(), MOST);
    }
}
