//! The API described by its own declarations: OpenAPI 3.1 from the route tables and the types of
//! inputs and answers.

mod document;
mod tables;

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};

pub use document::document;
pub use tables::{inputs_table, routes_table};

use super::input::{Field, Shape};

/// A type that can be described by a JSON Schema.
pub trait Describe {
    /// The name among the document's types; `None` for what is written out where it stands.
    const NAME: Option<&'static str> = None;

    fn schema(types: &mut Types) -> Value;
}

/// The named types met so far.
#[derive(Debug, Default)]
pub struct Types(pub BTreeMap<&'static str, Value>);

/// The schema of a type where it is used: a reference, when it has a name.
pub fn refer<T: Describe>(types: &mut Types) -> Value {
    let Some(name) = T::NAME else { return T::schema(types) };
    if !types.0.contains_key(name) {
        // a type may hold itself
        types.0.insert(name, Value::Null);
        let schema = T::schema(types);
        types.0.insert(name, schema);
    }
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// The schema of what an `Option` holds.
pub trait Optional {
    type Held: Describe;
}

impl<T: Describe> Optional for Option<T> {
    type Held = T;
}

/// Of a member that is left out when there is nothing to say.
pub fn refer_some<T: Optional>(types: &mut Types) -> Value {
    refer::<T::Held>(types)
}

/// The members of an answer that may be missing among those of another.
pub fn schema_some<T: Optional>(types: &mut Types) -> Value {
    T::Held::schema(types)
}

/// Every refusal says why in `error`; some routes add members.
fn refusal() -> Value {
    json!({ "type": "object", "properties": { "error": { "type": "string" } }, "required": ["error"] })
}

/// A described type, for tables that are constants.
#[derive(Clone, Copy)]
pub struct Described(fn(&mut Types) -> Value);

impl Described {
    pub const fn of<T: Describe>() -> Self {
        Described(refer::<T>)
    }

    /// A refusal that cannot be told from the rest of a route's declaration.
    pub const fn refused() -> Self {
        Described(|_| refusal())
    }

    /// An empty body.
    pub const fn nothing() -> Self {
        Described(|_| json!({ "type": "null" }))
    }

    /// One of two types.
    pub const fn either<A: Describe, B: Describe>() -> Self {
        Described(|types| json!({ "anyOf": [refer::<A>(types), refer::<B>(types)] }))
    }

    /// The type, or the words of a refusal.
    pub const fn or_refused<T: Describe>() -> Self {
        Described(|types| json!({ "anyOf": [refer::<T>(types), refusal()] }))
    }

    fn refer(self, types: &mut Types) -> Value {
        (self.0)(types)
    }
}

impl std::fmt::Debug for Described {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Described")
    }
}

/// The same or null.
pub fn nullable(mut schema: Value) -> Value {
    if schema.as_object().is_some_and(Map::is_empty) {
        return schema;
    }
    let is_named = schema.get("enum").is_some();
    match schema.get_mut("type") {
        Some(kind @ Value::String(_)) if !is_named => {
            *kind = json!([std::mem::take(kind), "null"]);
            schema
        }
        Some(Value::Array(several)) => {
            if !several.iter().any(|t| t == "null") {
                several.push(json!("null"));
            }
            schema
        }
        _ => json!({ "anyOf": [schema, { "type": "null" }] }),
    }
}

macro_rules! described {
    ($($type:ty => $schema:tt),+ $(,)?) => {$(
        impl Describe for $type {
            fn schema(_: &mut Types) -> Value {
                json!($schema)
            }
        }
    )+};
}

described! {
    String => { "type": "string" },
    &'static str => { "type": "string" },
    bool => { "type": "boolean" },
    i64 => { "type": "integer" },
    u64 => { "type": "integer", "minimum": 0 },
    u32 => { "type": "integer", "minimum": 0 },
    u16 => { "type": "integer", "minimum": 0 },
    usize => { "type": "integer", "minimum": 0 },
    f64 => { "type": "number" },
    f32 => { "type": "number" },
    Value => {},
    crate::config::Problem => { "type": "object" },
    Map<String, Value> => { "type": "object" },
    std::path::PathBuf => { "type": "string" },
}

impl<T: Describe> Describe for Option<T> {
    fn schema(types: &mut Types) -> Value {
        nullable(refer::<T>(types))
    }
}

impl<T: Describe> Describe for Vec<T> {
    fn schema(types: &mut Types) -> Value {
        json!({ "type": "array", "items": refer::<T>(types) })
    }
}

impl<T: Describe, const N: usize> Describe for [T; N] {
    fn schema(types: &mut Types) -> Value {
        json!({ "type": "array", "items": refer::<T>(types), "minItems": N, "maxItems": N })
    }
}

impl<T: Describe, S> Describe for HashMap<String, T, S> {
    fn schema(types: &mut Types) -> Value {
        json!({ "type": "object", "additionalProperties": refer::<T>(types) })
    }
}

impl<E: crate::text::Named> Describe for E {
    fn schema(_: &mut Types) -> Value {
        json!({ "type": "string", "enum": E::NAMES })
    }
}

/// An object's schema in the making.
#[derive(Debug, Default)]
pub struct ObjectSchema {
    about: &'static str,
    properties: Map<String, Value>,
    required: Vec<Value>,
}

impl ObjectSchema {
    pub fn about(text: &'static str) -> Self {
        ObjectSchema { about: text.trim(), ..ObjectSchema::default() }
    }

    pub fn member(&mut self, name: &str, about: &str, mut schema: Value, always: bool) {
        if !about.trim().is_empty()
            && let Value::Object(map) = &mut schema
        {
            map.insert("description".to_owned(), json!(about.trim()));
        }
        self.properties.insert(name.to_owned(), schema);
        if always {
            self.required.push(json!(name));
        }
    }

    /// The members of another object.
    pub fn flat(&mut self, schema: Value) {
        if let Some(Value::Object(properties)) = schema.get("properties") {
            self.properties.extend(properties.clone());
        }
        self.required.extend(schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default());
    }

    /// The members of another object, none of which has to be there.
    pub fn flat_some(&mut self, mut schema: Value) {
        schema["required"] = json!([]);
        self.flat(schema);
    }

    pub fn finish(self) -> Value {
        let mut schema = json!({ "type": "object", "properties": self.properties });
        if !self.about.is_empty() {
            schema["description"] = json!(self.about);
        }
        if !self.required.is_empty() {
            schema["required"] = Value::Array(self.required);
        }
        schema
    }
}

/// The object that an input is read from. Older names of a field are members of their own.
pub fn object_of(shape: &Shape) -> Value {
    let mut object = ObjectSchema::about(shape.about);
    for field in shape.fields {
        let (name, older) = (field.names[0], &field.names[1..]);
        object.member(name, field.about, described_field(field), field.required && older.is_empty());
        for old in older {
            object.member(old, &format!("the same as `{name}`"), (field.schema)(), false);
        }
    }
    object.finish()
}

fn described_field(field: &Field) -> Value {
    let schema = (field.schema)();
    // what stands for it may be said by the field itself
    let Some(default) = field.default else { return schema };
    let mut schema = nullable(schema);
    let default = default();
    if !default.is_null() {
        schema["default"] = default;
    }
    schema
}
