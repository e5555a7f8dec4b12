//! Rows as other programs may have left them: SQLite lets any column hold any type.
//!
//! A value of an unexpected type is read as far as it can be and never fails a list, a recall or the
//! index: of text in a number's place the number in it, bytes as UTF-8 with replacement.

use rusqlite::RowIndex;
use rusqlite::types::ValueRef;

/// One row of an answer.
pub struct Row<'a>(pub(super) &'a rusqlite::Row<'a>);

impl<'a> Row<'a> {
    pub fn of(row: &'a rusqlite::Row<'a>) -> Self {
        Row(row)
    }

    /// A column's value. `Option` tells what is missing or says nothing; without it that is the
    /// type's default.
    pub fn get<T: Lenient>(&self, at: impl RowIndex) -> rusqlite::Result<T> {
        Ok(T::of(self.0.get_ref(at)?))
    }
}

/// A type that something can be made of whatever stands in a column.
pub trait Lenient: Sized {
    fn of(value: ValueRef<'_>) -> Self;
}

impl Lenient for Option<String> {
    fn of(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => None,
            ValueRef::Integer(n) => Some(n.to_string()),
            ValueRef::Real(n) => Some(n.to_string()),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        }
    }
}

impl Lenient for Option<f64> {
    fn of(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => None,
            ValueRef::Integer(n) => Some(n as f64),
            ValueRef::Real(n) => Some(n).filter(|n| n.is_finite()),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => number_in(&String::from_utf8_lossy(bytes)),
        }
    }
}

/// Characters of a number in a text at most.
const LONGEST_NUMBER: usize = 40;

/// The first number in a text; `50%` is a half.
fn number_in(text: &str) -> Option<f64> {
    let digit = text.find(|c: char| c.is_ascii_digit())?;
    let start = if text[..digit].ends_with('.') { digit - 1 } else { digit };
    let rest = &text[start..];
    let longest = rest.find(|c: char| !c.is_ascii_digit() && !".eE+-".contains(c)).unwrap_or(rest.len());
    // the longest beginning that is a number: with an exponent, if it has one
    let (end, number) =
        (1..=longest.min(LONGEST_NUMBER)).rev().find_map(|end| Some((end, rest[..end].parse::<f64>().ok()?)))?;
    let number = if rest[end..].starts_with('%') { number / 100.0 } else { number };
    let negative = text[..start].ends_with('-');
    Some(if negative { -number } else { number }).filter(|n| n.is_finite())
}

impl Lenient for Option<i64> {
    fn of(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Integer(n) => Some(n),
            other => Option::<f64>::of(other).map(|n| n as i64),
        }
    }
}

impl Lenient for Option<bool> {
    fn of(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Text(b"true") => Some(true),
            ValueRef::Text(b"false") => Some(false),
            other => Option::<f64>::of(other).map(|n| n != 0.0),
        }
    }
}

impl Lenient for Option<Vec<u8>> {
    fn of(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(bytes.to_vec()),
            _ => None,
        }
    }
}

macro_rules! or_default {
    ($($plain:ty),*) => {$(
        impl Lenient for $plain {
            fn of(value: ValueRef<'_>) -> Self {
                Option::<$plain>::of(value).unwrap_or_default()
            }
        }
    )*};
}

or_default!(String, f64, i64, bool, Vec<u8>);

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    #[test]
    fn values_of_any_type_are_read_as_far_as_they_can_be() {
        let connection = Connection::open_in_memory().unwrap();
        let read = |sql: &str| {
            connection
                .query_row(&format!("SELECT {sql}"), [], |row| {
                    let row = Row(row);
                    Ok((
                        row.get::<Option<String>>(0)?,
                        row.get::<Option<f64>>(0)?,
                        row.get::<Option<i64>>(0)?,
                        row.get::<bool>(0)?,
                    ))
                })
                .unwrap()
        };
        assert_eq!(read("NULL"), (None, None, None, false));
        assert_eq!(read("'high'"), (Some("high".into()), None, None, false));
        assert_eq!(read("'about -0.75!'"), (Some("about -0.75!".into()), Some(-0.75), Some(0), true));
        assert_eq!(read("x'c3a9ff'"), (Some("é\u{fffd}".into()), None, None, false));
        assert_eq!(read("CAST(x'ff41' AS TEXT)"), (Some("\u{fffd}A".into()), None, None, false));
        assert_eq!(read("3.9"), (Some("3.9".into()), Some(3.9), Some(3), true));
        assert_eq!(read("'true'"), (Some("true".into()), None, None, true));
        assert_eq!(read("9e999"), (Some("inf".into()), None, None, false));
    }
}
