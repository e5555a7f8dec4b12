//! Who is calling and what they may do.

mod gate;
mod scope;

pub use gate::AccessGate;
pub use scope::{Actor, DEFAULT_AGENT, Target, agent_of_session};

/// What a credential may do (foundation part, §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    Recall,
    Remember,
    Modify,
    Forget,
    Recover,
    Documents,
    Connectors,
    Diagnostics,
    Analytics,
    Admin,
}

impl Permission {
    pub fn as_str(self) -> &'static str {
        match self {
            Permission::Recall => "recall",
            Permission::Remember => "remember",
            Permission::Modify => "modify",
            Permission::Forget => "forget",
            Permission::Recover => "recover",
            Permission::Documents => "documents",
            Permission::Connectors => "connectors",
            Permission::Diagnostics => "diagnostics",
            Permission::Analytics => "analytics",
            Permission::Admin => "admin",
        }
    }
}

/// What a route asks of its caller. Every route declares one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing, in any mode.
    Open,
    /// Any valid credential.
    Credential,
    Needs(Permission),
}

/// Who a request comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Caller {
    /// `local` mode: everyone, every permission, no scope.
    Local,
    /// `hybrid` mode: a loopback peer without a valid credential.
    TrustedLocal,
    /// A verified token or API key.
    Token(Claims),
}

/// What a credential may be; each role has its permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    Admin,
    Operator,
    Agent,
    Readonly,
}

impl Role {
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Admin => "admin",
            Role::Operator => "operator",
            Role::Agent => "agent",
            Role::Readonly => "readonly",
        }
    }
}

/// What a credential is restricted to; an absent field restricts nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    pub project: Option<String>,
    pub agent: Option<String>,
    pub user: Option<String>,
}

/// The content of a verified credential. Times are Unix seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Claims {
    pub sub: String,
    pub role: Role,
    pub scope: Scope,
    pub iat: f64,
    pub exp: f64,
    /// Narrows the role when present.
    pub permissions: Option<Vec<Permission>>,
}
