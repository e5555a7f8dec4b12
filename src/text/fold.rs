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

/// The folded form without accents, points of vowels and differences of case that lower case leaves
/// (`ß`, `ς`): what somebody types who leaves them out. Letters stay letters: `й` is no `и`, and the
/// vowels of Indian and Thai scripts, though marks, are no accents.
pub fn bare(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut plain = String::with_capacity(text.len());
    for c in fold(text).nfd() {
        match c {
            '\u{0306}' if plain.ends_with('и') => plain.push(c),
            c if is_accent(c) || c == '\u{0640}' => {}
            'ß' => plain.push_str("ss"),
            'ς' => plain.push('σ'),
            'ø' => plain.push('o'),
            'ł' => plain.push('l'),
            'đ' => plain.push('d'),
            'ı' => plain.push('i'),
            c => plain.push(c),
        }
    }
    plain.nfc().collect()
}

fn is_accent(c: char) -> bool {
    let scripts_with_accents = matches!(u32::from(c), 0x0300..=0x06FF | 0x1AB0..=0x1AFF | 0x1DC0..=0x1DFF);
    scripts_with_accents && c.general_category() == GeneralCategory::NonspacingMark
}

/// A word as the plain full-text index has it, which takes off single accents of Latin letters only
/// (FTS5's `unicode61`).
pub fn as_indexed(word: &str) -> String {
    let one = |c: char| match u32::from(c) {
        0x0300..=0x036F => None,
        0x00C0..=0x024F | 0x1E00..=0x1EFF => {
            let parts: Vec<char> = c.nfd().collect();
            if parts.len() == 2 { parts.first().copied() } else { Some(c) }
        }
        _ => Some(c),
    };
    word.to_lowercase().chars().filter_map(one).collect()
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
    fn words_typed_without_accents_are_the_same() {
        for (given, want) in [
            ("Café Ñandú", "cafe nandu"),
            ("Straße", "strasse"),
            ("ёжик їжак мой", "ежик іжак мой"),
            ("βήτα Οδυσσεύς", "βητα οδυσσευσ"),
            ("كِتَابٌ أحمد الـــعربية", "كتاب احمد العربية"),
            ("שָׁלוֹם", "שלום"),
            ("ガラス हिन्दी สวัสดี 한글", "ガラス हिन्दी สวัสดี 한글"),
            ("Ørsted Łódź Đà", "orsted lodz da"),
        ] {
            assert_eq!(bare(given), want, "{given}");
        }
        assert_eq!((as_indexed("Größe"), as_indexed("ếё")), ("große".into(), "ếё".into()));
    }

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
