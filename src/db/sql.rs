//! SQL helpers that every part uses.

use rusqlite::types::ToSql;
use rusqlite::{Connection, OptionalExtension, Params, ParamsFromIter, params_from_iter};

pub use super::lenient::Row;

/// Of a list of ids, written as JSON, that is the first value of a statement.
pub const THESE: &str = "IN (SELECT value FROM json_each(?1))";

/// What a stored time looks like. Of other texts nobody can say how old they are.
pub const A_DAY: &str = "GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]*'";

/// One FTS5 string: quoted so that nothing in it is syntax.
pub fn fts_quote(word: &str) -> String {
    format!("\"{}\"", word.replace('\0', " ").replace('"', "\"\""))
}

/// A pattern for `LIKE … ESCAPE '\'` that finds `text` anywhere.
pub fn like_contains(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}

/// All rows of a cached statement.
pub fn rows<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    crate::sys::locks::assert_none_held();
    let mut read = read;
    connection.prepare_cached(sql)?.query_map(params, |row| read(&Row(row)))?.collect()
}

/// The first row of a cached statement, if any.
pub fn row<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Option<T>> {
    crate::sys::locks::assert_none_held();
    connection.prepare_cached(sql)?.query_row(params, |row| read(&Row(row))).optional()
}

/// Runs a cached statement; the number of rows it changed.
pub fn execute(connection: &Connection, sql: &str, params: impl Params) -> rusqlite::Result<usize> {
    crate::sys::locks::assert_none_held();
    connection.prepare_cached(sql)?.execute(params)
}

/// Conditions joined by AND with their parameters, for filters whose parts are optional.
///
/// Only fixed SQL goes into `text`; what a client sent goes into `values`.
#[derive(Default)]
pub struct Conditions {
    text: Vec<&'static str>,
    values: Vec<Box<dyn ToSql>>,
}

impl Conditions {
    pub fn and(&mut self, sql: &'static str) -> &mut Self {
        self.text.push(sql);
        self
    }

    /// One condition with one `?`.
    pub fn and_with(&mut self, sql: &'static str, value: impl ToSql + 'static) -> &mut Self {
        self.text.push(sql);
        self.values.push(Box::new(value));
        self
    }

    /// A further value for a condition with several `?`.
    pub fn value(&mut self, value: impl ToSql + 'static) -> &mut Self {
        self.values.push(Box::new(value));
        self
    }

    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.text.len()
    }

    pub fn sql(&self) -> String {
        if self.text.is_empty() { "1".to_owned() } else { self.text.join(" AND ") }
    }

    /// The values of a statement in which these conditions stand between others.
    pub fn between<'a>(
        &'a self,
        before: &[&'a dyn ToSql],
        after: &[&'a dyn ToSql],
    ) -> ParamsFromIter<Vec<&'a dyn ToSql>> {
        let own = self.values.iter().map(|v| v.as_ref());
        params_from_iter(before.iter().copied().chain(own).chain(after.iter().copied()).collect())
    }

    /// The values of a statement that ends in these conditions.
    pub fn after<'a>(&'a self, before: &[&'a dyn ToSql]) -> ParamsFromIter<Vec<&'a dyn ToSql>> {
        self.between(before, &[])
    }
}
