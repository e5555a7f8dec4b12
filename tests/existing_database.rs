//! Opening files that are there already: of Signet, of others, damaged.

mod common;

use common::{Daemon, QUIET, open};
use rustix::process::Signal;

/// A workspace database as this daemon makes it, without the daemon.
fn made() -> Daemon {
    let mut daemon = Daemon::start(QUIET);
    daemon.remember("The lighthouse keeper logs tides at dawn");
    daemon.end(Signal::TERM);
    daemon
}

fn refused(daemon: &Daemon) -> String {
    let before = std::fs::read(daemon.database()).unwrap();
    let output = daemon.command(&["serve"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(std::fs::read(daemon.database()).unwrap(), before, "the file was left as it is");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_file_that_lacks_things_gets_them_and_keeps_its_rows() {
    let mut daemon = made();
    let db = open(&daemon.database());
    db.execute_batch(
        "DROP INDEX idx_memories_content_hash_unique; DROP TRIGGER memories_au; DROP TABLE session_recall_events;
         DROP INDEX idx_documents_agent_project; DROP INDEX idx_documents_source_scope;
         ALTER TABLE documents DROP COLUMN project; ALTER TABLE memories ADD COLUMN session_id TEXT;
         CREATE TABLE predictor_models (id TEXT); DELETE FROM schema_migrations WHERE version > 70;
         UPDATE memories SET session_id = 'old-session';
         CREATE TRIGGER memories_au AFTER UPDATE ON memories BEGIN SELECT 1; END;
         INSERT INTO memories (id, content, created_at, updated_at, content_hash)
           VALUES ('twin', 'x', '2020-01-01', '2020-01-01', (SELECT content_hash FROM memories));",
    )
    .unwrap();
    drop(db);
    daemon.boot();
    assert_eq!(daemon.recall("lighthouse"), ["The lighthouse keeper logs tides at dawn"]);
    let id = daemon.get("/api/memories").json()["memories"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(daemon.get(&format!("/api/memory/{id}")).json()["session_id"], "old-session");
    let db = open(&daemon.database());
    let count = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT COUNT(*) FROM schema_migrations"), 81);
    assert_eq!(count("SELECT COUNT(*) FROM pragma_table_info('documents') WHERE name = 'project'"), 1);
    assert_eq!(count("SELECT COUNT(*) FROM sqlite_master WHERE name = 'predictor_models'"), 1);
    assert_eq!(count("SELECT COUNT(*) FROM sqlite_master WHERE name = 'memories_au' AND sql LIKE '%OF content%'"), 1);
    assert_eq!(count("SELECT COUNT(*) FROM memories WHERE content_hash IS NULL"), 1, "the older twin lost its hash");
    let copies = std::fs::read_dir(daemon.workspace().join("memory"))
        .unwrap()
        .filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().contains(".bak-v70-"))
        .count();
    assert_eq!(copies, 1);
}

#[test]
fn a_stemming_full_text_table_is_made_anew() {
    let mut daemon = made();
    open(&daemon.database())
        .execute_batch(
            "DROP TRIGGER memories_ai; DROP TRIGGER memories_ad; DROP TRIGGER memories_au; DROP TABLE memories_fts;
             CREATE VIRTUAL TABLE memories_fts USING fts5(content, content='memories', content_rowid='rowid', tokenize='porter');",
        )
        .unwrap();
    daemon.boot();
    assert_eq!(daemon.recall("lighthouse").len(), 1);
    daemon.remember("A second lighthouse stands inland");
    assert_eq!(daemon.recall("lighthouse").len(), 2);
}

#[test]
fn files_that_are_not_ours_are_refused_and_left_alone() {
    let daemon = Daemon::prepare(QUIET);
    std::fs::write(daemon.database(), vec![b'x'; 8192]).unwrap();
    assert!(refused(&daemon).contains("not a readable SQLite database"));

    std::fs::remove_file(daemon.database()).unwrap();
    open(&daemon.database()).execute_batch("CREATE TABLE songs (id TEXT)").unwrap();
    assert!(refused(&daemon).contains("not one of Signet"));
}

#[test]
fn newer_older_and_damaged_files_are_refused() {
    let daemon = made();
    let db = open(&daemon.database());
    db.execute_batch("PRAGMA journal_mode=DELETE; INSERT INTO schema_migrations VALUES (99, 'x', 'x')").unwrap();
    assert!(refused(&daemon).contains("newer Signet"));
    db.execute_batch("DELETE FROM schema_migrations WHERE version > 50").unwrap();
    assert!(refused(&daemon).contains("older than 60"));
    drop(db);

    let daemon = made();
    open(&daemon.database()).execute_batch("PRAGMA journal_mode=DELETE").unwrap();
    let mut bytes = std::fs::read(daemon.database()).unwrap();
    for page in bytes.chunks_mut(4096).skip(3) {
        page[..16].fill(0xee);
    }
    std::fs::write(daemon.database(), bytes).unwrap();
    let said = refused(&daemon);
    assert!(said.contains("damaged") || said.contains("not a readable"), "{said}");
}

/// Everything in a database's schema but what is ours, and the names of what is.
fn schema(daemon: &Daemon) -> (Vec<(String, String)>, Vec<String>) {
    let db = open(&daemon.database());
    let mut all = db.prepare("SELECT name, COALESCE(sql, '') FROM sqlite_schema ORDER BY name").unwrap();
    let all: Vec<(String, String)> =
        all.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect();
    let (own, others): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|(name, _)| name.starts_with("signetd_") || name.starts_with("idx_signetd_"));
    (others, own.into_iter().map(|(name, _)| name).collect())
}

#[test]
fn the_original_can_have_its_workspace_back_and_give_it_again() {
    let mut daemon = made();
    // as the original made it: without what is ours
    let db = open(&daemon.database());
    for kind in ["trigger", "index", "table"] {
        for name in schema(&daemon).1 {
            let known = "SELECT COUNT(*) FROM sqlite_schema WHERE name = ?1 AND type = ?2";
            let there: i64 = db.query_row(known, [name.as_str(), kind], |row| row.get(0)).unwrap();
            // tables inside a full-text index go with it
            let inner = ["_data", "_idx", "_docsize", "_config"].iter().any(|end| name.ends_with(end));
            if there > 0 && !inner {
                db.execute_batch(&format!("DROP {kind} {name}")).unwrap();
            }
        }
    }
    drop(db);
    let (before, own) = schema(&daemon);
    assert!(own.is_empty() && before.len() > 100, "{own:?}");
    daemon.boot();
    daemon.remember("The ferry leaves at noon");
    daemon.end(Signal::TERM);
    let (after, own) = schema(&daemon);
    assert_eq!(after, before, "nothing of the original's is another");
    assert!(own.iter().any(|name| name == "signetd_terms_fts"));
    // the original at work on it
    open(&daemon.database())
        .execute_batch(
            "INSERT INTO memories (id, content, type, created_at, updated_at, updated_by)
               VALUES ('theirs', 'The windmill grinds barley', 'fact', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', 'x');
             UPDATE memories SET content = 'The ferry leaves at midnight' WHERE content LIKE 'The ferry%';
             DELETE FROM memories WHERE content LIKE 'The lighthouse%';",
        )
        .unwrap();
    daemon.boot();
    assert_eq!(daemon.recall("windmill barley"), ["The windmill grinds barley"]);
    assert_eq!(daemon.recall("ferry midnight"), ["The ferry leaves at midnight"]);
    assert!(daemon.recall("lighthouse keeper").is_empty());
}
