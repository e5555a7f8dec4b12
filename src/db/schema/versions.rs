//! Which steps of the original's migrations a file records (data model, §2).

use rusqlite::Connection;

/// The version whose shape the `.sql` files have.
pub const CURRENT: i64 = NAMES.len() as i64;

/// The original's names of its steps 1, 2, 3 …: a file must record all of them, or the
/// original would run them again.
const NAMES: [&str; 81] = [
    "baseline",
    "pipeline-v2",
    "unique-content-hash",
    "history-actor-and-retention",
    "graph-extended",
    "idempotency-key",
    "documents-and-connectors",
    "embeddings-unique-hash",
    "summary-jobs",
    "umap-cache",
    "session-scores",
    "scheduled-tasks",
    "ingestion-tracking",
    "telemetry",
    "session-memories",
    "session-checkpoints",
    "task-skills",
    "skill-meta",
    "knowledge-structure",
    "session-structural-columns",
    "checkpoint-structural",
    "entity-pinning",
    "retired-scorer-gap",
    "retired-scorer-gap",
    "agent-feedback",
    "retired-scorer-gap",
    "backfill-canonical-names",
    "lossless-retention",
    "session-summary-dag",
    "nullable-memory-job-memory-id",
    "dependency-reason",
    "embeddings-vector-column",
    "scope",
    "scope-aware-dedup",
    "entity-fts",
    "dependency-confidence",
    "entity-communities",
    "memory-hints",
    "dedup-entity-dependencies",
    "session-transcripts",
    "path-feedback",
    "session-memories-agent-id",
    "agents-table",
    "memory-md-temporal-head",
    "lossless-working-memory-hardening",
    "session-summary-uniqueness",
    "agent-scoped-temporal-uniqueness",
    "thread-heads",
    "session-extract-cursors",
    "related-to-audit",
    "memory-md-rolling-window-lineage",
    "mcp-invocations",
    "skill-invocations",
    "task-agent-scope",
    "dreaming-state",
    "agent-scoped-content-hash",
    "memories-fts-tokenizer-repair",
    "knowledge-graph-indices",
    "entity-attribute-claim-key",
    "entity-attribute-group-key",
    "memory-artifact-source-mtime",
    "memory-artifact-soft-delete",
    "content-only-memories-fts-update",
    "source-graph-provenance",
    "source-embedding-agent-scope",
    "memory-search-telemetry",
    "ontology-proposals",
    "daily-reflections",
    "daily-reflections-multiple-insights",
    "ontology-control-plane-state",
    "epistemic-assertions",
    "agent-scoped-idempotency-key",
    "recall-context-dedupe",
    "aggregate-memory-links",
    "memory-artifact-source-provenance",
    "temporal-edges",
    "entity-aliases",
    "api-keys",
    "transcript-capture-jobs",
    "document-scope-columns",
    "skill-invocations-harness",
];

/// Made when missing: these two tables are bookkeeping and not part of any API part.
const TABLES: &str = "
CREATE TABLE IF NOT EXISTS schema_migrations (
  version INTEGER PRIMARY KEY,
  applied_at TEXT NOT NULL,
  checksum TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS schema_migrations_audit (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  version INTEGER NOT NULL,
  applied_at TEXT NOT NULL,
  duration_ms INTEGER,
  checksum TEXT
);";

/// The 32-bit string hash of `<version>:<name>` in signed hexadecimal, as the original writes it.
fn checksum(version: i64, name: &str) -> String {
    let hash = format!("{version}:{name}")
        .encode_utf16()
        .fold(0i32, |h, unit| h.wrapping_mul(31).wrapping_add(i32::from(unit)));
    if hash < 0 { format!("-{:x}", hash.unsigned_abs()) } else { format!("{hash:x}") }
}

/// Records every step that is not yet.
pub fn record(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(TABLES)?;
    let now = crate::text::time::iso(jiff::Timestamp::now());
    let mut step = connection
        .prepare("INSERT OR IGNORE INTO schema_migrations (version, applied_at, checksum) VALUES (?1, ?2, ?3)")?;
    let mut audit = connection.prepare(
        "INSERT INTO schema_migrations_audit (version, applied_at, duration_ms, checksum) VALUES (?1, ?2, 0, ?3)",
    )?;
    for (version, name) in (1i64..).zip(NAMES) {
        let sum = checksum(version, name);
        if step.execute((version, &now, &sum))? > 0 {
            audit.execute((version, &now, &sum))?;
        }
    }
    Ok(())
}

/// The highest recorded version; 0 without any.
pub fn recorded(connection: &Connection) -> rusqlite::Result<i64> {
    let kept: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'schema_migrations')",
        [],
        |row| row.get(0),
    )?;
    if !kept {
        return Ok(0);
    }
    connection.query_row("SELECT COALESCE(MAX(version), 0) FROM schema_migrations", [], |row| row.get(0))
}

/// How many of the steps are recorded.
pub fn recorded_steps(connection: &Connection) -> rusqlite::Result<i64> {
    connection
        .query_row("SELECT COUNT(*) FROM schema_migrations WHERE version BETWEEN 1 AND ?1", [CURRENT], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    #[test]
    fn checksums_are_those_of_the_original() {
        assert_eq!(super::checksum(1, "baseline"), "-d014c92");
        assert_eq!(super::checksum(3, "unique-content-hash"), "635f2097");
    }
}
