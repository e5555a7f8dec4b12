//! The reference tables of docs/api: routes, and what each takes.

use std::fmt::Write;

use serde_json::Value;

use super::super::input::{Location, Shape};
use super::super::route::Spec;

/// A Markdown table of routes.
pub fn routes_table<'a>(routes: impl Iterator<Item = &'a Spec>) -> String {
    let mut table = String::from("| route | permission | what |\n| --- | --- | --- |\n");
    for route in routes {
        let limit = route.limit.map(|bucket| format!(" (bucket `{}`)", bucket.as_str())).unwrap_or_default();
        let _ = writeln!(
            table,
            "| `{} {}` | {}{limit} | {} |",
            route.method,
            route.path,
            route.access.as_str(),
            route.about
        );
    }
    table
}

/// A Markdown section per input of these routes, each once.
pub fn inputs_table<'a>(routes: impl Iterator<Item = &'a Spec>) -> String {
    let mut sections = String::new();
    let mut seen: Vec<&str> = Vec::new();
    for route in routes {
        for shape in route.takes {
            if seen.contains(&shape.name) {
                continue;
            }
            seen.push(shape.name);
            sections += &section(route, shape);
        }
    }
    sections
}

fn section(route: &Spec, shape: &Shape) -> String {
    let place = match shape.place {
        Location::Body | Location::MaybeBody | Location::Inside => "body",
        Location::Query => "query",
        Location::Either => "query or body",
    };
    let mut text = format!("### `{} {}`: {place}\n\n", route.method, route.path);
    let about = shape.about.trim();
    if !about.is_empty() {
        let _ = writeln!(text, "{about}\n");
    }
    text += "| field | type | left out | what |\n| --- | --- | --- | --- |\n";
    for field in shape.fields {
        let names: Vec<String> = field.names.iter().map(|name| format!("`{name}`")).collect();
        let schema = (field.schema)();
        let own = field.default.map(|default| default()).filter(|default| !default.is_null());
        let left_out = left_out(own.as_ref().or(schema.get("default")), field.required.then_some("400"));
        let kind = described_kind(&schema);
        let _ = writeln!(text, "| {} | {kind} | {left_out} | {} |", names.join(", "), field.about.trim());
        inner(field.names[0], &schema, &mut text);
    }
    text.push('\n');
    text
}

/// What stands for a member that is not there, or what happens without it: a request is refused, an item of a
/// list may only be passed over.
fn left_out(default: Option<&Value>, without: Option<&str>) -> String {
    match default {
        Some(Value::String(text)) => format!("`{text}`"),
        Some(other) => format!("`{other}`"),
        None => without.unwrap_or("–").to_owned(),
    }
}

/// Rows for the members of an object, or of the objects of a list.
fn inner(outer: &str, schema: &Value, text: &mut String) {
    let items = schema.get("items").map(|items| (format!("{outer}[]"), items));
    let (outer, object) = items.unwrap_or_else(|| (outer.to_owned(), schema));
    let Some(members) = object.get("properties").and_then(Value::as_object) else { return };
    let required = object.get("required").and_then(Value::as_array);
    for (name, member) in members {
        let needed = required.is_some_and(|list| list.iter().any(|needed| needed == name));
        let left_out = left_out(member.get("default"), needed.then_some("needed"));
        let about = member.get("description").and_then(Value::as_str).unwrap_or_default();
        if about.starts_with("the same as") {
            continue;
        }
        let _ = writeln!(text, "| `{outer}.{name}` | {} | {left_out} | {about} |", kind(member));
        inner(&format!("{outer}.{name}"), member, text);
    }
}

/// A schema in a few words, with what its kind says of itself.
fn described_kind(schema: &Value) -> String {
    match schema.get("description").and_then(Value::as_str).filter(|_| schema.get("properties").is_none()) {
        Some(more) => format!("{}, {more}", kind(schema)),
        None => kind(schema),
    }
}

/// A schema in a few words.
fn kind(schema: &Value) -> String {
    if let Some(names) = schema.get("enum").and_then(Value::as_array) {
        let names: Vec<String> = names.iter().map(|n| format!("`{}`", n.as_str().unwrap_or_default())).collect();
        return names.join(", ");
    }
    if let Some(any) = schema.get("anyOf").and_then(Value::as_array) {
        return any.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    let base = match schema.get("type") {
        Some(Value::String(one)) => one.clone(),
        Some(Value::Array(several)) => {
            several.iter().filter_map(Value::as_str).filter(|t| *t != "null").collect::<Vec<_>>().join(" or ")
        }
        _ => "any".to_owned(),
    };
    let bound = |name: &str| schema.get(name).map(Value::to_string);
    match (bound("minimum"), bound("maximum"), bound("maxLength")) {
        (Some(least), Some(most), _) => format!("{base} {least} to {most}"),
        (Some(least), None, _) => format!("{base} from {least}"),
        (_, _, Some(most)) => format!("{base}, {most} characters at most"),
        _ => base,
    }
}
