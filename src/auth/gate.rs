//! Runs before every handler: is the peer let in, is a browser not being misused, who calls, may
//! they, how often.

use std::net::IpAddr;

use super::{Access, Caller, Claims, keys, peers, token};
use crate::app::App;
use crate::config::AuthMode;
use crate::http::{ApiError, Gate, Method, Request, Route};
use crate::limits::{self, Bucket};

/// The daemon's gate.
pub struct AccessGate;

impl Gate<App> for AccessGate {
    fn admit(&self, app: &App, route: Option<&'static Route<App>>, request: &mut Request) -> Result<(), ApiError> {
        check_peer(app, request)?;
        let open = match route {
            Some(route) => route.access == Access::Open || is_dashboard(request),
            None => is_dashboard(request),
        };
        request.caller = caller(app, request, open)?;
        check_origin(app, route, request)?;
        let Some(route) = route else { return Ok(()) };
        if let Access::Needs(permission) = route.access {
            let refusal = match &request.caller {
                Caller::Local | Caller::TrustedLocal => None,
                Caller::Token(claims) => claims.refusal(permission),
                Caller::Anonymous => Some("authentication required".to_owned()),
            };
            if let Some(refusal) = refusal {
                return Err(ApiError::forbidden(refusal));
            }
        }
        match route.limit {
            Some(bucket) => app.take(bucket, request),
            None => Ok(()),
        }
    }

    /// An API key that has not been verified since the start takes scrypt.
    fn is_costly(&self, app: &App, request: &Request) -> bool {
        let key = bearer(request).filter(|credential| keys::is_api_key(credential));
        key.is_some_and(|key| app.config().auth.mode != AuthMode::Local && !app.auth.keys.knows(key))
    }
}

impl App {
    /// Takes one token of the caller's bucket. In `local` mode only logins are limited.
    pub fn take(&self, bucket: Bucket, request: &Request) -> Result<(), ApiError> {
        let config = self.config();
        let actor = match (bucket, &request.caller) {
            (Bucket::Login, _) => peer_ip(request).map_or_else(|| "unknown".to_owned(), |ip| ip.to_string()),
            (_, Caller::Local) => return Ok(()),
            (_, caller) => caller.claims().map_or_else(|| "anonymous".to_owned(), |c| c.sub.clone()),
        };
        let now = self.clock.now().as_millisecond();
        self.limits
            .take(bucket, &actor, config.auth.rate(bucket), now)
            .map_err(|retry_at| limits::exceeded(retry_at, now))
    }
}

fn peer_ip(request: &Request) -> Option<IpAddr> {
    request.peer.map(|p| p.ip())
}

fn check_peer(app: &App, request: &Request) -> Result<(), ApiError> {
    let config = app.config();
    let peer = peer_ip(request);
    if peers::admitted(peer, config.auth.mode, &config.reach) {
        return Ok(());
    }
    if peer.is_some_and(|ip| app.auth.first_refusal(ip)) {
        log::warn!(
            target: "auth",
            "refused a request from {} (auth.mode {}; network.allowedPeers can admit it)",
            peer.map(|ip| ip.to_string()).unwrap_or_default(), config.auth.mode.as_str()
        );
    }
    Err(ApiError::forbidden("this address may not use the daemon"))
}

/// Whether the names a request calls us by are names of this machine.
///
/// A web page whose name was made to resolve to this machine (DNS rebinding) sends its own name. Who
/// is let in without a credential must call us by an address, a name without dots, a name of the
/// tailnet or one that `network.allowedHosts` lists.
fn is_own_host(app: &App, request: &Request) -> bool {
    let config = app.config();
    let mut names = request.headers.all("host").map(|host| host_name(host).to_ascii_lowercase()).peekable();
    names.peek().is_some()
        && names.all(|name| {
            let plain = !name.is_empty() && !name.contains('.') && !name.contains(':');
            plain || name.parse::<IpAddr>().is_ok() || name.ends_with(".ts.net") || config.reach.hosts.contains(&name)
        })
}

fn foreign_host() -> ApiError {
    ApiError::forbidden("this Host is not one of the daemon's names (network.allowedHosts adds some)")
}

/// `name`, `name:port`, `[v6]:port`.
fn host_name(host: &str) -> &str {
    let host = host.trim();
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().unwrap_or_default();
    }
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

/// A page of another origin may not change anything here, whether or not it could read the answer.
/// A credential is proof enough: no page can make a browser send one.
fn check_origin(app: &App, route: Option<&'static Route<App>>, request: &Request) -> Result<(), ApiError> {
    let mutates = route.map_or(!matches!(request.method, Method::Get | Method::Head), |r| r.mutates);
    let Some(origin) = request.headers.get("origin").filter(|_| mutates) else { return Ok(()) };
    let same = request
        .headers
        .get("host")
        .is_some_and(|host| origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")) == Some(host));
    let own = same && (request.caller.claims().is_some() || is_own_host(app, request));
    if own || app.cors.allows(origin) {
        return Ok(());
    }
    Err(ApiError::forbidden("this Origin may not change anything here"))
}

/// A person's browser asking for a page.
fn is_dashboard(request: &Request) -> bool {
    let path = request.path.as_str();
    let api = ["/api/", "/memory/", "/v1/"].iter().any(|p| path.starts_with(p)) || path == "/mcp";
    let page = path == "/"
        || path.contains('.')
        || request.headers.get("accept").is_some_and(|accept| accept.contains("text/html"));
    matches!(request.method, Method::Get | Method::Head) && !api && page
}

/// What a request's credential came to.
enum Identified {
    /// None was sent.
    Nobody,
    Valid(Claims),
    Invalid(token::Reason),
}

/// The credential of `Authorization: Bearer <x>`, one space; another scheme counts as none.
fn bearer(request: &Request) -> Option<&str> {
    let value = request.headers.get("authorization")?;
    let credential = value.strip_prefix("Bearer ")?;
    (!credential.is_empty() && !credential.starts_with(' ')).then_some(credential)
}

/// Verifies the credential a request carries, if any.
fn identify(app: &App, request: &Request) -> Result<Identified, ApiError> {
    let Some(credential) = bearer(request) else { return Ok(Identified::Nobody) };
    let now = app.clock.now();
    if keys::is_api_key(credential) {
        return match keys::verify(&app.db, &app.auth.keys, &app.auth.hashing, credential, now) {
            Ok(claims) => Ok(Identified::Valid(claims)),
            Err(keys::Refused::Invalid(reason)) => Ok(Identified::Invalid(reason)),
            Err(keys::Refused::Failed(error)) => Err(error),
        };
    }
    let secret = app.auth.secret().ok_or_else(|| ApiError::unavailable("server initializing"))?;
    Ok(match app.auth.tokens.verify(&secret, credential, now) {
        Ok(claims) => Identified::Valid(claims),
        Err(reason) => Identified::Invalid(reason),
    })
}

fn caller(app: &App, request: &Request, open: bool) -> Result<Caller, ApiError> {
    let mode = app.config().auth.mode;
    if mode == AuthMode::Local {
        let probe = matches!(request.path.as_str(), "/health" | "/health/live" | "/health/ready");
        return if probe || is_own_host(app, request) { Ok(Caller::Local) } else { Err(foreign_host()) };
    }
    let identified = identify(app, request);
    if let Ok(Identified::Valid(claims)) = identified {
        return Ok(Caller::Token(claims));
    }
    let here = mode == AuthMode::Hybrid && peers::is_loopback(peer_ip(request));
    if here && is_own_host(app, request) {
        return Ok(Caller::TrustedLocal);
    }
    match identified {
        _ if open => Ok(Caller::Anonymous),
        _ if here => Err(foreign_host()),
        Ok(Identified::Invalid(reason)) => Err(ApiError::new(401, reason)),
        Ok(_) => Err(ApiError::new(401, "authentication required")),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Headers;

    fn request(method: Method, path: &str, headers: &[(&str, &str)]) -> Request {
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Request::new(method, path, Headers(headers), None)
    }

    #[test]
    fn the_bearer_is_read_strictly() {
        let of = |value: &str| {
            let request = request(Method::Get, "/", &[("Authorization", value)]);
            bearer(&request).map(str::to_owned)
        };
        assert_eq!(of("Bearer abc").as_deref(), Some("abc"));
        for none in ["bearer abc", "Bearer", "Bearer ", "Bearer  abc", "Basic abc", "abc"] {
            assert_eq!(of(none), None, "{none}");
        }
    }

    #[test]
    fn pages_are_open_and_the_api_is_not() {
        let html = [("Accept", "text/html")];
        assert!(is_dashboard(&request(Method::Get, "/", &[])));
        assert!(is_dashboard(&request(Method::Get, "/app.js", &[])));
        assert!(is_dashboard(&request(Method::Get, "/settings", &html)));
        for path in ["/api/x.y", "/memory/search", "/v1/models", "/mcp"] {
            assert!(!is_dashboard(&request(Method::Get, path, &html)), "{path}");
        }
        assert!(!is_dashboard(&request(Method::Post, "/", &html)));
        assert!(!is_dashboard(&request(Method::Get, "/settings", &[])));
    }

    #[test]
    fn host_names_lose_their_port() {
        assert_eq!(host_name("localhost:3850"), "localhost");
        assert_eq!(host_name("[::1]:3850"), "::1");
        assert_eq!(host_name("pi"), "pi");
    }
}
