//! Undoing the last change of provider.

use std::sync::TryLockError;

use serde_json::{Map, Value, json};

use super::api::RolledBack;
use super::safety::{Role, Snapshot, Transition, transitions};
use super::{Settings, audit};
use crate::config::{CONFIG_FILES, parse_yaml, to_yaml};
use crate::core::Error;
use crate::sys::{files, locks};

const SOURCE: &str = "api/config/provider-safety/rollback";

impl Settings {
    /// Sets the provider back to what it was before the newest change that can be undone.
    pub(super) fn roll_back(&self, role: Option<Role>, actor: Option<&str>) -> Result<RolledBack, Error> {
        let _one = match self.rolling_back.try_lock() {
            Ok(one) => one,
            Err(TryLockError::Poisoned(left)) => left.into_inner(),
            Err(TryLockError::WouldBlock) => return Err(Error::conflict("Rollback already in progress")),
        };
        let answer = self.undo(role, actor)?;
        self.core.refresh_config();
        Ok(answer)
    }

    fn undo(&self, role: Option<Role>, actor: Option<&str>) -> Result<RolledBack, Error> {
        let _saving = locks::lock(&self.saving);
        let env = &self.core.env;
        let audit_path = audit::path(&env.daemon_dir());
        let mut entries = audit::read(&audit_path);
        let eligible = |t: &Transition| {
            t.from.is_some() && !t.rolled_back && t.source != SOURCE && role.is_none_or(|r| r == t.role)
        };
        let nothing = || Error::not_found("No provider transition to roll back");
        let at = entries.iter().rposition(eligible).ok_or_else(nothing)?;
        let entry = entries[at].clone();
        let from = entry.from.clone().ok_or_else(nothing)?;
        let is_of = |name: &&str| entry.source.ends_with(&format!(":{name}"));
        let file = CONFIG_FILES.into_iter().find(is_of).ok_or_else(nothing)?;
        let path = env.workspace.join(file);
        let text = std::fs::read_to_string(&path).map_err(|_| Error::not_found("The config file is gone"))?;
        let mut config = parse_yaml(&text).map_err(|_| Error::malformed("Invalid YAML config"))?;
        let before = Snapshot::of(&config);
        let retry = before.choice(entry.role).provider.as_ref() == Some(&from);
        let mut fresh = Vec::new();
        if !retry {
            set_provider(&mut config, entry.role, &from)?;
            let after = Snapshot::of(&config);
            if after.choice(entry.role).provider.as_ref() != Some(&from) {
                return Err(Error::malformed("The config has nothing to roll back"));
            }
            after.check_lock(!after.allow_remote)?;
            let yaml = to_yaml(&config).map_err(Error::failed)?;
            files::replace(&path, yaml.as_bytes(), 0o600).map_err(Error::failed)?;
            fresh = transitions(&before, &after, SOURCE, actor, &self.core.now());
        }
        entries[at].rolled_back = true;
        entries.extend(fresh.iter().cloned());
        if let Err(cause) = audit::write(&audit_path, &entries) {
            log::error!(target: "settings", "the audit file was not written: {cause}");
        }
        Ok(RolledBack {
            success: true,
            file,
            rolled_back: entries[at].to_answer(),
            provider_transitions: fresh.iter().map(Transition::to_answer).collect(),
            is_retry: retry,
        })
    }
}

/// The section with its provider set and what belonged to the other one dropped.
fn set_provider(config: &mut Value, role: Role, provider: &str) -> Result<(), Error> {
    let section = config
        .get_mut("memory")
        .and_then(|m| m.get_mut("pipelineV2"))
        .and_then(Value::as_object_mut)
        .ok_or_else(|| Error::malformed("The config has no memory.pipelineV2 section"))?;
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
