//! Words of a question as FTS5 expressions, for each of the two full-text indexes.

use super::words::{is_stop_word, stem};
use crate::db::sql::fts_quote;
use crate::text::{Term, as_indexed, bare, sign_term, terms};

/// All of the words, or any of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Join {
    All,
    Any,
}

impl Join {
    fn of(self, parts: impl Iterator<Item = String>) -> String {
        let parts: Vec<String> = parts.collect();
        parts.join(match self {
            Join::All => " AND ",
            Join::Any => " OR ",
        })
    }
}

/// An FTS5 expression over the plain index: each word a string, so that nothing in it is syntax.
/// `None` when it has none of the words, or when all are wanted and it cannot have one.
pub fn plain_expression(words: &[String], join: Join, other_forms: bool) -> Option<String> {
    let parts: Vec<Option<String>> = words.iter().map(|w| plain_word(w, join, other_forms)).collect();
    if join == Join::All && parts.iter().any(Option::is_none) {
        return None;
    }
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| join.of(parts.into_iter()))
}

fn plain_word(word: &str, join: Join, other_forms: bool) -> Option<String> {
    match &terms(word)[..] {
        [Term::Word(plain)] => Some(match (bare_form(plain), other_forms) {
            // typed without an accent in one of the texts, or with it in the question
            (Some(bare), _) => format!("({} OR {})", fts_quote(plain), fts_quote(&bare)),
            (None, true) => forms(plain),
            (None, false) => fts_quote(plain),
        }),
        [] | [_] => None,
        parts => Some(joined(parts, join, other_forms)),
    }
}

/// Parts joined by signs: one after the other as they are written, or written as one; where forms
/// count and all words are meant also apart.
fn joined(parts: &[Term], join: Join, other_forms: bool) -> String {
    let mut ways = vec![together(parts)];
    let apart: Vec<String> = apart(parts).map(fts_quote).collect();
    // for any word it would count twice what is written together
    if join == Join::All && other_forms && !apart.is_empty() {
        ways.push(format!("({})", Join::All.of(apart.into_iter())));
    }
    format!("({})", Join::Any.of(ways.into_iter()))
}

pub fn together(parts: &[Term]) -> String {
    let texts: Vec<&str> = parts.iter().map(Term::text).collect();
    format!("{} OR {}", fts_quote(&texts.join(" ")), fts_quote(&texts.concat()))
}

pub fn apart(parts: &[Term]) -> impl Iterator<Item = &str> {
    parts.iter().map(Term::text).filter(|t| t.chars().count() >= 2 && !is_stop_word(t))
}

/// An FTS5 expression over terms that the plain index does not see.
pub fn own_expression(words: &[String], join: Join, other_forms: bool) -> Option<String> {
    let parts: Vec<String> = words.iter().map(|w| own_word(w, join, other_forms)).collect();
    if parts.is_empty() {
        return None;
    }
    let expression = join.of(parts.into_iter());
    Some(match join {
        Join::All => expression,
        // what the plain index sees too, it finds itself
        Join::Any => format!("own : ({expression})"),
    })
}

/// A word without accents, where the plain index does not take them off itself.
fn bare_form(word: &str) -> Option<String> {
    let bare = bare(word);
    (bare != as_indexed(word)).then_some(bare)
}

fn own_word(word: &str, join: Join, other_forms: bool) -> String {
    let word = &bare(word);
    match &terms(word)[..] {
        [Term::Run(run)] => run_expression(run, join),
        [Term::Signed(name)] => fts_quote(&sign_term(name)),
        // every text with the joined word has it as one here, and the plain index finds those
        parts @ [_, _, ..] if join == Join::Any => {
            fts_quote(&parts.iter().map(Term::text).collect::<Vec<_>>().join(" "))
        }
        _ => plain_word(word, join, other_forms).unwrap_or_else(|| fts_quote(word)),
    }
}

/// Runs up to this length are taken for one word, whose pairs follow each other.
const ONE_WORD: usize = 4;
/// Pairs of a longer run that are looked for: with [`MOST`] terms a question has some hundreds at most.
const PAIRS: usize = 24;

/// A word inside a run is found by its pairs of characters, one after the other; a whole sentence, and
/// where anything will do, by any of them.
fn run_expression(run: &str, join: Join) -> String {
    let chars: Vec<char> = run.chars().collect();
    let pairs: Vec<String> = chars.windows(2).map(|pair| pair.iter().collect()).collect();
    match chars.len() {
        1 => format!("{}*", fts_quote(run)),
        2 => fts_quote(run),
        3..=ONE_WORD if join == Join::All => fts_quote(&pairs.join(" ")),
        length => {
            let pairs = pairs.iter().take(PAIRS).map(|pair| fts_quote(pair));
            let alone = lone_signs(&chars).into_iter().filter(|_| length <= ONE_WORD);
            format!("({})", Join::Any.of(pairs.chain(alone.map(|c| format!("{}*", fts_quote(&c.to_string()))))))
        }
    }
}

/// Chinese characters that stand alone between syllables are words: `猫` of `猫どこ`.
fn lone_signs(chars: &[char]) -> Vec<char> {
    let is_sign = |c: &char| matches!(u32::from(*c), 0x3400..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x323AF);
    let alone = |n: &usize| {
        let beside = [n.checked_sub(1).and_then(|b| chars.get(b)), chars.get(n + 1)];
        is_sign(&chars[*n]) && beside.into_iter().flatten().all(|c| !is_sign(c))
    };
    (0..chars.len()).filter(alone).map(|n| chars[n]).collect()
}

/// An FTS5 expression of words in all their forms.
pub fn expression_of_forms(words: &[String], join: Join) -> Option<String> {
    plain_expression(words, join, true)
}

/// Stems of so many letters stand for every word that begins with them: shorter ones begin too many.
const PREFIX: usize = 5;

fn forms(word: &str) -> String {
    let plain = word.chars().all(char::is_alphabetic) && word.chars().count() >= 4;
    if !plain {
        return fts_quote(word);
    }
    let stem = stem(word);
    if stem.chars().count() >= PREFIX && word.starts_with(&stem) {
        return format!("{}*", fts_quote(&stem));
    }
    let endings = if stem == word { ["s", "es"] } else { ["", "e"] };
    let others = endings.iter().map(|ending| fts_quote(&format!("{stem}{ending}")));
    format!("({})", Join::Any.of(std::iter::once(fts_quote(word)).chain(others)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_forms_of_words_are_looked_for() {
        assert_eq!(forms("pelicans"), "\"pelican\"*");
        assert_eq!(forms("boats"), "(\"boats\" OR \"boat\" OR \"boate\")");
        assert_eq!(forms("boat"), "(\"boat\" OR \"boats\" OR \"boates\")");
        assert_eq!(forms("baking"), "(\"baking\" OR \"bak\" OR \"bake\")");
        assert_eq!(forms("parties"), "(\"parties\" OR \"party\" OR \"partye\")");
        assert_eq!(forms("x-ray2"), "\"x-ray2\"");
        let both = expression_of_forms(&["key".into(), "repairing".into()], Join::All);
        assert_eq!(both.as_deref(), Some("\"key\" AND \"repair\"*"));
    }
}
