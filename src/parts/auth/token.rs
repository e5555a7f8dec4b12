//! Signed tokens: HS256 JWTs, and the two-part form the original daemon mints (foundation §4).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use jwt_simple::algorithms::{HS256Key, MACLike};
use jwt_simple::claims::{Claims as JwtClaims, NoCustomClaims};
use jwt_simple::common::VerificationOptions;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::Sha256;

use super::Secret;
use crate::core::access::{Claims, Permission, Role, Scope};
use crate::sys::locks::{self, Held};

/// Longer credentials are refused unread: we make none of that length.
const LONGEST: usize = 16 * 1024;

/// Why a token is refused, in the words of the contract.
pub type Reason = &'static str;

/// The claims beside `iat` and `exp`, as they stand in the payload. A claim that comes twice
/// makes the payload malformed.
#[derive(Deserialize)]
struct Payload {
    sub: Option<Value>,
    role: Option<Value>,
    scope: Option<Value>,
    iat: Option<Value>,
    exp: Option<Value>,
    permissions: Option<Value>,
}

#[derive(Serialize, Deserialize)]
struct Custom {
    role: String,
    scope: Value,
}

/// A new token for a role and scope, with its end.
pub fn mint(
    secret: &Secret,
    sub: &str,
    role: Role,
    scope: &Scope,
    ttl_s: f64,
    now: Timestamp,
) -> Result<(String, Timestamp), String> {
    let iat = now.as_second().max(0) as u64;
    let seconds = (ttl_s.ceil().max(1.0) as u64).min(LAST_SECOND.saturating_sub(iat).max(1));
    let custom = Custom { role: role.as_str().to_owned(), scope: scope.to_json() };
    let mut claims =
        JwtClaims::with_custom_claims(custom, jwt_simple::prelude::Duration::from_secs(seconds)).with_subject(sub);
    claims.issued_at = Some(jwt_simple::prelude::Duration::from_secs(iat));
    claims.expires_at = Some(jwt_simple::prelude::Duration::from_secs(iat + seconds));
    claims.invalid_before = None;
    let token = HS256Key::from_bytes(secret.bytes()).authenticate(claims).map_err(|cause| cause.to_string())?;
    let end = Timestamp::from_second((iat + seconds) as i64).map_err(|cause| cause.to_string())?;
    Ok((token, end))
}

/// No token is valid beyond 2106: the library counts seconds in 32 bits, and adds them to a clock of its own.
const LAST_SECOND: u64 = u32::MAX as u64 - 3_600;

/// Tokens once verified, so that a client's next requests cost a lookup.
///
/// The map's hash is keyed at random and its keys are whole tokens, so that the time of a lookup
/// tells nothing of a token; the end of each is looked at every time.
#[derive(Default)]
pub struct TokenCache {
    known: Mutex<HashMap<String, Claims>>,
}

/// Tokens remembered at most.
const MOST: usize = 1024;

impl TokenCache {
    /// The claims of a valid token.
    pub fn verify(&self, secret: &Secret, token: &str, now: Timestamp) -> Result<Claims, Reason> {
        if let Some(claims) = self.lock().get(token) {
            return current(claims.clone(), now);
        }
        let claims = verify(secret, token, now)?;
        let mut known = self.lock();
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(token.to_owned(), claims.clone());
        Ok(claims)
    }

    /// Another secret makes every token another.
    pub fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> Held<MutexGuard<'_, HashMap<String, Claims>>> {
        locks::lock(&self.known)
    }
}

/// Valid while now is before the end, to the millisecond.
fn current(claims: Claims, now: Timestamp) -> Result<Claims, Reason> {
    if (now.as_millisecond() as f64) < claims.exp * 1000.0 { Ok(claims) } else { Err("token expired") }
}

/// The claims of a valid token.
pub fn verify(secret: &Secret, token: &str, now: Timestamp) -> Result<Claims, Reason> {
    if token.len() > LONGEST {
        return Err("malformed token");
    }
    let parts: Vec<&str> = token.split('.').collect();
    let payload = match parts[..] {
        [payload, signature] => {
            verify_two_part(secret, payload, signature)?;
            payload
        }
        [_, payload, _] => {
            verify_jwt(secret, token, now)?;
            payload
        }
        _ => return Err("malformed token"),
    };
    let bytes = URL_SAFE_NO_PAD.decode(payload).map_err(|_| "malformed payload")?;
    current(claims(serde_json::from_slice(&bytes).map_err(|_| "malformed payload")?)?, now)
}

fn verify_two_part(secret: &Secret, payload: &str, signature: &str) -> Result<(), Reason> {
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| "malformed token")?;
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret.bytes()).map_err(|_| "invalid signature")?;
    mac.update(payload.as_bytes());
    // compares in constant time
    mac.verify_slice(&signature).map_err(|_| "invalid signature")
}

/// The signature and the header, whose `alg` must be HS256. Times are checked with the claims:
/// the library is told one at which it finds nothing too old or too new.
fn verify_jwt(secret: &Secret, token: &str, now: Timestamp) -> Result<(), Reason> {
    let epoch = jwt_simple::prelude::Duration::from_secs(now.as_second().max(0) as u64);
    let options = VerificationOptions {
        accept_future: true,
        // all of the time there has been: the end is checked with the claims
        time_tolerance: Some(epoch),
        artificial_time: Some(epoch),
        max_header_length: Some(4096),
        ..VerificationOptions::default()
    };
    let key = HS256Key::from_bytes(secret.bytes());
    match key.verify_token::<NoCustomClaims>(token, Some(options)) {
        Ok(_) => Ok(()),
        // a payload it cannot read (a text as `exp`, say) is refused all the same
        Err(_) => Err("invalid signature"),
    }
}

fn claims(payload: Payload) -> Result<Claims, Reason> {
    let sub = payload.sub.as_ref().and_then(Value::as_str).ok_or("invalid sub")?.to_owned();
    let role = payload.role.as_ref().and_then(Value::as_str).and_then(Role::parse).ok_or("invalid role")?;
    let scope = payload.scope.as_ref().and_then(Value::as_object).ok_or("invalid scope")?;
    for field in ["project", "agent", "user"] {
        if scope.get(field).is_some_and(|v| !v.is_string()) {
            return Err("invalid scope");
        }
    }
    let time = |value: &Option<Value>| value.as_ref().and_then(Value::as_f64).ok_or("missing timestamps");
    let permissions = match payload.permissions {
        None => None,
        Some(Value::Array(names)) => {
            if !names.iter().all(Value::is_string) {
                return Err("invalid permissions");
            }
            Some(names.iter().filter_map(|n| Permission::parse(n.as_str()?)).collect())
        }
        Some(_) => return Err("invalid permissions"),
    };
    Ok(Claims { sub, role, scope: Scope::of(scope), iat: time(&payload.iat)?, exp: time(&payload.exp)?, permissions })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn secret() -> Secret {
        Secret::new(std::array::from_fn(|n| n as u8))
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn sign(first: &str) -> String {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret().bytes()).unwrap();
        mac.update(first.as_bytes());
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    }

    fn jwt(header: &str, payload: &str) -> String {
        let first = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        format!("{first}.{}", sign(&first))
    }

    const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;
    const PAYLOAD: &str = r#"{"sub":"x","role":"agent","scope":{"agent":"a"},"iat":100,"exp":200}"#;

    #[test]
    fn a_minted_token_is_valid_until_its_end() {
        let scope = Scope { project: Some("p".into()), ..Scope::default() };
        let (token, end) = mint(&secret(), "token:agent", Role::Agent, &scope, 60.0, at(1000)).unwrap();
        assert_eq!(end, at(1060));
        let claims = verify(&secret(), &token, at(1059)).unwrap();
        assert_eq!((claims.sub.as_str(), claims.role, claims.scope), ("token:agent", Role::Agent, scope));
        assert_eq!(verify(&secret(), &token, at(1060)), Err("token expired"));
        assert_eq!(verify(&Secret::new([9; 32]), &token, at(1000)), Err("invalid signature"));
    }

    #[test]
    fn two_part_tokens_of_the_original_are_valid() {
        let first = URL_SAFE_NO_PAD.encode(PAYLOAD);
        let token = format!("{first}.{}", sign(&first));
        assert_eq!(verify(&secret(), &token, at(150)).unwrap().scope.agent.as_deref(), Some("a"));
        assert_eq!(verify(&secret(), &format!("{token}AAAA"), at(150)), Err("invalid signature"));
    }

    #[test]
    fn headers_with_another_or_no_algorithm_are_refused() {
        assert!(verify(&secret(), &jwt(HEADER, PAYLOAD), at(150)).is_ok());
        for header in [
            r#"{"alg":"none","typ":"JWT"}"#,
            r#"{"alg":"None"}"#,
            r#"{"alg":"RS256","typ":"JWT"}"#,
            r#"{"alg":"HS512","typ":"JWT"}"#,
            r#"{"alg":"hs256"}"#,
            r#"{"typ":"JWT"}"#,
            r#"{"alg":["HS256"]}"#,
            r#"{}"#,
            "",
            "null",
        ] {
            assert_eq!(verify(&secret(), &jwt(header, PAYLOAD), at(150)), Err("invalid signature"), "{header}");
        }
        let unsigned = format!("{}.{}.", URL_SAFE_NO_PAD.encode(HEADER), URL_SAFE_NO_PAD.encode(PAYLOAD));
        assert_eq!(verify(&secret(), &unsigned, at(150)), Err("invalid signature"));
    }

    #[test]
    fn payloads_that_break_a_rule_are_refused_with_the_reason() {
        let cases = [
            (r#"{"role":"agent","scope":{},"iat":1,"exp":2e9}"#, "invalid sub"),
            (r#"{"sub":5,"role":"agent","scope":{},"iat":1,"exp":2e9}"#, "invalid sub"),
            (r#"{"sub":"x","role":"root","scope":{},"iat":1,"exp":2e9}"#, "invalid role"),
            (r#"{"sub":"x","role":"agent","scope":[],"iat":1,"exp":2e9}"#, "invalid scope"),
            (r#"{"sub":"x","role":"agent","scope":{"agent":1},"iat":1,"exp":2e9}"#, "invalid scope"),
            (r#"{"sub":"x","role":"agent","scope":{},"exp":2e9}"#, "missing timestamps"),
            (r#"{"sub":"x","role":"agent","scope":{},"iat":1,"exp":"later"}"#, "missing timestamps"),
            (r#"{"sub":"x","role":"agent","scope":{},"iat":1,"exp":2e9,"permissions":"all"}"#, "invalid permissions"),
            (r#"{"sub":"x","sub":"y","role":"agent","scope":{},"iat":1,"exp":2e9}"#, "malformed payload"),
            ("[]", "malformed payload"),
            ("{", "malformed payload"),
        ];
        for (payload, reason) in cases {
            let first = URL_SAFE_NO_PAD.encode(payload);
            let two_part = format!("{first}.{}", sign(&first));
            assert_eq!(verify(&secret(), &two_part, at(150)), Err(reason), "{payload}");
            assert!(verify(&secret(), &jwt(HEADER, payload), at(150)).is_err(), "{payload}");
        }
        for token in ["", ".", "a", "a.b.c.d", "..", "a..b"] {
            assert!(verify(&secret(), token, at(150)).is_err(), "{token}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_a_valid_token(text in "\\PC{0,200}") {
            prop_assert!(verify(&secret(), &text, at(150)).is_err());
        }

        #[test]
        fn no_token_signed_by_chance_is_valid(parts in prop::collection::vec("[A-Za-z0-9_-]{0,60}", 1..5)) {
            prop_assert!(verify(&secret(), &parts.join("."), at(150)).is_err());
        }

        #[test]
        fn a_changed_token_is_not_valid(at_byte in 0usize..200, flip in 1u8..=127) {
            let token = jwt(HEADER, PAYLOAD);
            let mut bytes = token.clone().into_bytes();
            // the unused bits of the last base64 digit do not reach the signature
            let n = at_byte % (bytes.len() - 1);
            bytes[n] ^= flip;
            if let Ok(changed) = String::from_utf8(bytes) {
                prop_assert!(verify(&secret(), &changed, at(150)).is_err());
            }
        }

        #[test]
        fn headers_of_any_kind_do_not_panic(header in "\\PC{0,80}") {
            let _ = verify(&secret(), &jwt(&header, PAYLOAD), at(150));
        }
    }
}
