//! Who changed something, as the history keeps it.

use super::Caller;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    pub changed_by: String,
    pub actor_type: String,
    pub session_id: Option<String>,
    pub request_id: Option<String>,
}

/// What a request says of who sends it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Claimed<'a> {
    pub actor: Option<&'a str>,
    pub actor_type: Option<&'a str>,
    pub session_id: Option<&'a str>,
    pub request_id: Option<&'a str>,
}

const ACTOR_TYPES: [&str; 5] = ["operator", "pipeline", "harness", "sdk", "daemon"];

impl Actor {
    /// A verified credential speaks for itself; without one what the request claims is believed, then
    /// `changed_by`.
    pub fn of(caller: &Caller, claimed: Claimed<'_>, changed_by: Option<&str>) -> Self {
        let (changed_by, actor_type) = match caller.claims() {
            Some(claims) => (claims.sub.as_str(), claims.role.as_str()),
            None => (
                claimed.actor.or(changed_by).unwrap_or("daemon"),
                claimed.actor_type.filter(|t| ACTOR_TYPES.contains(t)).unwrap_or("operator"),
            ),
        };
        Actor {
            changed_by: changed_by.to_owned(),
            actor_type: actor_type.to_owned(),
            session_id: claimed.session_id.map(str::to_owned),
            request_id: claimed.request_id.map(str::to_owned),
        }
    }
}
