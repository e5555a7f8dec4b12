//! From a candidate's signals to one score and the name of its source (memory part, §6.2 to §6.4).

use super::candidates::Signals;
use crate::config::Config;

/// A hint alone is no full proof.
const HINT_ALONE: f64 = 0.75;
/// What a walk alone is worth at most, and what a cosine or claims need to anchor it.
const WALK_ALONE: f64 = 0.35;
/// Weights of the channels where several meet.
const LEXICAL: f64 = 0.25;
const SEMANTIC: f64 = 0.30;
const HINT: f64 = 0.30;
const WALK: f64 = 0.15;
const STRUCTURED: f64 = 0.15;
/// Claims that meet the question this well raise the score by so much of what is above it, and
/// are themselves the least score from a little below it.
const TELLING_CLAIMS: f64 = 0.25;
const CLAIMS_RAISE: f64 = 0.8;
const CLAIMS_COUNT: f64 = 0.2;

/// How signals are weighed, the same for all candidates of a question.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    alpha: f64,
    min_score: f64,
    /// Walked memories are candidates of their own.
    primary: bool,
    link_weight: f64,
    walk_weight: f64,
    /// Some candidate has more than words and vectors.
    beyond_text: bool,
}

impl Scale {
    /// `min_score` is the least that is worth showing.
    pub fn of<'a>(config: &Config, min_score: f64, all: impl Iterator<Item = &'a Signals>) -> Self {
        let (graph, traversal) = (&config.pipeline.graph, &config.pipeline.traversal);
        let primary = traversal.primary;
        let beyond = |s: &Signals| s.hint.is_some() || s.structured.is_some() || (primary && s.walked.is_some());
        Scale {
            alpha: config.search.alpha,
            min_score,
            primary,
            link_weight: graph.boost_weight,
            walk_weight: traversal.boost_weight,
            beyond_text: all.into_iter().any(beyond),
        }
    }

    /// Score and source of a candidate; `None` when it is too weak.
    pub fn shape(&self, signals: &Signals) -> Option<(f64, &'static str)> {
        let (fused, mut source) = self.fuse(signals);
        let walk = if self.primary { self.walk(signals) } else { None };
        if fused.max(walk.unwrap_or(0.0)) >= self.min_score {
            let mut score = match signals.meaning {
                Some(meaning) => by_meaning(meaning, walk, signals),
                None => self.by_channels(walk, signals),
            };
            let text = signals.meaning.or(signals.vector).or(signals.lexical).is_some();
            let channels = [text || signals.hint.is_some(), walk.is_some(), signals.structured.is_some()];
            source = match channels {
                [false, true, false] => "traversal",
                [_, false, false] => source,
                [false, false, true] => "structured",
                _ => "sec",
            };
            if !self.primary {
                score = self.boosted(score, signals);
            }
            return Some((score.clamp(0.0, 1.0), source)).filter(|(score, _)| *score >= self.min_score);
        }
        // where a walk only raises candidates, what it alone has met still joins them
        let importance = signals.walked.filter(|i| !self.primary && *i >= self.min_score)?;
        Some((importance.min(1.0), "ka_traversal"))
    }

    /// Words, vectors and hints, as they are found (§6.2).
    fn fuse(&self, signals: &Signals) -> (f64, &'static str) {
        let (mut score, mut source) = match (signals.meaning, signals.vector, signals.lexical) {
            (Some(meaning), _, Some(_)) => (meaning, "hybrid"),
            (Some(meaning), _, None) => (meaning, "vector"),
            (None, Some(vector), Some(lexical)) => (self.alpha * vector + (1.0 - self.alpha) * lexical, "hybrid"),
            (None, Some(vector), None) => (vector, "vector"),
            (None, None, Some(lexical)) => (lexical, "keyword"),
            (None, None, None) => (0.0, "hint"),
        };
        if let Some(hint) = signals.hint {
            if source == "hint" {
                score = hint.min(HINT_ALONE);
            } else if hint >= score {
                (score, source) = (hint, "hybrid");
            }
        }
        (score.max(signals.structured.unwrap_or(0.0)), source)
    }

    /// What a walk says: importance, and likeness where it is known.
    fn walk(&self, signals: &Signals) -> Option<f64> {
        let importance = signals.walked?.clamp(self.min_score.min(1.0), 1.0);
        let cosine = signals.vector.filter(|v| *v > 0.0);
        Some(cosine.map_or(importance, |v| 0.7 * v + 0.3 * importance))
    }

    /// The contract's sum over channels.
    fn by_channels(&self, walk: Option<f64>, signals: &Signals) -> f64 {
        let lexical = signals.lexical.unwrap_or(0.0);
        let semantic = signals.vector.unwrap_or(0.0);
        let structured = signals.structured.unwrap_or(0.0);
        let hint = hint(signals);
        let sum = LEXICAL * lexical
            + SEMANTIC * semantic
            + HINT * hint
            + WALK * walk.unwrap_or(0.0)
            + STRUCTURED * structured;
        let floor = match () {
            () if !self.beyond_text => lexical,
            () if lexical > 0.0 => 0.4 + 0.02 * lexical,
            () => 0.0,
        };
        let mut score = sum.max(floor).max(hint);
        score += CLAIMS_RAISE * (structured - TELLING_CLAIMS).max(0.0);
        if structured >= CLAIMS_COUNT {
            score = score.max(structured);
        }
        let anchored = lexical > 0.0 || hint > 0.0 || semantic >= WALK_ALONE || structured >= WALK_ALONE;
        if walk.is_some() && !anchored { score.min(WALK_ALONE) } else { score }
    }

    /// Raises what the graph is linked to.
    fn boosted(&self, score: f64, signals: &Signals) -> f64 {
        let raise = |score: f64, weight: f64, by: bool| if by { (1.0 - weight) * score + weight } else { score };
        raise(raise(score, self.link_weight, signals.linked), self.walk_weight, signals.walked.is_some())
    }
}

/// Hints of a memory that nothing else has found prove less.
fn hint(signals: &Signals) -> f64 {
    let alone = signals.lexical.or(signals.vector).or(signals.meaning).or(signals.structured).is_none();
    let hint = signals.hint.unwrap_or(0.0);
    if alone { hint.min(HINT_ALONE) } else { hint }
}

/// The embedded model's relevance is a judgement of the whole text; the other channels raise it,
/// each by its share of what is left to 1.
fn by_meaning(meaning: f64, walk: Option<f64>, signals: &Signals) -> f64 {
    let structured = signals.structured.unwrap_or(0.0);
    let raise = |score: f64, by: f64| 1.0 - (1.0 - score) * (1.0 - by);
    let mut score = meaning.max(hint(signals));
    score = raise(score, WALK * walk.unwrap_or(0.0));
    score = raise(score, CLAIMS_RAISE * (structured - TELLING_CLAIMS).max(0.0));
    if structured >= CLAIMS_COUNT { score.max(structured) } else { score }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale(beyond_text: bool, primary: bool) -> Scale {
        Scale { alpha: 0.7, min_score: 0.1, primary, link_weight: 0.15, walk_weight: 0.2, beyond_text }
    }

    fn of(lexical: Option<f64>, vector: Option<f64>, hint: Option<f64>) -> Signals {
        Signals { lexical, vector, hint, ..Signals::default() }
    }

    fn shaped(scale: Scale, signals: Signals) -> Option<(f64, &'static str)> {
        scale.shape(&signals).map(|(score, source)| ((score * 1000.0).round() / 1000.0, source))
    }

    #[test]
    fn words_alone_keep_their_score() {
        assert_eq!(shaped(scale(false, true), of(Some(0.9), None, None)), Some((0.9, "keyword")));
        assert_eq!(shaped(scale(false, true), of(Some(1.0), Some(0.5), None)), Some((1.0, "hybrid")));
        assert_eq!(shaped(scale(false, true), of(None, Some(0.5), None)), Some((0.15, "vector")));
        assert_eq!(shaped(scale(false, true), of(Some(0.05), None, None)), None);
    }

    #[test]
    fn words_step_back_where_hints_or_claims_speak() {
        assert_eq!(shaped(scale(true, true), of(None, None, Some(1.0))), Some((0.75, "hint")));
        assert_eq!(shaped(scale(true, true), of(Some(0.5), None, Some(0.9))), Some((0.9, "hybrid")));
        assert_eq!(shaped(scale(true, true), of(Some(0.5), None, None)), Some((0.41, "keyword")));
        let claimed = |signals| Signals { structured: Some(0.6), ..signals };
        assert_eq!(shaped(scale(true, true), claimed(of(None, None, None))), Some((0.6, "structured")));
        assert_eq!(shaped(scale(true, true), claimed(of(Some(0.5), None, None))), Some((0.69, "sec")));
    }

    #[test]
    fn a_walk_alone_is_worth_little() {
        let walked = |signals| Signals { walked: Some(0.9), linked: true, ..signals };
        assert_eq!(shaped(scale(true, true), walked(of(None, None, None))), Some((0.135, "traversal")));
        assert_eq!(shaped(scale(true, true), walked(of(Some(0.5), None, None))), Some((0.41, "sec")));
        assert_eq!(shaped(scale(false, false), walked(of(None, None, None))), Some((0.9, "ka_traversal")));
        assert_eq!(shaped(scale(false, false), walked(of(Some(0.5), None, None))), Some((0.66, "keyword")));
    }

    #[test]
    fn other_channels_raise_a_relevance_and_never_pass_one() {
        let meant =
            |meaning, structured, walked| Signals { meaning: Some(meaning), structured, walked, ..Signals::default() };
        assert_eq!(shaped(scale(true, true), meant(0.4, None, None)), Some((0.4, "vector")));
        assert_eq!(shaped(scale(true, true), meant(0.4, Some(0.5), None)), Some((0.52, "sec")));
        assert_eq!(shaped(scale(true, true), meant(0.4, None, Some(1.0))), Some((0.49, "sec")));
        let (score, _) = shaped(scale(true, true), meant(0.95, Some(1.0), Some(1.0))).unwrap_or_default();
        assert!(score <= 1.0);
    }
}
