//! Texts, times, switches, and the leniency that the contract asks for by name.

use std::ops::Deref;

use serde_json::{Value, json};

use super::{Given, Kind};
use crate::core::Error;
use crate::text::{Named, time};

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

/// `true` or `false`, 1 or 0, or those as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flag(pub bool);

impl Kind for Flag {
    const NULL_IS_ABSENT: bool = false;

    fn read(given: Given<'_>) -> Result<Self, Error> {
        let value = given.value.ok_or_else(|| given.required())?;
        let flag = match value {
            Value::Bool(b) => Some(*b),
            Value::Number(n) if n.as_f64() == Some(1.0) => Some(true),
            Value::Number(n) if n.as_f64() == Some(0.0) => Some(false),
            Value::String(s) => match s.trim().to_ascii_lowercase().as_str() {
                "1" | "true" => Some(true),
                "0" | "false" => Some(false),
                _ => None,
            },
            _ => None,
        };
        flag.map(Flag).ok_or_else(|| given.must_be("a boolean"))
    }

    fn schema() -> Value {
        json!({ "type": "boolean" })
    }
}

/// A JSON boolean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bool(pub bool);

impl Kind for Bool {
    fn read(given: Given<'_>) -> Result<Self, Error> {
        match given.present() {
            None => Err(given.required()),
            Some(Value::Bool(b)) => Ok(Bool(*b)),
            Some(_) => Err(given.must_be("a boolean")),
        }
    }

    fn schema() -> Value {
        json!({ "type": "boolean" })
    }
}

/// On for `true`; anything else, or nothing, is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IfTrue(pub bool);

impl Kind for IfTrue {
    const REQUIRED: bool = false;

    fn read(given: Given<'_>) -> Result<Self, Error> {
        Ok(IfTrue(given.value == Some(&Value::Bool(true))))
    }

    fn schema() -> Value {
        json!({ "type": "boolean" })
    }
}

/// Off for `false`; anything else, or nothing, is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnlessFalse(pub bool);

impl Kind for UnlessFalse {
    const REQUIRED: bool = false;

    fn read(given: Given<'_>) -> Result<Self, Error> {
        Ok(UnlessFalse(given.value != Some(&Value::Bool(false))))
    }

    fn schema() -> Value {
        json!({ "type": "boolean", "default": true })
    }
}

/// On for `1` or `true` of a query; anything else, or nothing, is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Switch(pub bool);

impl Kind for Switch {
    const REQUIRED: bool = false;

    fn read(given: Given<'_>) -> Result<Self, Error> {
        Ok(Switch(matches!(given.value.and_then(Value::as_str), Some("1" | "true"))))
    }

    fn schema() -> Value {
        json!({ "type": "boolean" })
    }
}

/// On for `true` of a query and nothing else: for what cannot be undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OnlyTrue(pub bool);

impl Kind for OnlyTrue {
    const REQUIRED: bool = false;

    fn read(given: Given<'_>) -> Result<Self, Error> {
        Ok(OnlyTrue(given.value.and_then(Value::as_str) == Some("true")))
    }

    fn schema() -> Value {
        json!({ "type": "boolean" })
    }
}

/// A name of an enum as people write texts: with white space around it, or nothing at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Worded<E>(pub E);

impl<E: Named> Kind for Worded<E> {
    const BLANK_IS_ABSENT: bool = true;

    fn read(given: Given<'_>) -> Result<Self, Error> {
        let plain = given.value.and_then(Value::as_str).map(|name| Value::from(trimmed(name)));
        E::read(Given { value: plain.as_ref().or(given.value), ..given }).map(Worded)
    }

    fn schema() -> Value {
        <E as Kind>::schema()
    }

    fn shown(&self) -> Value {
        Kind::shown(&self.0)
    }
}

/// What is no text counts as left out; a text must be of the kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfText<K>(pub Option<K>);

impl<K: Kind> Kind for OfText<K> {
    const REQUIRED: bool = false;

    fn read(given: Given<'_>) -> Result<Self, Error> {
        match given.value {
            Some(Value::String(_)) => Option::<K>::read(given).map(OfText),
            _ => Ok(OfText(None)),
        }
    }

    fn schema() -> Value {
        K::schema()
    }
}

/// What a kind cannot read counts as left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loose<K>(pub Option<K>);

impl<K> Default for Loose<K> {
    fn default() -> Self {
        Loose(None)
    }
}

impl<K: Kind> Kind for Loose<K> {
    const REQUIRED: bool = false;

    fn read(given: Given<'_>) -> Result<Self, Error> {
        Ok(Loose(K::read(given).ok()))
    }

    fn schema() -> Value {
        K::schema()
    }
}

impl Loose<Text> {
    pub fn as_deref(&self) -> Option<&str> {
        self.0.as_deref()
    }

    pub fn into_string(self) -> Option<String> {
        self.0.map(|text| text.0)
    }
}

/// A member that is there must be of its kind, even where `null` and empty texts say nothing elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strict<K>(pub K);

impl<K: Kind> Kind for Strict<K> {
    const NULL_IS_ABSENT: bool = false;

    fn read(given: Given<'_>) -> Result<Self, Error> {
        match given.value {
            Some(Value::Null) => Err(Error::invalid(given.name, "must not be null")),
            _ => K::read(given).map(Strict),
        }
    }

    fn schema() -> Value {
        K::schema()
    }
}

/// The agent a request acts as: named in it or by header, else of its session, else of the credential,
/// else `default`. Refused when the credential is bound to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActingAgent(pub String);

impl Kind for ActingAgent {
    const REQUIRED: bool = false;

    fn read(given: Given<'_>) -> Result<Self, Error> {
        let named = Option::<Text>::read(given)?;
        let asker = given.request.asker();
        let named = named.as_deref().or(asker.named);
        asker.caller.agent(named, asker.session_key).map(ActingAgent)
    }

    fn schema() -> Value {
        json!({ "type": "string" })
    }
}
