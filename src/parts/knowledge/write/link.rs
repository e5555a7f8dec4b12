//! Linking a memory to entities it names, by their capitalised names alone (memory part, §2.6).

use super::canonical;
use crate::db::Tx;
use crate::parts::knowledge::store::{entities, graph};

/// Capitalised words that begin sentences more often than names.
const COMMON: &[&str] = &[
    "The", "A", "An", "This", "That", "These", "Those", "It", "He", "She", "They", "We", "You", "I", "In", "On", "At",
    "For", "From", "With", "And", "But", "Or", "If", "When", "Where", "What", "Who", "How", "Why", "Is", "Are", "Was",
    "Were", "Do", "Does", "Did", "Not", "No", "Yes", "My", "Your", "His", "Her", "Our", "Their", "There", "Then", "So",
    "As", "To", "Of", "By", "Use", "Always", "Never", "Also", "After", "Before",
];

/// Names tried per memory.
const MOST: usize = 50;

/// Adds mentions of known entities; returns how many are new. Never creates an entity.
pub fn link(tx: &Tx<'_>, agent: &str, memory_id: &str, text: &str) -> rusqlite::Result<usize> {
    if !graph::any_entity(tx)? {
        return Ok(0);
    }
    let mut added = 0;
    for name in candidate_names(text).into_iter().take(MOST) {
        if let Some(id) = entities::find_by_name(tx, agent, &name, &canonical(&name))? {
            entities::bump_mentions(tx, &id)?;
            added += entities::add_mention(tx, memory_id, &id, &name, 0.8)?;
        }
    }
    Ok(added)
}

/// Runs of capitalised words within a sentence, each name once.
fn candidate_names(text: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for sentence in text.split(['.', '!', '?', '\n']) {
        let mut run: Vec<&str> = Vec::new();
        for word in sentence.split(|c: char| !c.is_alphanumeric()).chain(std::iter::once("")) {
            if is_name_word(word) {
                run.push(word);
                continue;
            }
            let name = run.join(" ");
            if name.chars().count() >= 3 && !names.contains(&name) {
                names.push(name);
            }
            run.clear();
        }
    }
    names
}

/// `Word`, or two to six capitals.
fn is_name_word(word: &str) -> bool {
    let mut chars = word.chars();
    if !chars.next().is_some_and(|c| c.is_ascii_uppercase()) || COMMON.contains(&word) {
        return false;
    }
    let rest = chars.as_str();
    rest.starts_with(|c: char| c.is_lowercase())
        || ((1..=5).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_runs_of_capitalised_words() {
        assert_eq!(
            candidate_names("The Grafana Cloud runs NATS. Ada met Al and the Ada"),
            ["Grafana Cloud", "NATS", "Ada"]
        );
        assert_eq!(canonical("  Grafana   CLOUD "), "grafana cloud");
    }
}
