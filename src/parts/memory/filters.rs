//! Filters that several routes take: tags, times, raw full-text expressions, each within bounds.

use jiff::SignedDuration;

use crate::core::Error;
use crate::text::listed;
use crate::text::time::{self, Time};

/// Tags of one filter, and characters of each.
const MOST_TAGS: usize = 64;
const LONGEST_TAG: usize = 256;
/// Terms and bytes of a raw full-text expression: the time of a search grows with their product.
const MOST_TERMS: usize = 64;
const LONGEST_EXPRESSION: usize = 4 * 1024;
/// Bytes of a text that is sought by `LIKE`.
const LONGEST_NEEDLE: usize = 4 * 1024;

/// The tags of a comma list.
pub fn tags(text: Option<&str>) -> Result<Vec<String>, Error> {
    let words = text.map(listed).into_iter().flatten();
    let tags: Vec<String> = words.take(MOST_TAGS + 1).map(str::to_owned).collect();
    if tags.len() > MOST_TAGS || tags.iter().any(|t| t.chars().count() > LONGEST_TAG) {
        return Err(Error::invalid(
            "tags",
            format!("may be {MOST_TAGS} tags of {LONGEST_TAG} characters each at most"),
        ));
    }
    Ok(tags)
}

/// The earliest and the latest time of creation that is let through, both included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    pub since: Option<Time>,
    pub until: Option<Time>,
}

impl Span {
    /// From times in any offset and precision; a bare date is meant from its first to its last
    /// instant.
    pub fn of(since: Option<&str>, until: Option<&str>) -> Result<Self, Error> {
        let bound = |name: &'static str, text: Option<&str>, parse: fn(&str) -> Option<Time>| match text {
            None => Ok(None),
            Some(text) => parse(text).map(Some).ok_or_else(|| Error::invalid(name, "must be a valid ISO timestamp")),
        };
        Ok(Span { since: bound("since", since, time::lower_bound)?, until: bound("until", until, time::upper_bound)? })
    }

    /// From one instant up to another that is not included.
    pub fn between(start: Time, end: Time) -> Self {
        Span { since: Some(start), until: end.plus(SignedDuration::from_millis(-1)) }
    }

    pub fn is_open(self) -> bool {
        self.since.is_none() && self.until.is_none()
    }
}

/// A raw full-text expression of a client, as far as it may go.
pub fn expression<'a>(name: &'static str, text: &'a str) -> Result<&'a str, Error> {
    if text.len() > LONGEST_EXPRESSION || terms(text) > MOST_TERMS {
        let must = format!("may have {MOST_TERMS} terms and {LONGEST_EXPRESSION} bytes at most");
        return Err(Error::invalid(name, must));
    }
    Ok(text)
}

/// Terms as the index's tokenizer makes them; operators do not count, but for those in quotes.
fn terms(text: &str) -> usize {
    let is_operator = |term: &str| matches!(term, "AND" | "OR" | "NOT" | "NEAR");
    let mut count = 0;
    for (n, part) in text.split('"').enumerate() {
        let quoted = n % 2 == 1;
        let words = part.split(|c: char| !c.is_alphanumeric()).filter(|t| !t.is_empty());
        count += words.filter(|t| quoted || !is_operator(t)).take(MOST_TERMS + 1).count();
    }
    count
}

/// A text to be found as it is, as far as it may go.
pub fn needle<'a>(name: &'static str, text: &'a str) -> Result<&'a str, Error> {
    if text.len() > LONGEST_NEEDLE {
        return Err(Error::invalid(name, format!("may have {LONGEST_NEEDLE} bytes at most")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_bounded() {
        let many: Vec<String> = (0..MOST_TAGS).map(|n| format!("t{n}")).collect();
        assert_eq!(tags(Some(&many.join(","))).unwrap().len(), MOST_TAGS);
        assert!(tags(Some(&format!("{},one more", many.join(",")))).is_err());
        assert!(tags(Some(&"x".repeat(60_000))).is_err());
        assert!(tags(Some(" , ")).unwrap().is_empty());
        assert!(expression("q", &vec!["w*"; MOST_TERMS].join(" OR ")).is_ok());
        assert!(expression("q", &vec!["w*"; MOST_TERMS + 1].join(" OR ")).is_err());
        assert!(expression("q", &vec!["w"; MOST_TERMS + 1].join("_")).is_err(), "parts of one word");
        assert!(expression("q", &vec!["\"OR\"*"; MOST_TERMS + 1].join(" ")).is_err(), "quoted operators");
        assert!(expression("q", &"w".repeat(LONGEST_EXPRESSION + 1)).is_err());
    }
}
