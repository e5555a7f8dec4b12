//! Every route is sent every wrong type of each field it declares: refused with a reason or passed over, never a
//! 500; what was there stays as it was.

mod common;

use common::asking::Caller;
use common::{Answer, Daemon, QUIET, TEAM};
use serde_json::{Map, Value, json};
use signetd::app;
use signetd::http::Spec;
use signetd::http::input::{Field, Location, Shape};

/// A value that a field should take, from its declared schema.
fn good(field: &Field) -> Value {
    fn of(schema: &Value) -> Value {
        if let Some(name) = schema["enum"].get(0) {
            return name.clone();
        }
        let kind = schema["type"].as_str().or(schema["type"][0].as_str()).unwrap_or_default();
        match kind {
            "integer" | "number" => schema.get("minimum").cloned().unwrap_or(json!(1)),
            "boolean" => json!(true),
            "array" => json!([of(&schema["items"])]),
            "object" => json!({}),
            _ => json!("nobody.md"),
        }
    }
    of(&(field.schema)())
}

fn values() -> Vec<Value> {
    let deep = (0..40).fold(json!(1), |inner, _| json!([inner]));
    vec![
        Value::Null,
        json!(true),
        json!(-1),
        json!(0.5),
        json!(1e300),
        json!(u64::MAX),
        json!(""),
        json!(" "),
        json!("\u{0}\u{feff}'\"%"),
        json!("x".repeat(5_000)),
        json!([]),
        json!([null, 1, "a", {}]),
        json!({}),
        json!({"a": {"b": []}}),
        deep,
    ]
}

/// The path with its parameters filled in by names of nothing.
fn path(spec: &Spec) -> String {
    let segments = spec.path.split('/').map(|s| if s.starts_with(':') { "nobody" } else { s });
    segments.collect::<Vec<_>>().join("/")
}

fn send(admin: &Caller<'_>, spec: &Spec, shape: &Shape, members: &Map<String, Value>) -> Answer {
    if shape.place != Location::Query {
        let body = Value::Object(members.clone()).to_string();
        return admin.send(spec.method.as_str(), &path(spec), body.as_bytes());
    }
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let escaped = |text: String| text.bytes().map(|b| format!("%{b:02X}")).collect::<String>();
    let query: Vec<String> = members.iter().map(|(name, value)| format!("{name}={}", escaped(text(value)))).collect();
    admin.send(spec.method.as_str(), &format!("{}?{}", path(spec), query.join("&")), b"")
}

#[test]
fn every_field_of_every_route_is_sent_every_type() {
    let mut daemon = Daemon::prepare(&format!("{QUIET}{TEAM}"));
    daemon.boot_with(|command| {
        command.env("SIGNET_ADMIN_PASSWORD", "open sesame");
    });
    let admin = daemon.as_role("admin");
    let anchor = admin.memory("An anchor that must not change").save();
    let (mut asked, mut refused) = (0, 0);
    for (_, spec) in app::router().specs() {
        for shape in spec.takes {
            // a body may be read as two inputs
            let beside = spec.takes.iter().filter(|s| (s.place == Location::Query) == (shape.place == Location::Query));
            let needed = beside.flat_map(|s| s.fields).filter(|f| f.required);
            let required: Map<String, Value> = needed.map(|f| (f.names[0].to_owned(), good(f))).collect();
            for field in shape.fields {
                for (name, value) in field.names.iter().flat_map(|n| values().into_iter().map(move |v| (n, v))) {
                    let mut members = required.clone();
                    members.insert((*name).to_owned(), value.clone());
                    let answer = send(&admin, spec, shape, &members);
                    let what = || format!("{} {} {name}={value}: {}", spec.method, spec.path, answer.text());
                    // the pipeline is off here, and a route may need it
                    let off = answer.status == 503 && answer.text().contains("not running");
                    assert!((answer.status < 500 || off) && answer.status != 413, "{}", what());
                    if answer.status >= 400 {
                        refused += 1;
                        assert!(answer.json()["error"].as_str().is_some_and(|why| why.len() > 3), "{}", what());
                    }
                    if answer.status == 400 {
                        let said = answer.text();
                        let named = shape.fields.iter().flat_map(|f| f.names).any(|name| said.contains(name));
                        assert!(named || said.contains("Invalid"), "it names no field: {}", what());
                    }
                    asked += 1;
                }
            }
        }
    }
    assert!(asked > 1_500 && refused > 300, "{asked} asked, {refused} refused");
    assert_eq!(admin.get(&format!("/api/memory/{anchor}")).json()["version"], 1, "nothing was changed");
}
