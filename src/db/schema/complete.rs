//! Adds what an existing file lacks, by comparing it with the declared schema.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::{Error, PARTS, names, versions};

/// Copies kept beside the database.
const BACKUPS: usize = 5;

/// Memories whose own terms are still to be made: of a file that had none yet, all.
const TERMS_DUE: &str = "signetd_terms_due";

/// One declared table, index or trigger.
struct Declared {
    kind: String,
    name: String,
    table: String,
    sql: String,
}

struct Column {
    name: String,
    kind: String,
    not_null: bool,
    default: Option<String>,
}

pub fn complete(connection: &mut Connection, path: &Path) -> Result<(), Error> {
    let steps = plan(connection)?;
    let recorded = versions::recorded(connection)?;
    let unrecorded = recorded == 0 || versions::recorded_steps(connection)? < versions::CURRENT;
    if steps.is_empty() && !unrecorded {
        return Ok(());
    }
    if !names(connection, "table")?.is_empty() {
        back_up(connection, path, recorded)?;
    }
    let tx = connection.transaction()?;
    for sql in &steps {
        tx.execute_batch(sql)
            .map_err(|cause| Error::Unusable(format!("cannot complete the database schema: {cause} in: {sql}")))?;
    }
    versions::record(&tx)?;
    super::seed(&tx)?;
    tx.commit()?;
    log::info!(target: "db", "database schema completed ({} steps)", steps.len());
    Ok(())
}

/// The statements that make the file equal to the declared schema.
fn plan(connection: &Connection) -> Result<Vec<String>, Error> {
    let model = Connection::open_in_memory()?;
    PARTS.iter().try_for_each(|sql| model.execute_batch(sql))?;
    let declared = declared(&model)?;
    let mut present: HashSet<String> = ["table", "index", "trigger"]
        .iter()
        .map(|kind| names(connection, kind))
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .flatten()
        .collect();

    let mut steps = stale_full_text(connection, &mut present)?;
    for item in declared.iter().filter(|d| d.kind == "table") {
        if !present.contains(&item.name) {
            steps.push(item.sql.clone());
            if item.name == TERMS_DUE && present.contains("memories") {
                steps.push(format!("INSERT INTO {TERMS_DUE} SELECT rowid FROM memories"));
            }
            if let Some(content) = full_text_content(&item.sql)
                && present.contains(content)
            {
                steps.push(format!("INSERT INTO {0}({0}) VALUES ('rebuild')", item.name));
            }
        } else if full_text_content(&item.sql).is_none() {
            steps.extend(missing_columns(&model, connection, &item.name)?);
        }
    }
    for item in declared.iter().filter(|d| d.kind != "table" && !present.contains(&d.name)) {
        if item.kind == "index" && item.sql.starts_with("CREATE UNIQUE") && present.contains(&item.table) {
            steps.extend(make_unique(&item.name));
        }
        steps.push(item.sql.clone());
    }
    Ok(steps)
}

fn declared(model: &Connection) -> rusqlite::Result<Vec<Declared>> {
    let all: Vec<Declared> = model
        .prepare("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid")?
        .query_map([], |row| {
            Ok(Declared { kind: row.get(0)?, name: row.get(1)?, table: row.get(2)?, sql: row.get(3)? })
        })?
        .collect::<Result<_, _>>()?;
    let shadows: Vec<String> =
        all.iter().filter(|d| full_text_content(&d.sql).is_some()).map(|d| format!("{}_", d.name)).collect();
    Ok(all
        .into_iter()
        .filter(|d| d.kind != "table" || !shadows.iter().any(|s| d.name.starts_with(s.as_str())))
        .collect())
}

/// The content table of an FTS5 declaration.
fn full_text_content(sql: &str) -> Option<&str> {
    let content = sql.starts_with("CREATE VIRTUAL TABLE").then(|| sql.split("content='").nth(1)?.split('\'').next());
    content.flatten()
}

/// `memories_fts` with a stemming tokenizer (some old files) is made anew, and so is an update
/// trigger that fires on more than the content.
fn stale_full_text(connection: &Connection, present: &mut HashSet<String>) -> Result<Vec<String>, Error> {
    let sql_of = |name: &str| -> Result<String, Error> {
        let found = connection
            .prepare("SELECT sql FROM sqlite_master WHERE name = ?1")?
            .query_map([name], |row| row.get::<_, String>(0))?
            .next()
            .transpose()?;
        Ok(found.unwrap_or_default().to_ascii_lowercase())
    };
    let mut steps = Vec::new();
    let mut drop = |kind: &str, name: &str| {
        if present.remove(name) {
            steps.push(format!("DROP {kind} {name}"));
        }
    };
    if sql_of("memories_fts")?.contains("porter") {
        for trigger in ["memories_ai", "memories_ad", "memories_au"] {
            drop("TRIGGER", trigger);
        }
        drop("TABLE", "memories_fts");
    }
    if !sql_of("memories_au")?.contains("of content") {
        drop("TRIGGER", "memories_au");
    }
    Ok(steps)
}

fn columns(connection: &Connection, table: &str) -> rusqlite::Result<Vec<Column>> {
    connection
        .prepare("SELECT name, type, \"notnull\", dflt_value FROM pragma_table_info(?1)")?
        .query_map([table], |row| {
            Ok(Column { name: row.get(0)?, kind: row.get(1)?, not_null: row.get(2)?, default: row.get(3)? })
        })?
        .collect()
}

fn missing_columns(model: &Connection, connection: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    let have: HashSet<String> = columns(connection, table)?.into_iter().map(|c| c.name.to_ascii_lowercase()).collect();
    Ok(columns(model, table)?
        .into_iter()
        .filter(|c| !have.contains(&c.name.to_ascii_lowercase()))
        .map(|c| {
            // SQLite adds a column only with a constant default
            let default = match c.default {
                Some(d) if d.contains('(') => Some("'1970-01-01 00:00:00'".to_owned()),
                None if c.not_null => Some("''".to_owned()),
                other => other,
            };
            let not_null = if c.not_null { " NOT NULL" } else { "" };
            let default = default.map(|d| format!(" DEFAULT {d}")).unwrap_or_default();
            format!("ALTER TABLE {table} ADD COLUMN {} {}{not_null}{default}", c.name, c.kind)
        })
        .collect())
}

/// Before a unique index is made: of rows that collide only the newest keeps its key.
fn make_unique(index: &str) -> Vec<String> {
    let newest = |column: &str, group: &str| {
        format!(
            "UPDATE memories SET {column} = NULL WHERE {column} IS NOT NULL AND is_deleted = 0 AND rowid NOT IN
             (SELECT rowid FROM (SELECT rowid, row_number() OVER (PARTITION BY {column}, {group} ORDER BY created_at DESC, rowid DESC) AS place
               FROM memories WHERE {column} IS NOT NULL AND is_deleted = 0) WHERE place = 1)"
        )
    };
    const OWNER: &str =
        "COALESCE(NULLIF(agent_id, ''), 'default'), COALESCE(scope, '__NULL__'), COALESCE(visibility, 'global')";
    match index {
        "idx_memories_content_hash_unique" => {
            vec![newest("content_hash", &format!("{OWNER}, COALESCE(project, '')"))]
        }
        "idx_memories_idempotency_key" => vec![newest("idempotency_key", OWNER)],
        _ => Vec::new(),
    }
}

/// A copy of the file as it was, with the WAL brought home first; without it nothing is changed.
fn back_up(connection: &Connection, path: &Path, version: i64) -> Result<(), Error> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    let millis = jiff::Timestamp::now().as_millisecond();
    let copy = sibling(path, &format!(".bak-v{version}-{millis}"));
    std::fs::copy(path, &copy)?;
    std::fs::File::open(&copy)?.sync_all()?;
    for old in backups(path)?.iter().rev().skip(BACKUPS) {
        if let Err(cause) = std::fs::remove_file(old) {
            log::warn!(target: "db", "cannot remove the old copy {}: {cause}", old.display());
        }
    }
    Ok(())
}

fn sibling(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(suffix);
    path.with_file_name(name)
}

fn backups(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    let prefix = sibling(path, ".bak-v");
    let prefix = prefix.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            found.push(entry.path());
        }
    }
    // newest last: the name ends in the time
    found.sort_by_key(|p| p.to_string_lossy().rsplit('-').next().and_then(|t| t.parse::<i64>().ok()).unwrap_or(0));
    Ok(found)
}
