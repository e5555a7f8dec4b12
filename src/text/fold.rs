//! The form in which texts are the same that read the same.

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// Unicode compatibility form (full-width letters, ligatures and composed Hangul made plain), without
/// characters that nobody sees (soft hyphens, zero-width marks), in lower case. Accents stay: the
/// full-text indexes take them off.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.nfkc().filter(|c| !is_invisible(*c)).flat_map(char::to_lowercase).collect()
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{00AD}' | '\u{034F}' | '\u{115F}' | '\u{1160}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}')
        || c.general_category() == GeneralCategory::Format
}

/// Whether a character is of a script in which words run together: Chinese, Japanese, Thai, Lao,
/// Burmese, Khmer; and Korean, whose words carry their endings with them.
pub fn is_unspaced(c: char) -> bool {
    matches!(u32::from(c),
        0x0E00..=0x0EFF          // Thai, Lao
        | 0x1000..=0x109F        // Burmese
        | 0x1780..=0x17FF        // Khmer
        | 0x1950..=0x19DF | 0x1A20..=0x1AAF // Tai scripts
        | 0x3005..=0x3007        // Chinese marks of repetition and zero
        | 0x3041..=0x30FF | 0x31F0..=0x31FF // Japanese syllables
        | 0x3105..=0x312F        // Bopomofo
        | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x323AF // Chinese
        | 0xAA60..=0xAA7F | 0xA9E0..=0xA9FF // more Burmese
        | 0x1100..=0x11FF | 0xAC00..=0xD7FF // Korean
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_read_the_same_become_the_same() {
        for (given, want) in [
            ("The ﬁnancial ﬂow", "the financial flow"),
            ("docu\u{ad}men\u{ad}ta\u{ad}tion", "documentation"),
            ("ＡＢＣ　１２３", "abc 123"),
            ("zero\u{200b}width\u{feff}", "zerowidth"),
            ("\u{1112}\u{1161}\u{11ab}", "한"),
            ("ｶﾞ", "ガ"),
            ("Cafe\u{301}", "café"),
            ("ÄÖ", "äö"),
        ] {
            assert_eq!(fold(given), want, "{given}");
        }
    }
}
