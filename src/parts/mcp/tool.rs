//! Tools as rows: what a model is told of one, what it may be called with, and the route that answers it.
//!
//! The arguments are rows too. From one table come the JSON Schema of `tools/list`, the check of a call, and the
//! request that is sent: each argument under the name that the route has for it.

use serde_json::{Map, Value, json};

use crate::core::Error;
use crate::http::Method;

/// What an argument may be. Nothing is taken for something else: `"5"` is no number.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    Text,
    /// Of so many characters at most, and not blank.
    Filled(usize),
    Number,
    /// Brought into these bounds.
    Clamped(i64, i64),
    Flag,
    /// Only sent when it is true.
    IfTrue,
    /// A comma list of tags; sent without empty ones.
    Tags,
    /// Texts that are not blank, one at least.
    Phrases,
    /// An object of numbers, by id.
    Numbers,
    Object,
    /// An object of these members.
    Members(&'static [Arg]),
    Choice(&'static [&'static str]),
    /// A list of such.
    Choices(&'static [&'static str]),
}

/// An argument of a tool.
#[derive(Debug)]
pub struct Arg {
    pub name: &'static str,
    /// What the route calls it; `?` in front of it stands for a member of the query.
    pub sent_as: &'static str,
    pub about: &'static str,
    pub kind: Kind,
    pub required: bool,
}

impl Arg {
    pub const fn new(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Arg { name, sent_as: name, about, kind, required: false }
    }

    pub const fn text(name: &'static str, about: &'static str) -> Self {
        Self::new(name, Kind::Text, about)
    }

    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub const fn sent_as(mut self, name: &'static str) -> Self {
        self.sent_as = name;
        self
    }

    fn schema(&self) -> Value {
        let mut schema = match self.kind {
            Kind::Text | Kind::Tags => json!({ "type": "string" }),
            Kind::Filled(most) => json!({ "type": "string", "minLength": 1, "maxLength": most }),
            Kind::Number => json!({ "type": "number" }),
            Kind::Clamped(least, most) => json!({ "type": "number", "minimum": least, "maximum": most }),
            Kind::Flag | Kind::IfTrue => json!({ "type": "boolean" }),
            Kind::Phrases => json!({ "type": "array", "items": { "type": "string", "minLength": 1 }, "minItems": 1 }),
            Kind::Numbers => json!({ "type": "object", "additionalProperties": { "type": "number" } }),
            Kind::Object => json!({ "type": "object" }),
            Kind::Members(members) => object_of(members),
            Kind::Choice(names) => json!({ "type": "string", "enum": names }),
            Kind::Choices(names) => json!({ "type": "array", "items": { "type": "string", "enum": names } }),
        };
        schema["description"] = json!(self.about);
        schema
    }

    /// The value as it is sent; `None` for what is left out.
    fn read(&self, given: Option<&Value>) -> Result<Option<Value>, Error> {
        let must = |what: &str| Error::invalid(self.name, format!("must be {what}"));
        // models write null for what they leave out
        let Some(value) = given.filter(|value| !value.is_null()) else {
            return if self.required { Err(Error::required(self.name)) } else { Ok(None) };
        };
        let sent = match self.kind {
            Kind::Text => value.is_string().then(|| value.clone()).ok_or_else(|| must("a text"))?,
            Kind::Filled(most) => {
                let fits = |text: &&str| !text.trim().is_empty() && text.chars().count() <= most;
                json!(value.as_str().filter(fits).ok_or_else(|| must(&format!("a text of 1 to {most} characters")))?)
            }
            Kind::Number => value.is_number().then(|| value.clone()).ok_or_else(|| must("a number"))?,
            Kind::Clamped(least, most) => {
                let number = value.as_f64().ok_or_else(|| must("a number"))?;
                json!((number as i64).clamp(least, most))
            }
            Kind::Flag => json!(value.as_bool().ok_or_else(|| must("true or false"))?),
            Kind::IfTrue => match value.as_bool().ok_or_else(|| must("true or false"))? {
                true => json!(true),
                false => return Ok(None),
            },
            Kind::Tags => {
                let text = value.as_str().ok_or_else(|| must("a comma list of tags"))?;
                let tags: Vec<&str> = text.split(',').map(str::trim).filter(|tag| !tag.is_empty()).collect();
                json!(tags.join(","))
            }
            Kind::Phrases => {
                let is_phrase = |item: &Value| item.as_str().is_some_and(|text| !text.trim().is_empty());
                let list = value.as_array().filter(|list| !list.is_empty() && list.iter().all(is_phrase));
                json!(list.ok_or_else(|| must("a list of texts, one at least, none blank"))?)
            }
            Kind::Numbers => {
                let map = value.as_object().filter(|map| map.values().all(Value::is_number));
                json!(map.ok_or_else(|| must("an object of numbers"))?)
            }
            Kind::Object => json!(value.as_object().ok_or_else(|| must("an object"))?),
            Kind::Members(args) => {
                let object = value.as_object().ok_or_else(|| must("an object"))?;
                Value::Object(members(args, object).map_err(|error| error.within(self.name))?)
            }
            Kind::Choice(names) => {
                let chosen = value.as_str().filter(|text| names.contains(text));
                json!(chosen.ok_or_else(|| must(&format!("one of {}", names.join(", "))))?)
            }
            Kind::Choices(names) => {
                let is_one = |item: &Value| item.as_str().is_some_and(|text| names.contains(&text));
                let chosen = value.as_array().filter(|list| list.iter().all(is_one));
                json!(chosen.ok_or_else(|| must(&format!("a list of {}", names.join(", "))))?)
            }
        };
        Ok(Some(sent))
    }
}

/// The schema of an object of arguments.
fn object_of(args: &[Arg]) -> Value {
    let properties: Map<String, Value> = args.iter().map(|arg| (arg.name.to_owned(), arg.schema())).collect();
    let required: Vec<&str> = args.iter().filter(|arg| arg.required).map(|arg| arg.name).collect();
    let mut schema = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// What is sent of an object of arguments. Unknown ones are dropped.
fn members(args: &[Arg], given: &Map<String, Value>) -> Result<Map<String, Value>, Error> {
    let mut members = Map::new();
    for arg in args {
        if let Some(value) = arg.read(given.get(arg.name))? {
            members.insert(arg.sent_as.to_owned(), value);
        }
    }
    Ok(members)
}

/// What a host may tell its user about a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hint {
    Reads,
    Writes,
    /// The contract says nothing of it.
    Unsaid,
}

/// What a model is told of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tells {
    /// The route's JSON.
    Json,
    /// The memories as a text.
    Recall,
}

/// A tool.
#[derive(Debug)]
pub struct Tool {
    pub name: &'static str,
    pub title: &'static str,
    /// For a model that has to choose: what it is for, when not to use it, what comes back.
    pub about: &'static str,
    pub args: &'static [Arg],
    pub hint: Hint,
    pub method: Method,
    /// The route, with `:name` for an argument that stands in the path.
    pub path: &'static str,
    /// What an answer that is a failure begins with.
    pub fails: &'static str,
    pub tells: Tells,
    /// What the route calls the agent that acts and the project of a row, where no argument says them: they come from the
    /// request's header and from what its credential is bound to.
    pub belongs: Option<(&'static str, &'static str)>,
    /// What more is to be done to the members before they are sent.
    pub finish: Option<fn(&mut Map<String, Value>)>,
}

impl Tool {
    /// As `tools/list` shows it.
    pub fn listed(&self) -> Value {
        let schema = object_of(self.args);
        let mut listed =
            json!({ "name": self.name, "title": self.title, "description": self.about, "inputSchema": schema });
        if self.hint != Hint::Unsaid {
            listed["annotations"] = json!({ "readOnlyHint": self.hint == Hint::Reads });
        }
        listed
    }

    /// The members that are sent for a call.
    pub fn members(&self, arguments: &Map<String, Value>) -> Result<Map<String, Value>, Error> {
        let mut members = members(self.args, arguments)?;
        if let Some(finish) = self.finish {
            finish(&mut members);
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: Kind, value: Value) -> Result<Option<Value>, String> {
        Arg::new("x", kind, "").read(Some(&value)).map_err(|error| error.to_string())
    }

    #[test]
    fn arguments_are_what_they_say_and_nothing_else() {
        assert_eq!(read(Kind::Number, json!("5")).unwrap_err(), "x must be a number");
        assert_eq!(read(Kind::Text, json!(5)).unwrap_err(), "x must be a text");
        assert_eq!(read(Kind::Flag, json!("true")).unwrap_err(), "x must be true or false");
        assert_eq!(read(Kind::Clamped(1, 200), json!(900.5)).unwrap(), Some(json!(200)));
        assert_eq!(read(Kind::Clamped(1, 200), json!(-1e300)).unwrap(), Some(json!(1)));
        assert_eq!(read(Kind::IfTrue, json!(false)).unwrap(), None);
        assert_eq!(read(Kind::Tags, json!(" a, ,b ")).unwrap(), Some(json!("a,b")));
        for wrong in [json!([]), json!([" "]), json!([1]), json!("a")] {
            assert!(read(Kind::Phrases, wrong).is_err());
        }
        assert!(read(Kind::Numbers, json!({"a": "1"})).is_err());
        assert!(read(Kind::Choice(&["a", "b"]), json!("c")).unwrap_err().contains("a, b"));
        assert!(read(Kind::Filled(3), json!("long")).is_err() && read(Kind::Filled(3), json!("  ")).is_err());
        assert_eq!(read(Kind::Text, Value::Null).unwrap(), None);
        assert_eq!(Arg::text("id", "").required().read(None).unwrap_err().to_string(), "id is required");
    }
}
