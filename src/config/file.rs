//! Finding and reading the config file, and looking values up in it.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The first of these that parses is the config.
pub const CONFIG_FILES: [&str; 3] = ["agent.yaml", "AGENT.yaml", "config.yaml"];

/// Larger files are no config.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

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

/// The config of a workspace with the file it came from.
pub fn read_first(workspace: &Path) -> Option<(PathBuf, Value)> {
    CONFIG_FILES.iter().find_map(|name| {
        let path = workspace.join(name);
        if std::fs::metadata(&path).ok()?.len() > MAX_BYTES {
            log::warn!(target: "config", "{} is too large and ignored", path.display());
            return None;
        }
        let text = String::from_utf8_lossy(&std::fs::read(&path).ok()?).into_owned();
        match parse_yaml(text.trim_start_matches('\u{feff}')) {
            Ok(value @ Value::Object(_)) => Some((path, value)),
            Ok(_) => None,
            Err(cause) => {
                log::warn!(target: "config", "{} does not parse, defaults are used: {cause}", path.display());
                None
            }
        }
    })
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
