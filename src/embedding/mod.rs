//! The embedded model: a static table of token vectors inside the binary.
//!
//! Text → WordPiece tokens → rows of the table → one vector of 256 dimensions, in microseconds and
//! without a model server. assets/NOTICE says where the table comes from.

mod table;
mod wordpiece;

pub use table::{DIMS, Table};
pub use wordpiece::{Read, Token, read, tokenize};

/// The name vectors of this model are stored under.
pub const MODEL: &str = "signetd-static-256";

/// The vector of a text: its tokens' rows weighted by inverse frequency, of length 1; all zeros
/// for a text without tokens.
pub fn embed(text: &str) -> Vec<f32> {
    pooled(&tokenize(text))
}

pub fn pooled(tokens: &[Token]) -> Vec<f32> {
    let table = Table::get();
    let mut sum = vec![0.0f32; DIMS];
    for token in tokens {
        let factor = table.weight(*token) * table.scale(*token);
        for (total, value) in sum.iter_mut().zip(table.row(*token)) {
            *total += factor * f32::from(*value as i8);
        }
    }
    let length = sum.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length > 0.0 {
        sum.iter_mut().for_each(|x| *x /= length);
    }
    sum
}

/// Cosine of two tokens' vectors.
pub fn similarity(a: Token, b: Token) -> f32 {
    let table = Table::get();
    dot(table.row(a), table.row(b)) as f32 * table.scale(a) * table.scale(b)
}

/// Of bytes that are each an `i8`; written so that the compiler makes vector instructions of it.
fn dot(a: &[u8], b: &[u8]) -> i32 {
    a.iter().zip(b).map(|(x, y)| i32::from(i16::from(*x as i8) * i16::from(*y as i8))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cosine(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(x, y)| x * y).sum()
    }

    #[test]
    fn related_texts_are_nearer_than_unrelated_ones() {
        let cat = embed("The cat sleeps on the sofa");
        assert_eq!(cat.len(), DIMS);
        assert!((cosine(&cat, &cat) - 1.0).abs() < 1e-5);
        let kitten = cosine(&cat, &embed("A kitten naps on the couch"));
        let bank = cosine(&cat, &embed("Interest rates rose at the central bank"));
        assert!(kitten > bank + 0.2, "{kitten} {bank}");
        assert!(embed("").iter().all(|x| *x == 0.0));
    }

    #[test]
    fn words_of_one_meaning_are_similar() {
        let token = |word: &str| tokenize(word)[0];
        assert!((similarity(token("dog"), token("dog")) - 1.0).abs() < 0.01);
        assert!(similarity(token("dog"), token("puppy")) > similarity(token("dog"), token("senate")));
    }
}
