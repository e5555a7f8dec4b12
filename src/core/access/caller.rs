//! Who a request comes from, and what its credential restricts: which agent and project it may name
//! (foundation §4).

use super::{Claims, Permission, Role};
use crate::core::Error;

/// Who a request comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Caller {
    /// `local` mode: everyone, every permission, no scope.
    Local,
    /// `hybrid` mode: a loopback peer without a valid credential.
    TrustedLocal,
    /// A verified token or API key.
    Token(Claims),
    /// Nobody known, on a path that is open to all.
    Anonymous,
}

/// A caller with what the request says of the agent it is about: everything that decides what it may see.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    pub caller: &'a Caller,
    /// The agent named by parameter or header.
    pub named: Option<&'a str>,
    pub session_key: Option<&'a str>,
}

impl<'a> Asker<'a> {
    /// The agent named, else that of the session.
    pub fn named_agent(self) -> Option<&'a str> {
        self.named.or_else(|| self.session_key.and_then(agent_of_session))
    }
}

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

    /// Refuses who may not do something.
    pub fn require(&self, permission: Permission) -> Result<(), Error> {
        let refusal = match self {
            Caller::Local | Caller::TrustedLocal => None,
            Caller::Token(claims) => claims.refusal(permission),
            Caller::Anonymous => Some("authentication required".to_owned()),
        };
        refusal.map_or(Ok(()), |why| Err(Error::forbidden(why)))
    }

    /// The claims whose scope binds: admins pass everywhere.
    pub fn bound(&self) -> Option<&Claims> {
        self.claims().filter(|c| c.role != Role::Admin)
    }

    /// Refuses when scope and target both have a field and differ.
    pub fn check_scope(&self, target: Target<'_>) -> Result<(), Error> {
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
    pub fn agent(&self, named: Option<&str>, session_key: Option<&str>) -> Result<String, Error> {
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
    pub fn check_new_record(&self, project: Option<&str>) -> Result<(), Error> {
        match self.write_project() {
            Some(allowed) if project != Some(allowed) => Err(restricted("project", allowed)),
            _ => Ok(()),
        }
    }

    /// A stored record may be changed when it has no project or the credential's.
    pub fn check_stored_project(&self, project: Option<&str>) -> Result<(), Error> {
        self.check_scope(Target { project, ..Target::default() })
    }

    /// Reads of a scoped credential are filtered even on routes that show all agents to others.
    pub fn scoped(&self) -> Option<&Claims> {
        self.claims().filter(|c| c.scope.project.is_some() || c.scope.agent.is_some())
    }
}

fn restricted(field: &str, allowed: &str) -> Error {
    Error::forbidden(format!("scope restricted to {field} '{allowed}'"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::access::Scope;

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
        assert_eq!(caller.agent(None, Some("agent:bob:1")).unwrap_err().to_string(), "scope restricted to agent 'ada'");
        assert_eq!(Caller::Local.agent(Some(" x "), None).unwrap(), "x");
        assert_eq!(Caller::Local.agent(None, Some("agent:bob:1")).unwrap(), "bob");
        assert_eq!(Caller::Local.agent(None, None).unwrap(), "default");
    }

    #[test]
    fn project_scope_binds_writes_of_everyone_but_admins() {
        let caller = token(Role::Operator, Some("p"), None);
        assert!(caller.check_new_record(Some("p")).is_ok());
        assert_eq!(caller.check_new_record(None).unwrap_err().to_string(), "scope restricted to project 'p'");
        assert!(caller.check_stored_project(None).is_ok());
        assert!(caller.check_stored_project(Some("q")).is_err());
        let admin = token(Role::Admin, Some("p"), None);
        assert!(admin.check_new_record(None).is_ok());
        assert_eq!(admin.forced_project(), Some("p"));
    }
}
