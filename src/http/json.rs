//! A body's bytes into a JSON value: within a bound of memory, and lenient where programs cut text.
//!
//! One byte of JSON can become sixty of memory (`[[],[],…`), so the members of a body are counted.
//! Half a surrogate pair, as left by a program that cut a text by its UTF-16 length, becomes U+FFFD.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Members of objects and lists of one body, in all depths.
const MOST_MEMBERS: usize = 60_000;
/// How an exhausted count is told from other errors.
const TOO_MANY: &str = "more than 60000 members";

/// Parses a body; the error is a sentence for the client.
pub fn parse(body: &[u8]) -> Result<Value, String> {
    let text = without_lone_surrogates(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body));
    let left = Cell::new(MOST_MEMBERS);
    let mut deserializer = serde_json::Deserializer::from_slice(&text);
    let parsed = Counted(&left).deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
    parsed.map_err(|cause| in_words(&cause, &text))
}

fn in_words(cause: &serde_json::Error, text: &[u8]) -> String {
    let said = cause.to_string();
    if said.starts_with(TOO_MANY) {
        return format!("Invalid JSON body: {TOO_MANY}");
    }
    match member_at(text, cause.line(), cause.column()) {
        Some(name) if said.starts_with("number out of range") => format!("{name} must be a number within range"),
        _ => "Invalid JSON body".to_owned(),
    }
}

/// The name of the object member that a place of a text is in.
fn member_at(text: &[u8], line: usize, column: usize) -> Option<String> {
    let before: usize = text.split(|b| *b == b'\n').take(line.saturating_sub(1)).map(|l| l.len() + 1).sum();
    let end = (before + column).min(text.len());
    // names of the objects around the place, the innermost last
    let mut names: Vec<Option<String>> = Vec::new();
    let mut at = 0;
    while at < end {
        match text[at] {
            b'{' | b'[' => names.push(None),
            b'}' | b']' => drop(names.pop()),
            b'"' => {
                let close = end_of_string(text, at)?;
                let named = text[close + 1..].iter().find(|b| !b.is_ascii_whitespace()) == Some(&b':');
                if let Some(innermost) = names.last_mut().filter(|_| named) {
                    *innermost = serde_json::from_slice(&text[at..=close]).ok();
                }
                at = close;
            }
            _ => {}
        }
        at += 1;
    }
    names.into_iter().rev().flatten().next()
}

/// The closing quote of a string that begins at a place.
fn end_of_string(text: &[u8], open: usize) -> Option<usize> {
    let mut at = open + 1;
    while at < text.len() {
        match text[at] {
            b'\\' => at += 1,
            b'"' => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}

/// Every `\ud800`-like escape without its other half made `\ufffd`.
fn without_lone_surrogates(text: &[u8]) -> Cow<'_, [u8]> {
    let mut mended = Cow::Borrowed(text);
    let mut at = 0;
    while let Some(backslash) = text[at..].iter().position(|b| *b == b'\\').map(|n| at + n) {
        at = backslash + 2;
        match escaped_unit(text, backslash) {
            Some(0xD800..0xDC00) if matches!(escaped_unit(text, backslash + 6), Some(0xDC00..0xE000)) => at += 10,
            Some(0xD800..0xE000) => mended.to_mut()[backslash..backslash + 6].copy_from_slice(b"\\ufffd"),
            _ => {}
        }
        if at >= text.len() {
            break;
        }
    }
    mended
}

/// The UTF-16 unit of a `\uXXXX` at a place.
fn escaped_unit(text: &[u8], at: usize) -> Option<u16> {
    let digits = text.get(at..at + 6)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Builds a value while members are left.
#[derive(Clone, Copy)]
struct Counted<'a>(&'a Cell<usize>);

impl Counted<'_> {
    fn one<E: serde::de::Error>(self) -> Result<(), E> {
        match self.0.get().checked_sub(1) {
            Some(left) => {
                self.0.set(left);
                Ok(())
            }
            None => Err(E::custom(TOO_MANY)),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Counted<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Counted<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(self)? {
            self.one::<A::Error>()?;
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            self.one::<A::Error>()?;
            members.insert(name, map.next_value_seed(self)?);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn half_a_surrogate_pair_becomes_the_replacement_character() {
        for (given, want) in [
            (r#""cut \ud83d""#, "cut \u{fffd}"),
            (r#""\ude00 first""#, "\u{fffd} first"),
            (r#""whole \ud83d\ude00""#, "whole \u{1f600}"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
            (r#""a backslash \\ud83d""#, "a backslash \\ud83d"),
            (r#""\ud83d\n""#, "\u{fffd}\n"),
        ] {
            assert_eq!(parse(given.as_bytes()), Ok(json!(want)), "{given}");
        }
        assert!(parse(br#""\ud8"#).is_err());
        assert!(parse(br#""\ud83d"#).is_err());
    }

    #[test]
    fn values_are_those_of_serde_json_and_a_byte_order_mark_is_passed_over() {
        let text = r#"{"a": [1, -2, 3.5, null, true, "x"], "b": {"c": 18446744073709551615}}"#;
        let want: Value = serde_json::from_str(text).unwrap();
        assert_eq!(parse(text.as_bytes()), Ok(want.clone()));
        assert_eq!(parse(format!("\u{feff}{text}").as_bytes()), Ok(want));
        for bad in ["", "{", "[1,]", "{} x", "nul", "\"\u{1}\""] {
            assert_eq!(parse(bad.as_bytes()), Err("Invalid JSON body".to_owned()), "{bad}");
        }
    }

    #[test]
    fn a_number_beyond_all_range_names_its_member() {
        assert_eq!(parse(b"{\"limit\": 1e999}").unwrap_err(), "limit must be a number within range");
        let nested = b"{\"query\": \"x: {\",\n \"time\": {\"start\": [1, 2e400]}, \"b\": 1}";
        assert_eq!(parse(nested).unwrap_err(), "start must be a number within range");
        assert_eq!(parse(b"1e999").unwrap_err(), "Invalid JSON body");
    }

    #[test]
    fn members_are_bounded_in_all() {
        let many = format!("[{}[]]", "[],".repeat(MOST_MEMBERS));
        assert!(parse(many.as_bytes()).unwrap_err().contains(&format!("more than {MOST_MEMBERS} members")));
        let few = format!("[{}[]]", "[],".repeat(1000));
        assert_eq!(parse(few.as_bytes()).unwrap().as_array().unwrap().len(), 1001);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_parsed_as_serde_json_does_or_refused(text in "[{}\\[\\]:,\"\\\\u0-9d8e +.a-c]{0,40}") {
            let ours = parse(text.as_bytes());
            if let Ok(theirs) = serde_json::from_str::<Value>(&text) {
                proptest::prop_assert_eq!(ours, Ok(theirs));
            }
        }
    }
}
