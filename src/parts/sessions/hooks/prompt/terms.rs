//! What a prompt asks about: its text without what harnesses wrap around it, and the words that say something.

use crate::text::{head, one_line};
use std::collections::HashSet;

/// Bytes of a message that are looked at: what follows is pasted text, not a question.
const LOOKED_AT: usize = 64 * 1024;
/// Words that are looked for.
const MOST_TERMS: usize = 64;
/// Letters of the longest word: longer ones are hashes, keys and encoded bytes.
const LONGEST: usize = 64;
/// Blocks that are cut out of one message.
const MOST_BLOCKS: usize = 64;

/// Words that say nothing of what is asked.
const STOP_WORDS: &[&str] = &[
    "the", "and", "for", "are", "but", "not", "you", "your", "yours", "all", "any", "can", "could", "had", "has",
    "have", "her", "hers", "him", "his", "how", "its", "let", "may", "might", "our", "ours", "out", "she", "was",
    "were", "who", "whom", "whose", "why", "will", "with", "would", "about", "after", "again", "also", "been",
    "before", "being", "did", "does", "doing", "done", "each", "from", "get", "got", "here", "into", "just", "like",
    "make", "many", "more", "most", "much", "must", "now", "off", "once", "only", "other", "over", "own", "please",
    "same", "should", "some", "such", "tell", "than", "that", "their", "them", "then", "there", "these", "they",
    "this", "those", "through", "too", "under", "until", "use", "uses", "used", "very", "want", "what", "when",
    "where", "which", "while", "yes", "yet", "it's", "i'm", "don't", "isn't", "what's", "let's", "i've", "we're",
];

/// Answers that ask nothing.
const ACKNOWLEDGEMENTS: &[&str] = &[
    "ok",
    "okay",
    "k",
    "kk",
    "yes",
    "yep",
    "yeah",
    "yup",
    "y",
    "no",
    "nope",
    "n",
    "sure",
    "thanks",
    "thank you",
    "thx",
    "ty",
    "cool",
    "nice",
    "great",
    "good",
    "perfect",
    "awesome",
    "done",
    "right",
    "correct",
    "exactly",
    "agreed",
    "fine",
    "sounds good",
    "looks good",
    "lgtm",
    "go ahead",
    "go on",
    "continue",
    "proceed",
    "do it",
    "please do",
    "please continue",
    "keep going",
    "carry on",
    "got it",
    "makes sense",
    "i see",
    "understood",
    "never mind",
    "nevermind",
    "hello",
    "hi",
    "hey",
    "good morning",
    "ok thanks",
    "okay thanks",
    "yes please",
    "no thanks",
    "all good",
    "very good",
    "well done",
    "good job",
    "ship it",
];

/// Headings of blocks that harnesses put into a message: what follows as a JSON object is none of the question.
const WRAPPINGS: [&str; 5] = [
    "conversation info (untrusted",
    "sender (untrusted",
    "chat history since last reply",
    "untrusted context",
    "external untrusted content",
];
/// A fence around text from outside.
const FENCE_OPEN: &str = "<<<external_untrusted_content";
const FENCE_CLOSE: &str = "<<<end_external_untrusted_content";

/// The message without what harnesses have put around it.
pub fn cleaned(message: &str) -> String {
    // ASCII letters only, so that places stay the same
    let lower = message.to_ascii_lowercase();
    let mut kept = String::with_capacity(message.len());
    let mut from = 0;
    for _ in 0..MOST_BLOCKS {
        let Some((start, end)) = wrapping(&message[from..], &lower[from..]) else { break };
        kept += &message[from..from + start];
        from += end;
    }
    kept += &message[from..];
    kept.trim().to_owned()
}

/// Where the first wrapped block begins and ends.
fn wrapping(text: &str, lower: &str) -> Option<(usize, usize)> {
    let heading = WRAPPINGS.iter().filter_map(|heading| block(text, lower, heading)).min();
    let fence = lower.find(FENCE_OPEN).map(|start| {
        let close = lower[start..].find(FENCE_CLOSE).map(|at| start + at);
        let end = close.map_or(text.len(), |at| text[at..].find('\n').map_or(text.len(), |line| at + line + 1));
        (start, end)
    });
    [heading, fence].into_iter().flatten().min()
}

/// A heading with the JSON object right after it. Only the first few places with the heading are looked at.
fn block(text: &str, lower: &str, heading: &str) -> Option<(usize, usize)> {
    lower.match_indices(heading).take(MOST_BLOCKS).find_map(|(start, _)| {
        let end = object_after(text, start + heading.len())?;
        let rest = text[end..].trim_start();
        Some((start, rest.strip_prefix("```").map_or(end, |after| text.len() - after.len())))
    })
}

/// Where the JSON object ends that begins near a place: nothing but the heading's end and a fence may stand before it.
fn object_after(text: &str, at: usize) -> Option<usize> {
    let between = text[at..].bytes().take(120).position(|byte| byte == b'{')?;
    let brace = at + between;
    if text[at..brace].trim_end().contains("\n\n") {
        return None;
    }
    let mut objects = serde_json::Deserializer::from_str(&text[brace..]).into_iter::<serde::de::IgnoredAny>();
    objects.next()?.ok()?;
    Some(brace + objects.byte_offset())
}

/// The part of a message that is looked at.
pub fn looked_at(text: &str) -> &str {
    head(text, LOOKED_AT)
}

/// The words that say something, in lower case and in their order: those joined by dashes first.
pub fn terms(text: &str) -> Vec<String> {
    let lower = looked_at(text).to_lowercase().replace(['’', '`'], "'");
    let plain = |word| str::trim_matches(word, |c: char| !c.is_alphanumeric()).trim_end_matches("'s");
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric() && !matches!(c, '-' | '\'')).map(plain).collect();
    let joined = words.iter().copied().filter(|word| word.contains('-'));
    let parts = words.iter().flat_map(|word| word.split('-'));
    let mut seen = HashSet::new();
    joined
        .chain(parts)
        .filter(|word| says_something(word) && seen.insert(*word))
        .take(MOST_TERMS)
        .map(str::to_owned)
        .collect()
}

fn says_something(word: &str) -> bool {
    let letters = word.chars().take(LONGEST + 1).count();
    (3..=LONGEST).contains(&letters) && !STOP_WORDS.contains(&word) && !word.chars().all(char::is_numeric)
}

/// Whether a message asks nothing.
pub fn is_acknowledgement(message: &str) -> bool {
    // the longest of them has fifteen letters
    if message.len() > 200 {
        return false;
    }
    let plain: String = message.to_lowercase().chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    let plain = one_line(&plain);
    plain.is_empty() || ACKNOWLEDGEMENTS.contains(&plain.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_harnesses_wrap_around_a_message_is_cut_off() {
        for (message, want) in [
            ("Conversation info (untrusted metadata): {\"topic\":\"x {y}\"}\n\nhello there", "hello there"),
            ("Sender (untrusted metadata):\n```json\n{\"a\": {\"b\": 1}}\n```\nask this", "ask this"),
            ("before\nChat history since last reply: {\"x\":[]} after", "before\n after"),
            ("about untrusted context in general", "about untrusted context in general"),
            ("Untrusted context: {broken", "Untrusted context: {broken"),
            ("a <<<EXTERNAL_UNTRUSTED_CONTENT id=1>>>\nevil\n<<<END_EXTERNAL_UNTRUSTED_CONTENT>>>\nb", "a b"),
            ("ü Ünïcode", "ü Ünïcode"),
        ] {
            assert_eq!(cleaned(message), want, "{message}");
        }
    }

    #[test]
    fn terms_are_the_words_that_say_something() {
        assert_eq!(
            terms("Which well-known Lighthouse's hosting, 2024 hosting?"),
            ["well-known", "well", "known", "lighthouse", "hosting"]
        );
        assert!(terms("what is it? 42").is_empty());
    }

    #[test]
    fn acknowledgements_ask_nothing() {
        assert!(["ok", "Thanks!", "go ahead", "Sounds good.", " … "].iter().all(|m| is_acknowledgement(m)));
        assert!(!is_acknowledgement("go ahead with the harbour"));
    }

    proptest::proptest! {
        #[test]
        fn any_message_is_taken(text in "\\PC{0,80}", heading in 0usize..5, more in "[ {}\":a-z\n`ü]{0,40}") {
            let message = format!("{text}{}: {more}", WRAPPINGS[heading]);
            terms(&cleaned(&message));
        }
    }
}
