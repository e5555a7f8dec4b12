//! Backups of a daemon under load, put back and compared row by row; and what is refused.

mod common;

use std::path::{Path, PathBuf};
use std::process::Output;

use common::{Daemon, QUIET};
use rustix::process::Signal;

/// Clients that write while backups are made.
const CLIENTS: usize = 4;
const BACKUPS: usize = 3;
/// Answered writes between two of them.
const BETWEEN: usize = 60;

fn run(daemon: &Daemon, arguments: &[&str]) -> Output {
    daemon.command(arguments).output().expect("a command that runs")
}

fn backup(daemon: &Daemon, to: &Path) -> PathBuf {
    let made = run(daemon, &["backup", text(to)]);
    assert!(made.status.success(), "{made:?}");
    let line = String::from_utf8(made.stdout).unwrap();
    PathBuf::from(line.split(": ").next().unwrap())
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A workspace with nothing in it.
fn empty() -> Daemon {
    let daemon = Daemon::prepare("");
    std::fs::remove_dir_all(daemon.workspace()).unwrap();
    daemon
}

fn restored(from: &Path) -> Daemon {
    let daemon = empty();
    let done = run(&daemon, &["restore", text(from)]);
    assert!(done.status.success(), "{}", said(&done));
    daemon
}

/// All rows of all tables, the full-text indexes' insides too.
fn dump(database: &Path) -> Vec<String> {
    let connection = common::open(database);
    let mut tables = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").unwrap();
    let tables: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut rows = Vec::new();
    for table in tables {
        let mut all = connection.prepare(&format!("SELECT * FROM \"{table}\"")).unwrap();
        let columns = all.column_count();
        let read = all.query_map([], |row| {
            (0..columns).map(|n| row.get::<_, rusqlite::types::Value>(n)).collect::<Result<Vec<_>, _>>()
        });
        rows.extend(read.unwrap().map(|row| format!("{table} {:?}", row.unwrap())));
    }
    rows
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn has(database: &Path, id: &str) -> bool {
    common::open(database).query_row("SELECT 1 FROM memories WHERE id = ?1", [id], |_| Ok(())).is_ok()
}

#[test]
fn every_backup_of_a_loaded_daemon_comes_back_with_all_that_was_answered() {
    let daemon = Daemon::start(QUIET);
    let to = tempfile::tempdir().unwrap();
    std::fs::write(daemon.workspace().join("memory/notes.md"), "# Notes\n\nThe kiln is in the north hall.\n").unwrap();
    let mut backups: Vec<(PathBuf, common::Answered)> = Vec::new();
    let write = |client, n| Some(daemon.remember(&format!("client {client} wrote line {n} of the ledger")));
    common::under_load(CLIENTS, write, |answered| {
        for n in 1..=BACKUPS {
            common::eventually("enough writes", || answered.lock().unwrap().len() >= n * BETWEEN);
            let before = answered.lock().unwrap().clone();
            backups.push((backup(&daemon, to.path()), before));
        }
    });
    for (path, before) in &backups {
        let copy = restored(path);
        let lost: Vec<_> = before.iter().filter(|(_, id)| !has(&copy.database(), id)).collect();
        assert!(lost.is_empty(), "{} of {} answered before {}", lost.len(), before.len(), path.display());
        let notes = std::fs::read_to_string(copy.workspace().join("memory/notes.md")).unwrap();
        assert!(notes.contains("north hall"));
        assert!(run(&copy, &["check"]).status.success());
    }
    // at rest, row by row
    let last = backup(&daemon, to.path());
    let mut copy = restored(&last);
    let (here, there) = (dump(&daemon.database()), dump(&copy.database()));
    assert!(here.len() > BACKUPS * BETWEEN);
    assert!(here == there, "{} rows and {} rows differ", here.len(), there.len());
    // and it is a workspace that a daemon serves
    copy.boot();
    assert_eq!(copy.total(), daemon.total());
    assert!(!copy.recall("line 7 of the ledger").is_empty());
}

#[test]
fn a_backup_that_is_not_as_it_was_is_refused() {
    let daemon = Daemon::start(QUIET);
    daemon.remember("The orchard has nine rows");
    std::os::unix::fs::symlink("agent.yaml", daemon.workspace().join("link")).unwrap();
    let to = tempfile::tempdir().unwrap();
    let whole = backup(&daemon, to.path());
    let database = whole.join("workspace/memory/memories.db");
    let config = whole.join("workspace/agent.yaml");
    let sound = || {
        let copy = empty();
        let done = run(&copy, &["restore", text(&whole)]);
        assert!(!copy.workspace().join("agent.yaml").exists() || done.status.success());
        if done.status.success() { Ok(()) } else { Err(said(&done)) }
    };
    assert_eq!(sound(), Ok(()));
    let mut bytes = std::fs::read(&database).unwrap();
    bytes[5000] ^= 1;
    std::fs::write(&database, &bytes).unwrap();
    assert!(sound().unwrap_err().contains("is not what it was"));
    bytes[5000] ^= 1;
    std::fs::write(&database, &bytes).unwrap();
    let was = std::fs::read(&config).unwrap();
    std::fs::remove_file(&config).unwrap();
    assert!(sound().unwrap_err().contains("agent.yaml"));
    std::fs::write(&config, &was).unwrap();
    let more = whole.join("workspace/more.md");
    std::fs::write(&more, b"x").unwrap();
    assert!(sound().unwrap_err().contains("was not there when the backup was made"));
    std::fs::remove_file(&more).unwrap();
    let link = whole.join("workspace/link");
    let was = std::fs::read_link(&link).unwrap();
    for (name, target) in [("link", "elsewhere"), (".daemon", "/etc"), ("memory/signets", "/etc"), ("STANDBY", "x")] {
        let path = whole.join("workspace").join(name);
        let kept = whole.join("kept");
        let moved = std::fs::rename(&path, &kept).is_ok();
        std::os::unix::fs::symlink(target, &path).unwrap();
        assert!(sound().is_err(), "{name}");
        std::fs::remove_file(&path).unwrap();
        if moved {
            std::fs::rename(&kept, &path).unwrap();
        }
    }
    std::fs::create_dir(whole.join("workspace/.signetd-restoring")).unwrap();
    assert!(sound().unwrap_err().contains("is in no backup"));
    std::fs::remove_dir(whole.join("workspace/.signetd-restoring")).unwrap();
    std::fs::remove_file(&link).unwrap();
    assert!(sound().unwrap_err().contains("the link"));
    std::os::unix::fs::symlink(was, &link).unwrap();
    let sums = whole.join("SHA256SUMS");
    let lines = std::fs::read_to_string(&sums).unwrap();
    std::fs::write(&sums, lines.replacen("workspace/", "workspace/../", 1)).unwrap();
    assert!(sound().unwrap_err().contains("not the one that was made"));
    std::fs::write(&sums, lines).unwrap();
    assert_eq!(sound(), Ok(()));
    let nothing = run(&empty(), &["restore", text(to.path())]);
    assert!(said(&nothing).contains("is no backup"));
}

#[test]
fn what_is_there_is_not_overwritten_unless_told_and_then_moved_aside() {
    let mut daemon = Daemon::start(QUIET);
    daemon.remember("The turbine was oiled");
    let to = tempfile::tempdir().unwrap();
    let old = backup(&daemon, to.path());
    let later = daemon.remember("The turbine was painted");
    let lived = run(&daemon, &["restore", text(&old), "--force"]);
    assert!(said(&lived).contains("another daemon runs"), "{}", said(&lived));
    assert_eq!(daemon.total(), 2);
    daemon.end(Signal::TERM);
    let refused = run(&daemon, &["restore", text(&old)]);
    assert!(said(&refused).contains("--force"), "{}", said(&refused));
    assert!(has(&daemon.database(), &later));
    let checked = run(&daemon, &["restore", text(&old), "--check"]);
    assert!(checked.status.success() && has(&daemon.database(), &later));
    std::fs::write(daemon.workspace().join("STANDBY"), b"").unwrap();
    let forced = run(&daemon, &["restore", text(&old), "--force"]);
    assert!(forced.status.success(), "{}", said(&forced));
    let told = String::from_utf8(forced.stdout).unwrap();
    let before = PathBuf::from(told.trim().rsplit(' ').next().unwrap());
    assert!(has(&before.join("memory/memories.db"), &later));
    // whose the workspace is to serve is no question of what is in it
    std::fs::remove_file(daemon.workspace().join("STANDBY")).unwrap();
    daemon.boot();
    assert_eq!(daemon.total(), 1);
    // what was moved aside is no part of the next backup
    let next = backup(&daemon, to.path());
    let listed = std::fs::read_to_string(next.join("SHA256SUMS")).unwrap();
    assert!(!listed.contains("before-restore") && listed.contains("agent.yaml"));
}

#[test]
fn half_a_restore_is_not_served_and_can_be_repeated() {
    let mut daemon = Daemon::start(QUIET);
    daemon.remember("The viaduct has twelve arches");
    let to = tempfile::tempdir().unwrap();
    let made = backup(&daemon, to.path());
    daemon.end(Signal::TERM);
    // as a restore leaves it that is ended between two renames
    std::fs::create_dir_all(daemon.workspace().join(".signetd-restoring/memory")).unwrap();
    std::fs::rename(daemon.database(), daemon.workspace().join(".signetd-restoring/memory/memories.db")).unwrap();
    let refused = run(&daemon, &["serve"]);
    assert!(!refused.status.success() && said(&refused).contains("was not restored to the end"), "{}", said(&refused));
    assert!(!daemon.database().exists());
    let again = run(&daemon, &["restore", text(&made), "--force"]);
    assert!(again.status.success(), "{}", said(&again));
    daemon.boot();
    assert_eq!(daemon.total(), 1);
}

#[test]
fn the_newest_stay_and_what_was_half_made_goes() {
    let daemon = Daemon::start(QUIET);
    daemon.remember("The greenhouse is warm");
    let to = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(to.path().join(".partial-signet-20200101T000000Z/workspace")).unwrap();
    std::fs::create_dir_all(to.path().join("signet-of-somebody")).unwrap();
    // another workspace's, and one of this that a wrong clock dated
    let other = Daemon::start(QUIET);
    let others = backup(&other, to.path());
    let first = backup(&daemon, to.path());
    let future = to.path().join("signet-29991231T235959Z");
    std::fs::rename(backup(&daemon, to.path()), &future).unwrap();
    let note = future.join("backup.json");
    let mut said_of_it: serde_json::Value = serde_json::from_slice(&std::fs::read(&note).unwrap()).unwrap();
    said_of_it["madeAt"] = "2999-12-31T23:59:59.000Z".into();
    std::fs::write(&note, said_of_it.to_string()).unwrap();
    let keep = |number: &str| {
        let kept = run(&daemon, &["backup", text(to.path()), "--keep", number]);
        let told = String::from_utf8(kept.stdout).unwrap();
        assert!(PathBuf::from(told.split(": ").next().unwrap()).exists(), "the one that was just made stays: {told}");
        told
    };
    let told = keep("2");
    assert!(told.contains(&format!("removed {}", future.display())) && !future.exists() && first.exists(), "{told}");
    keep("1");
    assert!(!first.exists() && others.exists());
    assert_eq!(names(to.path()).len(), 3, "{:?}", names(to.path()));
    let inside = run(&daemon, &["backup", text(&daemon.workspace().join("copies"))]);
    assert!(said(&inside).contains("lies in the workspace"));
}

#[test]
fn a_backup_that_is_killed_leaves_none() {
    let daemon = Daemon::start(QUIET);
    daemon.remember("The archive is dry");
    // enough to be at work for a while
    for n in 0..40 {
        std::fs::write(daemon.workspace().join(format!("memory/large-{n}.md")), vec![b'x'; 1_000_000]).unwrap();
    }
    let to = tempfile::tempdir().unwrap();
    for round in 0..5 {
        let mut child = daemon.command(&["backup", text(to.path())]).spawn().unwrap();
        // what the last one left is gone when the copy of the files begins
        let copied = |partial: &Path| std::fs::read_dir(partial.join("workspace/memory")).map_or(0, Iterator::count);
        common::eventually("a copy under way", || {
            let most = names(to.path()).iter().map(|name| copied(&to.path().join(name))).max();
            most.unwrap_or(0) > round * 8 || child.try_wait().unwrap().is_some()
        });
        child.kill().unwrap();
        child.wait().unwrap();
        for name in names(to.path()).iter().filter(|name| name.starts_with("signet-")) {
            let path = to.path().join(name);
            assert!(run(&empty(), &["restore", text(&path), "--check"]).status.success());
            std::fs::remove_dir_all(path).unwrap();
        }
    }
    assert!(!names(to.path()).is_empty(), "each was finished before it was killed");
    let whole = backup(&daemon, to.path());
    assert!(run(&daemon, &["restore", text(&whole), "--check"]).status.success());
}

#[test]
fn a_workspace_that_is_not_whole_takes_no_good_backup_away() {
    let mut daemon = Daemon::start(QUIET);
    daemon.remember("The ledger is closed");
    let to = tempfile::tempdir().unwrap();
    let good = backup(&daemon, to.path());
    daemon.end(Signal::TERM);
    let refused = |why: &str| {
        let done = run(&daemon, &["backup", text(to.path()), "--keep", "1"]);
        assert!(!done.status.success() && said(&done).contains(why), "{}", said(&done));
        assert_eq!(names(to.path()), [good.file_name().unwrap().to_str().unwrap()]);
    };
    let aside = daemon.workspace().join("aside.db");
    std::fs::rename(daemon.database(), &aside).unwrap();
    refused("there is no database");
    std::os::unix::fs::symlink("/nowhere/memories.db", daemon.database()).unwrap();
    refused("mounted");
    std::fs::remove_file(daemon.database()).unwrap();
    std::fs::rename(&aside, daemon.database()).unwrap();
    std::fs::create_dir(daemon.workspace().join(".signetd-restoring")).unwrap();
    refused("was not restored to the end");
}

#[test]
fn a_memory_folder_that_is_a_link_is_copied_and_left_alone() {
    let mut daemon = Daemon::start(QUIET);
    daemon.end(Signal::TERM);
    let elsewhere = tempfile::tempdir().unwrap();
    let target = elsewhere.path().join("memory");
    std::fs::rename(daemon.workspace().join("memory"), &target).unwrap();
    std::os::unix::fs::symlink(&target, daemon.workspace().join("memory")).unwrap();
    daemon.boot();
    daemon.remember("The lock is by the weir");
    let to = tempfile::tempdir().unwrap();
    let made = backup(&daemon, to.path());
    // the daemon still has its file
    daemon.remember("And the key is under the mat");
    let copy = restored(&made);
    assert!(std::fs::symlink_metadata(copy.workspace().join("memory")).unwrap().is_dir());
    let rows: i64 =
        common::open(&copy.database()).query_row("SELECT COUNT(*) FROM memories", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 1);
}

#[test]
fn a_daemon_that_waited_for_a_restore_looks_at_what_it_left() {
    let daemon = Daemon::prepare(QUIET);
    let folder = daemon.workspace().join(".daemon");
    std::fs::create_dir_all(&folder).unwrap();
    let lock = std::fs::File::create(folder.join("pid")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let child = daemon.command(&["serve"]).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let descriptors = format!("/proc/{}/fd", child.id());
    common::eventually("it waits for the lock", || {
        let open = std::fs::read_dir(&descriptors).into_iter().flatten().filter_map(Result::ok);
        open.into_iter().any(|entry| std::fs::read_link(entry.path()).is_ok_and(|path| path == folder.join("pid")))
    });
    std::fs::create_dir(daemon.workspace().join(".signetd-restoring")).unwrap();
    drop(lock);
    let ended = child.wait_with_output().unwrap();
    assert!(!ended.status.success() && said(&ended).contains("was not restored to the end"), "{}", said(&ended));
}
