//! The words of a question that are worth looking for.

use super::expressions::{Join, apart, own_expression, plain_expression, together};
use crate::text::{Term, bare, fold, index_terms, is_unspaced, terms};

/// Words of an expression at most, and those of them that are taken apart.
const MOST: usize = 64;
const MOST_PARTED: usize = 16;
/// Parts of a joined word: what has more is taken apart at once.
const MOST_JOINED: usize = 12;

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
    /// What is looked for when any of them will do, where that is something else.
    pub any: Option<Vec<String>>,
    /// There are so few that all are meant.
    pub all: bool,
    /// A search for any of them looks for their other forms too.
    pub forms: bool,
    /// None of them says anything by itself: the question has nothing else.
    pub weak: bool,
}

/// One search, made for each of the two full-text indexes when it is asked; `None` where one cannot tell.
#[derive(Debug, Clone, Copy)]
pub struct Stage<'a> {
    words: &'a [String],
    join: Join,
    forms: bool,
}

impl Stage<'_> {
    /// Over letters and digits as they stand in the texts.
    pub fn plain(self) -> Option<String> {
        plain_expression(self.words, self.join, self.forms)
    }

    /// Over the terms that the plain index does not see.
    pub fn own(self) -> Option<String> {
        own_expression(self.words, self.join, self.forms)
    }
}

impl Sought {
    /// Folded, without FTS5 syntax and stop words. A question of stop words only keeps them: a bad
    /// answer is better than none.
    pub fn of(text: &str) -> Self {
        let all = search_words(text);
        let meaning: Vec<String> = all.iter().filter(|w| !is_stop_word(w)).cloned().collect();
        let weak = meaning.is_empty();
        let mut words = if weak { all } else { meaning };
        let mut seen = std::collections::HashSet::new();
        words.retain(|w| seen.insert(w.clone()));
        words.truncate(MOST);
        Sought { weak, ..Self::words(words) }
    }

    fn words(words: Vec<String>) -> Self {
        Sought { all: words.len() <= ALL, any: None, forms: true, weak: false, words }
    }

    /// Only these of the words, as they are.
    pub fn narrowed(self, words: Vec<String>) -> Self {
        Sought { forms: false, weak: self.weak, ..Self::words(words) }
    }

    /// For all words when all are meant, as they are and then in other forms; at last for any.
    pub fn stages(&self) -> Vec<Stage<'_>> {
        let all = |forms| Stage { words: &self.words, join: Join::All, forms };
        let any = Stage { words: self.any.as_ref().unwrap_or(&self.words), join: Join::Any, forms: self.forms };
        if self.all { vec![all(false), all(true), any] } else { vec![any] }
    }

    /// Joined words that no text has together give way to their parts; `has` asks the plain index.
    pub fn parted(&self, has: impl Fn(&str) -> rusqlite::Result<bool>) -> rusqlite::Result<Sought> {
        if self.words.iter().all(|word| word.chars().all(char::is_alphanumeric)) {
            return Ok(self.clone());
        }
        let mut words = Vec::new();
        for (asked, word) in self.words.iter().enumerate() {
            match &terms(word)[..] {
                parts @ [_, _, ..] if asked < MOST_PARTED && !has(&together(parts))? => {
                    words.extend(apart(parts).map(str::to_owned));
                }
                _ => words.push(word.clone()),
            }
        }
        Ok(Sought { any: Some(words), ..self.clone() })
    }

    /// The share of the words that only the index of terms can find.
    pub fn own_share(&self) -> f64 {
        let own = |word: &&String| matches!(&terms(word)[..], [Term::Run(_) | Term::Signed(_)]);
        self.words.iter().filter(own).count() as f64 / self.words.len().max(1) as f64
    }

    /// Runs the searches over the plain index until one finds something.
    pub fn search<T>(&self, search: impl Fn(&str) -> rusqlite::Result<Vec<T>>) -> rusqlite::Result<Vec<T>> {
        for expression in self.stages().into_iter().filter_map(Stage::plain) {
            let matches = search(&expression)?;
            if !matches.is_empty() {
                return Ok(matches);
            }
        }
        Ok(Vec::new())
    }
}

/// The words of a text as they are written: parts that signs join stay together, runs of scripts
/// without spaces stand alone.
fn search_words(text: &str) -> Vec<String> {
    // an apostrophe ends a word, and FTS5 ends an expression at a NUL
    let text = fold(text).replace(|c: char| matches!(c, '\'' | '\u{2019}') || c.is_control(), " ");
    let mut words = Vec::new();
    let mut left = MOST;
    for chunk in text.split_whitespace() {
        let mut terms = terms(chunk);
        terms.truncate(left);
        left -= terms.len();
        let cut = terms.len() > MOST_JOINED;
        let joined = terms.len() > 1 && terms.iter().all(|term| matches!(term, Term::Word(_)));
        if joined && !cut && left > 0 {
            words.push(chunk.trim_matches(|c: char| !c.is_alphanumeric()).to_owned());
        } else {
            words.extend(terms.iter().map(|term| term.text().to_owned()));
        }
    }
    let long: Vec<String> =
        words.iter().filter(|w| w.chars().count() >= 2 || w.chars().all(is_unspaced)).cloned().collect();
    // a question of single letters has nothing else
    if long.is_empty() { words } else { long }
}

/// Words of a text as claims are compared: lower case, endings off, no stop words, each once.
pub fn stems(text: &str) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    plain(text, 2).map(|w| stem(&w)).filter(|w| seen.insert(w.clone())).collect()
}

/// The share of these words that a text has, in any form of theirs.
pub fn coverage(words: &[String], text: &str) -> f64 {
    if words.is_empty() {
        return 0.0;
    }
    let text = bare(text);
    let met = |word: &String| -> f64 {
        let word = &bare(word);
        if text.contains(word.as_str()) || text.contains(&stem(word)) {
            return 1.0;
        }
        // of a joined word or of a run without spaces a part may be there
        let parts: Vec<String> = terms(word).iter().flat_map(index_terms).filter(|p| p.chars().count() >= 2).collect();
        parts.iter().filter(|part| text.contains(part.as_str())).count() as f64 / parts.len().max(1) as f64
    };
    words.iter().map(met).sum::<f64>() / words.len() as f64
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
pub fn stem(word: &str) -> String {
    let length = word.chars().count();
    for (ending, longer_than, instead) in [("ies", 4, "y"), ("ing", 5, ""), ("ed", 4, ""), ("s", 3, "")] {
        if let Some(start) = word.strip_suffix(ending).filter(|_| length > longer_than) {
            return format!("{start}{instead}");
        }
    }
    word.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        Sought::of(text).words
    }

    #[test]
    fn questions_lose_syntax_and_stop_words() {
        assert_eq!(words("What is \"the\" saffron* (trade)?"), ["saffron", "trade"]);
        assert_eq!(words("AND OR NOT :^"), ["and", "or", "not"]);
        assert!(Sought::of("what is on").weak && !Sought::of("what is on sale").weak);
        assert_eq!(words("Caroline's book, the book"), ["caroline", "book"]);
        assert_eq!(words("har\0bour\u{1}"), ["har", "bour"], "FTS5 ends an expression at a NUL");
        assert!(words("  ? ").is_empty());
        let of = |words: &[&str]| {
            plain_expression(&words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>(), Join::Any, false)
        };
        assert_eq!(of(&["ab", "c"]).unwrap(), "\"ab\" OR \"c\"");
        assert_eq!(of(&["c++"]), None);
    }

    #[test]
    fn words_are_what_a_person_would_take_for_one() {
        assert_eq!(words("what is our C++ style?"), ["c++", "style"]);
        assert_eq!(words("C#, F# or .NET"), ["c#", "f#", ".net"]);
        assert_eq!(words("crash at (parser.ts:412)!"), ["crash", "parser.ts:412"]);
        assert_eq!(words("ﬁnancial docu\u{ad}ments"), ["financial", "documents"]);
        assert_eq!(words("数据库部署在哪里？"), ["数据库部署在哪里"]);
        assert_eq!(words("使用Docker部署"), ["使用", "docker", "部署"]);
        assert_eq!(words("猫 x"), ["猫"]);
    }

    #[test]
    fn joined_parts_are_sought_together_and_apart() {
        let sought = Sought::of("parser.ts:412");
        let stages = sought.stages();
        assert_eq!(stages[0].plain().as_deref(), Some("(\"parser ts 412\" OR \"parserts412\")"));
        assert!(stages[1].plain().unwrap().ends_with("OR (\"parser\" AND \"ts\" AND \"412\"))"));
        let parted = |has| Sought::of("parser.ts:412 crash").parted(|_| Ok(has)).unwrap().any.unwrap();
        assert_eq!(parted(false), ["parser", "ts", "412", "crash"]);
        assert_eq!(parted(true), ["parser.ts:412", "crash"]);
        assert!(stages[2].plain().unwrap().ends_with("(\"parser ts 412\" OR \"parserts412\")"));
    }

    #[test]
    fn runs_are_sought_by_pairs_in_the_index_of_terms() {
        let own = |text: &str| Sought::of(text).stages().pop().unwrap().own().unwrap();
        assert_eq!(own("腾讯云"), "own : ((\"腾讯\" OR \"讯云\"))");
        assert_eq!(Sought::of("腾讯云").stages()[0].own().as_deref(), Some("\"腾讯 讯云\""));
        assert_eq!(own("猫どこ"), "own : ((\"猫ど\" OR \"どこ\" OR \"猫\"*))");
        assert_eq!(own("猫"), "own : (\"猫\"*)");
        assert!(own("数据库部署在哪里").starts_with("own : ((\"数据\" OR \"据库\" OR"));
        assert_eq!(Sought::of("C++ 部署").stages()[0].plain(), None, "all of them are in no plain text");
        assert_eq!(own("C++"), "own : (\"c\u{E02B}\u{E02B}\")");
    }
}
