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
