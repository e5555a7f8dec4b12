//! BERT's uncased WordPiece tokenizer: lower case, accents off, punctuation apart, then the
//! longest pieces of the vocabulary from the left.

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

use super::Table;

/// An id of the vocabulary.
pub type Token = u16;

const UNKNOWN: &[u8] = b"[UNK]";
/// Longer words are unknown.
const LONGEST_WORD: usize = 100;
/// Tokens of one text that are looked at.
const MOST: usize = 2048;

/// The tokens of a text, without `[CLS]` and `[SEP]`.
pub fn tokenize(text: &str) -> Vec<Token> {
    let mut tokens = Vec::with_capacity(text.len() / 4);
    let mut word = String::new();
    let push = |c: char, word: &mut String, tokens: &mut Vec<Token>| match kind(c) {
        Kind::Nothing => {}
        Kind::Space => flush(word, tokens),
        Kind::Alone => {
            flush(word, tokens);
            word.push(c);
            flush(word, tokens);
        }
        Kind::Letter => word.push(c),
    };
    if text.is_ascii() {
        for c in text.chars() {
            push(c.to_ascii_lowercase(), &mut word, &mut tokens);
            if tokens.len() >= MOST {
                break;
            }
        }
    } else {
        let plain = text.nfd().filter(|c| c.general_category() != GeneralCategory::NonspacingMark);
        for c in plain.flat_map(char::to_lowercase) {
            push(c, &mut word, &mut tokens);
            if tokens.len() >= MOST {
                break;
            }
        }
    }
    flush(&mut word, &mut tokens);
    tokens.truncate(MOST);
    tokens
}

enum Kind {
    Letter,
    Space,
    /// A token of its own: punctuation and Chinese characters.
    Alone,
    /// Control characters.
    Nothing,
}

fn kind(c: char) -> Kind {
    if c.is_ascii() {
        return match c {
            ' ' | '\t' | '\n' | '\r' => Kind::Space,
            c if c.is_ascii_control() => Kind::Nothing,
            c if c.is_ascii_punctuation() => Kind::Alone,
            _ => Kind::Letter,
        };
    }
    if c == '\u{fffd}' {
        return Kind::Nothing;
    }
    if c.is_whitespace() {
        return Kind::Space;
    }
    if is_chinese(c) {
        return Kind::Alone;
    }
    match c.general_category_group() {
        GeneralCategoryGroup::Punctuation => Kind::Alone,
        GeneralCategoryGroup::Other if c.general_category() != GeneralCategory::Unassigned => Kind::Nothing,
        _ => Kind::Letter,
    }
}

/// The CJK blocks that BERT splits into characters.
fn is_chinese(c: char) -> bool {
    matches!(u32::from(c),
        0x4E00..=0x9FFF | 0x3400..=0x4DBF | 0x20000..=0x2A6DF | 0x2A700..=0x2B73F | 0x2B740..=0x2B81F
        | 0x2B820..=0x2CEAF | 0xF900..=0xFAFF | 0x2F800..=0x2FA1F)
}

/// Cuts a finished word into pieces; one that cannot be cut is unknown as a whole.
fn flush(word: &mut String, tokens: &mut Vec<Token>) {
    if word.is_empty() {
        return;
    }
    let before = tokens.len();
    if word.chars().count() > LONGEST_WORD || !pieces(word, tokens) {
        tokens.truncate(before);
        tokens.extend(Table::get().find(UNKNOWN));
    }
    word.clear();
}

fn pieces(word: &str, tokens: &mut Vec<Token>) -> bool {
    let table = Table::get();
    let mut start = 0;
    let mut piece: Vec<u8> = Vec::with_capacity(word.len() + 2);
    while start < word.len() {
        let mut end = word.len();
        let found = loop {
            piece.clear();
            if start > 0 {
                piece.extend_from_slice(b"##");
            }
            piece.extend_from_slice(&word.as_bytes()[start..end]);
            if let Some(token) = table.find(&piece) {
                break Some(token);
            }
            // one character shorter
            match word[start..end].char_indices().next_back() {
                Some((at, _)) if at > 0 => end = start + at,
                _ => break None,
            }
        };
        let Some(token) = found else { return false };
        tokens.push(token);
        start = end;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_those_of_the_reference_tokenizer() {
        // made by tools/distill/fixture.py with the package's own tokenizer
        let fixture = include_str!("../../tests/data/wordpiece.jsonl");
        let mut compared = 0;
        for line in fixture.lines() {
            let (text, ids): (String, Vec<Token>) = serde_json::from_str(line).expect("a line of the fixture");
            assert_eq!(tokenize(&text), ids, "{text:?}");
            compared += 1;
        }
        assert!(compared > 2000, "{compared}");
    }

    #[test]
    fn endless_words_and_texts_are_bounded() {
        assert_eq!(tokenize(&"x".repeat(101)).len(), 1);
        assert_eq!(tokenize(&"word ".repeat(10_000)).len(), MOST);
    }
}
