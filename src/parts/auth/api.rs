//! What the routes of `/api/auth` take and answer.

use serde_json::Value;

use super::keys::{Key, KeyRequest};
use crate::config::AuthMode;
use crate::core::Error;
use crate::core::access::{Claims, Permission, Role, Scope};
use crate::http::input::{Date, Decimal, Exact, Given, Kind, Loose, Nested, OfText, Text};
use crate::{answer, input};

/// A text as it is: an empty one restricts to nothing, it does not restrict nothing.
#[derive(Debug, Clone)]
pub struct ScopeText(String);

impl Kind for ScopeText {
    const BLANK_IS_ABSENT: bool = false;

    fn read(given: Given<'_>) -> Result<Self, Error> {
        let text = given.present().and_then(Value::as_str);
        text.map(|s| ScopeText(s.to_owned())).ok_or_else(|| given.must_be("a string"))
    }

    fn schema() -> Value {
        serde_json::json!({ "type": "string" })
    }
}

/// Names of permissions, of which the unknown ones are dropped.
#[derive(Debug, Clone, Default)]
pub struct PermissionNames {
    known: Vec<Permission>,
    unknown: Vec<String>,
}

impl Kind for PermissionNames {
    fn read(given: Given<'_>) -> Result<Self, Error> {
        let names = given.present().and_then(Value::as_array).ok_or_else(|| given.must_be("a list of names"))?;
        let mut read = PermissionNames::default();
        for name in names {
            match name.as_str().and_then(Permission::parse) {
                Some(known) => read.known.push(known),
                None => read.unknown.push(name.as_str().map_or_else(|| name.to_string(), str::to_owned)),
            }
        }
        Ok(read)
    }

    fn schema() -> Value {
        let names = Permission::ALL.map(Permission::as_str);
        serde_json::json!({ "type": "array", "items": { "type": "string", "enum": names } })
    }
}

/// The strings of a list; what else is in it, or stands for it, is skipped.
#[derive(Debug, Clone, Default)]
pub struct SomeTexts(Vec<String>);

impl Kind for SomeTexts {
    const REQUIRED: bool = false;

    fn read(given: Given<'_>) -> Result<Self, Error> {
        let items = given.value.and_then(Value::as_array).into_iter().flatten();
        Ok(SomeTexts(items.filter_map(|v| v.as_str().map(str::to_owned)).collect()))
    }

    fn schema() -> Value {
        serde_json::json!({ "type": "array", "items": { "type": "string" } })
    }
}

input! {
    /// A login by password.
    pub struct Login in Body {
        /// As configured.
        username: Exact<128> = "username";
        /// In plain text; it is compared by its hash.
        password: Exact<1024> = "password";
    }
}

input! {
    /// What a credential is restricted to.
    pub struct ScopeInput in Inside {
        /// The project whose rows alone it reaches.
        project: Option<ScopeText> = "project";
        /// The agent it acts as.
        agent: Option<ScopeText> = "agent";
        /// A user.
        user: Option<ScopeText> = "user";
    }
}

/// A scope that is left out restricts nothing.
pub fn scope_of(given: Option<Nested<ScopeInput>>) -> Scope {
    let text = |text: Option<ScopeText>| text.map(|t| t.0);
    given.map_or_else(Scope::default, |Nested(s)| Scope {
        project: text(s.project),
        agent: text(s.agent),
        user: text(s.user),
    })
}

input! {
    /// A token to be minted.
    pub struct TokenRequest in Body {
        /// What the credential may be.
        role: Role = "role";
        /// What it is bound to: `project`, `agent`, `user`.
        scope: Option<Nested<ScopeInput>> = "scope";
        /// How long it is valid; `auth.defaultTokenTtlSeconds` when left out.
        ttl_s: Loose<Decimal> = "ttlSeconds";
    }
}

input! {
    /// An API key to be made.
    pub struct NewApiKey in Body {
        /// What it is for.
        name: Text = "name";
        /// What the credential may be.
        role: Role = "role", default Role::Agent;
        /// What it is bound to: `project`, `agent`, `user`.
        scope: Option<Nested<ScopeInput>> = "scope";
        /// Narrows the role; a key for a connector gets recall, remember and documents.
        permissions: PermissionNames = "permissions", default PermissionNames::default();
        /// The harness it is for, which gives it a set of permissions.
        connector: Loose<Text> = "connector";
        /// The harness it is for; like `connector` it gives recall, remember and documents when `permissions` is empty.
        harness: Loose<Text> = "harness";
        /// The agent it acts for.
        agent_id: Loose<Text> = "agentId";
        /// Stored and shown; restricts nothing.
        allowed_projects: SomeTexts = "allowedProjects";
        /// When it ends; never when left out.
        expires_at: OfText<Date> = "expiresAt";
    }
}

/// What a key for a connector may do unless told otherwise.
const CONNECTOR_PERMISSIONS: [Permission; 3] = [Permission::Recall, Permission::Remember, Permission::Documents];

impl NewApiKey {
    /// Names that are all unknown are no wish for everything; a connector's key gets its own set instead.
    pub fn into_request(self) -> Result<KeyRequest, Error> {
        let connector = self.connector.into_string();
        let harness = self.harness.into_string().or_else(|| connector.clone());
        let PermissionNames { known: mut permissions, unknown } = self.permissions;
        if permissions.is_empty() && (connector.is_some() || harness.is_some()) {
            permissions = CONNECTOR_PERMISSIONS.to_vec();
        }
        if permissions.is_empty() && !unknown.is_empty() {
            let must = format!("has no known name: {}", unknown.join(", "));
            return Err(Error::invalid("permissions", must));
        }
        Ok(KeyRequest {
            name: self.name.0,
            role: self.role,
            scope: scope_of(self.scope),
            permissions,
            connector,
            harness,
            agent_id: self.agent_id.into_string(),
            allowed_projects: self.allowed_projects.0,
            expires_at: self.expires_at.0.map(|d| d.0),
        })
    }
}

answer! {
    /// A way to log in.
    pub struct Provider {
        pub id: &'static str = "id";
        pub kind: &'static str = "type";
        pub enabled: bool = "enabled";
        pub username: Option<String> = "username", if some;
        pub start_path: Option<&'static str> = "startPath", if some;
    }
}

answer! {
    /// How one can log in.
    pub struct Methods {
        pub mode: AuthMode = "mode";
        pub providers: Vec<Provider> = "providers";
    }
}

answer! {
    /// What a credential is restricted to.
    pub struct ScopeAnswer {
        pub project: Option<String> = "project", if some;
        pub agent: Option<String> = "agent", if some;
        pub user: Option<String> = "user", if some;
    }
}

impl From<&Scope> for ScopeAnswer {
    fn from(scope: &Scope) -> Self {
        ScopeAnswer { project: scope.project.clone(), agent: scope.agent.clone(), user: scope.user.clone() }
    }
}

answer! {
    /// The content of a verified credential; times are Unix seconds.
    pub struct ClaimsAnswer {
        pub sub: String = "sub";
        pub role: Role = "role";
        pub scope: ScopeAnswer = "scope";
        pub iat: Value = "iat";
        pub exp: Value = "exp";
        pub permissions: Option<Vec<Permission>> = "permissions", if some;
    }
}

impl From<&Claims> for ClaimsAnswer {
    fn from(claims: &Claims) -> Self {
        // whole seconds are shown as integers
        let number = |n: f64| if n.fract() == 0.0 { Value::from(n as i64) } else { Value::from(n) };
        ClaimsAnswer {
            sub: claims.sub.clone(),
            role: claims.role,
            scope: ScopeAnswer::from(&claims.scope),
            iat: number(claims.iat),
            exp: number(claims.exp),
            permissions: claims.permissions.clone(),
        }
    }
}

answer! {
    /// Who the caller is.
    pub struct WhoAmI {
        pub authenticated: bool = "authenticated";
        pub trusted_local: bool = "trustedLocal";
        pub effective_access: bool = "effectiveAccess";
        pub claims: Option<ClaimsAnswer> = "claims";
        pub methods: Methods = flat;
    }
}

answer! {
    /// A login succeeded.
    pub struct Session {
        pub token: String = "token";
        pub expires_at: String = "expiresAt";
        pub role: Role = "role";
        pub username: String = "username";
    }
}

answer! {
    /// A new token, shown this once.
    pub struct Minted {
        pub token: String = "token";
        pub expires_at: String = "expiresAt";
    }
}

answer! {
    /// An API key as it is listed: never the key or its hash.
    pub struct ApiKey {
        pub id: String = "id";
        pub prefix: String = "prefix";
        pub name: String = "name";
        pub role: Role = "role";
        pub scope: ScopeAnswer = "scope";
        pub permissions: Vec<Permission> = "permissions";
        pub connector: Option<String> = "connector";
        pub harness: Option<String> = "harness";
        pub agent_id: Option<String> = "agentId";
        pub allowed_projects: Vec<String> = "allowedProjects";
        pub created_at: String = "createdAt";
        pub last_used_at: Option<String> = "lastUsedAt";
        pub revoked_at: Option<String> = "revokedAt";
        pub expires_at: Option<String> = "expiresAt";
        /// The key itself, shown once when it is made.
        pub key: Option<String> = "key", if some;
    }
}

impl From<Key> for ApiKey {
    fn from(key: Key) -> Self {
        ApiKey {
            id: key.id,
            prefix: key.prefix,
            name: key.name,
            role: key.role,
            scope: ScopeAnswer::from(&key.scope.unwrap_or_default()),
            permissions: key.permissions.unwrap_or_default(),
            connector: key.connector,
            harness: key.harness,
            agent_id: key.agent_id,
            allowed_projects: key.allowed_projects,
            created_at: key.created_at,
            last_used_at: key.last_used_at,
            revoked_at: key.revoked_at,
            expires_at: key.expires_at,
            key: None,
        }
    }
}

answer! {
    /// All keys, newest first, revoked ones too.
    pub struct ApiKeyList {
        pub api_keys: Vec<ApiKey> = "apiKeys";
    }
}

answer! {
    /// One key.
    pub struct OneApiKey {
        pub api_key: ApiKey = "apiKey";
    }
}

answer! {
    /// A way to log in that is not built.
    pub struct Reserved {
        pub error: String = "error";
        /// `sso` or `saml`.
        pub provider: &'static str = "provider";
    }
}
