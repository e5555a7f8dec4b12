//! Secrets taken out of texts that are kept and shown again: what follows `Bearer`, what is assigned to a name
//! that says it is secret, and long runs of characters that look like keys.

/// What stands in a secret's place.
const GONE: &str = "[REDACTED]";
/// Names whose values are secret.
const NAMES: [&str; 9] =
    ["api_key", "api-key", "apikey", "token", "secret", "password", "passwd", "credential", "authorization"];
/// Beginnings of keys.
const PREFIXES: [&str; 11] =
    ["sk-", "sk_", "pk-", "pk_", "ghp_", "gho_", "ghs_", "github_pat_", "xoxb-", "xoxp-", "akia"];
/// Characters of a secret at least.
const SHORTEST: usize = 8;
/// Characters of a run that looks like a key by its length alone.
const LONG_RUN: usize = 32;

/// The text without what looks like a secret.
pub fn redact(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = String::new();
    for piece in text.split_inclusive(char::is_whitespace) {
        let word = piece.trim_end();
        let space = &piece[word.len()..];
        if word.is_empty() {
            out += space;
            continue;
        }
        match replaced(word, &before) {
            Some(safe) => out += &safe,
            None => out += word,
        }
        out += space;
        // a sign that stands alone belongs to the name before it
        match word {
            "=" | ":" => before += word,
            _ => before = word.to_ascii_lowercase(),
        }
    }
    out
}

/// A word without the secret in it; `None` when it holds none.
fn replaced(word: &str, before: &str) -> Option<String> {
    let lower = word.to_ascii_lowercase();
    let plain = |c: char| !c.is_alphanumeric();
    let is_word = word.trim_matches(plain).chars().all(char::is_lowercase);
    if before.trim_matches(plain) == "bearer" && (word.chars().count() >= SHORTEST || !is_word) {
        return Some(GONE.to_owned());
    }
    // `password: value` in two words
    if before.ends_with([':', '='])
        && is_secret_name(before.trim_matches(plain))
        && word.chars().count() >= SHORTEST
        && lower.trim_matches(plain) != "bearer"
    {
        return Some(GONE.to_owned());
    }
    if let Some(at) = assignment(word, &lower) {
        return Some(format!("{}{GONE}", &word[..at]));
    }
    let start = lower.find(|c: char| c.is_alphanumeric()).unwrap_or(0);
    if PREFIXES.iter().any(|prefix| lower[start..].starts_with(prefix)) && lower.len() - start >= SHORTEST + 3 {
        return Some(format!("{}{GONE}", &word[..start]));
    }
    without_runs(word)
}

fn is_secret_name(name: &str) -> bool {
    NAMES.iter().any(|known| name.ends_with(known)) || ["_key", "_pass", "_pat"].iter().any(|end| name.ends_with(end))
}

/// Where the value begins in `name=value`, when the name says it is secret, or is a variable: with a dollar sign, or
/// one in capitals that says so (`OPENAI_API_KEY`).
fn assignment(word: &str, lower: &str) -> Option<usize> {
    for (at, c) in lower.char_indices().filter(|(_, c)| matches!(c, '=' | ':')) {
        let name = lower[..at].trim_end_matches(['"', '\'', ' ']);
        let from = name.rfind(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '-')).map_or(0, |n| n + 1);
        let in_capitals = name[from..].contains('_') && !word[from..name.len()].contains(char::is_lowercase);
        let dollar = from > 0 && name.as_bytes()[from - 1] == b'$';
        let is_variable = c == '=' && (dollar || in_capitals && is_secret_name(&name[from..]));
        let value = &lower[at + 1..];
        let value = value.trim_start_matches(['"', '\'', '=']);
        let least = if is_variable { 1 } else { SHORTEST };
        let enough = value.chars().take(least).count() == least;
        if enough && (is_variable || is_secret_name(&name[from..])) {
            return Some(lower.len() - value.len());
        }
    }
    None
}

/// A word without runs of characters that look like keys.
fn without_runs(word: &str) -> Option<String> {
    if word.len() < LONG_RUN {
        return None;
    }
    let in_run = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '_' | '-');
    let (mut out, mut run, mut found) = (String::new(), String::new(), false);
    for c in word.chars().map(Some).chain([None]) {
        match c {
            Some(c) if in_run(c) => run.push(c),
            other => {
                if looks_like_key(&run) {
                    out += GONE;
                    found = true;
                } else {
                    out += &run;
                }
                run.clear();
                out.extend(other);
            }
        }
    }
    found.then_some(out)
}

/// Long, of letters of both cases or of digits too, and neither a path nor words joined by dashes.
fn looks_like_key(run: &str) -> bool {
    if run.len() < LONG_RUN || is_uuid(run) {
        return false;
    }
    let has = |is: fn(char) -> bool| run.chars().any(is);
    let digits = has(|c| c.is_ascii_digit());
    let mixed = digits || has(|c| c.is_ascii_uppercase()) && has(|c| c.is_ascii_lowercase());
    let longest_part = run.split(['/', '-', '_']).map(str::len).max().unwrap_or(0);
    mixed && longest_part >= LONG_RUN / 2
}

fn is_uuid(run: &str) -> bool {
    run.len() == 36
        && run.split('-').map(str::len).eq([8, 4, 4, 4, 12])
        && run.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_and_the_rest_stays() {
        for (text, want) in [
            ("Authorization: Bearer abcdefghijklmnopqrstuvwx123456 please", "Authorization: Bearer [REDACTED] please"),
            ("set api_key=abcdefgh12 now", "set api_key=[REDACTED] now"),
            ("password: hunter2hunter2\nnext", "password: [REDACTED]\nnext"),
            ("export OPENAI_API_KEY='sk-abc12345'", "export OPENAI_API_KEY='[REDACTED]"),
            ("use $HOME_TOKEN=abc and $PATH", "use $HOME_TOKEN=[REDACTED] and $PATH"),
            ("password = hunter2hunter2 : x", "password = [REDACTED] : x"),
            ("export OPENAI_API_KEY=abc MAX_LINES=abc", "export OPENAI_API_KEY=[REDACTED] MAX_LINES=abc"),
            ("Bearer xyz12, the bearer of news", "Bearer [REDACTED] the bearer of news"),
            ("key sk-proj-abcdefghijk.", "key [REDACTED]"),
            ("(ghp_abcdefghijklmnop)", "([REDACTED]"),
            ("hash 0123456789abcdef0123456789abcdef!", "hash [REDACTED]!"),
            ("{\"secret\":\"abcdefghij\"}", "{\"secret\":\"[REDACTED]"),
            ("the token is short: token=abc", "the token is short: token=abc"),
            (
                "in /home/someone/projects/a-very-long-name/src/main.rs",
                "in /home/someone/projects/a-very-long-name/src/main.rs",
            ),
            ("id 123e4567-e89b-12d3-a456-426614174000", "id 123e4567-e89b-12d3-a456-426614174000"),
            ("a-long-branch-name-of-words-joined-by-dashes", "a-long-branch-name-of-words-joined-by-dashes"),
            ("ü=ä Überweisungsträgervordruckausfüllhilfe", "ü=ä Überweisungsträgervordruckausfüllhilfe"),
        ] {
            assert_eq!(redact(text), want);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_taken_and_twice_is_once(text in "[a-zA-Z0-9=:$_ \\-'\"ü/]{0,120}") {
            let once = redact(&text);
            redact(&once);
        }
    }
}
