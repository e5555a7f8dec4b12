//! Finding and reading the config file, and looking values up in it.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use super::auth::AuthMode;

/// The first of these that exists is the config.
pub const CONFIG_FILES: [&str; 3] = ["agent.yaml", "AGENT.yaml", "config.yaml"];

/// Larger files are no config.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// What is wrong with a config file. Never holds text of the file, which may be secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    pub file: String,
    pub line: Option<u64>,
    pub column: Option<u64>,
    pub message: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.file)?;
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, ", line {line}, column {column}")?;
        }
        write!(f, ": {}", self.message)
    }
}

impl Problem {
    fn new(file: &str, message: impl Into<String>) -> Self {
        Problem { file: file.to_owned(), line: None, column: None, message: message.into() }
    }

    fn at(self, (line, column): (u64, u64)) -> Self {
        Problem { line: Some(line), column: Some(column), ..self }
    }
}

/// YAML (or JSON) text as a value.
pub fn parse_yaml(text: &str) -> Result<Value, String> {
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    serde_saphyr::from_str(text).map_err(|cause| cause.to_string())
}

/// A value as block YAML; the order of keys is kept, comments are not part of a value.
pub fn to_yaml(value: &Value) -> Result<String, String> {
    serde_saphyr::to_string(value).map_err(|cause| cause.to_string())
}

/// A config text as a value, when it is one that can be trusted: a mapping whose `auth` says
/// something known. What cannot be read must not open a door.
pub fn check_text(file: &str, text: &str) -> Result<Value, Problem> {
    let text = text.trim_start_matches('\u{feff}');
    if text.trim().is_empty() {
        return Err(Problem::new(file, "the file is empty"));
    }
    let value: Value = serde_saphyr::from_str(text).map_err(|cause| {
        // the library's own text quotes the file
        let problem = Problem::new(file, "not valid YAML");
        match cause.location() {
            Some(place) => problem.at((place.line(), place.column())),
            None => problem,
        }
    })?;
    match &value {
        Value::Object(_) => {}
        Value::Null => return Err(Problem::new(file, "the file holds nothing but comments")),
        _ => return Err(Problem::new(file, "the file must be a mapping of keys").at((1, 1))),
    }
    if let Some(key) = misspelt_auth(&value) {
        return Err(Problem::new(file, format!("`{key}` is no key: auth.mode is written as auth: {{mode: …}}")));
    }
    let Some(auth) = value.get("auth") else { return Ok(value) };
    if !auth.is_object() {
        return Err(Problem::new(file, "auth must be a mapping").at(place_of(text, &["auth"])));
    }
    let known = auth.get("mode").is_none_or(|mode| mode.as_str().and_then(AuthMode::of_text).is_some());
    if !known {
        let problem = Problem::new(file, "auth.mode must be local, team or hybrid");
        return Err(problem.at(place_of(text, &["auth", "mode"])));
    }
    Ok(value)
}

/// A key that is meant to say who is let in and would say nothing: `Auth`, `auth.mode`, `auth: {Mode: …}`.
fn misspelt_auth(value: &Value) -> Option<&str> {
    let is = |key: &str, name: &str| key != name && key.trim().eq_ignore_ascii_case(name);
    let above = value.as_object()?.keys().find(|key| is(key, "auth") || key.trim().eq_ignore_ascii_case("auth.mode"));
    let within = || value.get("auth")?.as_object()?.keys().find(|key| is(key, "mode"));
    above.or_else(within).map(String::as_str)
}

/// Line and column of the last of these keys, each after the one before it.
fn place_of(text: &str, keys: &[&str]) -> (u64, u64) {
    let mut at = 0;
    for key in keys {
        let is_key = |found: &usize| {
            let rest = text[found + key.len()..].trim_start_matches(['"', '\'']).trim_start();
            let before = text[..*found].chars().next_back();
            rest.starts_with(':') && before.is_none_or(|c| !c.is_alphanumeric() && c != '_')
        };
        at = text[at..].match_indices(key).map(|(n, _)| at + n).find(is_key).unwrap_or(at);
    }
    let line = text[..at].matches('\n').count() as u64 + 1;
    let column = text[..at].rsplit('\n').next().map_or(0, |l| l.chars().count()) as u64 + 1;
    (line, column)
}

/// What a workspace has of a config.
pub enum Found {
    /// No file at all.
    Missing,
    Good {
        name: &'static str,
        text: String,
        value: Value,
    },
    Broken(Problem),
}

/// The config of a workspace. A file that is there is the config, whatever stands beside it.
pub fn find(workspace: &Path) -> Found {
    for name in CONFIG_FILES {
        let path = workspace.join(name);
        match read(&path) {
            Ok(text) => {
                return match check_text(name, &text) {
                    Ok(value) => Found::Good { name, text, value },
                    Err(problem) => Found::Broken(problem),
                };
            }
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound && std::fs::symlink_metadata(&path).is_err() => {
            }
            Err(cause) => return Found::Broken(Problem::new(name, format!("cannot be read: {cause}"))),
        }
    }
    Found::Missing
}

fn read(path: &PathBuf) -> std::io::Result<String> {
    let meta = std::fs::metadata(path)?;
    if !meta.is_file() || meta.len() > MAX_BYTES {
        return Err(std::io::Error::other("not a file of at most 4 MiB"));
    }
    Ok(String::from_utf8_lossy(&std::fs::read(path)?).into_owned())
}

static NULL: Value = Value::Null;

/// A place in the config file; looking further into nothing gives nothing.
#[derive(Debug, Clone, Copy)]
pub struct Section<'a>(pub &'a Value);

impl<'a> Section<'a> {
    /// A dotted path of keys.
    pub fn at(self, path: &str) -> Section<'a> {
        Section(path.split('.').try_fold(self.0, |value, key| value.get(key)).unwrap_or(&NULL))
    }

    pub fn is_some(self) -> bool {
        !self.0.is_null()
    }

    /// Trimmed text, never empty.
    pub fn text(self) -> Option<&'a str> {
        self.0.as_str().map(str::trim).filter(|s| !s.is_empty())
    }

    /// Text, or a number or date as its text.
    pub fn scalar_text(self) -> Option<String> {
        match self.0 {
            Value::String(s) => Some(s.trim().to_owned()).filter(|s| !s.is_empty()),
            Value::Number(n) => Some(n.to_string()),
            _ => None,
        }
    }

    pub fn number(self) -> Option<f64> {
        self.0.as_f64().filter(|n| n.is_finite())
    }

    pub fn bool(self) -> Option<bool> {
        self.0.as_bool()
    }

    /// A boolean or one of the texts `true` and `false`.
    pub fn lenient_bool(self) -> Option<bool> {
        match self.0 {
            Value::Bool(b) => Some(*b),
            Value::String(s) if s == "true" => Some(true),
            Value::String(s) if s == "false" => Some(false),
            _ => None,
        }
    }

    pub fn items(self) -> impl Iterator<Item = Section<'a>> {
        self.0.as_array().into_iter().flatten().map(Section)
    }

    pub fn entries(self) -> impl Iterator<Item = (&'a str, Section<'a>)> {
        self.0.as_object().into_iter().flatten().map(|(k, v)| (k.as_str(), Section(v)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_texts_are_told_with_their_place_and_without_their_content() {
        for (text, want) in [
            ("auth:\n  mode: team\n\tbroken: tab\n", "agent.yaml, line 2, column 9: not valid YAML"),
            ("auth:\n  mode: taem\n", "agent.yaml, line 2, column 3: auth.mode must be local, team or hybrid"),
            ("mode: x\nauth: {\"mode\": 5}", "agent.yaml, line 2, column 9: auth.mode must be local, team or hybrid"),
            ("a: 1\nauth: team\n", "agent.yaml, line 2, column 1: auth must be a mapping"),
            ("auth:\n  # mode: team\n", "agent.yaml, line 1, column 1: auth must be a mapping"),
            ("auth:\n  mode:\n", "agent.yaml, line 2, column 3: auth.mode must be local, team or hybrid"),
            (" \n", "agent.yaml: the file is empty"),
            ("# only words\n", "agent.yaml: the file holds nothing but comments"),
            ("- 1\n", "agent.yaml, line 1, column 1: the file must be a mapping of keys"),
            ("secret: \"abc\n", "agent.yaml, line 1, column 9: not valid YAML"),
        ] {
            assert_eq!(check_text("agent.yaml", text).unwrap_err().to_string(), want, "{text:?}");
        }
        for text in ["Auth:\n  mode: team\n", "auth.mode: team", "auth:\n  Mode: team\n", "a: 1\nAUTH: {}"] {
            assert!(check_text("agent.yaml", text).unwrap_err().to_string().contains("is no key"), "{text:?}");
        }
        for text in ["auth:\n  mode: Team\n", "a: 1", "auth: {}", "\u{feff}auth:\n  mode: hybrid\n"] {
            assert!(check_text("agent.yaml", text).is_ok(), "{text:?}");
        }
    }
}
