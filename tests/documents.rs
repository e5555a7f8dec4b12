//! What is written of the API is what the binary serves: tables of docs/api, docs/configuration.md and
//! docs/api/openapi.json come from the declarations. `make docs` writes them anew.

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;
use signetd::app;
use signetd::http::{Method, Spec, openapi};

fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn routes_of(parts: &str) -> Vec<&'static Spec> {
    let named: Vec<&str> = parts.split(',').map(str::trim).collect();
    let found: Vec<_> = app::router().specs().filter(|(part, _)| named.contains(part)).map(|(_, spec)| spec).collect();
    assert!(!found.is_empty(), "no part of {parts} has a route");
    found
}

/// The text for a marker such as `routes: memory, pipeline`.
fn generated(marker: &str) -> String {
    match marker.split_once(':') {
        Some(("routes", parts)) => openapi::routes_table(routes_of(parts).into_iter()),
        Some(("inputs", parts)) => openapi::inputs_table(routes_of(parts).into_iter()),
        None if marker == "keys" => signetd::config::reference::markdown(),
        None if marker == "tools" => signetd::parts::mcp::markdown(),
        _ => panic!("the marker {marker} is not known"),
    }
}

/// A page with what stands between its markers made anew.
fn renewed(page: &str) -> String {
    let mut text = String::new();
    let mut rest = page;
    while let Some((before, after)) = rest.split_once("<!-- ") {
        let (marker, after) = after.split_once(" -->\n").expect("a marker ends its line");
        let (_, after) = after.split_once("<!-- end -->\n").expect("a marker has an end");
        let new = generated(marker);
        text += &format!("{before}<!-- {marker} -->\n{}\n<!-- end -->\n", new.trim_end());
        rest = after;
    }
    text + rest
}

fn hold(path: &str, new: &str) {
    if std::env::var_os("SIGNETD_WRITE_DOCS").is_some() {
        std::fs::write(at(path), new).unwrap();
    }
    let stands = std::fs::read_to_string(at(path)).unwrap_or_default();
    assert!(stands == new, "{path} is not what the binary serves: run make docs");
}

#[test]
fn pages_hold_what_the_declarations_say() {
    let mut parts = BTreeSet::new();
    for page in [
        "docs/api/health.md",
        "docs/api/auth.md",
        "docs/api/memory.md",
        "docs/api/sessions.md",
        "docs/api/mcp.md",
        "docs/configuration.md",
    ] {
        let text = std::fs::read_to_string(at(page)).unwrap();
        assert!(text.contains("<!-- end -->"), "{page} has no markers");
        hold(page, &renewed(&text));
        let named = text.lines().filter_map(|l| l.strip_prefix("<!-- routes: ")?.strip_suffix(" -->"));
        parts.extend(named.flat_map(|list| list.split(", ")).map(str::to_owned));
    }
    let mounted: BTreeSet<String> = app::router().specs().map(|(part, _)| part.to_owned()).collect();
    assert_eq!(parts, mounted, "each part's routes stand on a page");
}

#[test]
fn the_openapi_file_is_what_the_binary_prints() {
    hold("docs/api/openapi.json", &format!("{:#}\n", app::document()));
}

#[test]
fn a_daemon_serves_the_document_to_those_who_may_ask() {
    let daemon = common::Daemon::start(common::QUIET);
    let file: Value = serde_json::from_str(&std::fs::read_to_string(at("docs/api/openapi.json")).unwrap()).unwrap();
    assert_eq!(daemon.get("/openapi.json").expect(200).json(), file);
    let printed = daemon.command(&["openapi"]).output().unwrap().stdout;
    assert_eq!(serde_json::from_slice::<Value>(&printed).unwrap(), file);
    let team = common::Daemon::start(&format!("{}{}", common::QUIET, common::TEAM));
    team.as_nobody().get("/openapi.json").expect(401);
    team.as_role("readonly").get("/openapi.json").expect(200);
}

#[test]
fn every_tool_is_on_a_route() {
    let router = app::router();
    let routes: BTreeSet<(&str, &str)> = router.specs().map(|(_, spec)| (spec.method.as_str(), spec.path)).collect();
    for (name, method, path) in signetd::parts::mcp::Mcp::tool_routes() {
        assert!(routes.contains(&(method, path)), "{name}: {method} {path}");
    }
}

/// Routes that the contract has not, which the architecture asks for.
const BESIDE_THE_CONTRACT: [&str; 1] = ["GET /openapi.json"];

#[test]
fn the_contract_has_every_route_and_done_parts_miss_none() {
    // only where the contract lies beside the project
    let Ok(table) = std::fs::read_to_string(at("../shared/api/routes.tsv")) else { return };
    let rows: Vec<Vec<&str>> = table.lines().filter(|l| !l.starts_with('#')).map(|l| l.split('\t').collect()).collect();
    let contract: BTreeSet<String> = rows.iter().map(|r| format!("{} {}", r[1], named(r[2]))).collect();
    let served: BTreeSet<String> =
        app::router().specs().map(|(_, s)| format!("{} {}", s.method, named(s.path))).collect();
    // a row for all methods of a path stands for each
    let every: Vec<&str> = contract.iter().filter_map(|row| row.strip_prefix("ALL ")).collect();
    let served_every = |path: &str| served.contains(&format!("POST {path}"));
    let in_every = |row: &str| row.split_once(' ').is_some_and(|(_, path)| every.contains(&path));
    let more: Vec<_> =
        served.difference(&contract).filter(|r| !BESIDE_THE_CONTRACT.contains(&r.as_str()) && !in_every(r)).collect();
    assert!(more.is_empty(), "not in the contract: {more:?}");
    let done = std::fs::read_to_string(at("tests/conformance/parts.txt")).unwrap();
    let done: Vec<&str> = done.lines().filter(|l| !l.starts_with('#') && !l.is_empty()).collect();
    let missing: Vec<String> = rows
        .iter()
        .filter(|r| done.contains(&r[0]))
        .map(|r| format!("{} {}", r[1], named(r[2])))
        .filter(|r| !served.contains(r) && !r.strip_prefix("ALL ").is_some_and(served_every))
        .collect();
    assert!(missing.is_empty(), "parts that are done miss {missing:?}");
}

/// A path with its parameters unnamed.
fn named(path: &str) -> String {
    path.split('/').map(|s| if s.starts_with(':') { ":" } else { s }).collect::<Vec<_>>().join("/")
}

#[test]
fn every_route_says_what_it_is_what_it_takes_and_what_it_gives() {
    let document = app::document();
    for (_, spec) in app::router().specs() {
        let route = format!("{} {}", spec.method, spec.path);
        assert!(!spec.about.is_empty(), "{route} says nothing of itself");
        assert!(spec.is_page || spec.is_stream || !spec.gives.is_empty(), "{route} gives nothing");
        let writes = matches!(spec.method, Method::Post | Method::Put | Method::Patch);
        let told = !writes || !spec.takes.is_empty() || !spec.mutates || TAKES_NOTHING.contains(&route.as_str());
        assert!(told, "{route} takes nothing");
        for field in spec.takes.iter().flat_map(|shape| shape.fields) {
            assert!(!field.about.trim().is_empty(), "{route}: {} says nothing of itself", field.names[0]);
        }
    }
    let references = document.to_string();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for reference in references.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(schemas.contains_key(name) && schemas[name] != Value::Null, "{name} is not described");
    }
}

/// Those whose request says everything by its path, and JSON-RPC: its messages are described in docs/api/mcp.md.
const TAKES_NOTHING: [&str; 5] =
    ["POST /api/auth/saml/acs", "POST /api/synthesis/trigger", "POST /mcp", "PUT /mcp", "PATCH /mcp"];

/// What `--help` names: the commands, which begin their lines, and every option.
fn in_help() -> BTreeSet<String> {
    let help = std::process::Command::new(env!("CARGO_BIN_EXE_signetd")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let commands = help.lines().skip_while(|line| *line != "Commands:").take_while(|line| *line != "Options:");
    let commands = commands
        .filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next().filter(|_| !line.starts_with("   ")));
    let words = help.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    let options = words.filter(|word| word.starts_with("--") && word.len() > 2);
    commands.chain(options).map(str::to_owned).collect()
}

#[test]
fn the_manual_and_the_completions_know_all_that_help_names() {
    let named = in_help();
    assert!(named.contains("backup") && named.contains("--keep") && named.len() > 25, "{named:?}");
    for page in ["signetd.1", "completions/signetd.bash", "completions/_signetd", "completions/signetd.fish"] {
        let text = std::fs::read_to_string(at("docs").join(page)).unwrap().replace("\\-", "-");
        let has = |name: &str| match name.strip_prefix("--") {
            Some(long) if page.ends_with("fish") => text.contains(&format!("-l {long} ")),
            _ => text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').any(|word| word == name),
        };
        let missing: Vec<_> = named.iter().filter(|name| !has(name)).collect();
        assert!(missing.is_empty(), "{page} does not know {missing:?}");
    }
}
