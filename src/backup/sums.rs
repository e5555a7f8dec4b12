//! `SHA256SUMS`: a line per file, checked by `sha256sum -c` too.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The SHA-256 of each file, in hexadecimal, by its path below the tree.
pub type Sums = BTreeMap<PathBuf, String>;

/// Characters of a checksum.
const DIGITS: usize = 64;

/// The file's lines. As coreutils write them, a name with a backslash or a line's end is escaped, and a backslash
/// before its line says so.
pub fn write(folder: &str, sums: &Sums) -> Vec<u8> {
    let mut text = Vec::new();
    for (path, digest) in sums {
        let name = Path::new(folder).join(path);
        let name = name.as_os_str().as_bytes();
        if name.iter().any(|b| matches!(b, b'\\' | b'\n' | b'\r')) {
            text.push(b'\\');
        }
        text.extend_from_slice(digest.as_bytes());
        text.extend_from_slice(b"  ");
        for byte in name {
            match byte {
                b'\\' => text.extend_from_slice(b"\\\\"),
                b'\n' => text.extend_from_slice(b"\\n"),
                b'\r' => text.extend_from_slice(b"\\r"),
                other => text.push(*other),
            }
        }
        text.push(b'\n');
    }
    text
}

/// The paths below `folder` with their checksums; `None` when a line cannot be read, or names what lies elsewhere.
pub fn read(folder: &str, text: &[u8]) -> Option<Sums> {
    let mut sums = Sums::new();
    for line in text.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
        let (line, escaped) = line.strip_prefix(b"\\").map_or((line, false), |rest| (rest, true));
        let (digest, name) = line.split_at_checked(DIGITS)?;
        let digest = std::str::from_utf8(digest).ok()?.to_owned();
        let name = name.strip_prefix(b"  ")?;
        let name = if escaped { unescaped(name)? } else { name.to_vec() };
        let path = Path::new(OsStr::from_bytes(&name)).strip_prefix(folder).ok()?.to_owned();
        let inside = path.components().all(|part| matches!(part, std::path::Component::Normal(_)));
        if !inside || path.as_os_str().is_empty() || sums.insert(path, digest).is_some() {
            return None;
        }
    }
    Some(sums)
}

fn unescaped(name: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = name.iter();
    let mut plain = Vec::with_capacity(name.len());
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b'\\' => match bytes.next()? {
                b'\\' => b'\\',
                b'n' => b'\n',
                b'r' => b'\r',
                _ => return None,
            },
            other => *other,
        });
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_comes_back() {
        let names: [&[u8]; 4] = [b"a b.md", b"memory/x\ny\\z", b"caf\xe9", b"deep/er/file"];
        let sums: Sums = names
            .iter()
            .enumerate()
            .map(|(n, name)| (PathBuf::from(OsStr::from_bytes(name)), n.to_string().repeat(DIGITS)))
            .collect();
        assert_eq!(read("workspace", &write("workspace", &sums)), Some(sums));
    }

    #[test]
    fn lines_that_lead_elsewhere_are_none() {
        let digest = "0".repeat(DIGITS);
        for name in ["workspace/../x", "/etc/passwd", "elsewhere/x", "workspace", "workspace/a/../../b"] {
            assert_eq!(read("workspace", format!("{digest}  {name}\n").as_bytes()), None, "{name}");
        }
        assert_eq!(read("workspace", b"short  workspace/x\n"), None);
        let twice = format!("{digest}  workspace/x\n{digest}  workspace/x\n");
        assert_eq!(read("workspace", twice.as_bytes()), None);
    }
}
