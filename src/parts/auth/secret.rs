//! The secret that signs tokens: 32 raw bytes in `.daemon/auth-secret`, mode 0600.

use std::io;
use std::path::Path;

use crate::sys::files;

#[derive(Clone)]
pub struct Secret([u8; 32]);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    pub fn new(bytes: [u8; 32]) -> Self {
        Secret(bytes)
    }

    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A file of another length is replaced: every token made with it is dead.
    pub fn load_or_create(path: &Path) -> io::Result<Self> {
        match std::fs::read(path) {
            Ok(bytes) => {
                if let Ok(secret) = <[u8; 32]>::try_from(bytes.as_slice()) {
                    return Ok(Secret(secret));
                }
                log::warn!(
                    target: "auth",
                    "{} has {} bytes instead of 32 and is replaced; tokens made with it are void",
                    path.display(), bytes.len()
                );
            }
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
            Err(cause) => return Err(cause),
        }
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(io::Error::other)?;
        files::replace(path, &secret, 0o600)?;
        Ok(Secret(secret))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_secret_is_made_once_kept_private_and_replaced_when_it_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("auth-secret");
        let made = Secret::load_or_create(&path).unwrap();
        assert_eq!(Secret::load_or_create(&path).unwrap().bytes(), made.bytes());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&path, b"short").unwrap();
        assert_ne!(Secret::load_or_create(&path).unwrap().bytes(), made.bytes());
        assert_eq!(std::fs::read(&path).unwrap().len(), 32);
    }
}
