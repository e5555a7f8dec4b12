//! Words that no memory has, and those of the memories that may have been meant.

use rusqlite::Connection;

use super::words::Sought;
use crate::parts::memory::store::fulltext;

/// Shorter words are like too many others.
const SHORTEST: usize = 5;
/// Words from this length on may differ in two places.
const LONG: usize = 8;
/// Letters in which a misspelt word is taken to be right.
const SURE: usize = 2;
/// Words of a question that are corrected.
const WORDS: usize = 6;
/// Words taken for one.
const GUESSES: usize = 3;
/// Words of the memories that are compared with one of the question.
const COMPARED: i64 = 20_000;

/// For each of these words those of the memories' words that differ least from it, of several the
/// more frequent ones; any of them may be meant, and not all need be in memories that the caller
/// may see.
pub fn corrected(connection: &Connection, sought: &Sought) -> rusqlite::Result<Sought> {
    let mut meant = Vec::new();
    let words = sought.words.iter().map(|w| w.chars().collect::<Vec<char>>());
    let worth = |letters: &Vec<char>| letters.len() >= SHORTEST && letters.iter().all(|c| c.is_alphabetic());
    for letters in words.filter(worth).take(WORDS) {
        let most = if letters.len() >= LONG { 2 } else { 1 };
        let start: String = letters[..SURE].iter().collect();
        let mut near: Vec<_> = fulltext::words_beginning(connection, &start, COMPARED)?
            .into_iter()
            .filter_map(|(known, memories)| {
                let distance = distance(&letters, &known.chars().collect::<Vec<_>>(), most)?;
                (distance > 0).then_some((distance, -memories, known))
            })
            .collect();
        near.sort();
        meant.extend(near.into_iter().take(GUESSES).map(|(_, _, known)| known));
    }
    Ok(Sought { words: meant, any: None, all: false, forms: false, weak: false })
}

/// Insertions, deletions, substitutions and swaps of neighbours between two words (Damerau and
/// Levenshtein, each letter touched once); `None` when more than `most`.
fn distance(a: &[char], b: &[char], most: usize) -> Option<usize> {
    if a.len().abs_diff(b.len()) > most {
        return None;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut cost = (last[j] + usize::from(x != y)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                cost = cost.min(before[j - 1] + 1);
            }
            row.push(cost);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().filter(|d| *d <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_swaps_once() {
        let of = |a: &str, b: &str| distance(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>(), 2);
        assert_eq!(of("javeir", "javier"), Some(1));
        assert_eq!(of("safron", "saffron"), Some(1));
        assert_eq!(of("kubernets", "kubernetes"), Some(1));
        assert_eq!(of("vaccuum", "vacuum"), Some(1));
        assert_eq!(of("abcdef", "badcfe"), None);
        assert_eq!(of("same", "same"), Some(0));
        assert_eq!(of("a", "abcd"), None);
    }
}
