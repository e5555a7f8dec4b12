//! The workspace folder before anything in it is touched: is it one of ours, and is it private?

use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::config::Environment;

/// Later versions of the original say in this file how a workspace is laid out.
const LAYOUT: &str = "workspace-layout.json";
/// Where they keep the database by default.
const NEWER_DATABASE: &str = "data/signet.db";
/// Says that a newer version is moving the workspace.
const UPGRADE: &str = ".workspace-layout-upgrade.json";
/// Where a restore puts what it copies, before it takes its place.
pub const STAGED: &str = ".signetd-restore";
/// Entries of a restored backup that have not taken their places yet.
pub const RESTORING: &str = ".signetd-restoring";
/// In a workspace that another machine's daemon serves: a replica of it is kept here.
pub const STANDBY: &str = "STANDBY";
/// A larger file is no layout.
const MOST: u64 = 64 * 1024;

/// Refuses what is not to be served: half a restored backup, a standby, and the workspace of a newer Signet, which
/// would look empty: to a person that is the loss of everything. Writes no file of its own; SQLite may leave its
/// `-shm` beside a database it looks into.
pub fn check_layout(env: &Environment) -> Result<(), String> {
    if is_there(&env.workspace.join(RESTORING)) {
        return Err(format!(
            "{} was not restored to the end; run signetd restore with --force again",
            env.workspace.display()
        ));
    }
    let standby = env.workspace.join(STANDBY);
    if is_there(&standby) {
        return Err(format!(
            "this workspace is a standby: another machine's daemon serves it. Stop that one for good, then remove {} and start again",
            standby.display()
        ));
    }
    let layout = env.workspace.join(LAYOUT);
    let newer = env.workspace.join(NEWER_DATABASE);
    let database = env.database();
    if is_there(&database) && !database.exists() {
        return Err(format!("{} is a link to a file that is not there: is its disk mounted?", database.display()));
    }
    if is_being_moved(&env.workspace.join(UPGRADE)) {
        return Err(format!(
            "a newer Signet has begun to move this workspace ({}) and has not finished; start that one again first",
            env.workspace.join(UPGRADE).display()
        ));
    }
    let version = match std::fs::metadata(&layout) {
        Ok(meta) => Some(layout_version(&layout, meta.len())?),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => None,
        Err(cause) => return Err(format!("{} cannot be read: {cause}", layout.display())),
    };
    let found = match (version, is_there(&newer)) {
        (None, false) => return Ok(()),
        (Some(version), false) => format!("{} (layout {version})", layout.display()),
        (Some(version), true) => format!("{} (layout {version}) and {}", layout.display(), newer.display()),
        (None, true) => newer.display().to_string(),
    };
    // a database without memories is what an earlier start left beside the newer one
    if database.exists() && (!is_there(&newer) || has_memories(&database)) {
        if is_there(&newer) {
            log::warn!(
                target: "daemon",
                "beside {} there is {found} of a newer Signet; its memories are not served", database.display()
            );
        }
        return Ok(());
    }
    Err(format!(
        "this is the workspace of a newer Signet: found {found}, but no {} with memories. It was left as it is. `signetd import {}` \
         is to bring its memories into a workspace of this version; start with another --workspace until then",
        database.display(),
        env.workspace.display()
    ))
}

/// Also a link that leads nowhere is something.
fn is_there(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok()
}

fn is_being_moved(path: &Path) -> bool {
    let small = std::fs::metadata(path).is_ok_and(|meta| meta.len() <= MOST);
    let json = if small { std::fs::read(path).ok() } else { None };
    let json = json.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    json.is_some_and(|json| json.get("state").and_then(Value::as_str) == Some("in-progress"))
}

/// Whether a database has a memory. One that cannot be read is left to the start to judge.
fn has_memories(path: &Path) -> bool {
    let empty = std::fs::metadata(path).is_ok_and(|meta| meta.len() == 0);
    !empty && crate::db::holds_memories(path).unwrap_or(true)
}

/// Layouts 1 and 2 are known.
fn layout_version(path: &Path, size: u64) -> Result<u64, String> {
    let text = if size <= MOST { std::fs::read(path).ok() } else { None };
    let version = text
        .and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok())
        .and_then(|json| json.get("version").and_then(Value::as_u64));
    match version {
        Some(version @ 1..=2) => Ok(version),
        Some(other) => Err(format!("{} names layout {other}, which is not known here", path.display())),
        None => Err(format!("{} cannot be understood", path.display())),
    }
}

/// What a restore left that was ended before it changed anything.
pub fn leftover(env: &Environment) -> Option<PathBuf> {
    Some(env.workspace.join(STAGED)).filter(|path| is_there(path))
}

/// Makes the folder that a workspace's lock is in.
pub fn make_place(env: &Environment) -> io::Result<()> {
    let folder = env.daemon_dir();
    make_private(&folder)
        .map_err(|cause| io::Error::new(cause.kind(), format!("cannot create {}: {cause}", folder.display())))
}

/// Makes the folders the daemon works in, private to the user, and tightens what it made before.
/// The log folder is not needed: false when it cannot be had.
pub fn prepare(env: &Environment) -> io::Result<bool> {
    for folder in [env.daemon_dir(), env.workspace.join("memory")] {
        make_private(&folder)
            .map_err(|cause| io::Error::new(cause.kind(), format!("cannot create {}: {cause}", folder.display())))?;
    }
    let logs = make_private(&env.daemon_dir().join("logs")).is_ok();
    for file in own_files(env) {
        tighten(&file, 0o600);
    }
    Ok(logs)
}

fn make_private(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    tighten(folder, 0o700);
    Ok(())
}

/// Files that we or the original daemon made for ourselves.
fn own_files(env: &Environment) -> Vec<PathBuf> {
    let listed = |folder: PathBuf, ours: fn(&str) -> bool| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
        entries.filter(move |e| e.file_name().to_str().is_some_and(ours)).map(|e| e.path())
    };
    let mut files: Vec<PathBuf> = listed(env.daemon_dir(), |_| true).collect();
    files.extend(listed(env.daemon_dir().join("logs"), |_| true));
    files.extend(listed(env.workspace.join("memory"), |name| name.starts_with("memories.db")));
    files
}

/// Takes group and others their access to a regular file or a folder of this user.
fn tighten(path: &Path, mode: u32) {
    let Ok(meta) = std::fs::symlink_metadata(path) else { return };
    let ours = meta.uid() == rustix::process::geteuid().as_raw();
    let expected = if mode == 0o700 { meta.is_dir() } else { meta.is_file() };
    let open = meta.permissions().mode() & 0o077 != 0;
    if ours
        && expected
        && open
        && let Err(cause) = std::fs::set_permissions(path, Permissions::from_mode(mode))
    {
        log::warn!(target: "daemon", "cannot make {} private: {cause}", path.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Overrides;

    fn env(folder: &Path) -> Environment {
        let overrides = Overrides { workspace: Some(folder.display().to_string()), ..Overrides::default() };
        Environment::read(&overrides, |_| None).unwrap()
    }

    #[test]
    fn workspaces_of_newer_versions_are_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        assert_eq!(check_layout(&env(folder.path())), Ok(()));
        for (text, want) in [
            ("{\"version\": 2}", "signetd import"),
            ("{\"version\": 1}", "layout 1"),
            ("{\"version\": 3}", "names layout 3"),
            ("{\"version\": \"2\"}", "cannot be understood"),
            ("{", "cannot be understood"),
        ] {
            std::fs::write(at(LAYOUT), text).unwrap();
            let refused = check_layout(&env(folder.path())).unwrap_err();
            assert!(refused.contains(want), "{text}: {refused}");
        }
        std::fs::remove_file(at(LAYOUT)).unwrap();
        std::fs::create_dir_all(at("data")).unwrap();
        std::fs::write(at(NEWER_DATABASE), b"").unwrap();
        assert!(check_layout(&env(folder.path())).unwrap_err().contains(NEWER_DATABASE));
        std::fs::create_dir_all(at("memory")).unwrap();
        std::fs::write(at("memory/memories.db"), b"").unwrap();
        assert!(check_layout(&env(folder.path())).is_err(), "an empty one is none");
        let ours = rusqlite::Connection::open(at("memory/memories.db")).unwrap();
        ours.execute_batch("CREATE TABLE memories (id TEXT)").unwrap();
        assert!(check_layout(&env(folder.path())).is_err(), "nor is one without memories");
        ours.execute_batch("INSERT INTO memories VALUES ('one')").unwrap();
        assert_eq!(check_layout(&env(folder.path())), Ok(()));
        std::fs::write(at(UPGRADE), "{\"state\":\"blocked\"}").unwrap();
        assert_eq!(check_layout(&env(folder.path())), Ok(()));
        std::fs::write(at(UPGRADE), "{\"state\":\"in-progress\"}").unwrap();
        assert!(check_layout(&env(folder.path())).unwrap_err().contains("has not finished"));
    }

    #[test]
    fn neither_half_a_restore_nor_a_standby_is_served() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(RESTORING)).unwrap();
        assert!(check_layout(&env(folder.path())).unwrap_err().contains("restore"));
        std::fs::remove_dir(folder.path().join(RESTORING)).unwrap();
        std::fs::write(folder.path().join(STANDBY), b"").unwrap();
        assert!(check_layout(&env(folder.path())).unwrap_err().contains("standby"));
    }

    #[test]
    fn links_to_what_is_not_there_are_no_empty_workspace() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("data")).unwrap();
        std::os::unix::fs::symlink("/nowhere/signet.db", folder.path().join(NEWER_DATABASE)).unwrap();
        assert!(check_layout(&env(folder.path())).unwrap_err().contains(NEWER_DATABASE));
        std::fs::create_dir_all(folder.path().join("memory")).unwrap();
        std::os::unix::fs::symlink("/nowhere/m.db", folder.path().join("memory/memories.db")).unwrap();
        assert!(check_layout(&env(folder.path())).unwrap_err().contains("mounted"));
    }

    #[test]
    fn files_of_the_daemon_are_made_private_and_others_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let mode = |name: &str| std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777;
        for (name, bits) in
            [("memory/memories.db-wal", 0o644), (".daemon/logs/signet-x.log", 0o664), ("notes.md", 0o644)]
        {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, b"x").unwrap();
            std::fs::set_permissions(&path, Permissions::from_mode(bits)).unwrap();
        }
        std::fs::set_permissions(folder.path().join(".daemon"), Permissions::from_mode(0o755)).unwrap();
        assert!(prepare(&env(folder.path())).unwrap());
        assert_eq!((mode("memory/memories.db-wal"), mode(".daemon/logs/signet-x.log")), (0o600, 0o600));
        assert_eq!((mode(".daemon"), mode("memory"), mode("notes.md")), (0o700, 0o700, 0o644));
    }

    #[test]
    fn a_file_in_the_place_of_the_log_folder_is_no_hindrance() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join(".daemon")).unwrap();
        std::fs::write(folder.path().join(".daemon/logs"), b"a file").unwrap();
        assert!(!prepare(&env(folder.path())).unwrap());
    }
}
