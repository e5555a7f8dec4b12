//! Yes and no: strict, and with the leniency that the contract asks for by name.

use serde_json::{Value, json};

use super::{Given, Kind};
use crate::core::Error;

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

#[cfg(test)]
mod tests {
    use super::super::tests::read;
    use super::*;

    #[test]
    fn each_switch_takes_what_its_name_says() {
        let all =
            [json!(true), json!(1), json!("true"), json!("1"), json!("TRUE"), json!(false), json!("no"), json!("")];
        let on = |taken: fn(Value) -> Result<bool, String>| all.clone().map(|value| taken(value).ok());
        let (yes, no) = (Some(true), Some(false));
        assert_eq!(on(|v| read::<Flag>(v).map(|f| f.0)), [yes, yes, yes, yes, yes, no, None, None]);
        assert_eq!(on(|v| read::<Bool>(v).map(|f| f.0)), [yes, None, None, None, None, no, None, None]);
        assert_eq!(on(|v| read::<IfTrue>(v).map(|f| f.0)), [yes, no, no, no, no, no, no, no]);
        assert_eq!(on(|v| read::<UnlessFalse>(v).map(|f| f.0)), [yes, yes, yes, yes, yes, no, yes, yes]);
        assert_eq!(on(|v| read::<Switch>(v).map(|f| f.0)), [no, no, yes, yes, no, no, no, no]);
        assert_eq!(on(|v| read::<OnlyTrue>(v).map(|f| f.0)), [no, no, yes, no, no, no, no, no]);
    }

    #[test]
    fn a_blank_switch_is_refused_and_not_left_out() {
        assert_eq!(read::<Option<Bool>>(json!("")).unwrap_err(), "x must be a boolean");
        assert_eq!(read::<Option<Flag>>(Value::Null).unwrap_err(), "x must be a boolean");
        assert_eq!(read::<Option<Bool>>(Value::Null), Ok(None));
    }
}
