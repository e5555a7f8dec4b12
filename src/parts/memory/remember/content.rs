//! What a memory's text says about itself: prefixes, type, normal form and hash (memory part, §2.2–2.3).

use sha2::{Digest, Sha256};

use crate::http::input::trimmed;
use crate::text::listed;
use crate::text::{hex, one_line};

/// A text taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// What is left after the prefixes; empty when there was nothing else.
    pub text: String,
    /// `critical:` stood in front.
    pub critical: bool,
    /// Tags of a `[a, b]:` prefix, joined by commas.
    pub tags: Option<String>,
}

/// Takes `critical:` and then `[tag, …]:` off the front.
pub fn parse_prefixes(text: &str) -> Parsed {
    const CRITICAL: &str = "critical:";
    let mut rest = trimmed(text);
    let critical = rest.get(..CRITICAL.len()).is_some_and(|p| p.eq_ignore_ascii_case(CRITICAL));
    if critical {
        rest = rest[CRITICAL.len()..].trim_start();
    }
    let mut tags = None;
    if let Some((list, after)) = rest.strip_prefix('[').and_then(|r| r.split_once("]:")) {
        let after = after.trim();
        if !list.contains(']') && !after.is_empty() {
            let kept: Vec<String> = listed(list).map(str::to_lowercase).collect();
            tags = (!kept.is_empty()).then(|| kept.join(","));
            rest = after;
        }
    }
    Parsed { text: rest.to_owned(), critical, tags }
}

/// The first of these words found in a text decides its type.
const TYPE_WORDS: [(&str, &[&str]); 5] = [
    ("preference", &["prefer", "likes", "want"]),
    ("decision", &["decided", "agreed", "will use"]),
    ("learning", &["learned", "discovered", "til "]),
    ("issue", &["bug", "issue", "broken"]),
    ("rule", &["never", "always", "must"]),
];

pub fn infer_type(text: &str) -> &'static str {
    let lower = text.to_lowercase();
    TYPE_WORDS.iter().find(|(_, words)| words.iter().any(|w| lower.contains(w))).map_or("fact", |(kind, _)| kind)
}

/// The text as stored with what identifies it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Normal {
    /// Line ends made LF, trimmed.
    pub stored: String,
    /// Lower case, single spaces, no closing punctuation.
    pub normalized: String,
    /// SHA-256 of the normalised text in lower-case hex.
    pub hash: String,
}

pub fn normalize(text: &str) -> Normal {
    let stored = text.replace("\r\n", "\n").replace('\r', "\n");
    let stored = trimmed(&stored).to_owned();
    let lower = stored.to_lowercase();
    let collapsed = one_line(&lower);
    let normalized = collapsed.trim_end_matches(['.', ',', '!', '?', ';', ':']).trim().to_owned();
    let basis = if normalized.is_empty() { &lower } else { &normalized };
    let hash = hex(&Sha256::digest(basis.as_bytes()));
    Normal { stored, normalized, hash }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_set_importance_and_tags() {
        let parsed = parse_prefixes("  CRITICAL: [Ops, ,Night ]: rotate the keys ");
        assert_eq!(parsed, Parsed { text: "rotate the keys".into(), critical: true, tags: Some("ops,night".into()) });
        assert_eq!(parse_prefixes("[a]:").text, "[a]:");
        assert_eq!(parse_prefixes("critical:").text, "");
        assert_eq!(parse_prefixes("[link](x): y").tags, None);
    }

    #[test]
    fn types_are_inferred_in_their_order() {
        assert_eq!(infer_type("I prefer to never decide"), "preference");
        assert_eq!(infer_type("We agreed on the bug"), "decision");
        assert_eq!(infer_type("It is broken"), "issue");
        assert_eq!(infer_type("The sky"), "fact");
    }

    #[test]
    fn normal_forms_ignore_case_spacing_and_closing_marks() {
        let a = normalize("Hello\r\n  World!!");
        assert_eq!(a.stored, "Hello\n  World!!");
        assert_eq!(a.normalized, "hello world");
        assert_eq!(a.hash, normalize("hello world").hash);
        assert_ne!(normalize("...").hash, normalize("!").hash);
    }
}
