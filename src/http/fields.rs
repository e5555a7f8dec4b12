//! Typed access to the members of a JSON body, with the contract's lenient scalars.
//!
//! A refusal names the field, so that a client can see what to mend.

use serde_json::{Map, Value};

use super::ApiError;
use crate::clock;

/// The members of one JSON object, in the words of the API's conventions (memory part, §1).
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a>(pub &'a Map<String, Value>);

impl<'a> Fields<'a> {
    pub fn raw(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name)
    }

    /// Present, even as `null`.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A trimmed, non-empty string; absent and `null` are `None`, another type is refused.
    pub fn text(&self, name: &str) -> Result<Option<&'a str>, ApiError> {
        match self.raw(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(s)) => Ok(Some(trimmed(s)).filter(|s| !s.is_empty())),
            Some(_) => Err(must_be(name, "a string")),
        }
    }

    /// The first of several names of one field that is there.
    pub fn text_of(&self, names: &[&str]) -> Result<Option<&'a str>, ApiError> {
        for name in names {
            if let Some(found) = self.text(name)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// A trimmed string; empty or of another type counts as absent.
    pub fn lenient_text(&self, name: &str) -> Option<&'a str> {
        self.raw(name).and_then(Value::as_str).map(trimmed).filter(|s| !s.is_empty())
    }

    /// `true`/`false`, 1/0 or those as text; anything else is refused.
    pub fn boolean(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.raw(name) {
            None => Ok(None),
            Some(value) => lenient_bool(value).map(Some).ok_or_else(|| must_be(name, "a boolean")),
        }
    }

    /// A JSON boolean; `null` and absent are `None`, anything else is refused.
    pub fn strict_boolean(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.raw(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(b)) => Ok(Some(*b)),
            Some(_) => Err(must_be(name, "a boolean")),
        }
    }

    /// A finite number or numeric text.
    pub fn number(&self, name: &str) -> Result<Option<f64>, ApiError> {
        match self.raw(name) {
            None => Ok(None),
            Some(value) => lenient_number(value).map(Some).ok_or_else(|| must_be(name, "a finite number")),
        }
    }

    /// The first of several names of one number that is there; `null` counts as absent.
    pub fn number_of(&self, names: &[&str]) -> Result<Option<f64>, ApiError> {
        let given = names.iter().find(|name| self.raw(name).is_some_and(|v| !v.is_null()));
        given.map_or(Ok(None), |name| self.number(name))
    }

    /// A whole number above 0, or such a number as text.
    pub fn positive_int(&self, name: &str) -> Result<Option<i64>, ApiError> {
        match self.raw(name) {
            None => Ok(None),
            Some(value) => positive_int(value).map(Some).ok_or_else(|| must_be(name, "a positive integer")),
        }
    }

    /// Any ISO date or date-time, re-emitted in UTC with milliseconds.
    pub fn time(&self, name: &str) -> Result<Option<String>, ApiError> {
        match self.raw(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(s)) => {
                clock::parse_iso(s).map(|t| Some(clock::iso(t))).ok_or_else(|| must_be(name, "a valid ISO timestamp"))
            }
            Some(_) => Err(must_be(name, "a valid ISO timestamp")),
        }
    }

    /// Tags: `None` when the key is absent, `Some(None)` when cleared.
    pub fn tags(&self, name: &str) -> Result<Option<Option<String>>, ApiError> {
        let joined = match self.raw(name) {
            None => return Ok(None),
            Some(Value::Null) => None,
            Some(Value::String(s)) => join_tags(s.split(',')),
            Some(Value::Array(items)) => {
                let words: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
                join_tags(words.ok_or_else(|| must_be(name, "a string or a list of strings"))?)
            }
            Some(_) => return Err(must_be(name, "a string or a list of strings")),
        };
        Ok(Some(joined))
    }

    /// A list of strings; other members are refused.
    pub fn strings(&self, name: &str) -> Result<Option<Vec<String>>, ApiError> {
        match self.raw(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Array(items)) => items
                .iter()
                .map(|v| v.as_str().map(str::to_owned))
                .collect::<Option<Vec<_>>>()
                .map(Some)
                .ok_or_else(|| must_be(name, "a list of strings")),
            Some(_) => Err(must_be(name, "a list of strings")),
        }
    }

    /// An object member.
    pub fn object(&self, name: &str) -> Result<Option<Fields<'a>>, ApiError> {
        match self.raw(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(map)) => Ok(Some(Fields(map))),
            Some(_) => Err(must_be(name, "an object")),
        }
    }
}

/// Without white space and byte-order marks around it.
pub fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}')
}

fn must_be(name: &str, what: &str) -> ApiError {
    ApiError::bad_request(format!("{name} must be {what}"))
}

fn join_tags<'a>(words: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let kept: Vec<&str> =
        words.into_iter().flat_map(|w| w.split(',')).map(str::trim).filter(|w| !w.is_empty()).collect();
    (!kept.is_empty()).then(|| kept.join(","))
}

fn lenient_bool(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(b) => Some(*b),
        Value::Number(n) if n.as_f64() == Some(1.0) => Some(true),
        Value::Number(n) if n.as_f64() == Some(0.0) => Some(false),
        Value::String(s) => match s.trim().to_ascii_lowercase().as_str() {
            "1" | "true" => Some(true),
            "0" | "false" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn lenient_number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(n) => n.as_f64(),
        Value::String(s) => s.trim().parse().ok(),
        _ => None,
    }
    .filter(|n| n.is_finite())
}

fn positive_int(value: &Value) -> Option<i64> {
    lenient_number(value).filter(|n| n.fract() == 0.0 && *n > 0.0 && *n < 9e15).map(|n| n as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fields(value: &Value) -> Fields<'_> {
        Fields(value.as_object().expect("an object"))
    }

    #[test]
    fn tags_are_joined_cleared_or_refused() {
        let body = json!({"a": " x, ,y ", "b": null, "c": ["p", " q"], "d": 3, "e": " , "});
        let f = fields(&body);
        assert_eq!(f.tags("a").unwrap(), Some(Some("x,y".into())));
        assert_eq!(f.tags("b").unwrap(), Some(None));
        assert_eq!(f.tags("c").unwrap(), Some(Some("p,q".into())));
        assert!(f.tags("d").is_err());
        assert_eq!(f.tags("e").unwrap(), Some(None));
        assert_eq!(f.tags("none").unwrap(), None);
    }

    #[test]
    fn scalars_take_text_forms_and_name_the_field_when_wrong() {
        let body = json!({"n": "2", "big": 1e300, "half": 1.5, "yes": "TRUE", "no": 0, "bad": "maybe"});
        let f = fields(&body);
        assert_eq!(f.positive_int("n").unwrap(), Some(2));
        assert!(f.positive_int("big").is_err());
        assert!(f.positive_int("half").is_err());
        assert_eq!(f.boolean("yes").unwrap(), Some(true));
        assert_eq!(f.boolean("no").unwrap(), Some(false));
        let refused = f.boolean("bad").unwrap_err();
        assert_eq!(refused.status, 400);
        assert!(refused.message.unwrap().contains("bad"));
    }
}
