//! Undoing the last change of provider.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::safety::{Role, Snapshot, Transition, transitions};
use super::{State, audit};
use crate::config::{CONFIG_FILES, parse_yaml, to_yaml};
use crate::files;
use crate::http::ApiError;
use crate::locks;

const SOURCE: &str = "api/config/provider-safety/rollback";

/// Sets the provider back to what it was before the newest change that can be undone.
pub fn rollback(
    state: &State,
    workspace: &Path,
    daemon_dir: &Path,
    role: Option<Role>,
    actor: Option<&str>,
    now: &str,
) -> Result<Value, ApiError> {
    let Ok(_one) = state.rolling_back.try_lock() else {
        return Err(ApiError::new(409, "Rollback already in progress"));
    };
    let _saving = locks::lock(&state.saving);
    let audit_path = audit::path(daemon_dir);
    let mut entries = audit::read(&audit_path);
    let eligible =
        |t: &Transition| t.from.is_some() && !t.rolled_back && t.source != SOURCE && role.is_none_or(|r| r == t.role);
    let nothing = || ApiError::not_found("No provider transition to roll back");
    let at = entries.iter().rposition(eligible).ok_or_else(nothing)?;
    let entry = entries[at].clone();
    let from = entry.from.clone().ok_or_else(nothing)?;
    let file = CONFIG_FILES.into_iter().find(|name| entry.source.ends_with(&format!(":{name}"))).ok_or_else(nothing)?;
    let path = workspace.join(file);
    let text = std::fs::read_to_string(&path).map_err(|_| ApiError::not_found("The config file is gone"))?;
    let mut config = parse_yaml(&text).map_err(|_| ApiError::bad_request("Invalid YAML config"))?;
    let before = Snapshot::of(&config);
    let retry = before.choice(entry.role).provider.as_ref() == Some(&from);
    let mut fresh = Vec::new();
    if !retry {
        set_provider(&mut config, entry.role, &from)?;
        let after = Snapshot::of(&config);
        if after.choice(entry.role).provider.as_ref() != Some(&from) {
            return Err(ApiError::bad_request("The config has nothing to roll back"));
        }
        after.check_lock(!after.allow_remote)?;
        let yaml = to_yaml(&config).map_err(ApiError::internal)?;
        files::replace(&path, yaml.as_bytes(), 0o600).map_err(ApiError::internal)?;
        fresh = transitions(&before, &after, SOURCE, actor, now);
    }
    entries[at].rolled_back = true;
    entries.extend(fresh.iter().cloned());
    if let Err(cause) = audit::write(&audit_path, &entries) {
        log::error!(target: "settings", "the audit file was not written: {cause}");
    }
    Ok(json!({
        "success": true, "file": file, "rolledBack": entries[at].to_json(false),
        "providerTransitions": fresh.iter().map(|t| t.to_json(false)).collect::<Vec<_>>(), "isRetry": retry,
    }))
}

/// The section with its provider set and what belonged to the other one dropped.
fn set_provider(config: &mut Value, role: Role, provider: &str) -> Result<(), ApiError> {
    let section = config
        .get_mut("memory")
        .and_then(|m| m.get_mut("pipelineV2"))
        .and_then(Value::as_object_mut)
        .ok_or_else(|| ApiError::bad_request("The config has no memory.pipelineV2 section"))?;
    let inside = |block: &mut Map<String, Value>| {
        block.insert("provider".to_owned(), json!(provider));
        for key in ["model", "endpoint", "base_url"] {
            block.shift_remove(key);
        }
    };
    match role {
        Role::Extraction => {
            section.insert("extractionProvider".to_owned(), json!(provider));
            for key in ["extractionModel", "extractionEndpoint", "extractionBaseUrl"] {
                section.shift_remove(key);
            }
            if let Some(block) = section.get_mut("extraction").and_then(Value::as_object_mut) {
                inside(block);
            }
        }
        Role::Synthesis => {
            if let Some(block) = section.get_mut("synthesis").and_then(Value::as_object_mut) {
                inside(block);
            }
        }
    }
    Ok(())
}
