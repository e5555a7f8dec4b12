//! The rows of a remember written by a plain rusqlite loop with `synchronous=FULL`, one
//! transaction each: what `make bench` compares the daemon's remember with.
//!
//!     plain_inserts WORKSPACE-DATABASE COUNT        (prints inserts per second)
//!
//! The database is one that the daemon has made, so that schema, indexes and triggers are its own.

use std::time::Instant;

use rusqlite::{Connection, params};

fn main() -> rusqlite::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, count] = &arguments[..] else {
        eprintln!("usage: plain_inserts WORKSPACE-DATABASE COUNT");
        std::process::exit(2);
    };
    let count: usize = count.parse().expect("a count");
    let db = Connection::open(path)?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "foreign_keys", false)?;
    let began = Instant::now();
    for n in 0..count {
        let id = uuid::Uuid::new_v4().to_string();
        let text = format!("Plain line {n} of the comparison, about as long as a sentence that is remembered");
        let tx = db.unchecked_transaction()?;
        tx.prepare_cached(
            "INSERT INTO memories (id, content, normalized_content, content_hash, importance, who, why, source_type,
               created_at, updated_at, extraction_status)
             VALUES (?1, ?2, ?2, ?3, 0.8, 'daemon', 'explicit', 'manual', ?4, ?4, 'pending')",
        )?
        .execute(params![
            id,
            text,
            format!("{:064x}", u128::from_be_bytes(*uuid::Uuid::new_v4().as_bytes())),
            "2026-01-01T00:00:00.000Z"
        ])?;
        for job in ["extract", "prospective_index"] {
            tx.prepare_cached(
                "INSERT INTO memory_jobs (id, memory_id, job_type, payload, created_at, updated_at)
                 VALUES (?1, ?2, ?3, '{}', ?4, ?4)",
            )?
            .execute(params![uuid::Uuid::now_v7().to_string(), id, job, "2026-01-01T00:00:00.000Z"])?;
        }
        tx.commit()?;
    }
    println!("{:.0}", count as f64 / began.elapsed().as_secs_f64());
    Ok(())
}
