//! Bytes as lower-case hexadecimal.

use std::fmt::Write;

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // a String takes every character
        let _ = write!(text, "{byte:02x}");
        text
    })
}
