//! Fills a workspace database directly, for benchmarks of sizes that take long over HTTP.
//!
//!     fill WORKSPACE-DATABASE COUNT
//!
//! The database is one that the daemon has made and is not running on; its triggers keep the
//! full-text table in step. Vectors are left to the daemon.

mod text;

use rusqlite::{Connection, params};

/// Rows of one transaction.
const BATCH: u64 = 20_000;

fn main() -> rusqlite::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, count] = &arguments[..] else {
        eprintln!("usage: fill WORKSPACE-DATABASE COUNT");
        std::process::exit(2);
    };
    let count: u64 = count.parse().expect("a count");
    let db = Connection::open(path)?;
    db.pragma_update(None, "synchronous", "OFF")?;
    db.pragma_update(None, "foreign_keys", false)?;
    db.pragma_update(None, "cache_size", -400_000)?;
    let start = jiff::Timestamp::from_second(1_600_000_000).expect("a time");
    for from in (0..count).step_by(BATCH as usize) {
        let tx = db.unchecked_transaction()?;
        for n in from..(from + BATCH).min(count) {
            let content = text::sentence(n);
            let at = format!("{:.3}", start + jiff::SignedDuration::from_secs(n as i64 * 60));
            tx.prepare_cached(
                "INSERT INTO memories (id, content, normalized_content, content_hash, importance, who, why, source_type,
                   created_at, updated_at, embedding_model)
                 VALUES (?1, ?2, ?2, ?3, 0.8, 'bench', 'explicit', 'manual', ?4, ?4, 'signetd-static-256')",
            )?
            .execute(params![format!("00000000-0000-4000-8000-{n:012x}"), content, format!("{n:064x}"), at])?;
        }
        tx.commit()?;
    }
    Ok(())
}
