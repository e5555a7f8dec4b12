//! The table file, read in place: nothing is unpacked, pages come into memory when touched.
//!
//! tools/distill/distill.py describes the layout.

use std::sync::OnceLock;

use super::Token;

static FILE: &[u8] = include_bytes!("../../assets/static-256.bin");

/// Dimensions of a row.
pub const DIMS: usize = 256;
const HEADER: usize = 24;
/// Of tokens without a row: markers such as `[UNK]`, like nothing.
static NO_ROW: [u8; DIMS] = [0; DIMS];

/// Where the blocks of the file begin.
pub struct Table {
    tokens: usize,
    first_row: Token,
    order: usize,
    weights: usize,
    scales: usize,
    rows: usize,
    text: usize,
}

fn u32_at(at: usize) -> u32 {
    u32::from_le_bytes([FILE[at], FILE[at + 1], FILE[at + 2], FILE[at + 3]])
}

impl Table {
    pub fn get() -> &'static Table {
        static TABLE: OnceLock<Table> = OnceLock::new();
        TABLE.get_or_init(|| {
            let tokens = u32_at(12) as usize;
            let order = HEADER + 4 * (tokens + 1);
            let weights = order + 2 * tokens;
            let scales = weights + 4 * tokens;
            let rows = scales + 4 * tokens;
            let first_row = u32_at(20) as Token;
            Table {
                tokens,
                first_row,
                order,
                weights,
                scales,
                rows,
                text: rows + DIMS * (tokens - usize::from(first_row)),
            }
        })
    }

    /// Tokens in the vocabulary.
    pub fn len(&self) -> usize {
        self.tokens
    }

    pub fn is_empty(&self) -> bool {
        self.tokens == 0
    }

    /// Inverse frequency of a token.
    pub fn weight(&self, token: Token) -> f32 {
        f32::from_bits(u32_at(self.weights + 4 * usize::from(token)))
    }

    /// The factor that gives a row length 1.
    pub fn scale(&self, token: Token) -> f32 {
        f32::from_bits(u32_at(self.scales + 4 * usize::from(token)))
    }

    /// The row's bytes, each an `i8`.
    pub fn row(&self, token: Token) -> &'static [u8] {
        let Some(nth) = token.checked_sub(self.first_row) else { return &NO_ROW };
        let at = self.rows + DIMS * usize::from(nth);
        &FILE[at..at + DIMS]
    }

    fn text_of(&self, token: Token) -> &'static [u8] {
        let at = HEADER + 4 * usize::from(token);
        &FILE[self.text + u32_at(at) as usize..self.text + u32_at(at + 4) as usize]
    }

    /// The token of exactly this text.
    pub fn find(&self, text: &[u8]) -> Option<Token> {
        let nth = |n: usize| {
            let at = self.order + 2 * n;
            u16::from_le_bytes([FILE[at], FILE[at + 1]])
        };
        let (mut low, mut high) = (0, self.tokens);
        while low < high {
            let middle = (low + high) / 2;
            let token = nth(middle);
            match self.text_of(token).cmp(text) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some(token),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_whole() {
        let table = Table::get();
        assert_eq!(&FILE[..8], b"SGSTATIC");
        assert_eq!((u32_at(8), u32_at(16) as usize), (2, DIMS));
        assert!(table.row(100).iter().all(|x| *x == 0), "[UNK] is like nothing");
        assert_eq!(table.len(), 30522);
        for token in [999, 1996, 30521] {
            assert_eq!(table.find(table.text_of(token)), Some(token));
            let length: f32 = table.row(token).iter().map(|x| (f32::from(*x as i8) * table.scale(token)).powi(2)).sum();
            assert!((length - 1.0).abs() < 0.001, "{token}: {length}");
        }
        assert_eq!(table.find(b"no such token at all"), None);
    }
}
