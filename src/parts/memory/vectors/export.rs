//! Memories with their vectors, a page at a time.

use super::embed::tracker;
use crate::core::Error;
use crate::core::access::Caller;
use crate::parts::memory::Memory;
use crate::parts::memory::api::Export;
use crate::parts::memory::browse::visible_to;
use crate::parts::memory::store::embeddings;

impl Memory {
    /// Newest first; with `vectors` the vectors themselves.
    pub fn export(&self, caller: &Caller, vectors: bool, limit: i64, offset: i64) -> Result<Export, Error> {
        tracker::settle(self);
        let visible = visible_to(caller);
        let (rows, total) = self.core.db.read(|c| {
            let rows = embeddings::export(c, &visible, vectors, limit, offset)?;
            Ok((rows, embeddings::count(c, &visible)?))
        })?;
        let count = rows.len() as i64;
        let embeddings = rows.into_iter().map(|row| row.exported).collect();
        Ok(Export { embeddings, count, total, limit, offset, has_more: offset + count < total })
    }
}
