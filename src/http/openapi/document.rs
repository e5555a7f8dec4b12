//! The OpenAPI document of a set of routes.

use serde_json::{Map, Value, json};

use super::super::input::{Location, Shape};
use super::super::route::Spec;
use super::super::router::parameters;
use super::{ObjectSchema, Types, described_field, object_of, refusal};
use crate::core::access::Access;

/// OpenAPI 3.1 of these routes; `version` is that of the API.
pub fn document(version: &str, routes: impl Iterator<Item = (&'static str, &'static Spec)>) -> Value {
    let mut types = Types::default();
    let mut paths: Map<String, Value> = Map::new();
    for (part, route) in routes {
        let path = paths.entry(template(route.path)).or_insert_with(|| json!({}));
        path[route.method.as_str().to_ascii_lowercase()] = operation(part, route, &mut types);
    }
    paths.sort_keys();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Signet daemon API",
            "version": version,
            "description": "Shared memory for AI agents. Served by signetd.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "bearer": [] }, {}],
        "paths": paths,
        "components": {
            "securitySchemes": { "bearer": { "type": "http", "scheme": "bearer" } },
            "schemas": types.0,
            "responses": { "Refused": { "description": "why not", "content": json_content(refusal()) } },
        },
    })
}

/// `/a/:id` as `/a/{id}`.
fn template(path: &str) -> String {
    let segment = |s: &str| s.strip_prefix(':').map_or_else(|| s.to_owned(), |name| format!("{{{name}}}"));
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

fn json_content(schema: Value) -> Value {
    json!({ "application/json": { "schema": schema } })
}

fn operation(part: &str, route: &'static Spec, types: &mut Types) -> Value {
    let mut operation = json!({
        "operationId": operation_id(route),
        "summary": route.about,
        "tags": [part],
        "x-permission": route.access.as_str(),
        "x-lane": route.lane,
        "responses": responses(route, types),
    });
    if let Some(bucket) = route.limit {
        operation["x-rate-limit"] = json!(bucket);
    }
    if route.access == Access::Open {
        operation["security"] = json!([]);
    }
    let in_query = route.takes.iter().filter(|s| matches!(s.place, Location::Query | Location::Either));
    let parameters: Vec<Value> =
        parameters(route.path).map(in_path).chain(in_query.flat_map(|s| query_parameters(s))).collect();
    if !parameters.is_empty() {
        operation["parameters"] = Value::Array(parameters);
    }
    let in_body: Vec<&Shape> = route.takes.iter().copied().filter(|s| s.place != Location::Query).collect();
    if !in_body.is_empty() {
        operation["requestBody"] = json!({
            "required": in_body.iter().any(|shape| shape.place == Location::Body),
            "content": json_content(body_of(&in_body)),
        });
    }
    operation
}

/// One object of all that a route reads from its body.
fn body_of(shapes: &[&'static Shape]) -> Value {
    if let [shape] = shapes {
        return object_of(shape);
    }
    let mut object = ObjectSchema::default();
    shapes.iter().for_each(|shape| object.flat(object_of(shape)));
    object.finish()
}

/// `get_api_agents_name`: a name that clients can be made with.
fn operation_id(route: &Spec) -> String {
    let words = route.path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty());
    let method = route.method.as_str().to_ascii_lowercase();
    std::iter::once(method.as_str()).chain(words).collect::<Vec<_>>().join("_")
}

fn in_path(name: &str) -> Value {
    json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string", "minLength": 1 } })
}

fn query_parameters(shape: &'static Shape) -> impl Iterator<Item = Value> {
    shape.fields.iter().map(|field| {
        json!({
            "name": field.names[0], "in": "query", "description": field.about.trim(),
            "required": field.required && shape.place == Location::Query && field.names.len() == 1,
            "schema": described_field(field),
        })
    })
}

fn responses(route: &'static Spec, types: &mut Types) -> Value {
    let mut responses = Map::new();
    for (status, described) in route.gives {
        let content = json_content(described.refer(types));
        responses.insert(status.to_string(), json!({ "description": route.about, "content": content }));
    }
    if route.is_page {
        let page = json!({ "text/html": { "schema": { "type": "string" } } });
        responses.insert("200".to_owned(), json!({ "description": route.about, "content": page }));
    }
    if route.is_stream {
        let events = json!({ "text/event-stream": { "schema": { "type": "string" } } });
        responses.insert("200".to_owned(), json!({ "description": route.about, "content": events }));
    }
    let refused = json!({ "$ref": "#/components/responses/Refused" });
    for status in refusals(route) {
        responses.entry(status.to_string()).or_insert_with(|| refused.clone());
    }
    responses.sort_keys();
    Value::Object(responses)
}

/// The statuses with which a route may refuse, as far as its declaration tells.
fn refusals(route: &'static Spec) -> Vec<u16> {
    // 400 of a body that breaks off or is chunked badly, 413 of one that is too long, 503 of a busy daemon
    let mut statuses = vec![400, 403, 413, 503];
    if route.access != Access::Open {
        statuses.push(401);
    }
    if parameters(route.path).next().is_some() || !route.takes.is_empty() {
        statuses.push(404);
    }
    if route.limit.is_some() || route.may_wait {
        statuses.push(429);
    }
    if route.mutates {
        statuses.extend([409, 507]);
    }
    statuses
}
