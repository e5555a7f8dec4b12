//! Who the agent is: `agent.yaml`, with `IDENTITY.md` for what it leaves open.

use std::path::Path;

use serde_json::Value;

use super::api::Identity;
use crate::config::Section;

/// Bytes of `IDENTITY.md` that are looked at.
const MAX_BYTES: u64 = 256 * 1024;

pub fn identity(workspace: &Path, config: &Value) -> Identity {
    let config = Section(config);
    let text = beginning(&workspace.join("IDENTITY.md")).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let line = |key: &str| line_value(&text, key);
    let own = |path: &str| config.at(path).text().map(str::to_owned);
    Identity {
        name: own("agent.name").or_else(|| line("name")).unwrap_or_else(|| "Unknown".to_owned()),
        creature: own("agent.description").or_else(|| line("creature")).or_else(|| line("role")).unwrap_or_default(),
        vibe: line("vibe").unwrap_or_default(),
    }
}

fn beginning(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read;
    let mut text = Vec::new();
    std::fs::File::open(path)?.take(MAX_BYTES).read_to_end(&mut text)?;
    Ok(text)
}

/// The first line `key: value`, with an optional `-` before it.
fn line_value(text: &str, key: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let line = line.trim().trim_start_matches('-').trim_start();
        let (name, value) = line.split_once(':')?;
        let value = value.trim();
        (name.trim().eq_ignore_ascii_case(key) && !value.is_empty()).then(|| value.to_owned())
    })
}
