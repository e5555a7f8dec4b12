//! Splitting long content into linked chunks (memory part, §2.1).

/// The chunks of a text of `target` characters each, the later ones overlapping into the
/// earlier. One element when nothing had to be split.
pub fn split(text: &str, target: usize) -> Vec<String> {
    let raw = pack(&pieces(text), target);
    let overlap = target / 4;
    raw.iter()
        .enumerate()
        .map(|(n, chunk)| match raw.get(n + 1) {
            Some(next) => {
                let tail: String = next.chars().take(overlap).collect();
                format!("{chunk} {}", tail.trim())
            }
            None => chunk.clone(),
        })
        .collect()
}

/// Sentences, list items and sections.
fn pieces(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut current = String::new();
    let mut at = 0;
    let flush = |current: &mut String, found: &mut Vec<String>| {
        if !current.trim().is_empty() {
            found.push(std::mem::take(current));
        } else {
            current.clear();
        }
    };
    while at < chars.len() {
        let c = chars[at];
        let next = chars.get(at + 1);
        if matches!(c, '.' | '!' | '?') && next.is_some_and(|n| n.is_whitespace()) {
            current.push(c);
            flush(&mut current, &mut found);
            at += 1;
            // the white space belongs to no piece, unless a line starts with it that splits anew
            while chars.get(at).is_some_and(|n| n.is_whitespace()) {
                at += 1;
            }
            continue;
        }
        if c == '\n' {
            let item = matches!(next, Some('-' | '*')) && chars.get(at + 2) == Some(&' ');
            let section = chars[at + 1..].starts_with(&['#', '#', ' ']);
            if item || section {
                flush(&mut current, &mut found);
                at += 1;
                continue;
            }
        }
        current.push(c);
        at += 1;
    }
    flush(&mut current, &mut found);
    found
}

/// Joins pieces up to `target` characters; a piece longer than twice that is cut.
fn pack(pieces: &[String], target: usize) -> Vec<String> {
    let mut chunks = Vec::new();
    let mut buffer = String::new();
    for piece in pieces {
        let length = piece.chars().count();
        if length > 2 * target {
            chunks.push(std::mem::take(&mut buffer));
            let chars: Vec<char> = piece.chars().collect();
            chunks.extend(chars.chunks(target).map(|slice| slice.iter().collect::<String>().trim().to_owned()));
            continue;
        }
        let joined = if buffer.is_empty() { piece.clone() } else { format!("{buffer} {piece}") };
        if joined.chars().count() > target && !buffer.is_empty() {
            chunks.push(std::mem::replace(&mut buffer, piece.clone()));
        } else {
            buffer = joined;
        }
    }
    chunks.push(buffer);
    chunks.retain(|c| !c.trim().is_empty());
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_packed_and_overlap_into_the_next_chunk() {
        let text = "One two three. Four five six! Seven eight nine? Ten.";
        let chunks = split(text, 30);
        assert_eq!(chunks.len(), 2);
        assert!(chunks[0].starts_with("One two three. Four five six! Seven"), "{chunks:?}");
        assert_eq!(chunks[1], "Seven eight nine? Ten.");
    }

    #[test]
    fn text_without_breaks_is_cut_into_slices() {
        let chunks = split(&"x".repeat(250), 100);
        assert_eq!(chunks.len(), 3);
        assert_eq!(chunks[2], "x".repeat(50));
        assert!(chunks.iter().all(|c| c.chars().count() <= 126));
    }

    #[test]
    fn list_items_and_sections_begin_pieces() {
        let chunks = split("intro\n- first item\n* second item\n## Part\nbody", 12);
        assert_eq!(chunks.len(), 4, "{chunks:?}");
        assert!(chunks[3].starts_with("## Part"));
    }

    #[test]
    fn short_text_stays_whole_and_multibyte_text_is_not_torn() {
        assert_eq!(split("short", 600), ["short"]);
        assert!(split(&"äöü ".repeat(200), 50).len() > 10);
    }
}
