//! The routes of `/api/auth`.

use serde_json::{Value, json};

use crate::app::{App, Route};
use crate::auth::Access::{Needs, Open};
use crate::auth::{self, Caller, Permission, Role, Scope, keys, password, token};
use crate::clock;
use crate::config::AuthMode;
use crate::http::{ApiError, Fields, Lane, Request, Response};
use crate::limits::Bucket;

pub const ROUTES: &[Route] = &[
    Route::get("/api/auth/whoami", Open, whoami).at_once(),
    Route::get("/api/auth/methods", Open, methods).at_once(),
    Route::post("/api/auth/login", Open, login).limited(Bucket::Login).lane(Lane::Hash),
    Route::get("/api/auth/sso/start", Open, sso),
    Route::get("/api/auth/sso/callback", Open, sso),
    Route::get("/api/auth/saml/start", Open, saml),
    Route::post("/api/auth/saml/acs", Open, saml),
    Route::post("/api/auth/token", Needs(Permission::Admin), mint).limited(Bucket::Admin),
    Route::get("/api/auth/api-keys", Needs(Permission::Admin), list_keys).limited(Bucket::Admin),
    Route::post("/api/auth/api-keys", Needs(Permission::Admin), create_key).limited(Bucket::Admin).lane(Lane::Hash),
    Route::delete("/api/auth/api-keys/:id", Needs(Permission::Admin), revoke_key).limited(Bucket::Admin),
];

/// Keys of one answer.
const MOST_KEYS: i64 = 5000;

fn providers(app: &App) -> Value {
    let login = Login::of(app);
    json!([
        {"id": "password", "type": "password", "enabled": login.enabled(), "username": login.username},
        {"id": "sso", "type": "oidc", "enabled": false, "startPath": "/api/auth/sso/start"},
        {"id": "saml", "type": "saml", "enabled": false, "startPath": "/api/auth/saml/start"},
    ])
}

fn whoami(app: &App, req: &Request) -> Result<Response, ApiError> {
    let mode = app.config().auth.mode;
    let claims = req.caller.claims();
    let trusted = req.caller == Caller::TrustedLocal;
    Ok(Response::json(&json!({
        "authenticated": claims.is_some(),
        "trustedLocal": trusted,
        "effectiveAccess": mode == AuthMode::Local || claims.is_some() || trusted,
        "claims": claims.map(|c| c.to_json()),
        "mode": mode.as_str(),
        "providers": providers(app),
    })))
}

fn methods(app: &App, _: &Request) -> Result<Response, ApiError> {
    Ok(Response::json(&json!({ "mode": app.config().auth.mode.as_str(), "providers": providers(app) })))
}

fn reserved(provider: &str) -> Result<Response, ApiError> {
    Err(ApiError::new(501, format!("{provider} login is not available")).with("provider", provider))
}

fn sso(_: &App, _: &Request) -> Result<Response, ApiError> {
    reserved("sso")
}

fn saml(_: &App, _: &Request) -> Result<Response, ApiError> {
    reserved("saml")
}

/// The configured user: the environment wins over the file.
struct Login {
    username: String,
    plain: Option<String>,
    hash: Option<String>,
}

impl Login {
    fn of(app: &App) -> Self {
        let config = app.config();
        let env = &app.env.admin;
        Login {
            username: env.username.clone().unwrap_or_else(|| config.auth.username.clone()),
            plain: env.password.clone(),
            hash: env.password_hash.clone().or_else(|| config.auth.password_hash.clone()),
        }
    }

    fn enabled(&self) -> bool {
        self.plain.is_some() || self.hash.is_some()
    }

    /// Looks at name and password both, so that a wrong name looks like a wrong password.
    fn accepts(&self, username: &str, given: &str) -> bool {
        let by_text = self.plain.as_ref().is_some_and(|plain| password::same_text(plain, given));
        let by_hash = self.hash.as_ref().is_some_and(|hash| password::verify(given, hash));
        password::same_text(&self.username, username) & (by_text | by_hash)
    }
}

/// A text of 1 to `most` characters, untrimmed: a password may begin with a space.
fn credential<'a>(body: Fields<'a>, name: &str, most: usize) -> Result<&'a str, ApiError> {
    body.raw(name)
        .and_then(Value::as_str)
        .filter(|s| (1..=most).contains(&s.chars().count()))
        .ok_or_else(|| ApiError::bad_request(format!("{name} is required")))
}

fn secret(app: &App) -> Result<auth::Secret, ApiError> {
    app.auth.secret().ok_or_else(|| ApiError::bad_request("auth secret not available"))
}

fn login(app: &App, req: &Request) -> Result<Response, ApiError> {
    let secret = secret(app)?;
    let body = req.object().map_err(|_| ApiError::bad_request("invalid request body"))?;
    let username = credential(body, "username", 128)?;
    let given = credential(body, "password", 1024)?;
    let login = Login::of(app);
    if !login.enabled() {
        return Err(ApiError::unavailable("password login is not configured"));
    }
    if !app.auth.hashing.run(|| login.accepts(username, given))? {
        return Err(ApiError::new(401, "invalid username or password"));
    }
    let ttl = app.config().auth.session_ttl_s;
    let (token, end) = token::mint(&secret, "dashboard:admin", Role::Admin, &Scope::default(), ttl, app.clock.now())
        .map_err(ApiError::internal)?;
    Ok(Response::json(&json!({
        "token": token, "expiresAt": clock::iso(end), "role": "admin", "username": login.username,
    })))
}

fn role(body: Fields<'_>, default: Option<Role>) -> Result<Role, ApiError> {
    match (body.raw("role"), default) {
        (None | Some(Value::Null), Some(role)) => Some(role),
        (Some(Value::String(name)), _) => Role::parse(name),
        _ => None,
    }
    .ok_or_else(|| ApiError::bad_request("role must be admin, operator, agent or readonly"))
}

fn scope(body: Fields<'_>) -> Result<Scope, ApiError> {
    let Some(fields) = body.object("scope")? else { return Ok(Scope::default()) };
    for name in ["project", "agent", "user"] {
        if fields.raw(name).is_some_and(|v| !v.is_string() && !v.is_null()) {
            return Err(ApiError::bad_request(format!("scope.{name} must be a string")));
        }
    }
    Ok(Scope::of(fields.0))
}

fn mint(app: &App, req: &Request) -> Result<Response, ApiError> {
    let secret = secret(app)?;
    let body = req.object()?;
    let role = role(body, None)?;
    let scope = scope(body)?;
    let asked = body.raw("ttlSeconds").and_then(Value::as_f64).filter(|n| *n > 0.0);
    let ttl = asked.unwrap_or(app.config().auth.token_ttl_s);
    let sub = format!("token:{}", role.as_str());
    let (token, end) = token::mint(&secret, &sub, role, &scope, ttl, app.clock.now()).map_err(ApiError::internal)?;
    Ok(Response::json(&json!({ "token": token, "expiresAt": clock::iso(end) })))
}

fn list_keys(app: &App, _: &Request) -> Result<Response, ApiError> {
    let keys = app.db.read(|c| Ok::<_, ApiError>(keys::list(c, MOST_KEYS)?))?;
    let records: Vec<Value> = keys.iter().map(keys::Key::to_json).collect();
    Ok(Response::json(&json!({ "apiKeys": records })))
}

/// What a new key is to be; also made by the command line.
#[derive(Debug, Clone)]
pub struct NewKeyRequest {
    pub name: String,
    pub role: Role,
    pub scope: Scope,
    pub permissions: Vec<Permission>,
    pub connector: Option<String>,
    pub harness: Option<String>,
    pub agent_id: Option<String>,
    pub allowed_projects: Vec<String>,
    pub expires_at: Option<String>,
}

/// What a key for a connector may do unless told otherwise.
const CONNECTOR_PERMISSIONS: [Permission; 3] = [Permission::Recall, Permission::Remember, Permission::Documents];

impl NewKeyRequest {
    fn parse(body: Fields<'_>) -> Result<Self, ApiError> {
        let text = |name: &str| body.lenient_text(name).map(str::to_owned);
        let texts = |name: &str| -> Vec<String> {
            let items = body.raw(name).and_then(Value::as_array).into_iter().flatten();
            items.filter_map(|v| v.as_str().map(str::to_owned)).collect()
        };
        let connector = text("connector");
        let harness = text("harness").or_else(|| connector.clone());
        let permissions = permissions(body, connector.is_some() || harness.is_some())?;
        let expires_at = match body.raw("expiresAt") {
            Some(Value::String(s)) => {
                let end = clock::parse_iso(s)
                    .ok_or_else(|| ApiError::bad_request("expiresAt must be a valid ISO timestamp"))?;
                Some(clock::iso(end))
            }
            _ => None,
        };
        Ok(NewKeyRequest {
            name: text("name").ok_or_else(|| ApiError::bad_request("name is required"))?,
            role: role(body, Some(Role::Agent))?,
            scope: scope(body)?,
            permissions,
            connector,
            harness,
            agent_id: text("agentId"),
            allowed_projects: texts("allowedProjects"),
            expires_at,
        })
    }

    /// A fresh key with what is stored of it.
    pub fn make(self, now: String) -> Result<(String, keys::NewKey), ApiError> {
        let made = keys::make().map_err(ApiError::internal)?;
        let row = keys::NewKey {
            id: made.id,
            prefix: made.prefix,
            hash: made.hash,
            name: self.name,
            role: self.role,
            scope: self.scope,
            permissions: self.permissions,
            connector: self.connector,
            harness: self.harness,
            agent_id: self.agent_id,
            allowed_projects: self.allowed_projects,
            expires_at: self.expires_at,
            now,
        };
        Ok((made.raw, row))
    }
}

/// The names that are known, of those given. None given: a connector gets the connector's set, anybody
/// else all of the role. Names that are all unknown are no wish for everything.
fn permissions(body: Fields<'_>, connector: bool) -> Result<Vec<Permission>, ApiError> {
    let given: &[Value] = match body.raw("permissions") {
        None | Some(Value::Null) => &[],
        Some(Value::Array(names)) => names,
        Some(_) => return Err(ApiError::bad_request("permissions must be a list of names")),
    };
    let known: Vec<Permission> = given.iter().filter_map(|p| Permission::parse(p.as_str()?)).collect();
    if known.is_empty() && connector {
        return Ok(CONNECTOR_PERMISSIONS.to_vec());
    }
    if known.is_empty() && !given.is_empty() {
        let names: Vec<String> =
            given.iter().map(|p| p.as_str().map_or_else(|| p.to_string(), str::to_owned)).collect();
        return Err(ApiError::bad_request(format!("permissions has no known name: {}", names.join(", "))));
    }
    Ok(known)
}

fn create_key(app: &App, req: &Request) -> Result<Response, ApiError> {
    let body = req.object().map_err(|_| ApiError::bad_request("invalid request body"))?;
    let request = NewKeyRequest::parse(body)?;
    let now = app.now();
    let (raw, row) = app.auth.hashing.run(|| request.make(now))??;
    let stored = app.db.write(move |c| {
        keys::insert(c, &row)?;
        keys::find_by_id_or_prefix(c, &row.id)?.ok_or_else(|| ApiError::internal("the new key is gone"))
    })?;
    let mut record = stored.to_json();
    record["key"] = json!(raw);
    Ok(Response::json_with(201, &json!({ "apiKey": record })))
}

fn revoke_key(app: &App, req: &Request) -> Result<Response, ApiError> {
    let (name, now) = (req.param("id").to_owned(), app.now());
    let revoked = app.db.write(move |c| {
        let unknown = || ApiError::not_found("API key not found");
        let key = keys::find_by_id_or_prefix(c, &name)?.ok_or_else(unknown)?;
        keys::revoke(c, &key.id, &now)?;
        keys::find_by_id_or_prefix(c, &key.id)?.ok_or_else(unknown)
    })?;
    Ok(Response::json(&json!({ "apiKey": revoked.to_json() })))
}
