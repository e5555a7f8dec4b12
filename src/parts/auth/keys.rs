//! API keys: `sig_sk_<prefix>_<secret>`, kept as scrypt hashes (foundation §4 and §10).

mod store;

use std::collections::HashMap;
use std::sync::{Condvar, Mutex};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::Auth;
use super::token::Reason;
use crate::core::access::{Claims, Permission, Role, Scope};
use crate::core::{Core, Error};
use crate::sys::locks;
use crate::text::{hex, time};

pub use store::{Key, NewKey, find_by_id_or_prefix, insert, list, revoke};

const START: &str = "sig_sk_";
/// `exp` of a key that does not end.
const NO_END: f64 = 2_147_483_647.0;
/// `last_used_at` is written at most this often.
const TOUCH_EVERY_MS: i128 = 60_000;
/// Longer credentials are refused unread: we make none of that length.
const LONGEST: usize = 1024;

/// Whether a credential is to be read as an API key.
pub fn is_api_key(credential: &str) -> bool {
    credential.starts_with(START)
}

/// A key as it is shown once, with what is stored of it.
struct Made {
    raw: String,
    id: String,
    prefix: String,
    hash: String,
}

/// What a new key is to be; also made by the command line.
#[derive(Debug, Clone)]
pub struct KeyRequest {
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

impl KeyRequest {
    /// A fresh key with what is stored of it.
    pub fn make(self, now: String) -> Result<(String, NewKey), Error> {
        let made = make().map_err(Error::failed)?;
        let row = NewKey {
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

/// A new random key.
fn make() -> Result<Made, getrandom::Error> {
    let (mut prefix, mut secret, mut id, mut salt) = ([0; 6], [0; 32], [0; 12], [0; 16]);
    for bytes in [&mut prefix[..], &mut secret[..], &mut id[..], &mut salt[..]] {
        getrandom::fill(bytes)?;
    }
    let prefix = hex(&prefix);
    let raw = format!("{START}{prefix}_{}", URL_SAFE_NO_PAD.encode(secret));
    let hash = hash(&raw, &hex(&salt));
    Ok(Made { raw, id: format!("key_{}", URL_SAFE_NO_PAD.encode(id)), prefix, hash })
}

/// `scrypt:<salt>:<hash>`; the salt's 32 hex digits themselves are the salt.
fn hash(raw: &str, salt: &str) -> String {
    format!("scrypt:{salt}:{}", hex(&derive(raw, salt)))
}

/// N = 16384, r = 8, p = 1, 32 bytes: 16 MiB and tens of milliseconds.
fn derive(raw: &str, salt: &str) -> [u8; 32] {
    let mut out = [0; 32];
    if let Ok(params) = scrypt::Params::new(14, 8, 1) {
        // fails only for an output of no bytes
        let _ = scrypt::scrypt(raw.as_bytes(), salt.as_bytes(), &params, &mut out);
    }
    out
}

fn matches(raw: &str, stored: &str) -> bool {
    let parts: Vec<&str> = stored.split(':').collect();
    let ["scrypt", salt, _] = parts[..] else { return false };
    hash(raw, salt).as_bytes().ct_eq(stored.as_bytes()).into()
}

/// The text between `sig_sk_` and the next `_`.
fn prefix_of(credential: &str) -> Option<&str> {
    let (prefix, _) = credential.strip_prefix(START)?.split_once('_')?;
    (!prefix.is_empty() && prefix.bytes().all(|b| b.is_ascii_alphanumeric())).then_some(prefix)
}

/// Lets only so many costly hashes run at once, and only so many wait for that.
pub struct Hashing {
    state: Mutex<(usize, usize)>,
    free: Condvar,
}

const RUNNING: usize = 2;
const WAITING: usize = 3;

impl Default for Hashing {
    fn default() -> Self {
        Hashing { state: Mutex::new((0, 0)), free: Condvar::new() }
    }
}

impl Hashing {
    /// Runs `work` when its turn comes; refuses when too many wait already.
    pub fn run<T>(&self, work: impl FnOnce() -> T) -> Result<T, Error> {
        let mut state = locks::whole(self.state.lock());
        if state.0 >= RUNNING && state.1 >= WAITING {
            return Err(Error::busy("too many logins at once", 1));
        }
        state.1 += 1;
        while state.0 >= RUNNING {
            state = locks::whole(self.free.wait(state));
        }
        state.1 -= 1;
        state.0 += 1;
        drop(state);
        let done = work();
        locks::whole(self.state.lock()).0 -= 1;
        self.free.notify_one();
        Ok(done)
    }
}

/// SHA-256 of a key once verified → the stored hash it was verified against, so that scrypt runs once
/// per key and not per request. The row is read each time all the same: what is revoked or narrowed
/// there counts at once.
#[derive(Default)]
pub struct KeyCache {
    known: Mutex<HashMap<[u8; 32], String>>,
}

/// Keys remembered at most.
const MOST: usize = 1024;

impl KeyCache {
    /// Whether a key was verified before.
    pub fn knows(&self, credential: &str) -> bool {
        credential.len() <= LONGEST && self.get(&Sha256::digest(credential.as_bytes()).into()).is_some()
    }

    fn get(&self, digest: &[u8; 32]) -> Option<String> {
        locks::lock(&self.known).get(digest).cloned()
    }

    fn put(&self, digest: [u8; 32], stored: &str) {
        let mut known = locks::lock(&self.known);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(digest, stored.to_owned());
    }
}

/// Why a key was not accepted.
pub enum Refused {
    /// The contract's reason, for a 401.
    Invalid(Reason),
    /// It could not be looked at now.
    Failed(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Refused::Failed(error)
    }
}

/// The claims of a valid key; notes its use.
pub fn verify(auth: &Auth, credential: &str) -> Result<Claims, Refused> {
    let prefix = Some(credential)
        .filter(|c| c.len() <= LONGEST)
        .and_then(prefix_of)
        .ok_or(Refused::Invalid("malformed api key"))?;
    let digest: [u8; 32] = Sha256::digest(credential.as_bytes()).into();
    let invalid = Refused::Invalid("invalid api key");
    let found = auth.core.db.read(|c| store::find_by_prefix(c, prefix)).map_err(Error::from)?;
    let Some(key) = found else { return Err(invalid) };
    if auth.keys.get(&digest).is_none_or(|stored| stored != key.hash) {
        if !auth.hashing.run(|| matches(credential, &key.hash))? {
            return Err(invalid);
        }
        auth.keys.put(digest, &key.hash);
    }
    let Some(claims) = claims(&key) else { return Err(invalid) };
    let now = auth.core.clock.now();
    if key.revoked_at.is_some() {
        return Err(Refused::Invalid("api key revoked"));
    }
    if is_past(key.expires_at.as_deref(), now) {
        return Err(Refused::Invalid("api key expired"));
    }
    note_use(&auth.core, &key, now);
    Ok(claims)
}

/// An end that cannot be read counts as past.
fn is_past(expires_at: Option<&str>, now: Timestamp) -> bool {
    expires_at.is_some_and(|text| time::parse_stored(text).is_none_or(|end| end <= now.into()))
}

/// `None` for a key whose restrictions cannot be read.
fn claims(key: &Key) -> Option<Claims> {
    let end = key.expires_at.as_deref().and_then(time::parse_stored);
    let seconds = |t: time::Time| t.seconds() as f64;
    Some(Claims {
        sub: format!("api-key:{}", key.id),
        role: key.role,
        scope: key.scope.clone()?,
        iat: time::parse_stored(&key.created_at).map_or(0.0, seconds),
        exp: end.map_or(NO_END, seconds),
        permissions: key.permissions.clone(),
    })
}

/// The first use at once, later ones once a minute.
fn note_use(core: &Core, key: &Key, now: Timestamp) {
    let last = key.last_used_at.as_deref().and_then(time::parse_stored);
    if last.is_some_and(|at| at.until(now).as_millis() < TOUCH_EVERY_MS) {
        return;
    }
    let id = key.id.clone();
    if let Err(cause) = core.db.write(move |tx| store::touch(tx, &id, tx.now())) {
        log::warn!(target: "auth", "use of an API key was not noted: {cause}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_and_their_hashes_have_the_form_of_the_contract() {
        let made = make().unwrap();
        assert_eq!(prefix_of(&made.raw), Some(made.prefix.as_str()));
        assert_eq!((made.prefix.len(), made.id.len()), (12, 20));
        assert!(matches(&made.raw, &made.hash));
        assert!(!matches(&format!("{}x", made.raw), &made.hash));
        assert!(!matches(&made.raw, "scrypt:only"));
    }

    #[test]
    fn the_hash_is_that_of_the_original() {
        // node: crypto.scryptSync('sig_sk_0123456789ab_AAAA', '00112233445566778899aabbccddeeff', 32)
        assert_eq!(
            hash("sig_sk_0123456789ab_AAAA", "00112233445566778899aabbccddeeff"),
            include_str!("keys/scrypt-example.txt").trim()
        );
    }

    proptest! {
        #[test]
        fn prefixes_are_alphanumeric_or_none(text in "\\PC{0,60}") {
            if let Some(prefix) = prefix_of(&format!("{START}{text}")) {
                prop_assert!(!prefix.is_empty() && prefix.bytes().all(|b| b.is_ascii_alphanumeric()));
            }
        }
    }
}
