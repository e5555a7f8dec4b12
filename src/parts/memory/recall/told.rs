//! Memories that tell of a day, whenever they were saved (memory part, §6.6, and amendment 13).

use jiff::civil::Date;
use rusqlite::Connection;

use crate::db::sql::{Conditions, fts_quote};
use crate::parts::memory::store::{fulltext, recall, terms};
use crate::text;

/// Memories looked at, and those taken.
const LOOKED_AT: i64 = 200;
const MOST: usize = 50;

/// Memories that the filter lets through and in whose text the date stands, best first.
pub fn find(connection: &Connection, date: Date, conditions: &Conditions) -> rusqlite::Result<Vec<recall::Row>> {
    let mut forms: Vec<String> = text::written_forms(date).iter().map(|form| fts_quote(form)).collect();
    // the time behind a `T` is one word with the day
    forms.push(format!("{} *", fts_quote(&format!("{} {:02} {:02}t", date.year(), date.month(), date.day()))));
    let expression = forms.join(" OR ");
    let mut matches = fulltext::memories(connection, &expression, conditions, LOOKED_AT)?;
    if terms::any(connection)? {
        matches.extend(terms::memories(connection, &expression, conditions, LOOKED_AT)?);
    }
    let mut rowids: Vec<i64> = matches.iter().map(|found| found.rowid).collect();
    rowids.sort_unstable();
    rowids.dedup();
    let mut rows = recall::rows(connection, &rowids, conditions)?;
    rows.retain(|row| text::told_in(&row.content).iter().any(|told| told.is(date)));
    rows.sort_by(|a, b| b.created_at.cmp(&a.created_at).then_with(|| a.id.cmp(&b.id)));
    rows.truncate(MOST);
    Ok(rows)
}
