//! The terms of a text: words, runs of scripts without spaces, names that end in signs.

use std::collections::HashSet;

use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

use super::fold::{as_indexed, bare, fold, is_unspaced};

/// One term of a folded text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Term {
    /// Letters and digits.
    Word(String),
    /// A run of a script in which words run together.
    Run(String),
    /// A name with its signs: `c++`, `f#`, `.net`.
    Signed(String),
}

impl Term {
    pub fn text(&self) -> &str {
        match self {
            Term::Word(text) | Term::Run(text) | Term::Signed(text) => text,
        }
    }
}

fn is_letter(c: char) -> bool {
    c.is_alphanumeric() || c.general_category_group() == GeneralCategoryGroup::Mark
}

/// The terms of a text in their order.
pub fn terms(text: &str) -> Vec<Term> {
    terms_of(&fold(text))
}

/// The same of a text that is folded.
fn terms_of(folded: &str) -> Vec<Term> {
    let chars: Vec<char> = folded.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let start = at;
        if is_unspaced(chars[at]) {
            at = end_of(&chars, at, is_unspaced);
            found.push(Term::Run(chars[start..at].iter().collect()));
        } else if is_letter(chars[at]) {
            at = end_of(&chars, at, |c| is_letter(c) && !is_unspaced(c));
            let signs = end_of(&chars, at, |c| matches!(c, '+' | '#'));
            let dotted = start > 0
                && chars[start - 1] == '.'
                && chars[start].is_alphabetic()
                && start.checked_sub(2).is_none_or(|before| may_stand_before_a_dot(chars[before]));
            if ends_in_signs(&chars, at, signs) {
                found.push(Term::Signed(chars[start..signs].iter().collect()));
                at = signs;
            } else if dotted {
                found.push(Term::Signed(chars[start - 1..at].iter().collect()));
            } else {
                found.push(Term::Word(chars[start..at].iter().collect()));
            }
        } else {
            at += 1;
        }
    }
    found
}

fn end_of(chars: &[char], from: usize, inside: impl Fn(char) -> bool) -> usize {
    chars[from..].iter().position(|c| !inside(*c)).map_or(chars.len(), |n| from + n)
}

/// Not in `a.b`, `f().b`, `...b`: `.net` as a name stands behind what is no part of a word.
fn may_stand_before_a_dot(c: char) -> bool {
    is_unspaced(c) || !(is_letter(c) || ".)]}_".contains(c))
}

/// `c++`, `c++11`, `c#12` and `c#語言`, but not `2+2`, `a#b` and `issue#12`.
fn ends_in_signs(chars: &[char], from: usize, to: usize) -> bool {
    let Some(next) = chars.get(to).filter(|c| is_letter(**c)) else { return to > from };
    let short = from == 1 || from > 1 && !is_letter(chars[from - 2]) || from > 1 && is_unspaced(chars[from - 2]);
    to > from
        && (is_unspaced(*next)
            || chars[from..to] == ['+', '+']
            || chars[from..to] == ['#'] && short && next.is_ascii_digit())
}

/// A signed name as one word of an index: its signs stand for characters that no text has.
pub fn sign_term(name: &str) -> String {
    name.chars()
        .map(|c| match c {
            '+' => '\u{E02B}',
            '#' => '\u{E023}',
            '.' => '\u{E02E}',
            c => c,
        })
        .collect()
}

/// What is indexed of a term: a word itself, of a run its overlapping pairs and its last character,
/// so that every word inside is found, of a signed name also its plain part.
pub fn index_terms(term: &Term) -> Vec<String> {
    match term {
        Term::Word(word) => vec![word.clone()],
        Term::Signed(name) => {
            vec![sign_term(name), name.trim_matches(|c| matches!(c, '+' | '#' | '.')).to_owned()]
        }
        Term::Run(run) => {
            let chars: Vec<char> = run.chars().collect();
            (0..chars.len()).map(|n| chars[n..(n + 2).min(chars.len())].iter().collect()).collect()
        }
    }
}

/// The terms of a text by whether the plain full-text index sees them.
#[derive(Debug, PartialEq, Eq)]
pub struct OwnTerms {
    pub own: Vec<String>,
    pub seen: Vec<String>,
}

/// The terms of a text in which the plain full-text index, which sees letters and digits as they stand
/// there, would miss some; `None` of all other texts.
pub fn own_terms(text: &str) -> Option<OwnTerms> {
    if text.is_ascii() && !text.contains(['+', '#', '.']) {
        return None;
    }
    let ends_word = |c: char| !(c.is_alphanumeric() || matches!(c, '\u{0300}'..='\u{036F}'));
    let plain: HashSet<String> = text.split(ends_word).filter(|w| !w.is_empty()).map(as_indexed).collect();
    let (mut own, mut seen) = (Vec::new(), Vec::new());
    for term in terms_of(&bare(text)) {
        // the pairs of a run follow each other, whether or not a text has one of them by itself
        let run = matches!(term, Term::Run(_));
        for indexed in index_terms(&term) {
            if run || !plain.contains(&indexed) { &mut own } else { &mut seen }.push(indexed);
        }
    }
    (!own.is_empty()).then_some(OwnTerms { own, seen })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str) -> Term {
        Term::Word(text.into())
    }

    #[test]
    fn terms_are_what_a_person_would_look_for() {
        let signed = |text: &str| Term::Signed(text.into());
        let run = |text: &str| Term::Run(text.into());
        assert_eq!(terms("C++ code, C#."), [signed("c++"), word("code"), signed("c#")]);
        assert_eq!(terms("the .NET runtime"), [word("the"), signed(".net"), word("runtime")]);
        assert_eq!(terms("2+2 a#b x.y ...and"), ["2", "2", "a", "b", "x", "y", "and"].map(word));
        assert_eq!(terms("C#12"), [signed("c#"), word("12")]);
        assert_eq!(terms("issue#12"), [word("issue"), word("12")]);
        assert_eq!(terms("C#語言 使用.NET"), [signed("c#"), run("語言"), run("使用"), signed(".net")]);
        assert_eq!(terms("C++11"), [signed("c++"), word("11")]);
        assert_eq!(terms("使用Docker部署"), [run("使用"), word("docker"), run("部署")]);
        assert_eq!(terms("สวัสดีครับ"), [run("สวัสดีครับ")]);
        assert_eq!(terms("parser.ts:412"), ["parser", "ts", "412"].map(word));
    }

    #[test]
    fn runs_are_indexed_by_pairs_and_signs_as_letters() {
        assert_eq!(index_terms(&Term::Run("腾讯云".into())), ["腾讯", "讯云", "云"]);
        assert_eq!(index_terms(&Term::Run("猫".into())), ["猫"]);
        assert_eq!(index_terms(&Term::Signed("c++".into())), ["c\u{E02B}\u{E02B}", "c"]);
    }

    #[test]
    fn plain_texts_need_no_terms_of_their_own() {
        for plain in [
            "The quick fox. It jumps!",
            "Cafe\u{301}",
            "call f().x and a.b",
            "Höhe und Café, naïve",
            "Привет, мир",
            "a + b = #1",
            "“quoted” – text…",
        ] {
            assert_eq!(own_terms(plain), None, "{plain}");
        }
        let own = |text: &str| own_terms(text).unwrap().own;
        assert_eq!(own("我们"), ["我们", "们"]);
        assert_eq!(own("使用Docker"), ["使用", "用", "docker"]);
        assert_eq!(own("C++ style"), ["c\u{E02B}\u{E02B}"]);
        assert_eq!(own_terms("the ﬁnancial plan").unwrap().seen, ["the", "plan"]);
        assert_eq!(own("Ёжик спит на Straße"), ["ежик", "strasse"]);
        for text in ["soft\u{ad}hyphen", "use .NET", "ＡＢＣ", "使用.NET", "C#/.NET", "[.NET]"] {
            assert!(own_terms(text).is_some(), "{text}");
        }
    }
}
