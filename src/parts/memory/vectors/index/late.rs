//! Late interaction: how well each word of a question is met by the best matching word of a
//! memory, in the manner of ColBERT (Khattab and Zaharia 2020) over the static token table.

use std::collections::{HashMap, HashSet};

use super::{Allowed, Docs};
use crate::embedding::{self, Token};

/// Tokens of a question that are looked at.
const QUESTION_TOKENS: usize = 32;
/// Cosines below this say nothing.
const FLOOR: f32 = 0.2;

// Weights of the parts of a memory's relevance, tuned on the LoCoMo development conversations
// (docs/performance.md).
const LEXICAL: f64 = 0.15;
const VECTOR: f64 = 0.05;
/// The question names the memory's author.
const AUTHOR: f64 = 0.2;
/// A question holds no answer.
const QUESTION: f64 = 0.05;
/// What a memory gains from those saved right before it, right after it, and one further.
const BEFORE: f64 = 0.28;
const AFTER: f64 = 0.22;
const FURTHER: f64 = 0.15;
/// A sum of 1 is a relevance of 0.92.
const STEEPNESS: f64 = 2.5;

/// A question taken apart.
pub struct Question {
    tokens: Vec<Token>,
    words: HashSet<String>,
}

impl Question {
    /// `words` are the words worth looking for, `text` the whole question.
    pub fn of(words: &[String], text: &str) -> Self {
        let mut seen = HashSet::new();
        let read: Vec<embedding::Read> = words.iter().map(|w| embedding::read(w)).collect();
        let count = |of: fn(&embedding::Read) -> usize| read.iter().map(of).sum::<usize>();
        // a question that is mostly unread would be answered by its least part
        let is_read = count(|r| r.words) >= 2 * count(|r| r.unread);
        let tokens = read
            .iter()
            .filter(|_| is_read)
            .flat_map(|r| r.tokens.iter().copied())
            .filter(|t| seen.insert(*t))
            .take(QUESTION_TOKENS)
            .collect();
        let words = text.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase).collect();
        Question { tokens, words }
    }

    pub fn tokens(&self) -> &[Token] {
        &self.tokens
    }
}

/// Cosines between the question's tokens and every token met so far.
struct Similarities<'a> {
    question: &'a [Token],
    /// Vocabulary id to place in `rows`, plus one.
    slot: Vec<u32>,
    rows: Vec<f32>,
}

impl<'a> Similarities<'a> {
    fn of(question: &'a [Token]) -> Self {
        Similarities { question, slot: vec![0; embedding::Table::get().len()], rows: Vec::new() }
    }

    /// The cosines of one token, clipped at the floor and squared.
    fn row(&mut self, token: Token) -> &[f32] {
        let width = self.question.len();
        let slot = &mut self.slot[usize::from(token)];
        if *slot == 0 {
            *slot = (self.rows.len() / width) as u32 + 1;
            let met = |q: &Token| {
                let cosine = embedding::similarity(*q, token);
                ((cosine - FLOOR).max(0.0) / (1.0 - FLOOR)).powi(2)
            };
            self.rows.extend(self.question.iter().map(met));
        }
        let at = (*slot as usize - 1) * width;
        &self.rows[at..at + width]
    }
}

/// What is known of a candidate beside its text.
#[derive(Debug, Clone, Copy, Default)]
pub struct Evidence {
    pub lexical: f64,
    pub cosine: f64,
}

/// The sum of all parts, which may pass 1, brought to 0..1 with its order kept.
fn squash(sum: f64) -> f64 {
    1.0 - (-STEEPNESS * sum).exp()
}

/// A relevance raised as if its sum had been multiplied: near 1, where relevances lie close
/// together, a factor on the relevance itself would turn their order over.
pub fn boosted(relevance: f64, factor: f64) -> f64 {
    1.0 - (1.0 - relevance.clamp(0.0, 1.0)).powf(factor)
}

/// A memory's relevance, 0 to 1.
#[derive(Debug, Clone, Copy)]
pub struct Relevance {
    pub rowid: i64,
    pub score: f64,
}

impl Docs {
    /// Scores candidates and their neighbours. `evidence` is by rowid; what is not allowed is
    /// neither scored nor lends anything to its neighbours.
    pub fn relevance(
        &self,
        question: &Question,
        evidence: &HashMap<i64, Evidence>,
        allowed: &Allowed,
    ) -> Vec<Relevance> {
        let mut known: Vec<(u32, Evidence)> =
            evidence.iter().filter_map(|(rowid, e)| Some((*self.position.get(rowid)?, *e))).collect();
        known.sort_unstable_by_key(|(at, _)| *at);
        let wanted = self.with_neighbours(&known, allowed);
        let idf: Vec<f64> = question.tokens.iter().map(|t| self.idf(*t)).collect();
        let mut similarities = Similarities::of(&question.tokens);
        let named: Vec<bool> =
            self.authors.iter().map(|words| words.iter().any(|w| question.words.contains(w))).collect();
        let own: Vec<f64> = wanted
            .iter()
            .map(|at| {
                let doc = &self.docs[*at as usize];
                let found = known.binary_search_by_key(at, |(at, _)| *at);
                let known = found.map(|n| known[n].1).unwrap_or_default();
                let author = if named[usize::from(doc.who)] { AUTHOR } else { 0.0 };
                let asks = if doc.question { QUESTION } else { 0.0 };
                let late = self.late(*at, &idf, &mut similarities);
                let score = late + LEXICAL * known.lexical + VECTOR * known.cosine.max(0.0) + author - asks;
                // a name alone is no relevance
                if late + known.lexical > 0.01 { score.max(0.0) } else { 0.0 }
            })
            .collect();
        let of = |at: Option<u32>| at.and_then(|at| wanted.binary_search(&at).ok()).map_or(0.0, |n| own[n]);
        wanted
            .iter()
            .zip(&own)
            .map(|(at, score)| {
                let (before, after) = (self.neighbour(*at, false), self.neighbour(*at, true));
                let further =
                    of(before.and_then(|n| self.neighbour(n, false))) + of(after.and_then(|n| self.neighbour(n, true)));
                Relevance {
                    rowid: self.docs[*at as usize].rowid,
                    score: squash(score + BEFORE * of(before) + AFTER * of(after) + FURTHER * further),
                }
            })
            .collect()
    }

    /// The allowed ones of some documents and of the two before and after each, in order.
    fn with_neighbours(&self, known: &[(u32, Evidence)], allowed: &Allowed) -> Vec<u32> {
        let mut wanted: Vec<u32> = Vec::with_capacity(known.len() * 5);
        for (at, _) in known {
            wanted.push(*at);
            for forward in [false, true] {
                let near = self.neighbour(*at, forward);
                wanted.extend(near);
                wanted.extend(near.and_then(|n| self.neighbour(n, forward)));
            }
        }
        wanted.sort_unstable();
        wanted.dedup();
        wanted.retain(|at| allowed.has(&self.docs[*at as usize]));
        wanted
    }

    /// The share of the question's words, weighted by rarity, that the text meets.
    fn late(&self, at: u32, idf: &[f64], similarities: &mut Similarities<'_>) -> f64 {
        let mut best = [0.0f32; QUESTION_TOKENS];
        for token in self.tokens_of(at) {
            for (best, met) in best.iter_mut().zip(similarities.row(*token)) {
                *best = best.max(*met);
            }
        }
        let total: f64 = idf.iter().sum();
        let met: f64 = idf.iter().zip(best).map(|(idf, best)| idf * f64::from(best)).sum();
        if total > 0.0 { met / total } else { 0.0 }
    }

    /// BM25's inverse document frequency.
    fn idf(&self, token: Token) -> f64 {
        let (all, with) = (f64::from(self.live), f64::from(self.frequency[usize::from(token)]));
        (1.0 + (all - with + 0.5).max(0.0) / (with + 0.5)).ln()
    }

    /// Rowid of a position.
    pub fn rowid(&self, at: u32) -> i64 {
        self.docs[at as usize].rowid
    }
}
