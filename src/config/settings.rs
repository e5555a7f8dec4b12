//! Keys of the config file, each declared once: the typed field, its name and older name, default,
//! bounds and meaning. How they are read, how `/api/status` shows them and the tables of
//! docs/configuration.md come from the declaration.

use std::time::Duration;

use serde_json::{Map, Value};

use super::Section;
use crate::text::Named;

/// The declaration of one key.
#[derive(Debug)]
pub struct Key {
    /// Below its section.
    pub name: &'static str,
    /// An older place, from the outer section; the newer one wins.
    pub older: Option<&'static str>,
    pub default: fn() -> Value,
    /// What numbers are clamped into.
    pub bounds: Option<(f64, f64)>,
    /// The names a text may be.
    pub names: &'static [&'static str],
    pub about: &'static str,
}

impl Key {
    /// A key whose value a section reads in its own way; an empty default says that there is none.
    pub const fn by_hand(name: &'static str, default: fn() -> Value, about: &'static str) -> Key {
        Key { name, older: None, default, bounds: None, names: &[], about }
    }

    pub const fn older(self, name: &'static str) -> Key {
        Key { older: Some(name), ..self }
    }

    pub const fn within(self, least: f64, most: f64) -> Key {
        Key { bounds: Some((least, most)), ..self }
    }

    pub const fn one_of(self, names: &'static [&'static str]) -> Key {
        Key { names, ..self }
    }
}

/// The declaration of one section.
#[derive(Debug)]
pub struct KeyTable {
    /// Below the outer section; empty for that section itself.
    pub section: &'static str,
    pub about: &'static str,
    pub keys: &'static [Key],
}

/// What a key may hold. A value of another type counts as none.
pub trait Setting: Sized {
    /// How its default is written.
    type Plain;
    const NAMES: &'static [&'static str] = &[];

    fn of(plain: Self::Plain) -> Self;
    fn read(given: Section<'_>, bounds: Option<(f64, f64)>) -> Option<Self>;
    fn show(&self) -> Value;
}

fn clamped(given: Section<'_>, bounds: Option<(f64, f64)>) -> Option<f64> {
    let number = given.number()?;
    Some(bounds.map_or(number, |(least, most)| number.clamp(least, most)))
}

macro_rules! plain {
    ($($type:ty: $read:expr),+ $(,)?) => {$(
        impl Setting for $type {
            type Plain = $type;

            fn of(plain: $type) -> Self {
                plain
            }

            fn read(given: Section<'_>, bounds: Option<(f64, f64)>) -> Option<Self> {
                $read(given, bounds)
            }

            fn show(&self) -> Value {
                Value::from(*self)
            }
        }
    )+};
}

plain! {
    bool: |given: Section<'_>, _| given.bool(),
    f64: clamped,
    i64: |given, bounds| clamped(given, bounds).map(|n| n as i64),
    usize: |given, bounds| clamped(given, bounds).map(|n| n as usize),
}

/// In the file it is a number of milliseconds.
impl Setting for Duration {
    type Plain = u64;

    fn of(millis: u64) -> Self {
        Duration::from_millis(millis)
    }

    fn read(given: Section<'_>, bounds: Option<(f64, f64)>) -> Option<Self> {
        clamped(given, bounds).map(|n| Duration::from_millis(n as u64))
    }

    fn show(&self) -> Value {
        Value::from(self.as_millis() as u64)
    }
}

impl Setting for String {
    type Plain = &'static str;

    fn of(plain: &'static str) -> Self {
        plain.to_owned()
    }

    fn read(given: Section<'_>, _: Option<(f64, f64)>) -> Option<Self> {
        given.text().map(str::to_owned)
    }

    fn show(&self) -> Value {
        Value::from(self.as_str())
    }
}

impl<E: Named> Setting for E {
    type Plain = E;
    const NAMES: &'static [&'static str] = <E as Named>::NAMES;

    fn of(plain: E) -> Self {
        plain
    }

    fn read(given: Section<'_>, _: Option<(f64, f64)>) -> Option<Self> {
        given.text().and_then(<E as Named>::parse)
    }

    fn show(&self) -> Value {
        Value::from(Named::as_str(*self))
    }
}

/// The value at a key, or its default.
pub fn value<S: Setting>(outer: Section<'_>, section: &str, key: &Key, default: S::Plain) -> S {
    let own = if section.is_empty() { outer } else { outer.at(section) };
    let given = own.at(key.name);
    let given = match key.older {
        Some(older) if !given.is_some() => outer.at(older),
        _ => given,
    };
    S::read(given, key.bounds).unwrap_or_else(|| S::of(default))
}

/// Puts a section's values where `/api/status` shows them.
pub fn place(section: &str, values: Map<String, Value>, into: &mut Map<String, Value>) {
    if section.is_empty() {
        into.extend(values);
    } else {
        into.insert(section.to_owned(), Value::Object(values));
    }
}

/// Declares a section of keys.
///
/// ```text
/// settings! {
///     /// The worker of the queue.
///     pub struct Worker at "worker" {
///         /// Between two looks for work, ms.
///         poll: Duration = "pollMs" | "workerPollMs", 2_000, 100.0 to 60_000.0;
///     }
/// }
/// ```
#[macro_export]
macro_rules! settings {
    ($(#[doc = $about:literal])* pub struct $name:ident at $section:literal { $(
        $(#[doc = $of:literal])*
        $field:ident: $type:ty = $key:literal $(| $older:literal)?, $default:expr $(, $least:literal to $most:literal)?;
    )* }) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name { $($(#[doc = $of])* pub $field: $type),* }

        impl $name {
            pub const TABLE: $crate::config::settings::KeyTable = $crate::config::settings::KeyTable {
                section: $section,
                about: concat!($($about),*),
                keys: &[$($crate::config::settings::Key {
                    name: $key,
                    older: $crate::settings!(@older $($older)?),
                    default: || {
                        use $crate::config::settings::Setting;
                        <$type>::of($default).show()
                    },
                    bounds: $crate::settings!(@bounds $($least to $most)?),
                    names: <$type as $crate::config::settings::Setting>::NAMES,
                    about: concat!($($of),*),
                }),*],
            };

            pub fn read(outer: $crate::config::Section<'_>) -> Self {
                let mut keys = Self::TABLE.keys.iter();
                $(
                    // one key for each field, in the order of both
                    let $field = keys.next().map_or_else(
                        || <$type as $crate::config::settings::Setting>::of($default),
                        |key| $crate::config::settings::value(outer, $section, key, $default),
                    );
                )*
                $name { $($field),* }
            }

            pub fn show(&self, into: &mut serde_json::Map<String, serde_json::Value>) {
                let mut values = serde_json::Map::new();
                $(values.insert($key.to_owned(), $crate::config::settings::Setting::show(&self.$field));)*
                $crate::config::settings::place($section, values, into);
            }
        }
    };
    (@older) => { None };
    (@older $older:literal) => { Some($older) };
    (@bounds) => { None };
    (@bounds $least:literal to $most:literal) => { Some(($least, $most)) };
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    crate::names! {
        pub enum Mode { Quick = "quick", Slow = "slow" }
    }

    settings! {
        /// For the test.
        pub struct Sample at "sample" {
            /// How often.
            every: Duration = "everyMs" | "sampleMs", 500, 100.0 to 1_000.0;
            count: usize = "count", 3, 1.0 to 5.0;
            share: f64 = "share", 0.5, 0.0 to 1.0;
            on: bool = "on", true;
            name: String = "name", "x";
            mode: Mode = "mode", Mode::Quick;
        }
    }

    fn shown(file: Value) -> Value {
        let mut all = Map::new();
        Sample::read(Section(&file)).show(&mut all);
        Value::Object(all)["sample"].clone()
    }

    #[test]
    fn values_are_read_clamped_and_shown() {
        let defaults = json!({"everyMs": 500, "count": 3, "share": 0.5, "on": true, "name": "x", "mode": "quick"});
        assert_eq!(shown(Value::Null), defaults);
        assert_eq!(shown(json!({"sample": {"count": "two", "on": 1, "mode": "odd", "name": " "}})), defaults);
        let given = json!({"sampleMs": 5, "sample": {"count": 2.9, "share": 7, "mode": "slow"}});
        assert_eq!(
            shown(given),
            json!({"everyMs": 100, "count": 2, "share": 1.0, "on": true, "name": "x", "mode": "slow"})
        );
        assert_eq!(shown(json!({"sampleMs": 200, "sample": {"everyMs": 300}}))["everyMs"], 300, "the newer name wins");
        let keys = Sample::TABLE.keys;
        assert_eq!((keys[0].default)(), 500);
        assert_eq!((keys[0].older, keys[5].names), (Some("sampleMs"), &["quick", "slow"][..]));
    }
}
