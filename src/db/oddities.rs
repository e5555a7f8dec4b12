//! Values of another type than their column says, as other programs may leave them.

use std::path::Path;

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
