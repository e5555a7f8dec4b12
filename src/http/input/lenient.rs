//! How strictly another kind is read, and the one kind that is made of the whole request.

use serde_json::{Value, json};

use super::{Given, Kind, Text, trimmed};
use crate::core::Error;
use crate::text::Named;

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

/// Read with the others, refused when the work asks for it: for fields that the contract looks at after who may do it.
#[derive(Debug, Clone)]
pub struct Later<K>(Result<K, Error>);

impl<K> Later<K> {
    pub fn get(self) -> Result<K, Error> {
        self.0
    }
}

impl<K: Kind> Kind for Later<K> {
    const REQUIRED: bool = K::REQUIRED;

    fn read(given: Given<'_>) -> Result<Self, Error> {
        Ok(Later(K::read(given)))
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

#[cfg(test)]
mod tests {
    use super::super::tests::read;
    use super::super::{Date, LenientFraction};
    use super::*;

    crate::names! {
        enum Colour { Red = "red" }
    }

    #[test]
    fn leniency_goes_as_far_as_its_name() {
        assert_eq!(read::<Worded<Colour>>(json!(" red ")), Ok(Worded(Colour::Red)));
        assert_eq!(read::<Option<Worded<Colour>>>(json!(" ")), Ok(None));
        assert_eq!(read::<Colour>(json!(" red ")).unwrap_err(), "x must be red");
        assert_eq!(read::<Option<Colour>>(json!("")).unwrap_err(), "x must be red");
        assert_eq!(read::<OfText<Date>>(json!(5)), Ok(OfText(None)));
        assert_eq!(read::<OfText<Date>>(json!("soon")).unwrap_err(), "x must be a valid ISO timestamp");
        assert_eq!(read::<Loose<Text>>(json!(5)), Ok(Loose(None)));
        let later = read::<Later<Text>>(json!(5)).expect("it is refused later");
        assert_eq!(later.get().unwrap_err().to_string(), "x must be a string");
        let strict = |value| read::<Option<Strict<LenientFraction>>>(value).map(|n| n.map(|n| n.0.0));
        assert_eq!(
            (strict(json!("0.5")), strict(Value::Null).unwrap_err()),
            (Ok(Some(0.5)), "x must not be null".into())
        );
    }
}
