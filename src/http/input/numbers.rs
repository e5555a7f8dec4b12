//! Numbers, strict and lenient.

use serde_json::{Value, json};

use super::{Given, Kind};
use crate::core::Error;

/// A finite number or numeric text.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(n) => n.as_f64(),
        Value::String(s) => s.trim().parse().ok(),
        _ => None,
    }
    .filter(|n| n.is_finite())
}

/// A whole number or such a text.
fn whole(value: &Value) -> Option<i64> {
    number(value).filter(|n| n.fract() == 0.0 && n.abs() < 9e15).map(|n| n as i64)
}

/// A finite number or numeric text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decimal(pub f64);

impl Kind for Decimal {
    fn read(given: Given<'_>) -> Result<Self, Error> {
        let value = given.value.ok_or_else(|| given.required())?;
        number(value).map(Decimal).ok_or_else(|| given.must_be("a finite number"))
    }

    fn schema() -> Value {
        json!({ "type": "number" })
    }
}

/// A number of a query: text that cannot be read as one counts as left out, one that is not finite is refused.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Relaxed(pub Option<f64>);

impl Kind for Relaxed {
    const REQUIRED: bool = false;

    fn read(given: Given<'_>) -> Result<Self, Error> {
        match given.value.and_then(Value::as_str).and_then(|s| s.trim().parse::<f64>().ok()) {
            Some(n) if !n.is_finite() => Err(given.must_be("a finite number")),
            other => Ok(Relaxed(other)),
        }
    }

    fn schema() -> Value {
        json!({ "type": "number" })
    }
}

/// A JSON number from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fraction(pub f64);

impl Kind for Fraction {
    fn read(given: Given<'_>) -> Result<Self, Error> {
        let value = given.present().ok_or_else(|| given.required())?;
        let number = value.as_f64().filter(|n| (0.0..=1.0).contains(n));
        number.map(Fraction).ok_or_else(|| given.must_be("a number from 0 to 1"))
    }

    fn schema() -> Value {
        json!({ "type": "number", "minimum": 0, "maximum": 1 })
    }
}

/// A number from 0 to 1, or such a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LenientFraction(pub f64);

impl Kind for LenientFraction {
    fn read(given: Given<'_>) -> Result<Self, Error> {
        let value = given.present().ok_or_else(|| given.required())?;
        let number = number(value).filter(|n| (0.0..=1.0).contains(n));
        number.map(LenientFraction).ok_or_else(|| given.must_be("a number from 0 to 1"))
    }

    fn schema() -> Value {
        Fraction::schema()
    }
}

/// A JSON number taken into 0 to 1; anything else counts as left out.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Share(pub Option<f64>);

impl Kind for Share {
    const REQUIRED: bool = false;

    fn read(given: Given<'_>) -> Result<Self, Error> {
        Ok(Share(given.value.and_then(Value::as_f64).map(|n| n.clamp(0.0, 1.0))))
    }

    fn schema() -> Value {
        json!({ "type": "number", "minimum": 0, "maximum": 1 })
    }
}

/// A whole number within bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count<const LEAST: i64, const MOST: i64>(pub i64);

impl<const LEAST: i64, const MOST: i64> Kind for Count<LEAST, MOST> {
    fn read(given: Given<'_>) -> Result<Self, Error> {
        let value = given.present().ok_or_else(|| given.required())?;
        let count = whole(value).filter(|n| (LEAST..=MOST).contains(n));
        count.map(Count).ok_or_else(|| given.must_be(&format!("a whole number from {LEAST} to {MOST}")))
    }

    fn schema() -> Value {
        json!({ "type": "integer", "minimum": LEAST, "maximum": MOST })
    }

    fn shown(&self) -> Value {
        Value::from(self.0)
    }
}

/// A whole number above 0; one above the bound is taken for the bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Positive<const MOST: i64>(pub i64);

impl<const MOST: i64> Kind for Positive<MOST> {
    const NULL_IS_ABSENT: bool = false;

    fn read(given: Given<'_>) -> Result<Self, Error> {
        let value = given.value.ok_or_else(|| given.required())?;
        let count = whole(value).filter(|n| *n > 0);
        count.map(|n| Positive(n.min(MOST))).ok_or_else(|| given.must_be("a positive integer"))
    }

    fn schema() -> Value {
        let mut schema = json!({ "type": "integer", "minimum": 1 });
        if MOST < i64::MAX {
            schema["description"] = json!(format!("a larger one counts as {MOST}"));
        }
        schema
    }

    fn shown(&self) -> Value {
        Value::from(self.0)
    }
}

/// A number clamped into bounds: of a text the integer it begins with, of a number its whole part; what
/// is neither counts as the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clamped<const DEFAULT: i64, const LEAST: i64, const MOST: i64>(pub i64);

impl<const DEFAULT: i64, const LEAST: i64, const MOST: i64> Kind for Clamped<DEFAULT, LEAST, MOST> {
    const REQUIRED: bool = false;

    fn read(given: Given<'_>) -> Result<Self, Error> {
        let number = match given.value {
            Some(Value::String(text)) => leading_int(text),
            Some(Value::Number(n)) => n.as_f64().map(|n| n.floor() as i64),
            _ => None,
        };
        Ok(Clamped(number.map_or(DEFAULT, |n| n.clamp(LEAST, MOST))))
    }

    fn schema() -> Value {
        let mut schema = json!({ "type": "integer" });
        if (LEAST..=MOST).contains(&DEFAULT) {
            schema["default"] = json!(DEFAULT);
        }
        if MOST < i64::MAX {
            schema["description"] = json!(format!("brought into {LEAST} to {MOST}"));
        }
        schema
    }
}

/// A JSON number clamped into bounds, its whole part; what is no number counts as the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClampedNumber<const DEFAULT: i64, const LEAST: i64, const MOST: i64>(pub i64);

impl<const DEFAULT: i64, const LEAST: i64, const MOST: i64> Kind for ClampedNumber<DEFAULT, LEAST, MOST> {
    const REQUIRED: bool = false;

    fn read(given: Given<'_>) -> Result<Self, Error> {
        let number = given.value.filter(|value| value.is_number());
        Clamped::<DEFAULT, LEAST, MOST>::read(Given { value: number, ..given }).map(|n| ClampedNumber(n.0))
    }

    fn schema() -> Value {
        Clamped::<DEFAULT, LEAST, MOST>::schema()
    }
}

/// The integer a text begins with, saturating (JavaScript's `parseInt`).
fn leading_int(text: &str) -> Option<i64> {
    let text = text.trim_start();
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let end = digits.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(digits.len());
    if end == 0 {
        return None;
    }
    let n = digits[..end].parse().unwrap_or(i64::MAX);
    Some(if negative { -n } else { n })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_integers_are_read_as_javascript_does() {
        for (text, number) in [("12", Some(12)), (" 7x", Some(7)), ("-3.5", Some(-3)), ("+4", Some(4))] {
            assert_eq!(leading_int(text), number, "{text}");
        }
        for none in ["", "x1", "-", "+"] {
            assert_eq!(leading_int(none), None, "{none}");
        }
        assert_eq!(leading_int("99999999999999999999"), Some(i64::MAX));
    }

    #[test]
    fn whole_numbers_are_whole() {
        assert_eq!(whole(&json!("3")), Some(3));
        assert_eq!(whole(&json!(3.0)), Some(3));
        for none in [json!(3.5), json!("x"), json!(true), json!(1e300), json!([])] {
            assert_eq!(whole(&none), None, "{none}");
        }
    }

    #[test]
    fn numbers_of_bodies_are_numbers_and_those_of_changes_may_be_texts() {
        use super::super::tests::read;

        assert_eq!(read::<Fraction>(json!(1)), Ok(Fraction(1.0)));
        for wrong in [json!("0.5"), json!(1.5), json!(""), json!(true)] {
            assert_eq!(read::<Option<Fraction>>(wrong).unwrap_err(), "x must be a number from 0 to 1");
        }
        assert_eq!(read::<LenientFraction>(json!("0.5")), Ok(LenientFraction(0.5)));
        assert_eq!(read::<Clamped<10, 1, 50>>(json!("7x")), Ok(Clamped(7)));
        let body = |value| read::<ClampedNumber<10, 1, 50>>(value).map(|n| n.0);
        assert_eq!(
            (body(json!("7")), body(json!(0.5)), body(json!(99)), body(Value::Null)),
            (Ok(10), Ok(1), Ok(50), Ok(10))
        );
    }
}
