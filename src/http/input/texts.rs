//! Texts, names and times.

use std::ops::Deref;

use serde_json::{Value, json};

use super::{Given, Kind};
use crate::core::Error;
use crate::text::time;

/// Without white space and byte-order marks around it.
pub fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}')
}

/// A trimmed text that is not empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(pub String);

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Kind for Text {
    const BLANK_IS_ABSENT: bool = true;

    fn read(given: Given<'_>) -> Result<Self, Error> {
        match given.present() {
            None => Err(given.required()),
            Some(Value::String(s)) => match trimmed(s) {
                "" => Err(given.required()),
                text => Ok(Text(text.to_owned())),
            },
            Some(_) => Err(given.must_be("a string")),
        }
    }

    fn schema() -> Value {
        json!({ "type": "string" })
    }
}

/// A text that is there must not be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filled(pub String);

impl Kind for Filled {
    const NULL_IS_ABSENT: bool = false;

    fn read(given: Given<'_>) -> Result<Self, Error> {
        match given.value {
            Some(Value::String(s)) if !trimmed(s).is_empty() => Ok(Filled(trimmed(s).to_owned())),
            Some(Value::String(_) | Value::Null) => Err(given.must_be("a non-empty string")),
            Some(_) => Err(given.must_be("a string")),
            None => Err(given.required()),
        }
    }

    fn schema() -> Value {
        json!({ "type": "string", "minLength": 1 })
    }
}

/// A text of so many characters at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LongText<const MOST: usize>(pub String);

impl<const MOST: usize> From<String> for LongText<MOST> {
    fn from(text: String) -> Self {
        LongText(text)
    }
}

impl<const MOST: usize> Deref for LongText<MOST> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<const MOST: usize> Kind for LongText<MOST> {
    const BLANK_IS_ABSENT: bool = true;

    fn read(given: Given<'_>) -> Result<Self, Error> {
        let Text(text) = Text::read(given)?;
        if text.chars().count() > MOST {
            return Err(given.must_be(&format!("at most {MOST} characters")));
        }
        Ok(LongText(text))
    }

    fn schema() -> Value {
        json!({ "type": "string", "maxLength": MOST })
    }
}

/// Characters of a [`Name`].
const LONGEST_NAME: usize = 200;

/// An id that people choose: a trimmed text of 200 printable characters at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(pub String);

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Kind for Name {
    const BLANK_IS_ABSENT: bool = true;

    fn read(given: Given<'_>) -> Result<Self, Error> {
        let Text(text) = Text::read(given)?;
        if text.chars().count() > LONGEST_NAME || text.chars().any(char::is_control) {
            return Err(given.must_be("at most 200 printable characters"));
        }
        Ok(Name(text))
    }

    fn schema() -> Value {
        json!({ "type": "string", "minLength": 1, "maxLength": LONGEST_NAME })
    }
}

/// A text of 1 to so many characters as it is: a password may begin with a space.
#[derive(Clone, PartialEq, Eq)]
pub struct Exact<const MOST: usize>(pub String);

/// Never shown: it may be a password.
impl<const MOST: usize> std::fmt::Debug for Exact<MOST> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Exact(…)")
    }
}

impl<const MOST: usize> Kind for Exact<MOST> {
    fn read(given: Given<'_>) -> Result<Self, Error> {
        let text = given.value.and_then(Value::as_str).filter(|s| (1..=MOST).contains(&s.chars().count()));
        text.map(|s| Exact(s.to_owned())).ok_or_else(|| given.required())
    }

    fn schema() -> Value {
        json!({ "type": "string", "minLength": 1, "maxLength": MOST })
    }
}

/// Any ISO date or date-time, as UTC with milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Date(pub String);

impl Kind for Date {
    fn read(given: Given<'_>) -> Result<Self, Error> {
        let value = given.present().ok_or_else(|| given.required())?;
        let time = value.as_str().and_then(time::parse_iso);
        time.map(|time| Date(time::iso(time))).ok_or_else(|| given.must_be("a valid ISO timestamp"))
    }

    fn schema() -> Value {
        json!({ "type": "string", "examples": ["2026-05-13T12:00:00.000Z", "2026-05-13"] })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::read;
    use super::*;

    #[test]
    fn texts_are_trimmed_bounded_and_say_what_they_must_be() {
        let text = |value: Value| read::<Option<Text>>(value).map(|t| t.map(|t| t.0));
        assert_eq!(text(json!("\u{feff} a b ")), Ok(Some("a b".into())));
        assert_eq!((text(json!(" ")), text(Value::Null)), (Ok(None), Ok(None)));
        assert_eq!(text(json!(3)).unwrap_err(), "x must be a string");
        assert_eq!(read::<Filled>(json!(" ")).unwrap_err(), "x must be a non-empty string");
        assert_eq!(read::<LongText<2>>(json!("abc")).map(|t| t.0).unwrap_err(), "x must be at most 2 characters");
        assert_eq!(read::<Name>(json!("a\nb")).unwrap_err(), "x must be at most 200 printable characters");
        assert_eq!(read::<Exact<3>>(json!(" a ")).map(|t| t.0), Ok(" a ".into()));
        assert_eq!(read::<Exact<3>>(json!("")).map(|t| t.0).unwrap_err(), "x is required");
    }

    #[test]
    fn times_are_read_in_any_offset_and_a_blank_one_is_refused() {
        let date = |value: Value| read::<Option<Date>>(value).map(|d| d.map(|d| d.0));
        assert_eq!(date(json!("2026-05-13T02:00:00+02:00")), Ok(Some("2026-05-13T00:00:00.000Z".into())));
        assert_eq!(date(Value::Null), Ok(None));
        for wrong in [json!(""), json!("soon"), json!(5)] {
            assert_eq!(date(wrong).unwrap_err(), "x must be a valid ISO timestamp");
        }
    }
}
