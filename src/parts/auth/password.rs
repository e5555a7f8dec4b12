//! The password of the login: `pbkdf2-sha256$<iterations>$<salt>$<digest>` (foundation §4).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::Sha256;
use subtle::ConstantTimeEq;

const PREFIX: &str = "pbkdf2-sha256";
const DIGEST: usize = 32;
const SALT: usize = 16;
const SHORTEST_SALT: usize = 8;
const ITERATIONS: u32 = 210_000;
const ALLOWED: std::ops::RangeInclusive<u32> = 10_000..=1_000_000;

/// A new hash of a password.
pub fn hash(password: &str) -> Result<String, getrandom::Error> {
    let mut salt = [0; SALT];
    getrandom::fill(&mut salt)?;
    let digest = derive(password, &salt, ITERATIONS);
    Ok(format!("{PREFIX}${ITERATIONS}${}${}", URL_SAFE_NO_PAD.encode(salt), URL_SAFE_NO_PAD.encode(digest)))
}

/// Whether a password is the hashed one. A hash that cannot be read never matches, and takes as long.
pub fn verify(password: &str, hash: &str) -> bool {
    match parse(hash) {
        Some((iterations, salt, digest)) => derive(password, &salt, iterations).ct_eq(&digest).into(),
        None => {
            derive(password, &[0; SALT], ITERATIONS);
            false
        }
    }
}

fn parse(hash: &str) -> Option<(u32, Vec<u8>, [u8; DIGEST])> {
    let parts: Vec<&str> = hash.split('$').collect();
    let [PREFIX, iterations, salt, digest] = parts[..] else { return None };
    let iterations = iterations.parse().ok().filter(|n| ALLOWED.contains(n))?;
    let salt = URL_SAFE_NO_PAD.decode(salt).ok().filter(|s| s.len() >= SHORTEST_SALT)?;
    let digest = URL_SAFE_NO_PAD.decode(digest).ok()?.try_into().ok()?;
    Some((iterations, salt, digest))
}

fn derive(password: &str, salt: &[u8], iterations: u32) -> [u8; DIGEST] {
    let mut digest = [0; DIGEST];
    pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), salt, iterations, &mut digest);
    digest
}

/// Compares two texts in constant time for texts of one length.
pub fn same_text(a: &str, b: &str) -> bool {
    a.as_bytes().ct_eq(b.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_matches_its_password_only() {
        let hash = format!(
            "pbkdf2-sha256$10000${}${}",
            URL_SAFE_NO_PAD.encode(b"0123456789abcdef"),
            URL_SAFE_NO_PAD.encode(derive("secret", b"0123456789abcdef", 10_000))
        );
        assert!(verify("secret", &hash));
        assert!(!verify("Secret", &hash));
        for broken in [
            hash.replace("10000", "9999"),
            hash.replace("10000", "2000000"),
            hash.replace("sha256", "sha512"),
            hash[..hash.len() - 4].to_owned(),
            hash.clone() + "$x",
            String::new(),
        ] {
            assert!(!verify("secret", &broken), "{broken}");
        }
    }

    #[test]
    fn made_hashes_have_the_form_of_the_contract() {
        let hash = super::hash("p").unwrap();
        assert!(hash.starts_with("pbkdf2-sha256$210000$"));
        assert!(parse(&hash).is_some());
    }
}
