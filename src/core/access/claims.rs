//! The content of a verified credential.

use serde_json::{Map, Value, json};

use super::{Permission, Role};

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
}

#[cfg(test)]
mod tests {
    use super::*;

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
