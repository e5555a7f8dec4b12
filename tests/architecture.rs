//! The rules of docs/architecture.md, read off the source: what names what, who owns which table, what
//! speaks HTTP and SQL, how long files are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Modules from low to high: each names only those before it.
const LAYERS: [&str; 12] =
    ["text", "sys", "embedding", "upstream", "config", "db", "work", "core", "backup", "http", "parts", "app"];
/// The parts, likewise.
const PARTS: [&str; 11] = [
    "agents",
    "auth",
    "config",
    "inference",
    "knowledge",
    "memory",
    "documents",
    "sessions",
    "pipeline",
    "status",
    "mcp",
];
/// `http` knows requests and answers; what is stored is none of its business.
const NEVER: [(&str, &str); 2] = [("http", "db"), ("db", "core")];

/// Who owns the tables whose names begin so; the first that fits.
const OWNERS: [(&str, &str); 29] = [
    ("agents", "agents"),
    ("api_keys", "auth"),
    ("entit", "knowledge"),
    ("epistemic_assertions", "knowledge"),
    ("memory_entity_mentions", "knowledge"),
    ("relations", "knowledge"),
    ("path_feedback", "knowledge"),
    ("ontology_proposals", "knowledge"),
    ("dreaming", "knowledge"),
    ("signetd_aspects_fts", "knowledge"),
    ("signetd_claims_fts", "knowledge"),
    ("memory_jobs", "pipeline"),
    ("summary_jobs", "sessions"),
    ("memory_md_heads", "sessions"),
    ("memory_thread_heads", "sessions"),
    ("skill_", "sessions"),
    ("signetd_checkpoint_agents", "sessions"),
    ("memory_artifact", "documents"),
    ("documents", "documents"),
    ("document_memories", "documents"),
    ("connectors", "documents"),
    ("session_", "sessions"),
    ("transcript_capture_jobs", "sessions"),
    ("memor", "memory"),
    ("embeddings", "memory"),
    ("signetd_terms", "memory"),
    ("temporal_edges", "memory"),
    ("aggregate_memory_sources", "memory"),
    ("umap_cache", "memory"),
];
/// Who else may read a table, joined to its own in one statement. Nobody else writes one.
const READERS: [(&str, &str, &str); 4] = [
    ("knowledge", "memories", "claims and mentions are shown as far as their memory may be read"),
    ("documents", "embeddings", "chunks of sources have their vectors there"),
    ("core", "agents", "the read policy"),
    ("core", "memories", "whether a row may be seen"),
];
/// Lines of a file, its tests included.
const LONGEST: usize = 400;

struct Source {
    /// Below `src`, without `.rs`: `parts/memory/mod`.
    name: String,
    lines: usize,
    /// Without comments and unit tests.
    code: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|e| e == "rs") {
                found.push(source(&root, &entry));
            }
        }
    }
    assert!(found.len() > 150, "the source is not where it was");
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

fn source(root: &Path, path: &PathBuf) -> Source {
    let text = std::fs::read_to_string(path).unwrap();
    let name = path.strip_prefix(root).unwrap().with_extension("").display().to_string();
    Source { name, lines: text.lines().count(), code: code_of(&text) }
}

fn code_of(text: &str) -> String {
    let own = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    own.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The modules that a text names from the crate's root, two deep: `crate::parts::{a, b::c}` are `parts::a`
/// and `parts::b`.
fn named(code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let before = code[..at].chars().next_back();
        if before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != '$') {
            paths(&code[at + "crate::".len()..], &[], &mut found);
        }
    }
    found
}

fn paths(rest: &str, above: &[String], found: &mut Vec<Vec<String>>) {
    if let Some(group) = rest.strip_prefix('{') {
        return members(group).iter().for_each(|member| paths(member, above, found));
    }
    let word: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let after = &rest[word.len()..];
    let here: Vec<String> = above.iter().cloned().chain([word]).collect();
    match after.strip_prefix("::") {
        Some(deeper) if here.len() < 2 => paths(deeper, &here, found),
        _ => found.push(here),
    }
}

/// The members of a group whose opening brace was taken away.
fn members(text: &str) -> Vec<String> {
    let (mut depth, mut all, mut member) = (0, Vec::new(), String::new());
    for c in text.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                all.push(std::mem::take(&mut member));
                continue;
            }
            _ => {}
        }
        member.push(c);
    }
    all.push(member);
    all.iter().map(|m| m.trim().to_owned()).filter(|m| !m.is_empty()).collect()
}

/// Whether a chain of `super::` leads out of a file's module or part, where the order cannot be seen.
fn climbs_out(file: &str, code: &str) -> bool {
    let depth = file.split('/').filter(|segment| *segment != "mod").count();
    let least = if file.starts_with("parts/") { 2 } else { 1 };
    let longest = (1..=4).rev().find(|n| code.contains(&"super::".repeat(*n))).unwrap_or(0);
    depth > 1 && longest + least > depth
}

/// What of the names in a file goes against the order.
fn misnamed(file: &str, code: &str) -> Vec<String> {
    let mut place = file.split('/');
    let module = place.next().unwrap_or_default();
    let part = place.next().unwrap_or_default();
    let rank = |list: &[&str], name: &str| list.iter().position(|l| *l == name);
    let own = rank(&LAYERS, module).unwrap_or(LAYERS.len());
    let mut wrong = Vec::new();
    if climbs_out(file, code) {
        wrong.push(format!("{file} climbs out by super"));
    }
    for path in named(code) {
        let Some(other) = rank(&LAYERS, &path[0]) else { continue };
        let above = if other == own && module == "parts" && path.len() > 1 {
            let named = rank(&PARTS, &path[1]).unwrap_or_else(|| panic!("{} is no part: add it to PARTS", path[1]));
            named > rank(&PARTS, part).unwrap_or(PARTS.len())
        } else {
            other > own
        };
        if above || NEVER.contains(&(module, path[0].as_str())) {
            wrong.push(format!("{file} names {}", path.join("::")));
        }
    }
    wrong
}

#[test]
fn modules_name_only_what_stands_below_them() {
    let wrong: Vec<String> = sources().iter().flat_map(|s| misnamed(&s.name, &s.code)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_rule_of_names_can_be_broken() {
    for (file, code, found) in [
        ("http/server", "use crate::db::Db;", 1),
        ("parts/agents/mod", "use crate::parts::{auth, agents::api};", 1),
        ("parts/memory/mod", "use crate::{app::App, parts::knowledge};", 1),
        ("core/mod", "fn f() { crate::http::Response::empty(204); }", 1),
        ("parts/agents/mod", "use super::memory::Memory;", 1),
        ("parts/memory/recall/rank", "use super::super::super::auth::Auth;", 1),
        ("parts/memory/recall/rank", "use super::super::vectors::Index;", 0),
        ("parts/status/mod", "use crate::parts::memory::Memory;\nuse crate::{db, names};", 0),
    ] {
        assert_eq!(misnamed(file, code).len(), found, "{code}");
    }
}

/// What follows these words in a statement is a table.
const BEFORE_TABLES: [&str; 4] = ["FROM", "JOIN", "INTO", "UPDATE"];

/// The tables of a file's statements, and whether they are written to.
fn tables(code: &str) -> Vec<(String, bool)> {
    let words: Vec<&str> = code.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|w| !w.is_empty()).collect();
    let is_table = |word: &str| word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    let writes = |at: usize| matches!(words[at], "INTO" | "UPDATE") || at > 0 && words[at - 1] == "DELETE";
    let before: Vec<usize> =
        (0..words.len().saturating_sub(1)).filter(|at| BEFORE_TABLES.contains(&words[*at])).collect();
    let tables = before.into_iter().filter(|at| is_table(words[at + 1]));
    tables.map(|at| (words[at + 1].to_owned(), writes(at))).collect()
}

fn owner(table: &str) -> Option<&'static str> {
    OWNERS.iter().find(|(prefix, _)| table.starts_with(prefix)).map(|(_, owner)| *owner)
}

/// The part of a file, else its module.
fn room(file: &str) -> &str {
    let mut place = file.split('/');
    match place.next() {
        Some("parts") => place.next().unwrap_or_default(),
        other => other.unwrap_or_default(),
    }
}

fn misused(file: &str, code: &str) -> Vec<String> {
    let room = room(file);
    let foreign = |(table, writes): &(String, bool)| {
        let owner = owner(table)?;
        let reads = !writes && READERS.iter().any(|(who, what, _)| *who == room && what == table);
        (owner != room && !reads).then(|| format!("{file} touches {table} of {owner}"))
    };
    tables(code).iter().filter_map(foreign).collect()
}

#[test]
fn a_table_has_one_owner() {
    // `db` makes the tables and looks after the file as a whole
    let all = sources();
    let wrong: Vec<String> =
        all.iter().filter(|s| room(&s.name) != "db").flat_map(|s| misused(&s.name, &s.code)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let mut owned: BTreeMap<&str, usize> = BTreeMap::new();
    for (table, _) in all.iter().flat_map(|s| tables(&s.code)) {
        *owned.entry(owner(&table).unwrap_or_default()).or_default() += 1;
    }
    assert!(["memory", "knowledge", "sessions", "documents"].iter().all(|part| owned.contains_key(part)), "{owned:?}");
}

#[test]
fn the_rule_of_tables_can_be_broken() {
    for (file, code, found) in [
        ("parts/memory/store/x", "\"SELECT 1 FROM entities e JOIN memories m\"", 1),
        ("parts/knowledge/store/x", "\"SELECT 1 FROM memories m\"", 0),
        ("parts/knowledge/store/x", "\"DELETE FROM memories\"", 1),
        ("parts/agents/store", "\"UPDATE api_keys SET a = 1\"", 1),
    ] {
        assert_eq!(misused(file, code).len(), found, "{code}");
    }
}

/// Words that begin statements, as they stand in texts.
const STATEMENTS: [&str; 6] = ["SELECT ", "INSERT INTO", "INSERT OR ", "DELETE FROM", "UPDATE ", "CREATE TABLE"];

/// Where SQL may stand: what a part stores, the database itself, and who may see what.
fn keeps_sql(file: &str) -> bool {
    file.starts_with("db/") || file.starts_with("core/access/") || file.contains("/store")
}

#[test]
fn statements_stand_in_stores() {
    let wrong: Vec<String> = sources()
        .iter()
        .filter(|s| !keeps_sql(&s.name))
        .filter(|s| STATEMENTS.iter().any(|word| s.code.contains(word)) || s.code.contains(".and_with("))
        .map(|s| s.name.clone())
        .collect();
    assert!(wrong.is_empty(), "SQL outside a store: {wrong:?}");
}

#[test]
fn the_work_knows_no_http() {
    let speaks = |code: &str| {
        let words = code.split(|c: char| !c.is_alphanumeric() && c != '_');
        words.into_iter().any(|w| matches!(w, "Request" | "Response" | "ApiError"))
    };
    let wrong: Vec<String> = sources()
        .iter()
        .filter(|s| s.name.starts_with("parts/") && !s.name.ends_with("/routes"))
        // the gate before every route, and the tools, which are requests
        .filter(|s| s.name != "parts/auth/gate" && !s.name.starts_with("parts/mcp/") && speaks(&s.code))
        .map(|s| s.name.clone())
        .collect();
    assert!(wrong.is_empty(), "requests or answers outside routes.rs: {wrong:?}");
    assert!(speaks("fn f(request: &Request)") && !speaks("struct RequestBody;"));
}

#[test]
fn files_are_short_and_the_environment_has_one_door() {
    for source in sources() {
        assert!(source.lines <= LONGEST, "{} has {} lines", source.name, source.lines);
        let door = ["cli/mod", "db/trace"].contains(&source.name.as_str());
        assert!(door || !source.code.contains("env::var"), "{} reads the environment by itself", source.name);
    }
}
