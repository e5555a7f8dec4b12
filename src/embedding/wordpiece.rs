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
    each_word(text, |word| {
        pieces(word, &mut tokens);
        tokens.len() < MOST
    });
    tokens.truncate(MOST);
    tokens
}

/// What the model can read of a text.
#[derive(Debug, Default)]
pub struct Read {
    /// Tokens of the words that it can read.
    pub tokens: Vec<Token>,
    pub words: usize,
    /// Words of which it sees no more than their letters, or nothing.
    pub unread: usize,
}

/// The tokens of the words that the vocabulary knows as more than a heap of letters.
///
/// Every memory has the letters, so that they would say of any two texts of a script that these are
/// alike.
pub fn read(text: &str) -> Read {
    let mut read = Read { tokens: Vec::with_capacity(text.len() / 4), ..Read::default() };
    each_word(text, |word| {
        let before = read.tokens.len();
        let known = pieces(word, &mut read.tokens);
        if !word.chars().any(char::is_alphanumeric) {
            return read.tokens.len() < MOST;
        }
        read.words += 1;
        if !known || !is_readable(word, read.tokens.len() - before) {
            read.tokens.truncate(before);
            read.unread += 1;
        }
        read.tokens.len() < MOST
    });
    read.tokens.truncate(MOST);
    read
}

/// Two characters a piece at least; a letter of its own only where it is a word.
fn is_readable(word: &str, pieces: usize) -> bool {
    word.chars().count() >= 2 * pieces || (pieces == 1 && word.is_ascii())
}

/// Calls `take` with every word in lower case and without accents, until it says that it is enough.
fn each_word(text: &str, mut take: impl FnMut(&str) -> bool) {
    let mut word = String::new();
    // false: enough
    let mut push = |c: char| match kind(c) {
        Kind::Nothing => true,
        Kind::Space => flush(&mut word, &mut take),
        Kind::Alone => {
            let more = flush(&mut word, &mut take);
            word.push(c);
            more && flush(&mut word, &mut take)
        }
        Kind::Letter => {
            word.push(c);
            true
        }
    };
    let whole = if text.is_ascii() {
        text.chars().map(|c| c.to_ascii_lowercase()).all(&mut push)
    } else {
        let plain = text.nfd().filter(|c| c.general_category() != GeneralCategory::NonspacingMark);
        plain.flat_map(char::to_lowercase).all(&mut push)
    };
    if whole {
        flush(&mut word, &mut take);
    }
}

fn flush(word: &mut String, take: &mut impl FnMut(&str) -> bool) -> bool {
    let more = word.is_empty() || take(word);
    word.clear();
    more
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

/// Cuts a word into pieces; one that cannot be cut is unknown as a whole, and false.
fn pieces(word: &str, tokens: &mut Vec<Token>) -> bool {
    let before = tokens.len();
    let known = word.chars().count() <= LONGEST_WORD && cut(word, tokens);
    if !known {
        tokens.truncate(before);
        tokens.extend(Table::get().find(UNKNOWN));
    }
    known
}

/// The longest pieces of the vocabulary from the left.
fn cut(word: &str, tokens: &mut Vec<Token>) -> bool {
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
    fn words_that_fall_into_letters_are_not_read() {
        let counts = |text: &str| (read(text).words, read(text).unread);
        assert_eq!(counts("The harbour master keeps a log."), (6, 0));
        assert_eq!(counts("Где хранится запасной ключ"), (4, 4));
        assert_eq!(counts("数据库"), (3, 3));
        assert!(counts("Wo liegt der Ersatzschlüssel?").1 <= 1);
        assert_eq!(read("запасной key").tokens, tokenize("key"));
    }

    #[test]
    fn endless_words_and_texts_are_bounded() {
        assert_eq!(tokenize(&"x".repeat(101)).len(), 1);
        assert_eq!(tokenize(&"word ".repeat(10_000)).len(), MOST);
    }
}
