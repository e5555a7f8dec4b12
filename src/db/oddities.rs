//! Values of another type than their column says, as other programs may leave them.

use std::path::Path;

use rusqlite::Connection;

use super::Error;

/// Rows of one column that hold another type.
#[derive(Debug, PartialEq, Eq)]
pub struct Odd {
    pub table: String,
    pub column: String,
    /// SQLite's name of what they hold.
    pub found: String,
    pub rows: i64,
}

/// Tables whose rows many programs write.
const TABLES: [&str; 5] = ["memories", "memory_history", "entities", "entity_attributes", "embeddings"];

/// Gives rows in an unreadable state of deletion the one that the rest of them says: everything that
/// looks for rows asks for exactly 0 or 1.
pub fn settle_deleted(connection: &Connection) -> Result<(), Error> {
    const ODD: &str = "is_deleted IS NULL OR is_deleted < 0 OR (is_deleted > 0 AND is_deleted < 1) OR is_deleted > 1";
    let odd: Option<i64> = super::sql::row(
        connection,
        &format!("SELECT rowid FROM memories INDEXED BY idx_memories_is_deleted WHERE {ODD} LIMIT 1"),
        [],
        |row| row.get(0),
    )?;
    if odd.is_some() {
        let set = format!(
            "UPDATE OR IGNORE memories SET is_deleted = CASE WHEN COALESCE(deleted_at, '') = '' THEN 0 ELSE 1 END WHERE {ODD}"
        );
        let settled = super::sql::execute(connection, &set, [])?;
        log::warn!(target: "db", "{settled} memories had no readable is_deleted");
    }
    Ok(())
}

/// Counts them over the whole file: seconds where there are hundreds of thousands of rows.
pub fn count(path: &Path) -> Result<Vec<Odd>, Error> {
    let connection = super::open_reader(path)?;
    let mut found = Vec::new();
    for table in TABLES {
        let columns: Vec<(String, String)> = connection
            .prepare("SELECT name, upper(type) FROM pragma_table_info(?1)")?
            .query_map([table], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        for (column, kind) in columns {
            let expected = match kind.as_str() {
                "TEXT" => "'text'",
                "INTEGER" => "'integer'",
                "REAL" => "'real', 'integer'",
                "BLOB" => "'blob'",
                _ => continue,
            };
            // names come from our own list and from the file's schema, never from a client
            let column_name = column.replace('"', "\"\"");
            let text = format!(
                "SELECT typeof(\"{column_name}\"), COUNT(*) FROM {table}
                 WHERE typeof(\"{column_name}\") NOT IN ({expected}, 'null') GROUP BY 1"
            );
            let mut statement = connection.prepare(&text)?;
            let odd = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?;
            for odd in odd {
                let (held, rows) = odd?;
                found.push(Odd { table: table.to_owned(), column: column.clone(), found: held, rows });
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    #[test]
    fn values_of_other_types_are_counted_by_column() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.db");
        let connection = Connection::open(&path).unwrap();
        let create = TABLES.map(|table| format!("CREATE TABLE {table} (content TEXT, importance REAL);")).concat();
        connection.execute_batch(&create).unwrap();
        connection
            .execute_batch("INSERT INTO memories VALUES ('a', 0.5), (x'00', 'high'), (x'01', 1), (NULL, NULL)")
            .unwrap();
        let found = count(&path).unwrap();
        let lines: Vec<_> = found.iter().map(|o| (o.column.as_str(), o.found.as_str(), o.rows)).collect();
        assert_eq!(lines, [("content", "blob", 2), ("importance", "text", 1)]);
    }
}
