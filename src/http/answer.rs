//! What a route answers, declared once: how it is written as JSON and how it is described.

use serde::ser::SerializeMap;

/// A type whose members can stand among those of another.
pub trait Members {
    fn write<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error>;
}

/// Declares the members of an answer: `= "name"` always there (an `Option` may be null), `= "name", if some`
/// left out when there is nothing to say, `= flat` for the members of another answer (`= flat, if some` likewise).
///
/// ```text
/// answer! {
///     /// One agent of the roster.
///     pub struct Agent {
///         /// Its id.
///         pub id: String = "id";
///         pub group: Option<String> = "policy_group";
///     }
/// }
/// ```
#[macro_export]
macro_rules! answer {
    ($(#[doc = $about:literal])* $(#[derive($($derive:ident),+)])? $vis:vis struct $name:ident { $(
        $(#[doc = $of:literal])* $fvis:vis $field:ident: $type:ty = $how:tt $(, if $some:ident)?;
    )* }) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone $(, $($derive),+)?)]
        $vis struct $name { $($(#[doc = $of])* $fvis $field: $type),* }

        impl $crate::http::answer::Members for $name {
            fn write<M: serde::ser::SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
                $($crate::answer!(@write to, self.$field, $how $(, $some)?);)*
                Ok(())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                let mut map = to.serialize_map(None)?;
                $crate::http::answer::Members::write(self, &mut map)?;
                serde::ser::SerializeMap::end(map)
            }
        }

        impl $crate::http::openapi::Describe for $name {
            const NAME: Option<&'static str> = Some(stringify!($name));

            fn schema(types: &mut $crate::http::openapi::Types) -> serde_json::Value {
                let mut object = $crate::http::openapi::ObjectSchema::about(concat!($($about),*));
                $($crate::answer!(@schema object, types, $type, concat!($($of),*), $how $(, $some)?);)*
                object.finish()
            }
        }
    };
    (@write $to:ident, $value:expr, flat) => { $crate::http::answer::Members::write(&$value, $to)? };
    (@write $to:ident, $value:expr, flat, some) => {
        if let Some(members) = &$value {
            $crate::http::answer::Members::write(members, $to)?;
        }
    };
    (@write $to:ident, $value:expr, $json:literal) => {
        serde::ser::SerializeMap::serialize_entry($to, $json, &$value)?
    };
    (@write $to:ident, $value:expr, $json:literal, some) => {
        if let Some(value) = &$value {
            serde::ser::SerializeMap::serialize_entry($to, $json, value)?;
        }
    };
    (@schema $object:ident, $types:ident, $type:ty, $about:expr, flat) => {
        $object.flat(<$type as $crate::http::openapi::Describe>::schema($types))
    };
    (@schema $object:ident, $types:ident, $type:ty, $about:expr, flat, some) => {
        $object.flat_some($crate::http::openapi::schema_some::<$type>($types))
    };
    (@schema $object:ident, $types:ident, $type:ty, $about:expr, $json:literal) => {
        $object.member($json, $about, $crate::http::openapi::refer::<$type>($types), true)
    };
    (@schema $object:ident, $types:ident, $type:ty, $about:expr, $json:literal, some) => {
        $object.member($json, $about, $crate::http::openapi::refer_some::<$type>($types), false)
    };
}

/// Declares an answer that is one of several.
#[macro_export]
macro_rules! one_of {
    ($(#[doc = $about:literal])* $vis:vis enum $name:ident { $($(#[doc = $of:literal])* $variant:ident($type:ty)),+ $(,)? }) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone)]
        $vis enum $name { $($(#[doc = $of])* $variant($type)),+ }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                match self { $($name::$variant(it) => it.serialize(to)),+ }
            }
        }

        impl $crate::http::openapi::Describe for $name {
            const NAME: Option<&'static str> = Some(stringify!($name));

            fn schema(types: &mut $crate::http::openapi::Types) -> serde_json::Value {
                serde_json::json!({ "anyOf": [$($crate::http::openapi::refer::<$type>(types)),+] })
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use crate::http::openapi::{Describe, Types};

    answer! {
        /// Inner members.
        struct Inner {
            n: i64 = "n";
        }
    }

    answer! {
        /// Members that may be missing.
        struct More {
            m: i64 = "m";
        }
    }

    answer! {
        /// For the test.
        struct Outer {
            /// Its id.
            id: String = "id";
            note: Option<String> = "note";
            left_out: Option<f64> = "leftOut", if some;
            inner: Inner = flat;
            more: Option<More> = flat, if some;
            list: Vec<Inner> = "list";
        }
    }

    one_of! {
        /// Either.
        enum Either { Outer(Outer), Inner(Inner) }
    }

    #[test]
    fn members_are_written_and_described_alike() {
        let outer = Outer {
            id: "a".into(),
            note: None,
            left_out: None,
            inner: Inner { n: 1 },
            more: None,
            list: vec![Inner { n: 2 }],
        };
        let json = serde_json::to_string(&Either::Outer(outer.clone())).unwrap();
        assert_eq!(json, r#"{"id":"a","note":null,"n":1,"list":[{"n":2}]}"#);
        assert_eq!(serde_json::to_string(&Either::Inner(Inner { n: 3 })).unwrap(), r#"{"n":3}"#);
        let some = Outer { left_out: Some(0.5), more: Some(More { m: 3 }), ..outer };
        let json = serde_json::to_string(&some).unwrap();
        assert!(json.contains(r#""leftOut":0.5"#) && json.contains(r#""m":3"#), "{json}");
        let mut types = Types::default();
        let schema = Outer::schema(&mut types);
        assert_eq!(schema["required"], serde_json::json!(["id", "note", "n", "list"]));
        assert_eq!(schema["properties"]["note"]["type"], serde_json::json!(["string", "null"]));
        assert_eq!(schema["properties"]["leftOut"]["type"], "number");
        assert_eq!(schema["properties"]["list"]["items"]["$ref"], "#/components/schemas/Inner");
        assert_eq!(schema["properties"]["id"]["description"], "Its id.");
    }
}
