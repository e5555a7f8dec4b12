//! The words of a question that are worth looking for.

use crate::db::sql::fts_quote;

/// Words of an expression at most.
const MOST: usize = 64;

/// Memory part, §6.9.
const STOP_WORDS: &str = "a an the is are was were be been being have has had do does did will would could should may \
might shall can to of in for on with at by from as into through during before after above below between out off over \
under again then once here there when where why how all each every both few more most other some such no nor not only \
own same so than too very just because but and or if while about up i me my we our you your he him his she her it its \
they them their what which who whom this that these those think thinking thought am also any much many like recommend \
recommends recommended recommendation recommendations suggest suggests suggested suggestion suggestions";

pub fn is_stop_word(word: &str) -> bool {
    use std::collections::HashSet;
    use std::sync::OnceLock;
    static SET: OnceLock<HashSet<&'static str>> = OnceLock::new();
    SET.get_or_init(|| STOP_WORDS.split_ascii_whitespace().collect()).contains(word)
}

/// Questions of up to this many words are first taken to mean all of them.
const ALL: usize = 3;

/// The words of a question that are worth looking for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sought {
    pub words: Vec<String>,
    /// There are so few that all are meant.
    pub all: bool,
    /// A search for any of them looks for their other forms too.
    pub forms: bool,
}

impl Sought {
    /// Lower case, without FTS5 syntax and stop words. A question of stop words only keeps them: a
    /// bad answer is better than none.
    pub fn of(text: &str) -> Self {
        Self::words(search_words(text))
    }

    fn words(words: Vec<String>) -> Self {
        Sought { all: words.len() <= ALL, forms: true, words }
    }

    /// Only these of the words, as they are.
    pub fn narrowed(words: Vec<String>) -> Self {
        Sought { forms: false, ..Self::words(words) }
    }

    /// Runs a search for all words when all are meant, as they are and then in other forms, else (or
    /// when that finds nothing) for any.
    pub fn search<T>(&self, search: impl Fn(&str) -> rusqlite::Result<Vec<T>>) -> rusqlite::Result<Vec<T>> {
        if self.all {
            for expression in [expression(&self.words, Join::All), expression_of_forms(&self.words, Join::All)] {
                let matches = search(&expression)?;
                if !matches.is_empty() {
                    return Ok(matches);
                }
            }
        }
        let any = if self.forms { expression_of_forms } else { expression };
        search(&any(&self.words, Join::Any))
    }
}

fn search_words(text: &str) -> Vec<String> {
    let all: Vec<String> = text
        .replace(|c: char| c == '\'' || c.is_control(), " ")
        .split_whitespace()
        .map(|w| {
            let kept: String = w.chars().filter(|c| !"\":()^*?".contains(*c)).collect();
            kept.trim_matches(|c: char| c.is_ascii_punctuation()).to_lowercase()
        })
        .filter(|w| w.chars().count() >= 2)
        .collect();
    let meaning: Vec<String> = all.iter().filter(|w| !is_stop_word(w)).cloned().collect();
    let mut words = if meaning.is_empty() { all } else { meaning };
    let mut seen = std::collections::HashSet::new();
    words.retain(|w| seen.insert(w.clone()));
    words.truncate(MOST);
    words
}

/// Words of a text as claims are compared: lower case, endings off, no stop words, each once.
pub fn stems(text: &str) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    plain(text, 2).map(|w| stem(&w)).filter(|w| seen.insert(w.clone())).collect()
}

/// Words of a question that may name an entity.
pub fn naming_words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = plain(text, 3).collect();
    words.truncate(MOST);
    words
}

/// Alphanumeric words of at least so many characters, lower case, no stop words.
fn plain(text: &str, shortest: usize) -> impl Iterator<Item = String> {
    let lower = text.to_lowercase();
    let words: Vec<String> = lower.split(|c: char| !c.is_alphanumeric()).map(str::to_owned).collect();
    words.into_iter().filter(move |w| w.chars().count() >= shortest && !is_stop_word(w))
}

/// `ies` → `y`, `ing`, `ed` and `s` off, where enough is left.
fn stem(word: &str) -> String {
    let length = word.chars().count();
    for (ending, longer_than, instead) in [("ies", 4, "y"), ("ing", 5, ""), ("ed", 4, ""), ("s", 3, "")] {
        if let Some(start) = word.strip_suffix(ending).filter(|_| length > longer_than) {
            return format!("{start}{instead}");
        }
    }
    word.to_owned()
}

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

/// An FTS5 expression of words; each is a string, so nothing in it is syntax.
fn expression(words: &[String], join: Join) -> String {
    join.of(words.iter().map(|w| fts_quote(w)))
}

/// The same with other forms of the words: plural and singular, endings of verbs.
pub fn expression_of_forms(words: &[String], join: Join) -> String {
    join.of(words.iter().map(|w| forms(w)))
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
    fn questions_lose_syntax_and_stop_words() {
        assert_eq!(search_words("What is \"the\" saffron* (trade)?"), ["saffron", "trade"]);
        assert_eq!(search_words("AND OR NOT :^"), ["and", "or", "not"]);
        assert_eq!(search_words("Caroline's book, the book"), ["caroline", "book"]);
        assert_eq!(search_words("har\0bour\u{1}"), ["har", "bour"], "FTS5 ends an expression at a NUL");
        assert!(search_words("  ? ").is_empty());
        assert_eq!(expression(&["a\"b".into(), "c".into()], Join::Any), "\"a\"\"b\" OR \"c\"");
    }

    #[test]
    fn other_forms_of_words_are_looked_for() {
        assert_eq!(forms("pelicans"), "\"pelican\"*");
        assert_eq!(forms("boats"), "(\"boats\" OR \"boat\" OR \"boate\")");
        assert_eq!(forms("boat"), "(\"boat\" OR \"boats\" OR \"boates\")");
        assert_eq!(forms("baking"), "(\"baking\" OR \"bak\" OR \"bake\")");
        assert_eq!(forms("parties"), "(\"parties\" OR \"party\" OR \"partye\")");
        assert_eq!(forms("x-ray2"), "\"x-ray2\"");
        assert_eq!(expression_of_forms(&["key".into(), "repairing".into()], Join::All), "\"key\" AND \"repair\"*");
    }
}
