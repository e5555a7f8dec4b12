//! `/api/config*` and `/api/identity`.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::{Value, json};

use super::safety::{Role, Snapshot, Transition, transitions};
use super::{audit, identity, rollback};
use crate::app::{App, Route};
use crate::auth::Access::{Credential, Needs};
use crate::auth::{Caller, Permission};
use crate::config::{CONFIG_FILES, check_text, parse_yaml, to_yaml};
use crate::files;
use crate::http::{ApiError, Request, Response};
use crate::locks;

pub const ROUTES: &[Route] = &[
    Route::get("/api/config", Credential, list),
    Route::post("/api/config", Needs(Permission::Admin), save).body_limit(MAX_CONFIG),
    Route::get("/api/config/provider-safety", Needs(Permission::Recall), safety),
    Route::post("/api/config/provider-safety/rollback", Needs(Permission::Admin), roll_back),
    Route::get("/api/identity", Credential, identity_of),
];

/// Bytes of a saved body, and characters of a file in it.
const MAX_CONFIG: usize = 1_048_576;
/// Bytes of a file's name, as most file systems take them.
const LONGEST_NAME: usize = 255;
/// Listed files: how many, and bytes of each and of all.
const MOST_FILES: usize = 500;
const MAX_LISTED: u64 = 1_048_576;
const MAX_LISTED_IN_ALL: usize = 4 * 1_048_576;

/// Files that come first, in this order.
const FIRST: [&str; 5] = ["agent.yaml", "AGENTS.md", "SOUL.md", "IDENTITY.md", "USER.md"];

fn is_guarded(name: &str) -> bool {
    CONFIG_FILES.iter().any(|guarded| guarded.eq_ignore_ascii_case(name))
}

/// Whether a caller may see password hashes and keys.
fn sees_guarded(caller: &Caller) -> bool {
    caller.claims().is_none_or(|c| c.refusal(Permission::Admin).is_none())
}

fn list(app: &App, req: &Request) -> Result<Response, ApiError> {
    let entries = match std::fs::read_dir(&app.env.workspace) {
        Ok(entries) => entries,
        Err(cause) => {
            log::warn!(target: "settings", "the workspace cannot be read: {cause}");
            return Ok(Response::json(&json!({ "files": [], "error": "the workspace cannot be read" })));
        }
    };
    let guarded = sees_guarded(&req.caller);
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .filter(|e| std::fs::metadata(e.path()).is_ok_and(|m| m.is_file() && m.len() <= MAX_LISTED))
        .filter_map(|e| e.file_name().into_string().ok())
        .filter(|name| name.ends_with(".md") || name.ends_with(".yaml"))
        .filter(|name| guarded || !is_guarded(name))
        .collect();
    names.sort_by_key(|name| (FIRST.iter().position(|f| f == name).unwrap_or(FIRST.len()), name.clone()));
    names.truncate(MOST_FILES);
    let mut room = MAX_LISTED_IN_ALL;
    let mut left_out = 0;
    let mut files: Vec<Value> = Vec::new();
    for name in &names {
        match read_listed(&app.env.workspace.join(name), room) {
            Some(bytes) => {
                room -= bytes.len();
                files.push(json!({ "name": name, "content": String::from_utf8_lossy(&bytes), "size": bytes.len() }));
            }
            None => left_out += 1,
        }
    }
    let mut answer = json!({ "files": files });
    if left_out > 0 {
        answer["leftOut"] = json!(left_out);
    }
    Ok(Response::json(&answer))
}

/// A file's content; `None` when it has no room or cannot be read.
fn read_listed(path: &Path, room: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(room as u64 + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() <= room).then_some(bytes)
}

fn save(app: &App, req: &Request) -> Result<Response, ApiError> {
    let body = req.object()?;
    let file = body.raw("file").and_then(Value::as_str).filter(|f| !f.is_empty());
    let content = body.raw("content").and_then(Value::as_str);
    let (Some(file), Some(content)) = (file, content) else {
        return Err(ApiError::bad_request("Invalid request: file and content are required"));
    };
    check_name(file)?;
    if content.chars().count() > MAX_CONFIG {
        return Err(ApiError::new(413, "payload too large"));
    }
    let path = app.env.workspace.join(file);
    let _saving = locks::lock(&app.settings.saving);
    if !is_guarded(file) {
        files::replace(&path, content.as_bytes(), 0o600).map_err(write_failed)?;
        return Ok(Response::json(&json!({ "success": true, "providerTransitions": [] })));
    }
    let plan = Plan::of(&path, content)?;
    files::replace(&path, plan.text.as_bytes(), 0o600).map_err(write_failed)?;
    app.refresh_config();
    let actor = req.caller.claims().map(|c| c.sub.as_str());
    let changes = transitions(&plan.before, &plan.after, &format!("api/config:{file}"), actor, &app.now());
    let mut answer = json!({
        "success": true, "providerTransitions": changes.iter().map(|t| t.to_json(false)).collect::<Vec<_>>(),
    });
    if let Err(cause) = record(app, changes) {
        log::error!(target: "settings", "the audit file was not written: {cause}");
        answer["auditError"] = json!("the change was saved but not recorded");
    }
    if plan.comments_stripped {
        answer["commentsStripped"] = json!(true);
    }
    Ok(Response::json(&answer))
}

fn write_failed(cause: std::io::Error) -> ApiError {
    log::error!(target: "settings", "a config file was not written: {cause}");
    ApiError::new(500, "The file could not be written")
}

fn check_name(file: &str) -> Result<(), ApiError> {
    if file.contains(['/', '\\']) || file.contains("..") || file.chars().any(char::is_control) {
        return Err(ApiError::bad_request("Invalid file name: file must be a plain name"));
    }
    if file.len() > LONGEST_NAME {
        return Err(ApiError::bad_request("Invalid file name: file may have 255 bytes at most"));
    }
    if !(file.ends_with(".md") || file.ends_with(".yaml")) || file.starts_with('.') {
        return Err(ApiError::bad_request("Invalid file type: file must end in .md or .yaml"));
    }
    Ok(())
}

/// How a guarded file will be written.
struct Plan {
    before: Snapshot,
    after: Snapshot,
    text: String,
    comments_stripped: bool,
}

impl Plan {
    /// 400 when the text does not parse or breaks the lock. A lock on disk that the text is
    /// silent about is written back into it.
    fn of(path: &Path, content: &str) -> Result<Self, ApiError> {
        let invalid = |_| ApiError::bad_request("Invalid YAML config");
        let mut config = parse_yaml(content).map_err(invalid)?;
        // an empty file may be saved; the last good config stays in force
        if !config.is_null() {
            check_text("content", content)
                .map_err(|problem| ApiError::bad_request(format!("Invalid YAML config: {problem}")))?;
        }
        let on_disk = std::fs::read_to_string(path).ok().and_then(|text| parse_yaml(&text).ok());
        let before = on_disk
            .as_ref()
            .map(Snapshot::of)
            .unwrap_or_else(|| Snapshot { allow_remote: true, ..Snapshot::default() });
        let after = Snapshot::of(&config);
        let kept_lock = !before.allow_remote && after.explicit_lock.is_none();
        after.check_lock(!after.allow_remote || kept_lock)?;
        if kept_lock && after.has_section {
            config["memory"]["pipelineV2"]["allowRemoteProviders"] = json!(false);
            let text = to_yaml(&config).map_err(ApiError::internal)?;
            return Ok(Plan { before, after: Snapshot::of(&config), text, comments_stripped: true });
        }
        Ok(Plan { before, after, text: content.to_owned(), comments_stripped: false })
    }
}

fn record(app: &App, changes: Vec<Transition>) -> std::io::Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let path = audit::path(&app.env.daemon_dir());
    let mut entries = audit::read(&path);
    entries.extend(changes);
    audit::write(&path, &entries)
}

fn safety(app: &App, _: &Request) -> Result<Response, ApiError> {
    let entries = audit::read(&audit::path(&app.env.daemon_dir()));
    let risky = entries.iter().rev().find(|t| t.risky).map(|t| t.to_json(false));
    let mut answer = json!({
        "snapshot": null,
        "transitions": entries.iter().map(|t| t.to_json(false)).collect::<Vec<_>>(),
        "latestRiskyTransition": risky,
    });
    let file = CONFIG_FILES.iter().map(|name| app.env.workspace.join(name)).find(|path| path.is_file());
    if let Some(file) = file {
        match std::fs::read_to_string(file).ok().and_then(|text| parse_yaml(&text).ok()) {
            Some(config) => answer["snapshot"] = Snapshot::of(&config).to_json(),
            None => answer["snapshotError"] = json!("Invalid YAML config"),
        }
    }
    Ok(Response::json(&answer))
}

fn roll_back(app: &App, req: &Request) -> Result<Response, ApiError> {
    let body = req.object()?;
    let role = match body.raw("role") {
        None | Some(Value::Null) => None,
        Some(value) => Some(
            value
                .as_str()
                .and_then(Role::parse)
                .ok_or_else(|| ApiError::bad_request("role must be extraction or synthesis"))?,
        ),
    };
    let actor = req.caller.claims().map(|c| c.sub.as_str());
    let answer = rollback::rollback(&app.settings, &app.env.workspace, &app.env.daemon_dir(), role, actor, &app.now())?;
    app.refresh_config();
    Ok(Response::json(&answer))
}

fn identity_of(app: &App, _: &Request) -> Result<Response, ApiError> {
    Ok(Response::json(&identity::identity(&app.env.workspace, &app.config.file())))
}
