//! The tables of docs/configuration.md, from the declarations of the keys.

use std::fmt::Write;

use serde_json::Value;

use super::auth::{AUTH, NETWORK};
use super::hooks::{HOOKS, IDENTITY};
use super::inference::INFERENCE;
use super::pipeline::{EXTRACTION, Pipeline, SAFETY, SYNTHESIS};
use super::settings::{Key, KeyTable};
use super::{Dreaming, EMBEDDING, MISC, Search};

const PIPELINE: &str = "memory.pipelineV2";

/// Every key of the config file that means something here, section by section, as Markdown.
pub fn markdown() -> String {
    let outer = [AUTH, NETWORK, EMBEDDING, Search::TABLE, INFERENCE, HOOKS, IDENTITY, MISC];
    let pipeline = Pipeline::TABLES.iter().chain([&EXTRACTION, &SYNTHESIS, &SAFETY]);
    let mut text = String::new();
    outer.iter().for_each(|table| section("", table, &mut text));
    section("memory", &Dreaming::TABLE, &mut text);
    pipeline.for_each(|table| section(PIPELINE, table, &mut text));
    text
}

fn section(outer: &str, table: &KeyTable, text: &mut String) {
    let path: Vec<&str> = [outer, table.section].into_iter().filter(|part| !part.is_empty()).collect();
    let path = path.join(".");
    let title = if path.is_empty() { "Others".to_owned() } else { format!("`{path}`") };
    let _ = writeln!(text, "### {title}\n\n{}\n", table.about.trim());
    *text += "| key | default | may be | older name | what |\n| --- | --- | --- | --- | --- |\n";
    for key in table.keys {
        let older = key.older.map_or_else(String::new, |name| format!("`{name}`"));
        let default = shown(&(key.default)());
        let _ = writeln!(text, "| `{}` | {default} | {} | {older} | {} |", key.name, may_be(key), key.about.trim());
    }
    text.push('\n');
}

fn shown(default: &Value) -> String {
    match default {
        Value::Null => "–".to_owned(),
        Value::String(text) if text.is_empty() => "empty".to_owned(),
        Value::String(text) => format!("`{text}`"),
        other => format!("`{other}`"),
    }
}

fn may_be(key: &Key) -> String {
    match (key.names, key.bounds) {
        (names @ [_, ..], _) => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
        (_, Some((least, most))) => format!("{least} to {most}"),
        _ => match (key.default)() {
            Value::Bool(_) => "true, false".to_owned(),
            _ => String::new(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_says_what_it_is_for_and_stands_once() {
        let text = markdown();
        let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| `")).collect();
        assert!(rows.len() > 150, "{}", rows.len());
        assert!(rows.iter().all(|row| !row.ends_with("|  |")), "a key without a meaning");
        let titles: Vec<&str> = text.lines().filter(|line| line.starts_with("### ")).collect();
        let distinct: std::collections::HashSet<_> = titles.iter().collect();
        // what stands at the top of the pipeline stands in two tables
        assert_eq!(distinct.len() + 1, titles.len(), "{titles:?}");
    }
}
