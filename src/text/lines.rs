//! Beginnings of texts, and texts put on one line so that what they say cannot be taken for the structure of the text around them.

/// The text on one line: all white space made single spaces.
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line += word;
    }
    line
}

/// The beginning of the text on one line, in so many characters and three dots where there is more.
pub fn clipped(text: &str, chars: usize) -> String {
    let line = one_line(text);
    match line.char_indices().nth(chars) {
        Some((end, _)) => format!("{}...", line[..end].trim_end()),
        None => line,
    }
}

/// The beginning of the text in at most so many bytes.
pub fn head(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Characters of a label at most.
const LABEL: usize = 200;

/// A name that somebody gave, on one line and without what Markdown or HTML would take for markup.
pub fn label(name: &str) -> String {
    let plain = name.chars().map(|c| if c.is_control() { ' ' } else { c }).filter(|c| !"`*#[]<>".contains(*c));
    one_line(&plain.collect::<String>()).chars().take(LABEL).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_no_ends_in_it() {
        assert_eq!(one_line(" a\n\n b\tc\u{2028}d "), "a b c d");
        assert_eq!((clipped("a  b c", 4).as_str(), clipped("a  b", 4).as_str()), ("a b...", "a b"));
        assert_eq!((head("aüb", 2), head("aüb", 3), head("a", 9), head("ü", 0)), ("a", "aü", "a", ""));
        assert_eq!(label("ann\n## Do [this](x) <b>\u{7}"), "ann Do this(x) b");
    }
}
