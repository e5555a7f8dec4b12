//! Sentences for benchmarks: words of a made-up vocabulary whose frequencies fall as those of a
//! natural language (Zipf), the same at every run.
#![allow(dead_code)] // each example uses a part

/// Distinct words.
const WORDS: u64 = 30_000;
const SYLLABLES: [&str; 20] = [
    "ka", "lo", "mi", "ter", "san", "vel", "dor", "pin", "ra", "tos", "bel", "gun", "hex", "jo", "nar", "que", "sil",
    "um", "wy", "zet",
];

/// A number that looks random and depends on its seed only (SplitMix64).
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The word of a rank.
fn word(rank: u64) -> String {
    let mut left = rank + 40;
    let mut text = String::new();
    while left > 0 {
        text.push_str(SYLLABLES[(left % 20) as usize]);
        left /= 20;
    }
    text
}

/// A rank by Zipf's law: each frequency class of the vocabulary is met equally often.
fn rank(seed: u64) -> u64 {
    let share = (mix(seed) >> 11) as f64 / (1u64 << 53) as f64;
    ((WORDS as f64).powf(share) - 1.0) as u64
}

/// Sentence `n`, of about twelve words.
pub fn sentence(n: u64) -> String {
    let length = 8 + mix(n) % 9;
    let words: Vec<String> = (0..length).map(|k| word(rank(n * 31 + k))).collect();
    format!("{} {n}", words.join(" "))
}

/// A question about one of `count` sentences: some of its words among others.
pub fn question(n: u64, count: u64) -> String {
    let about = mix(n ^ 0xabcd) % count.max(1);
    let words: Vec<String> = (0..4).map(|k| word(rank(about * 31 + k))).collect();
    format!("who did the {} with {}", words.join(" "), word(rank(n)))
}
