//! What credentials are given out and taken back: logins, tokens, API keys.

use super::api::{
    ApiKey, ApiKeyList, ClaimsAnswer, Login, Methods, Minted, OneApiKey, Provider, Session, TokenRequest, WhoAmI,
    scope_of,
};
use super::{Auth, KeyRequest, keys, password, token};
use crate::config::AuthMode;
use crate::core::Error;
use crate::core::access::{Caller, Role, Scope};
use crate::text::time;

/// Keys of one answer.
const MOST_KEYS: i64 = 5000;

/// The configured user: the environment wins over the file.
struct Account {
    username: String,
    plain: Option<String>,
    hash: Option<String>,
}

impl Account {
    fn of(auth: &Auth) -> Self {
        let config = auth.core.config();
        let env = &auth.core.env.admin;
        Account {
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

impl Auth {
    /// How one can log in.
    pub(super) fn methods(&self) -> Methods {
        let account = Account::of(self);
        let reserved =
            |id, kind, start_path| Provider { id, kind, enabled: false, username: None, start_path: Some(start_path) };
        Methods {
            mode: self.core.config().auth.mode,
            providers: vec![
                Provider {
                    id: "password",
                    kind: "password",
                    enabled: account.enabled(),
                    username: Some(account.username),
                    start_path: None,
                },
                reserved("sso", "oidc", "/api/auth/sso/start"),
                reserved("saml", "saml", "/api/auth/saml/start"),
            ],
        }
    }

    /// Who a caller is.
    pub(super) fn whoami(&self, caller: &Caller) -> WhoAmI {
        let claims = caller.claims();
        let methods = self.methods();
        let trusted_local = *caller == Caller::TrustedLocal;
        WhoAmI {
            authenticated: claims.is_some(),
            trusted_local,
            effective_access: methods.mode == AuthMode::Local || claims.is_some() || trusted_local,
            claims: claims.map(ClaimsAnswer::from),
            methods,
        }
    }

    /// A password for a session's token.
    pub(super) fn log_in(&self, given: &Login) -> Result<Session, Error> {
        let secret = self.required_secret()?;
        let account = Account::of(self);
        if !account.enabled() {
            return Err(Error::unavailable("password login is not configured"));
        }
        if !self.hashing.run(|| account.accepts(&given.username.0, &given.password.0))? {
            return Err(Error::Unauthenticated("invalid username or password".into()));
        }
        let (ttl, now) = (self.core.config().auth.session_ttl_s, self.core.clock.now());
        let (token, end) =
            token::mint(&secret, "dashboard:admin", Role::Admin, &Scope::default(), ttl, now).map_err(Error::failed)?;
        Ok(Session { token, expires_at: time::iso(end), role: Role::Admin, username: account.username })
    }

    pub(super) fn mint_token(&self, request: TokenRequest) -> Result<Minted, Error> {
        let secret = self.required_secret()?;
        let TokenRequest { role, scope, ttl_s } = request;
        let asked = ttl_s.0.map(|n| n.0).filter(|n| *n > 0.0);
        let ttl = asked.unwrap_or(self.core.config().auth.token_ttl_s);
        let sub = format!("token:{}", role.as_str());
        let (token, end) =
            token::mint(&secret, &sub, role, &scope_of(scope), ttl, self.core.clock.now()).map_err(Error::failed)?;
        Ok(Minted { token, expires_at: time::iso(end) })
    }

    pub(super) fn api_keys(&self) -> Result<ApiKeyList, Error> {
        let keys = self.core.db.read(|c| keys::list(c, MOST_KEYS))?;
        Ok(ApiKeyList { api_keys: keys.into_iter().map(ApiKey::from).collect() })
    }

    pub(super) fn add_key(&self, request: KeyRequest) -> Result<OneApiKey, Error> {
        let now = self.core.now();
        let (raw, row) = self.hashing.run(|| request.make(now))??;
        let stored = self.core.db.try_write(move |tx| {
            keys::insert(tx, &row)?;
            keys::find_by_id_or_prefix(tx, &row.id)?.ok_or_else(|| Error::failed("the new key is gone"))
        })?;
        Ok(OneApiKey { api_key: ApiKey { key: Some(raw), ..ApiKey::from(stored) } })
    }

    /// Revokes a key named by its id or prefix; a second time keeps the first time.
    pub(super) fn revoke_key(&self, name: &str) -> Result<OneApiKey, Error> {
        let name = name.to_owned();
        let revoked = self.core.db.try_write(move |tx| {
            let unknown = || Error::not_found("API key not found");
            let key = keys::find_by_id_or_prefix(tx, &name)?.ok_or_else(unknown)?;
            keys::revoke(tx, &key.id, tx.now())?;
            keys::find_by_id_or_prefix(tx, &key.id)?.ok_or_else(unknown)
        })?;
        Ok(OneApiKey { api_key: ApiKey::from(revoked) })
    }
}
