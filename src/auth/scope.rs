//! What a credential restricts: which agent and project a request may name (foundation §4).

use super::{Caller, Claims, Role};
use crate::http::{ApiError, Request};

/// The agent that acts when nobody is named.
pub const DEFAULT_AGENT: &str = "default";

/// What a request is about; a field it does not have is not restricted.
#[derive(Debug, Default, Clone, Copy)]
pub struct Target<'a> {
    pub project: Option<&'a str>,
    pub agent: Option<&'a str>,
    pub user: Option<&'a str>,
}

/// The id in a session key of the form `agent:<id>:<rest>`.
pub fn agent_of_session(key: &str) -> Option<&str> {
    let (id, _) = key.strip_prefix("agent:")?.split_once(':')?;
    Some(id.trim()).filter(|id| !id.is_empty())
}

impl Caller {
    pub fn claims(&self) -> Option<&Claims> {
        match self {
            Caller::Local | Caller::TrustedLocal | Caller::Anonymous => None,
            Caller::Token(claims) => Some(claims),
        }
    }

    /// The claims whose scope binds: admins pass everywhere.
    fn bound(&self) -> Option<&Claims> {
        self.claims().filter(|c| c.role != Role::Admin)
    }

    /// 403 when scope and target both have a field and differ.
    pub fn check_scope(&self, target: Target<'_>) -> Result<(), ApiError> {
        let Some(claims) = self.bound() else { return Ok(()) };
        let scope = &claims.scope;
        for (field, allowed, asked) in [
            ("project", &scope.project, target.project),
            ("agent", &scope.agent, target.agent),
            ("user", &scope.user, target.user),
        ] {
            if let (Some(allowed), Some(asked)) = (allowed, asked)
                && allowed != asked
            {
                return Err(restricted(field, allowed));
            }
        }
        Ok(())
    }

    /// The agent a request acts as: named, else of its session key, else of the credential, else
    /// the default one.
    pub fn agent(&self, named: Option<&str>, session_key: Option<&str>) -> Result<String, ApiError> {
        let trimmed = named.map(str::trim).filter(|s| !s.is_empty());
        let agent = trimmed
            .or_else(|| session_key.and_then(agent_of_session))
            .or_else(|| self.claims().and_then(|c| c.scope.agent.as_deref()))
            .unwrap_or(DEFAULT_AGENT);
        self.check_scope(Target { agent: Some(agent), ..Target::default() })?;
        Ok(agent.to_owned())
    }

    /// The project reads are confined to, whatever was asked: also an admin token may carry one.
    pub fn forced_project(&self) -> Option<&str> {
        self.claims().and_then(|c| c.scope.project.as_deref())
    }

    /// The project changes are confined to.
    pub fn write_project(&self) -> Option<&str> {
        self.bound().and_then(|c| c.scope.project.as_deref())
    }

    /// A new record of a project-scoped credential must name that very project.
    pub fn check_new_record(&self, project: Option<&str>) -> Result<(), ApiError> {
        match self.write_project() {
            Some(allowed) if project != Some(allowed) => Err(restricted("project", allowed)),
            _ => Ok(()),
        }
    }

    /// A stored record may be changed when it has no project or the credential's.
    pub fn check_stored_project(&self, project: Option<&str>) -> Result<(), ApiError> {
        self.check_scope(Target { project, ..Target::default() })
    }

    /// Reads of a scoped credential are filtered even on routes that show all agents to others.
    pub fn scoped(&self) -> Option<&Claims> {
        self.claims().filter(|c| c.scope.project.is_some() || c.scope.agent.is_some())
    }
}

fn restricted(field: &str, allowed: &str) -> ApiError {
    ApiError::forbidden(format!("scope restricted to {field} '{allowed}'"))
}

/// Who changed something, as the history keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    pub changed_by: String,
    pub actor_type: String,
    pub session_id: Option<String>,
    pub request_id: Option<String>,
}

const ACTOR_TYPES: [&str; 5] = ["operator", "pipeline", "harness", "sdk", "daemon"];

impl Actor {
    /// A verified credential speaks for itself; without one headers are believed, then the body.
    pub fn of(request: &Request, changed_by: Option<&str>) -> Self {
        let header = |name: &str| request.headers.text(name).map(str::to_owned);
        let (changed_by, actor_type) = match request.caller.claims() {
            Some(claims) => (claims.sub.clone(), claims.role.as_str().to_owned()),
            None => (
                header("x-signet-actor")
                    .or_else(|| changed_by.map(str::to_owned))
                    .unwrap_or_else(|| "daemon".to_owned()),
                header("x-signet-actor-type")
                    .filter(|t| ACTOR_TYPES.contains(&t.as_str()))
                    .unwrap_or_else(|| "operator".to_owned()),
            ),
        };
        Actor {
            changed_by,
            actor_type,
            session_id: header("x-signet-session-id"),
            request_id: header("x-signet-request-id"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Scope;

    fn token(role: Role, project: Option<&str>, agent: Option<&str>) -> Caller {
        Caller::Token(Claims {
            sub: "token:x".into(),
            role,
            scope: Scope { project: project.map(Into::into), agent: agent.map(Into::into), user: None },
            iat: 0.0,
            exp: 1e12,
            permissions: None,
        })
    }

    #[test]
    fn an_agent_scoped_credential_acts_as_its_agent_and_no_other() {
        let caller = token(Role::Agent, None, Some("ada"));
        assert_eq!(caller.agent(None, None).unwrap(), "ada");
        assert_eq!(caller.agent(None, Some("agent:bob:1")).unwrap_err().status, 403);
        assert_eq!(Caller::Local.agent(Some(" x "), None).unwrap(), "x");
        assert_eq!(Caller::Local.agent(None, Some("agent:bob:1")).unwrap(), "bob");
        assert_eq!(Caller::Local.agent(None, None).unwrap(), "default");
    }

    #[test]
    fn project_scope_binds_writes_of_everyone_but_admins() {
        let caller = token(Role::Operator, Some("p"), None);
        assert!(caller.check_new_record(Some("p")).is_ok());
        assert_eq!(caller.check_new_record(None).unwrap_err().status, 403);
        assert!(caller.check_stored_project(None).is_ok());
        assert!(caller.check_stored_project(Some("q")).is_err());
        let admin = token(Role::Admin, Some("p"), None);
        assert!(admin.check_new_record(None).is_ok());
        assert_eq!(admin.forced_project(), Some("p"));
    }
}
