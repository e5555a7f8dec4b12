//! Finding earlier conversations by their words.

use crate::core::Error;
use crate::db::sql;
use crate::parts::sessions::Sessions;
use crate::parts::sessions::store::search::{self as store, Hit, Wanted};
use crate::text::head;

/// Transcripts looked through for parts of words, where no whole word is found.
const LOOKED_THROUGH: i64 = 200;
/// Words looked for in that way, and characters of each at least.
const PARTS: usize = 8;
const SHORTEST_PART: usize = 3;
/// Bytes of a question that are read.
const QUESTION: usize = 8 * 1024;
/// Words of a question at most.
const WORDS: usize = 32;
/// Up to so many words all have to be there.
const ALL_OF: usize = 3;
/// Characters of an excerpt.
const EXCERPT: usize = 320;
/// Bytes to each side of the first word for each of them: white space and labels are dropped.
const AROUND: usize = 8;

/// Words that say nothing of what is looked for.
const STOP_WORDS: [&str; 48] = [
    "the", "a", "an", "and", "or", "but", "in", "on", "at", "to", "for", "of", "with", "by", "from", "is", "are",
    "was", "were", "be", "been", "do", "does", "did", "have", "has", "had", "it", "its", "this", "that", "these",
    "those", "we", "you", "i", "he", "she", "they", "what", "which", "who", "when", "where", "how", "why", "as", "not",
];

/// What is looked for, and where.
#[derive(Debug, Clone)]
pub struct Question {
    pub text: String,
    pub wanted: Wanted,
    pub limit: i64,
}

impl Sessions {
    /// Conversations that hold the words, best first.
    pub fn search(&self, question: &Question) -> Result<Vec<Hit>, Error> {
        let words = words(&question.text);
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let quoted: Vec<String> = words.iter().map(|word| sql::fts_quote(word)).collect();
        let expression = quoted.join(if words.len() <= ALL_OF { " AND " } else { " OR " });
        let (wanted, limit) = (&question.wanted, question.limit);
        let shown = |content: &str| excerpt(content, &words, EXCERPT);
        let found = self.core.db.read(|c| store::by_expression(c, &expression, wanted, limit, shown))?;
        if found.is_empty() { self.by_parts(&words, wanted, limit) } else { Ok(found) }
    }

    /// Where no word is found as it is: by parts of words, most words first.
    fn by_parts(&self, words: &[String], wanted: &Wanted, limit: i64) -> Result<Vec<Hit>, Error> {
        let parts: Vec<&String> = words.iter().filter(|w| w.chars().count() >= SHORTEST_PART).take(PARTS).collect();
        if parts.is_empty() {
            return Ok(Vec::new());
        }
        let look = |content: &str| {
            let text = content.to_lowercase();
            let rank = parts.iter().filter(|part| text.contains(part.as_str())).count();
            (rank > 0).then(|| (rank as f64, excerpt(content, words, EXCERPT)))
        };
        let mut found = self.core.db.read(|c| store::among_newest(c, wanted, LOOKED_THROUGH, look))?;
        found.sort_by(|a, b| b.rank.total_cmp(&a.rank));
        found.truncate(limit as usize);
        Ok(found)
    }
}

/// The words of a question that say something, in lower case.
fn words(text: &str) -> Vec<String> {
    let plain = head(text, QUESTION).to_lowercase();
    let mut words: Vec<String> = Vec::new();
    for word in plain.split(|c: char| c.is_whitespace() || c.is_control() || "\":()^*?".contains(c)) {
        let known = STOP_WORDS.contains(&word) || words.iter().any(|w| w == word);
        if word.chars().count() > 1 && !known && word.chars().any(char::is_alphanumeric) {
            words.push(word.to_owned());
        }
        if words.len() == WORDS {
            break;
        }
    }
    words
}

/// Lower case one by one, so that places stay the same.
fn lower(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

/// Where the first of the words begins, in bytes; 0 where there is none.
fn first_place(text: &str, words: &[String]) -> usize {
    let words: Vec<Vec<char>> = words.iter().map(|word| word.chars().collect()).collect();
    let begins = |at: usize, c: char| {
        words.iter().any(|word| {
            word.first() == Some(&c) && text[at..].chars().map(lower).take(word.len()).eq(word.iter().copied())
        })
    };
    text.char_indices().find(|(at, c)| begins(*at, lower(*c))).map_or(0, |(at, _)| at)
}

/// The part of a transcript around the first of the words, on one line and without the labels of who speaks.
pub fn excerpt(transcript: &str, words: &[String], longest: usize) -> String {
    // a transcript may be long: only what stands near the place is looked at
    let place = first_place(transcript, words);
    let from = head(transcript, place.saturating_sub(longest * AROUND)).len();
    let to = head(transcript, place.saturating_add(longest * AROUND)).len();
    let is_label = |word: &str| matches!(word, "User:" | "Assistant:" | "System:" | "Tool:" | "Human:");
    let plain = |text: &str| {
        let kept: Vec<&str> = text.split_whitespace().filter(|word| !is_label(word)).collect();
        kept.join(" ")
    };
    let (before, after) = (plain(&transcript[from..place]), plain(&transcript[place..to]));
    let between = if transcript[..place].ends_with(char::is_whitespace) && !before.is_empty() { " " } else { "" };
    let first = before.chars().count() + between.len();
    let chars: Vec<char> = format!("{before}{between}{after}").chars().collect();
    let start = first.saturating_sub(longest * 35 / 100).min(chars.len().saturating_sub(longest));
    let end = chars.len().min(start + longest);
    let mut text = chars[start..end].iter().collect::<String>().trim().to_owned();
    if start > 0 || from > 0 {
        text.insert_str(0, "...");
    }
    if end < chars.len() || to < transcript.len() {
        text += "...";
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_that_say_something() {
        assert_eq!(words("What is \"the JUNIPER\" (trunk)? trunk*"), ["juniper", "trunk"]);
        assert!(words("is it the ? \" - \0").is_empty());
        assert_eq!(words(&"w\u{0}x many ".repeat(9_000)), ["many"]);
    }

    #[test]
    fn an_excerpt_shows_the_first_word_found() {
        let long = format!("User: {}needle {}", "a b ".repeat(200), "c d ".repeat(200));
        let text = excerpt(&long, &["needle".into()], 320);
        assert!(text.starts_with("...") && text.ends_with("...") && text.contains("needle"), "{text}");
        assert!(text.chars().count() <= 326);
        assert_eq!(excerpt("User: short\nAssistant: one", &[], 320), "short one");
        assert!(excerpt(&long, &["İx".into()], 320).starts_with("a b"));
        let far = format!("{}ÜBER Needle", "wort ".repeat(100_000));
        let text = excerpt(&far, &["über".into()], 320);
        assert!(text.starts_with("...") && text.ends_with("wort ÜBER Needle"), "{text}");
    }
}
