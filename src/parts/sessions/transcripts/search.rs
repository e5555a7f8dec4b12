//! Finding earlier conversations by their words.

use crate::core::Error;
use crate::db::sql;
use crate::parts::sessions::Sessions;
use crate::parts::sessions::store::search::{self as store, Found, Wanted};

/// Transcripts looked through for parts of words, where no whole word is found.
const LOOKED_THROUGH: i64 = 200;
/// Words looked for in that way, and characters of each at least.
const PARTS: usize = 8;
const SHORTEST_PART: usize = 3;
/// Words of a question at most.
const WORDS: usize = 32;
/// Up to so many words all have to be there.
const ALL_OF: usize = 3;
/// Characters of an excerpt.
const EXCERPT: usize = 320;

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

/// A conversation that was found.
#[derive(Debug, Clone)]
pub struct Hit {
    pub session_key: String,
    pub project: Option<String>,
    pub updated_at: String,
    pub excerpt: String,
    pub rank: f64,
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
        let found = self.core.db.read(|c| store::by_expression(c, &expression, wanted, limit))?;
        let found = if found.is_empty() { self.by_parts(&words, wanted, limit)? } else { found };
        Ok(found.into_iter().map(|found| hit(found, &words)).collect())
    }

    /// Where no word is found as it is: by parts of words, most words first.
    fn by_parts(&self, words: &[String], wanted: &Wanted, limit: i64) -> Result<Vec<Found>, Error> {
        let parts: Vec<&String> = words.iter().filter(|w| w.chars().count() >= SHORTEST_PART).take(PARTS).collect();
        if parts.is_empty() {
            return Ok(Vec::new());
        }
        let mut found = self.core.db.read(|c| store::newest(c, wanted, LOOKED_THROUGH))?;
        for one in &mut found {
            let text = one.content.to_lowercase();
            one.rank = parts.iter().filter(|part| text.contains(part.as_str())).count() as f64;
        }
        found.retain(|one| one.rank > 0.0);
        found.sort_by(|a, b| b.rank.total_cmp(&a.rank));
        found.truncate(limit as usize);
        Ok(found)
    }
}

/// The words of a question that say something, in lower case.
fn words(text: &str) -> Vec<String> {
    let plain = text.to_lowercase();
    let plain: String = plain.chars().map(|c| if "\":()^*?".contains(c) { ' ' } else { c }).collect();
    let mut words: Vec<String> = Vec::new();
    for word in plain.split_whitespace() {
        let known = STOP_WORDS.contains(&word) || words.iter().any(|w| w == word);
        if word.chars().count() > 1 && !known && word.chars().any(char::is_alphanumeric) {
            words.push(word.to_owned());
        }
    }
    words.truncate(WORDS);
    words
}

fn hit(found: Found, words: &[String]) -> Hit {
    let excerpt = excerpt(&found.content, words, EXCERPT);
    Hit {
        session_key: found.session_key,
        project: found.project,
        updated_at: found.updated_at,
        excerpt,
        rank: found.rank,
    }
}

/// The part of a transcript around the first of the words, without the labels of who speaks.
pub fn excerpt(transcript: &str, words: &[String], longest: usize) -> String {
    let label = |word: &&str| !matches!(*word, "User:" | "Assistant:" | "System:" | "Tool:" | "Human:");
    let plain = transcript.split_whitespace().filter(label).collect::<Vec<_>>().join(" ");
    let chars: Vec<char> = plain.chars().collect();
    if chars.len() <= longest {
        return plain;
    }
    // lower case one by one, so that places stay the same
    let lower: Vec<char> = chars.iter().map(|c| c.to_lowercase().next().unwrap_or(*c)).collect();
    let place = |word: &String| {
        let word: Vec<char> = word.chars().collect();
        lower.windows(word.len()).position(|part| part == word)
    };
    let first = words.iter().filter(|word| !word.is_empty()).filter_map(place).min().unwrap_or(0);
    let start = first.saturating_sub(longest * 35 / 100).min(chars.len() - longest);
    let mut text: String = chars[start..start + longest].iter().collect();
    text = text.trim().to_owned();
    if start > 0 {
        text.insert_str(0, "...");
    }
    if start + longest < chars.len() {
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
        assert!(words("is it the ? \" -").is_empty());
    }

    #[test]
    fn an_excerpt_shows_the_first_word_found() {
        let long = format!("User: {}needle {}", "a b ".repeat(200), "c d ".repeat(200));
        let text = excerpt(&long, &["needle".into()], 320);
        assert!(text.starts_with("...") && text.ends_with("...") && text.contains("needle"), "{text}");
        assert!(text.chars().count() <= 326);
        assert_eq!(excerpt("User: short\nAssistant: one", &[], 320), "short one");
        assert!(excerpt(&long, &["İx".into()], 320).starts_with("a b"));
    }
}
