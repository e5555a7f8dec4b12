//! Which of an agent's people and projects a prompt names.

use std::collections::HashMap;

use crate::parts::knowledge::Subject;

/// Nouns that name no one thing.
const GENERIC: [&str; 34] = [
    "project", "projects", "agent", "agents", "memory", "memories", "task", "tasks", "tool", "tools", "session",
    "file", "files", "code", "app", "system", "data", "team", "test", "tests", "user", "users", "server", "client",
    "repo", "service", "note", "notes", "question", "answer", "issue", "context", "model", "plan",
];
/// Names of whoever talks.
const TALKERS: [&str; 3] = ["user", "assistant", "human"];
/// Entities taken at most.
const MOST: usize = 2;
/// Least score, and least share of the best.
const LEAST: f64 = 12.0;
const SHARE: f64 = 0.45;
/// Characters of a phrase at least.
const SHORTEST: usize = 3;

/// An entity that a prompt names.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    pub id: String,
    pub name: String,
    pub score: f64,
    /// The words of the phrase by which it was named.
    pub words: Vec<String>,
    span: (usize, usize),
}

/// Lower case, without possessives, anything but letters and digits made one space.
pub fn plain_words(text: &str) -> Vec<String> {
    let lower = text.to_lowercase().replace('’', "'");
    let mut plain = String::with_capacity(lower.len());
    let chars: Vec<char> = lower.chars().collect();
    let mut at = 0;
    while at < chars.len() {
        let possessive = chars[at] == '\''
            && chars.get(at + 1) == Some(&'s')
            && !chars.get(at + 2).is_some_and(|c| c.is_alphanumeric())
            && at > 0
            && chars[at - 1].is_alphanumeric();
        if possessive {
            at += 2;
            continue;
        }
        plain.push(if chars[at].is_alphanumeric() { chars[at] } else { ' ' });
        at += 1;
    }
    plain.split_whitespace().map(str::to_owned).collect()
}

/// The entities that a text names, best first; at most two, and none that overlaps a better one.
pub fn named_in(text: &str, subjects: &[Subject], aliases: &[(String, String)]) -> Vec<Named> {
    let words = plain_words(text);
    let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
    words.iter().enumerate().for_each(|(at, word)| places.entry(word).or_default().push(at));
    let by_id: HashMap<&str, &Subject> = subjects.iter().map(|subject| (subject.id.as_str(), subject)).collect();
    let names = subjects.iter().map(|subject| (subject, subject.name.as_str(), false));
    let others = aliases.iter().filter_map(|(id, alias)| Some((*by_id.get(id.as_str())?, alias.as_str(), true)));
    let mut best: HashMap<String, (Named, i64)> = HashMap::new();
    for (subject, phrase, is_alias) in names.chain(others) {
        let Some(named) = find(subject, phrase, is_alias, &words, &places) else { continue };
        let key = named.words.join(" ");
        let better = best.get(&key).is_none_or(|(known, mentions)| {
            let order = named.score.total_cmp(&known.score).then(subject.mentions.cmp(mentions));
            order.then(known.name.len().cmp(&named.name.len())).then(known.name.cmp(&named.name)).is_gt()
        });
        if better {
            best.insert(key, (named, subject.mentions));
        }
    }
    chosen(best.into_values().map(|(named, _)| named).collect())
}

fn find(
    subject: &Subject,
    phrase: &str,
    is_alias: bool,
    words: &[String],
    places: &HashMap<&str, Vec<usize>>,
) -> Option<Named> {
    let phrase_words = plain_words(phrase);
    let first = phrase_words.first()?;
    let chars = phrase_words.iter().map(|w| w.chars().count()).sum::<usize>() + phrase_words.len() - 1;
    let single = phrase_words.len() == 1;
    let generic = single && GENERIC.contains(&first.as_str());
    let talker = !subject.pinned && TALKERS.contains(&phrase_words.join(" ").as_str());
    if chars < SHORTEST || generic || talker {
        return None;
    }
    let plural = format!("{first}s");
    let starts = [first.as_str(), plural.as_str()].into_iter().filter_map(|word| places.get(word)).flatten();
    let matches = |start: &&usize| {
        let here = words.get(**start..**start + phrase_words.len());
        here.is_some_and(|here| here.iter().zip(&phrase_words).all(|(word, wanted)| is_word(word, wanted)))
    };
    let start = *starts.into_iter().filter(matches).min()?;
    let mentions = (1.0 + subject.mentions.max(0) as f64).ln();
    let score =
        8.0 * phrase_words.len() as f64 + 0.35 * chars as f64 + mentions + if subject.pinned { 8.0 } else { 0.0 }
            - if is_alias { 0.25 } else { 0.0 };
    let span = (start, start + phrase_words.len());
    Some(Named { id: subject.id.clone(), name: subject.name.clone(), score, words: phrase_words, span })
}

/// A word of four letters and more may have an s behind it, unless it names no one thing.
fn is_word(word: &str, wanted: &str) -> bool {
    word == wanted
        || wanted.chars().count() >= 4
            && !GENERIC.contains(&wanted)
            && word.strip_suffix('s').is_some_and(|w| w == wanted)
}

fn chosen(mut all: Vec<Named>) -> Vec<Named> {
    all.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.span.cmp(&b.span)));
    let Some(top) = all.first().map(|named| named.score) else { return all };
    let mut taken: Vec<Named> = Vec::new();
    for named in all.into_iter().filter(|named| named.score >= LEAST.max(SHARE * top)) {
        let overlaps = taken.iter().any(|t| t.id == named.id || t.span.0 < named.span.1 && named.span.0 < t.span.1);
        if !overlaps && taken.len() < MOST {
            taken.push(named);
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(id: &str, name: &str, mentions: i64) -> Subject {
        Subject { id: id.into(), name: name.into(), mentions, pinned: false }
    }

    fn names(text: &str, subjects: &[Subject], aliases: &[(String, String)]) -> Vec<String> {
        named_in(text, subjects, aliases).into_iter().map(|named| named.name).collect()
    }

    #[test]
    fn whole_names_are_found_and_weighed() {
        let all = [
            subject("1", "Lighthouse", 1),
            subject("2", "Priya Nair", 1),
            subject("3", "Priya", 1),
            subject("4", "Project", 900),
            subject("5", "Al", 900),
        ];
        assert_eq!(names("Tell me Lighthouse's provider", &all, &[]), ["Lighthouse"]);
        assert_eq!(names("the Lighthouses of PRIYA   nair", &all, &[]), ["Priya Nair", "Lighthouse"]);
        assert!(names("lighthousekeeping, the project of al", &all, &[]).is_empty());
        assert!(names("priya", &all, &[]).is_empty(), "a short name with few mentions never reaches the least");
        let alias = [("1".to_owned(), "Harbour Beacon".to_owned())];
        assert_eq!(names("see the harbour beacon", &all, &alias), ["Lighthouse"]);
    }

    #[test]
    fn who_talks_is_no_subject_unless_pinned() {
        let talker = Subject { pinned: true, ..subject("1", "Assistant", 50) };
        assert_eq!(names("the assistant said", std::slice::from_ref(&talker), &[]), ["Assistant"]);
        assert!(names("the assistant said", &[Subject { pinned: false, ..talker }], &[]).is_empty());
    }

    #[test]
    fn possessives_and_signs_are_no_part_of_words() {
        assert_eq!(plain_words("Ada’s e-mail (Bob's)'s"), ["ada", "e", "mail", "bob", "s"]);
    }
}
