//! Lists, tags, objects, and inputs inside others.

use serde_json::{Map, Value, json};

use super::{Given, Input, Kind, Location};
use crate::core::Error;
use crate::text::listed;

/// A list of strings; other members are refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextList(pub Vec<String>);

impl Kind for TextList {
    fn read(given: Given<'_>) -> Result<Self, Error> {
        let value = given.present().ok_or_else(|| given.required())?;
        let items = value.as_array().and_then(|items| items.iter().map(|v| v.as_str().map(str::to_owned)).collect());
        items.map(TextList).ok_or_else(|| given.must_be("a list of strings"))
    }

    fn schema() -> Value {
        json!({ "type": "array", "items": { "type": "string" } })
    }
}

/// Tags as a comma list or a list of strings, joined by commas; `null` and an empty list clear them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tags(pub Option<String>);

impl Kind for Tags {
    const NULL_IS_ABSENT: bool = false;

    fn read(given: Given<'_>) -> Result<Self, Error> {
        let refused = || given.must_be("a string or a list of strings");
        match given.value {
            None => Err(given.required()),
            Some(Value::Null) => Ok(Tags(None)),
            Some(Value::String(s)) => Ok(Tags(joined([s.as_str()]))),
            Some(Value::Array(items)) => {
                let words: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
                Ok(Tags(joined(words.ok_or_else(refused)?)))
            }
            Some(_) => Err(refused()),
        }
    }

    fn schema() -> Value {
        json!({ "type": ["string", "array", "null"], "items": { "type": "string" } })
    }
}

fn joined<'a>(words: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let kept: Vec<&str> = words.into_iter().flat_map(listed).collect();
    (!kept.is_empty()).then(|| kept.join(","))
}

/// Any JSON object.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Object(pub Map<String, Value>);

impl Kind for Object {
    fn read(given: Given<'_>) -> Result<Self, Error> {
        match given.present() {
            None => Err(given.required()),
            Some(Value::Object(map)) => Ok(Object(map.clone())),
            Some(_) => Err(given.must_be("an object")),
        }
    }

    fn schema() -> Value {
        json!({ "type": "object" })
    }
}

/// Any JSON value.
#[derive(Debug, Clone, PartialEq)]
pub struct Anything(pub Value);

impl Kind for Anything {
    const NULL_IS_ABSENT: bool = false;

    fn read(given: Given<'_>) -> Result<Self, Error> {
        given.value.cloned().map(Anything).ok_or_else(|| given.required())
    }

    fn schema() -> Value {
        json!({})
    }
}

/// An object that is an input of its own; refusals name both: `scope.project must be a string`.
#[derive(Debug, Clone)]
pub struct Nested<I>(pub I);

impl<I: Input> Kind for Nested<I> {
    fn read(given: Given<'_>) -> Result<Self, Error> {
        debug_assert!(I::SHAPE.place == Location::Inside, "{} is read by itself", I::SHAPE.name);
        let map = match given.present() {
            None => return Err(given.required()),
            Some(value) => value.as_object().ok_or_else(|| given.must_be("an object"))?,
        };
        I::read(map, given.request).map(Nested).map_err(|error| error.within(given.name))
    }

    fn schema() -> Value {
        crate::http::openapi::object_of(I::SHAPE)
    }
}

/// A list of so many items of one kind at most.
#[derive(Debug, Clone)]
pub struct List<K, const MOST: usize>(pub Vec<K>);

impl<K: Kind, const MOST: usize> Kind for List<K, MOST> {
    fn read(given: Given<'_>) -> Result<Self, Error> {
        let value = given.present().ok_or_else(|| given.required())?;
        let items = value.as_array().ok_or_else(|| given.must_be("a list"))?;
        if items.len() > MOST {
            return Err(Error::invalid(given.name, format!("may have {MOST} items at most")));
        }
        let read = |item: &Value| match item {
            Value::Null => Err(given.must_be("a list without null")),
            item => K::read(Given { value: Some(item), ..given }),
        };
        items.iter().map(read).collect::<Result<_, _>>().map(List)
    }

    fn schema() -> Value {
        json!({ "type": "array", "items": K::schema(), "maxItems": MOST })
    }
}

/// A list of so many items at most, of which those that their kind cannot read are skipped; empty when
/// it is left out.
#[derive(Debug, Clone)]
pub struct Usable<K, const MOST: usize>(pub Vec<K>);

impl<K: Kind, const MOST: usize> Kind for Usable<K, MOST> {
    const REQUIRED: bool = false;

    fn read(given: Given<'_>) -> Result<Self, Error> {
        let Some(value) = given.present() else { return Ok(Usable(Vec::new())) };
        let items = value.as_array().ok_or_else(|| given.must_be("a list"))?;
        if items.len() > MOST {
            return Err(Error::invalid(given.name, format!("may have {MOST} items at most")));
        }
        let read = |item| K::read(Given { value: Some(item), ..given }).ok();
        Ok(Usable(items.iter().filter_map(read).collect()))
    }

    fn schema() -> Value {
        json!({ "type": "array", "items": K::schema(), "maxItems": MOST })
    }
}

/// A list of phrases of so many characters each; others are skipped. Empty when it is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Phrases<const LEAST: usize, const MOST: usize>(pub Vec<String>);

impl<const LEAST: usize, const MOST: usize> Kind for Phrases<LEAST, MOST> {
    const REQUIRED: bool = false;

    fn read(given: Given<'_>) -> Result<Self, Error> {
        let Some(value) = given.present() else { return Ok(Phrases(Vec::new())) };
        let items = value.as_array().ok_or_else(|| given.must_be("a list of strings"))?;
        let words = items.iter().filter_map(Value::as_str).map(str::trim);
        let kept = words.filter(|w| (LEAST..=MOST).contains(&w.chars().count()));
        Ok(Phrases(kept.map(str::to_owned).collect()))
    }

    fn schema() -> Value {
        json!({ "type": "array", "items": { "type": "string", "minLength": LEAST, "maxLength": MOST } })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::read;
    use super::*;

    #[test]
    fn tags_are_joined_cleared_or_refused() {
        let tags = |value| read::<Tags>(value).map(|t| t.0);
        assert_eq!(tags(json!(" x, ,y ")), Ok(Some("x,y".into())));
        assert_eq!(tags(json!(["p", " q"])), Ok(Some("p,q".into())));
        assert_eq!((tags(Value::Null), tags(json!(" , "))), (Ok(None), Ok(None)));
        assert_eq!(tags(json!(3)).unwrap_err(), "x must be a string or a list of strings");
    }

    #[test]
    fn usable_items_are_kept_and_others_skipped() {
        let items = read::<Usable<super::super::Text, 3>>(json!(["a", 1, " b "])).unwrap();
        assert_eq!(items.0.iter().map(|t| &**t).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(
            read::<Usable<super::super::Text, 3>>(json!([1, 2, 3, 4])).unwrap_err(),
            "x may have 3 items at most"
        );
        assert_eq!(read::<Phrases<2, 3>>(json!(["a", "bc", "defg", 7])).unwrap().0, ["bc"]);
    }
}
