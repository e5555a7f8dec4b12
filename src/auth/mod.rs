//! Who is calling and what they may do: modes, credentials, permissions, scopes (foundation §4).

mod gate;
pub mod keys;
pub mod password;
mod peers;
mod scope;
mod secret;
pub mod token;

use std::collections::HashSet;
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Mutex, RwLock};

use serde_json::{Map, Value, json};

pub use gate::AccessGate;
pub use keys::KeyCache;
pub use peers::is_loopback;
pub use scope::{Actor, DEFAULT_AGENT, Target, agent_of_session};
pub use secret::Secret;

use crate::config::AuthMode;
use crate::locks;

/// What a credential may do.
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
    pub const ALL: [Permission; 10] = [
        Permission::Recall,
        Permission::Remember,
        Permission::Modify,
        Permission::Forget,
        Permission::Recover,
        Permission::Documents,
        Permission::Connectors,
        Permission::Diagnostics,
        Permission::Analytics,
        Permission::Admin,
    ];

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

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.as_str() == name)
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

/// What a credential may be; each role has its permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    Admin,
    Operator,
    Agent,
    Readonly,
}

impl Role {
    pub const ALL: [Role; 4] = [Role::Admin, Role::Operator, Role::Agent, Role::Readonly];

    pub fn as_str(self) -> &'static str {
        match self {
            Role::Admin => "admin",
            Role::Operator => "operator",
            Role::Agent => "agent",
            Role::Readonly => "readonly",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.as_str() == name)
    }

    pub fn may(self, permission: Permission) -> bool {
        use Permission::{Admin, Analytics, Connectors, Diagnostics, Recall};
        match self {
            Role::Admin => true,
            Role::Operator => permission != Admin,
            Role::Agent => !matches!(permission, Connectors | Diagnostics | Analytics | Admin),
            Role::Readonly => permission == Recall,
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

impl Scope {
    /// The three texts of a JSON object; anything else in it is left out.
    pub fn of(map: &Map<String, Value>) -> Self {
        let text = |name: &str| map.get(name).and_then(Value::as_str).map(str::to_owned);
        Scope { project: text("project"), agent: text("agent"), user: text("user") }
    }

    pub fn to_json(&self) -> Value {
        let mut map = Map::new();
        for (name, value) in [("project", &self.project), ("agent", &self.agent), ("user", &self.user)] {
            if let Some(value) = value {
                map.insert(name.to_owned(), json!(value));
            }
        }
        Value::Object(map)
    }
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

impl Claims {
    /// Why the credential may not do something, in the words of the contract.
    pub fn refusal(&self, permission: Permission) -> Option<String> {
        let name = permission.as_str();
        if !self.role.may(permission) {
            return Some(format!("role '{}' lacks '{name}' permission", self.role.as_str()));
        }
        let narrowed = self.permissions.as_ref().is_some_and(|list| !list.contains(&permission));
        narrowed.then(|| format!("credential lacks '{name}' permission"))
    }

    pub fn to_json(&self) -> Value {
        // whole seconds are shown as integers
        let number = |n: f64| if n.fract() == 0.0 { json!(n as i64) } else { json!(n) };
        let mut claims = json!({
            "sub": self.sub, "role": self.role.as_str(), "scope": self.scope.to_json(),
            "iat": number(self.iat), "exp": number(self.exp),
        });
        if let Some(permissions) = &self.permissions {
            claims["permissions"] = permissions.iter().map(|p| p.as_str()).collect();
        }
        claims
    }
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
    /// Nobody known, on a path that is open to all.
    Anonymous,
}

/// What the daemon knows of credentials while it runs.
pub struct Auth {
    /// `None` in `local` mode, where tokens mean nothing.
    secret: RwLock<Option<Secret>>,
    pub tokens: token::TokenCache,
    pub keys: KeyCache,
    pub hashing: keys::Hashing,
    /// Peers whose refusal has been logged.
    refused: Mutex<HashSet<IpAddr>>,
}

impl Auth {
    /// Reads or makes the secret, as the mode asks.
    pub fn start(mode: AuthMode, daemon_dir: &Path) -> std::io::Result<Self> {
        let auth = Auth {
            secret: RwLock::new(None),
            tokens: token::TokenCache::default(),
            keys: KeyCache::default(),
            hashing: keys::Hashing::default(),
            refused: Mutex::default(),
        };
        auth.reload(mode, daemon_dir)?;
        Ok(auth)
    }

    /// Follows a change of the mode.
    pub fn reload(&self, mode: AuthMode, daemon_dir: &Path) -> std::io::Result<()> {
        let secret = match mode {
            AuthMode::Local => None,
            AuthMode::Team | AuthMode::Hybrid => Some(Secret::load_or_create(&daemon_dir.join("auth-secret"))?),
        };
        *locks::write(&self.secret) = secret;
        self.tokens.clear();
        Ok(())
    }

    pub fn secret(&self) -> Option<Secret> {
        locks::read(&self.secret).clone()
    }

    /// True the first time a peer is refused.
    fn first_refusal(&self, peer: IpAddr) -> bool {
        const MOST: usize = 1000;
        let mut refused = locks::lock(&self.refused);
        refused.len() < MOST && refused.insert(peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_have_the_permissions_of_the_contract() {
        let table = [
            (Role::Admin, "recall remember modify forget recover documents connectors diagnostics analytics admin"),
            (Role::Operator, "recall remember modify forget recover documents connectors diagnostics analytics"),
            (Role::Agent, "recall remember modify forget recover documents"),
            (Role::Readonly, "recall"),
        ];
        for (role, names) in table {
            let may: Vec<&str> = Permission::ALL.into_iter().filter(|p| role.may(*p)).map(Permission::as_str).collect();
            assert_eq!(may.join(" "), names);
        }
    }

    #[test]
    fn a_permission_list_narrows_the_role_and_never_widens_it() {
        let mut claims = Claims {
            sub: "x".into(),
            role: Role::Agent,
            scope: Scope::default(),
            iat: 0.0,
            exp: 1.0,
            permissions: Some(vec![Permission::Recall, Permission::Admin]),
        };
        assert_eq!(claims.refusal(Permission::Recall), None);
        assert_eq!(claims.refusal(Permission::Forget).as_deref(), Some("credential lacks 'forget' permission"));
        assert_eq!(claims.refusal(Permission::Admin).as_deref(), Some("role 'agent' lacks 'admin' permission"));
        claims.permissions = None;
        assert_eq!(claims.refusal(Permission::Forget), None);
    }
}
