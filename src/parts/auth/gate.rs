//! Runs before every handler: is the peer let in, is a browser not being misused, who calls, may
//! they, how often.

use std::net::IpAddr;

use super::{Auth, keys, peers, token};
use crate::config::AuthMode;
use crate::core::Error;
use crate::core::access::{Access, Caller, Claims};
use crate::http::{Gate, Method, Request, Spec};
use crate::text::hosts::{host_of, is_tailnet_name};

impl Gate for Auth {
    fn identify(&self, route: Option<&'static Spec>, request: &Request) -> Result<Caller, Error> {
        self.check_peer(request)?;
        let open = match route {
            Some(route) => route.access == Access::Open,
            None => is_dashboard(request),
        };
        let caller = self.caller(request, open)?;
        self.check_origin(route, request, &caller)?;
        Ok(caller)
    }

    fn permit(&self, route: &'static Spec, caller: &Caller, peer: Option<IpAddr>) -> Result<(), Error> {
        if let Access::Needs(permission) = route.access {
            caller.require(permission)?;
        }
        match route.limit {
            Some(bucket) => self.core.take(bucket, caller, peer),
            None => Ok(()),
        }
    }

    /// An API key that has not been verified since the start takes scrypt.
    fn is_costly(&self, request: &Request) -> bool {
        let key = bearer(request).filter(|credential| keys::is_api_key(credential));
        key.is_some_and(|key| self.core.config().auth.mode != AuthMode::Local && !self.keys.knows(key))
    }
}

impl Auth {
    fn check_peer(&self, request: &Request) -> Result<(), Error> {
        let config = self.core.config();
        let peer = request.peer_ip();
        if peers::admitted(peer, config.auth.mode, &config.reach) {
            return Ok(());
        }
        if peer.is_some_and(|ip| self.first_refusal(ip)) {
            log::warn!(
                target: "auth",
                "refused a request from {} (auth.mode {}; network.allowedPeers can admit it)",
                peer.map(|ip| ip.to_string()).unwrap_or_default(), config.auth.mode.as_str()
            );
        }
        Err(Error::forbidden("this address may not use the daemon"))
    }

    /// Whether the names a request calls us by are names of this machine.
    ///
    /// A web page whose name was made to resolve to this machine (DNS rebinding) sends its own name. Who
    /// is let in without a credential must call us by an address, a name without dots, a name of the
    /// tailnet or one that `network.allowedHosts` lists.
    fn is_own_host(&self, request: &Request) -> bool {
        let config = self.core.config();
        let mut names = request.headers.all("host").map(|host| host_of(host).to_ascii_lowercase()).peekable();
        names.peek().is_some()
            && names.all(|name| {
                let plain = !name.is_empty() && !name.contains('.') && !name.contains(':');
                plain || name.parse::<IpAddr>().is_ok() || is_tailnet_name(&name) || config.reach.hosts.contains(&name)
            })
    }

    /// A page of another origin may not change anything here, whether or not it could read the answer.
    /// A credential is proof enough: no page can make a browser send one.
    fn check_origin(&self, route: Option<&'static Spec>, request: &Request, caller: &Caller) -> Result<(), Error> {
        let mutates = route.map_or(!matches!(request.method, Method::Get | Method::Head), |r| r.mutates);
        let Some(origin) = request.headers.get("origin").filter(|_| mutates) else { return Ok(()) };
        let written = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        let same = request.headers.get("host").is_some_and(|host| written == Some(host));
        let own = same && (caller.claims().is_some() || self.is_own_host(request));
        if own || self.cors.allows(origin) {
            return Ok(());
        }
        Err(Error::forbidden("this Origin may not change anything here"))
    }

    /// Verifies the credential a request carries, if any.
    fn credential(&self, request: &Request) -> Result<Credential, Error> {
        let Some(credential) = bearer(request) else { return Ok(Credential::None) };
        let verified = if keys::is_api_key(credential) {
            match keys::verify(self, credential) {
                Err(keys::Refused::Failed(error)) => return Err(error),
                Err(keys::Refused::Invalid(reason)) => Err(reason),
                Ok(claims) => Ok(claims),
            }
        } else {
            let secret = self.secret().ok_or_else(|| Error::unavailable("server initializing"))?;
            self.tokens.verify(&secret, credential, self.core.clock.now())
        };
        Ok(verified.map_or_else(Credential::Invalid, Credential::Valid))
    }

    fn caller(&self, request: &Request, open: bool) -> Result<Caller, Error> {
        let mode = self.core.config().auth.mode;
        if mode == AuthMode::Local {
            let probe = matches!(request.path.as_str(), "/health" | "/health/live" | "/health/ready");
            return if probe || self.is_own_host(request) { Ok(Caller::Local) } else { Err(foreign_host()) };
        }
        let credential = self.credential(request);
        if let Ok(Credential::Valid(claims)) = credential {
            return Ok(Caller::Token(claims));
        }
        let here = mode == AuthMode::Hybrid && peers::is_loopback(request.peer_ip());
        if here && self.is_own_host(request) {
            return Ok(Caller::TrustedLocal);
        }
        match credential {
            _ if open => Ok(Caller::Anonymous),
            _ if here => Err(foreign_host()),
            Ok(Credential::Invalid(reason)) => Err(Error::Unauthenticated(reason.into())),
            Ok(_) => Err(Error::Unauthenticated("authentication required".into())),
            Err(error) => Err(error),
        }
    }
}

/// What a request's credential came to.
enum Credential {
    None,
    Valid(Claims),
    Invalid(token::Reason),
}

fn foreign_host() -> Error {
    Error::forbidden("this Host is not one of the daemon's names (network.allowedHosts adds some)")
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

/// The credential of `Authorization: Bearer <x>`, one space; another scheme counts as none.
fn bearer(request: &Request) -> Option<&str> {
    let value = request.headers.get("authorization")?;
    let credential = value.strip_prefix("Bearer ")?;
    (!credential.is_empty() && !credential.starts_with(' ')).then_some(credential)
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
}
