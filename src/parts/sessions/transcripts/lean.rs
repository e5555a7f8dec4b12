//! JSON of a transcript's line, as far as anybody looks at it: a few members of objects, texts and what holds them.
//!
//! Harnesses keep much else in their lines, and a line of millions of small values would need hundreds of times its
//! size as a whole tree. What is not asked for is read past and takes no memory.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Members that somebody looks at.
const KNOWN: [&str; 22] = [
    "type",
    "role",
    "speaker",
    "author",
    "message",
    "payload",
    "item",
    "content",
    "text",
    "output",
    "parts",
    "input_text",
    "id",
    "name",
    "input",
    "skill",
    "skill_name",
    "args",
    "tool_use_id",
    "is_error",
    "timestamp",
    "data",
];
/// Members of one list that are kept.
const MOST: usize = 10_000;

/// A value of a line.
#[derive(Debug, Clone, PartialEq)]
pub enum Lean {
    Text(String),
    Flag(bool),
    List(Vec<Lean>),
    Object(Vec<(&'static str, Lean)>),
    /// A number, null, or an object of nothing that is known.
    Other,
}

impl Lean {
    /// An object's line; `None` for anything else.
    pub fn of(line: &str) -> Option<Self> {
        let value: Lean = serde_json::from_str(line).ok()?;
        matches!(value, Lean::Object(_)).then_some(value)
    }

    pub fn get(&self, name: &str) -> Option<&Lean> {
        match self {
            Lean::Object(members) => members.iter().find(|(n, _)| *n == name).map(|(_, value)| value),
            _ => None,
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        match self {
            Lean::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    pub fn items(&self) -> &[Lean] {
        match self {
            Lean::List(items) => items,
            _ => &[],
        }
    }

    pub fn is_object(&self) -> bool {
        matches!(self, Lean::Object(_))
    }
}

struct Reading;

impl<'de> Visitor<'de> for Reading {
    type Value = Lean;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<Lean, E> {
        Ok(Lean::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Lean, E> {
        Ok(Lean::Text(text))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Lean, E> {
        Ok(Lean::Flag(flag))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Lean, E> {
        Ok(Lean::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Lean, E> {
        Ok(Lean::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Lean, E> {
        Ok(Lean::Other)
    }

    fn visit_unit<E>(self) -> Result<Lean, E> {
        Ok(Lean::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Lean, A::Error> {
        let mut items = Vec::new();
        while items.len() < MOST {
            match seq.next_element::<Lean>()? {
                None => return Ok(Lean::List(items)),
                Some(Lean::Other) => {}
                Some(Lean::Object(members)) if members.is_empty() => {}
                Some(item) => items.push(item),
            }
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Lean::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Lean, A::Error> {
        let mut members: Vec<(&'static str, Lean)> = Vec::new();
        while let Some(name) = map.next_key::<Name>()? {
            match name.0 {
                // of a member that is there twice the last counts, as everywhere
                Some(known) => {
                    let value = map.next_value()?;
                    members.retain(|(n, _)| *n != known);
                    members.push((known, value));
                }
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Lean::Object(members))
    }
}

impl<'de> Deserialize<'de> for Lean {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reading)
    }
}

/// A member's name, if it is known.
struct Name(Option<&'static str>);

struct NameReading;

impl Visitor<'_> for NameReading {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, text: &str) -> Result<Name, E> {
        Ok(Name(KNOWN.iter().copied().find(|known| *known == text)))
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameReading)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_looked_at_is_kept() {
        let line = r#"{"role":"user","x":[1,{"text":"lost"}],"content":[{"text":"a","y":{}},{"z":0},3,null,"b"],"is_error":true}"#;
        let lean = Lean::of(line).unwrap();
        assert_eq!(
            (lean.text_of("role"), lean.get("x"), lean.get("is_error")),
            (Some("user"), None, Some(&Lean::Flag(true)))
        );
        let content = lean.get("content").unwrap().items();
        assert_eq!((content.len(), content[0].text_of("text"), content[1].as_str()), (2, Some("a"), Some("b")));
        assert_eq!((Lean::of("[1]"), Lean::of("{broken"), Lean::of("")), (None, None, None));
    }

    #[test]
    fn a_line_of_millions_of_values_stays_small() {
        let many = vec![r#"{"":0}"#; 200_000].join(",");
        let line = format!(r#"{{"role":"user","content":[{many}],"a":[{many}]}}"#);
        let lean = Lean::of(&line).unwrap();
        assert!(lean.get("content").unwrap().items().is_empty());
    }
}
