//! What a route takes, declared once: parser, messages, JSON Schema and reference tables come from the
//! same table of fields.
//!
//! A request's body or query is an object of members; each field of an [`Input`] is read from one of
//! them by its [`Kind`], which also says what the member must be.

mod lenient;
mod lists;
mod numbers;
mod switches;
mod texts;

use serde_json::{Map, Value};

pub use lenient::{ActingAgent, Later, Loose, OfText, Strict, Worded};
pub use lists::{Anything, List, Nested, Object, Phrases, Tags, TextList, Usable};
pub use numbers::{Clamped, ClampedNumber, Count, Decimal, Fraction, LenientFraction, Positive, Relaxed, Share};
pub use switches::{Bool, Flag, IfTrue, OnlyTrue, Switch, UnlessFalse};
pub use texts::{Date, Exact, Filled, LongText, Name, Text, trimmed};

use super::Request;
use crate::core::Error;
use crate::text::Named;

/// Where the members of an input stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Location {
    /// In a JSON object that must be there.
    Body,
    /// In a JSON object that may be left out.
    MaybeBody,
    /// In the query string.
    Query,
    /// In the query string and in a JSON object that may be left out; the object's win.
    Either,
    /// Inside another input.
    Inside,
}

/// The declaration of an input.
#[derive(Debug)]
pub struct Shape {
    pub name: &'static str,
    pub place: Location,
    pub about: &'static str,
    pub fields: &'static [Field],
}

/// The declaration of one field.
#[derive(Debug)]
pub struct Field {
    /// Its name and older ones.
    pub names: &'static [&'static str],
    pub about: &'static str,
    /// JSON Schema of what it should be.
    pub schema: fn() -> Value,
    /// A request without it is refused.
    pub required: bool,
    /// What stands for it when it is left out.
    pub default: Option<fn() -> Value>,
}

/// A typed input of a route.
pub trait Input: Sized {
    const SHAPE: &'static Shape;

    fn read(members: &Map<String, Value>, request: &Request) -> Result<Self, Error>;

    /// From where its place says that its members stand.
    fn of(request: &Request) -> Result<Self, Error> {
        let place = Self::SHAPE.place;
        if place == Location::Body {
            return Self::read(request.object()?, request);
        }
        let mut all = if place == Location::MaybeBody { Map::new() } else { request.query.to_map() };
        if place != Location::Query
            && let Some(body) = request.optional_object()?
        {
            all.extend(body.clone());
        }
        Self::read(&all, request)
    }
}

/// One member on its way into a field.
#[derive(Clone, Copy)]
pub struct Given<'a> {
    pub name: &'static str,
    pub value: Option<&'a Value>,
    pub request: &'a Request,
}

impl<'a> Given<'a> {
    /// The member of the first of a field's names that says something, else of the first that is there.
    pub fn of(members: &'a Map<String, Value>, names: &[&'static str], request: &'a Request) -> Self {
        let says = |value: &&Value| !value.is_null() && value.as_str().is_none_or(|s| !trimmed(s).is_empty());
        let find = |wanted: &dyn Fn(&&Value) -> bool| {
            names.iter().find_map(|name| members.get(*name).filter(wanted).map(|value| (*name, Some(value))))
        };
        let (name, value) = find(&says).or_else(|| find(&|_| true)).unwrap_or((names[0], None));
        Given { name, value, request }
    }

    /// The member, if it is there and not null.
    pub fn present(self) -> Option<&'a Value> {
        self.value.filter(|value| !value.is_null())
    }

    pub fn must_be(self, what: &str) -> Error {
        Error::invalid(self.name, format!("must be {what}"))
    }

    pub fn required(self) -> Error {
        Error::required(self.name)
    }
}

/// What a field may be.
pub trait Kind: Sized {
    /// A request without it is refused.
    const REQUIRED: bool = true;
    /// `null` stands for "left out".
    const NULL_IS_ABSENT: bool = true;
    /// So does a text of nothing but white space, of fields that are texts.
    const BLANK_IS_ABSENT: bool = false;

    fn read(given: Given<'_>) -> Result<Self, Error>;

    /// JSON Schema of what it should be.
    fn schema() -> Value;

    /// As a client would write it; null for what has no short form.
    fn shown(&self) -> Value {
        Value::Null
    }
}

impl<K: Kind> Kind for Option<K> {
    const REQUIRED: bool = false;

    fn read(given: Given<'_>) -> Result<Self, Error> {
        match given.value {
            None => Ok(None),
            Some(Value::Null) if K::NULL_IS_ABSENT => Ok(None),
            Some(Value::String(s)) if trimmed(s).is_empty() && K::BLANK_IS_ABSENT => Ok(None),
            Some(_) => K::read(given).map(Some),
        }
    }

    fn schema() -> Value {
        if K::NULL_IS_ABSENT { super::openapi::nullable(K::schema()) } else { K::schema() }
    }
}

/// One of the names of an enum.
impl<E: Named> Kind for E {
    fn read(given: Given<'_>) -> Result<Self, Error> {
        let value = given.present().ok_or_else(|| given.required())?;
        let found = value.as_str().and_then(<E as Named>::parse);
        found.ok_or_else(|| given.must_be(&listed(E::NAMES)))
    }

    fn schema() -> Value {
        serde_json::json!({ "type": "string", "enum": E::NAMES })
    }

    fn shown(&self) -> Value {
        Value::from(Named::as_str(*self))
    }
}

/// `a, b or c`.
fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}

/// Declares a route's input: the type, how it is read, and how it is described.
///
/// ```text
/// input! {
///     /// What a new agent is.
///     pub struct NewAgent in Body {
///         /// The id.
///         name: Name = "name";
///         read_policy: ReadPolicy = "read_policy" | "readPolicy", default ReadPolicy::Isolated;
///     }
/// }
/// ```
#[macro_export]
macro_rules! input {
    ($(#[doc = $about:literal])* $vis:vis struct $name:ident in $place:ident { $(
        $(#[doc = $of:literal])* $field:ident: $kind:ty = $first:literal $(| $other:literal)* $(, default $default:expr)?;
    )* }) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone)]
        $vis struct $name { $($(#[doc = $of])* pub $field: $kind),* }

        impl $crate::http::input::Input for $name {
            const SHAPE: &'static $crate::http::input::Shape = &$crate::http::input::Shape {
                name: stringify!($name),
                place: $crate::http::input::Location::$place,
                about: concat!($($about),*),
                fields: &[$($crate::http::input::Field {
                    names: &[$first $(, $other)*],
                    about: concat!($($of),*),
                    schema: <$kind as $crate::http::input::Kind>::schema,
                    required: $crate::input!(@required $kind $(, $default)?),
                    default: $crate::input!(@shown $kind $(, $default)?),
                }),*],
            };

            #[allow(unused_variables, reason = "an input may have no fields")]
            fn read(
                members: &serde_json::Map<String, serde_json::Value>,
                request: &$crate::http::Request,
            ) -> Result<Self, $crate::core::Error> {
                Ok($name { $($field: {
                    let given = $crate::http::input::Given::of(members, &[$first $(, $other)*], request);
                    $crate::input!(@read $kind, given $(, $default)?)
                }),* })
            }
        }
    };
    (@required $kind:ty) => { <$kind as $crate::http::input::Kind>::REQUIRED };
    (@required $kind:ty, $default:expr) => { false };
    (@shown $kind:ty) => { None };
    (@shown $kind:ty, $default:expr) => { Some(|| <$kind as $crate::http::input::Kind>::shown(&$default)) };
    (@read $kind:ty, $given:ident) => { <$kind as $crate::http::input::Kind>::read($given)? };
    (@read $kind:ty, $given:ident, $default:expr) => {
        match <Option<$kind> as $crate::http::input::Kind>::read($given)? {
            Some(value) => value,
            None => $default,
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Headers, Method};

    /// A value in the member `x`, as its kind reads it.
    pub fn read<K: Kind>(value: Value) -> Result<K, String> {
        let request = Request::new(Method::Post, "/", Headers::default(), None);
        K::read(Given { name: "x", value: Some(&value), request: &request }).map_err(|e| e.to_string())
    }

    crate::names! {
        enum Colour { Red = "red", Green = "green" }
    }

    input! {
        /// For the tests.
        struct Sample in Either {
            /// Who.
            name: Name = "name";
            colour: Colour = "colour" | "color", default Colour::Red;
            limit: Count<1, 200> = "limit", default Count(20);
            force: Option<Flag> = "force";
            note: Option<Text> = "note";
        }
    }

    fn asked(query: &str, body: &str) -> Result<Sample, String> {
        let mut request = Request::new(Method::Post, &format!("/?{query}"), Headers::default(), None);
        request.body = body.as_bytes().to_vec();
        Sample::of(&request).map_err(|e| e.to_string())
    }

    #[test]
    fn fields_are_read_by_their_names_and_kinds() {
        let sample = asked("name=ada&limit=7", r#"{"color": "green", "note": "  "}"#).unwrap();
        assert_eq!((&*sample.name, sample.colour, sample.limit.0), ("ada", Colour::Green, 7));
        assert!(sample.force.is_none() && sample.note.is_none());
        let sample = asked("name=ada", r#"{"name": "bob", "force": "TRUE", "limit": null}"#).unwrap();
        assert_eq!((&*sample.name, sample.limit.0, sample.force.map(|f| f.0)), ("bob", 20, Some(true)));
    }

    #[test]
    fn refusals_name_the_field_and_say_what_it_must_be() {
        for (query, body, why) in [
            ("", "", "name is required"),
            ("", "{", "Invalid JSON body"),
            ("", r#"{"name": 7}"#, "name must be a string"),
            ("name=a", r#"{"limit": 0}"#, "limit must be a whole number from 1 to 200"),
            ("name=a", r#"{"colour": "blue"}"#, "colour must be red or green"),
            ("name=a", r#"{"note": []}"#, "note must be a string"),
            ("name=a&force=x", "", "force must be a boolean"),
        ] {
            assert_eq!(asked(query, body).unwrap_err(), why, "{query} {body}");
        }
    }

    #[test]
    fn the_declaration_describes_itself() {
        let fields = Sample::SHAPE.fields;
        assert_eq!(fields.iter().filter(|f| f.required).map(|f| f.names[0]).collect::<Vec<_>>(), ["name"]);
        assert_eq!(fields[1].names, ["colour", "color"]);
        assert_eq!(fields[1].default.map(|d| d()), Some(Value::from("red")));
        assert_eq!(fields[2].default.map(|d| d()), Some(Value::from(20)));
        assert_eq!((fields[2].schema)()["maximum"], 200);
        assert_eq!(Sample::SHAPE.about.trim(), "For the tests.");
    }
}
