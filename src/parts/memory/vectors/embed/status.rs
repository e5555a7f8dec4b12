//! Whether vectors can be made and how complete they are: `/api/embeddings/status` and `/health`.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::{provider, tracker};
use crate::config::Provider;
use crate::core::Error;
use crate::parts::memory::Memory;
use crate::parts::memory::api::{CheckAnswer, CheckStatus, EmbeddingConfig, EmbeddingHealth, EmbeddingStatus};
use crate::parts::memory::store::embeddings::{self, Census};
use crate::sys::locks;

/// A look at the provider is good for this long.
const FRESH: Duration = Duration::from_secs(30);
const LIMIT: Duration = Duration::from_secs(5);

/// What a look at the provider found.
#[derive(Debug, Clone)]
pub struct Seen {
    pub available: bool,
    pub dimensions: Option<usize>,
    pub error: Option<String>,
    pub checked_at: String,
    /// What was looked at: another config needs another look.
    of: (Provider, String, String),
}

#[derive(Default)]
pub struct Cache(Mutex<Option<(Instant, Seen)>>);

impl Cache {
    /// The last look, if it is fresh.
    pub fn fresh(&self) -> Option<Seen> {
        let kept = locks::lock(&self.0);
        kept.as_ref().filter(|(at, _)| at.elapsed() < FRESH).map(|(_, seen)| seen.clone())
    }
}

/// Looks at the provider, at most every 30 seconds.
pub fn look(memory: &Memory) -> Seen {
    let config = memory.core.config();
    let embedding = &config.embedding;
    let of = (embedding.provider, embedding.base_url.clone(), embedding.model.clone());
    let embedder = &memory.embedder;
    if let Some(seen) = embedder.status.fresh().filter(|seen| seen.of == of) {
        return seen;
    }
    let found = provider::check(&embedder.client, embedding, LIMIT);
    let seen = Seen {
        available: found.is_ok(),
        dimensions: found.as_ref().ok().copied().flatten(),
        error: found.err(),
        checked_at: memory.core.now(),
        of,
    };
    *locks::lock(&embedder.status.0) = Some((Instant::now(), seen.clone()));
    seen
}

/// The model as clients are told.
fn model_name(memory: &Memory) -> String {
    let config = memory.core.config();
    match config.embedding.provider {
        Provider::Native => crate::embedding::MODEL.to_owned(),
        _ => config.embedding.model.clone(),
    }
}

impl Memory {
    /// Whether vectors can be made.
    pub fn embedding_status(&self) -> EmbeddingStatus {
        let config = self.core.config();
        let seen = look(self);
        EmbeddingStatus {
            provider: config.embedding.provider.as_str(),
            model: model_name(self),
            available: seen.available,
            base_url: config.embedding.base_url.clone(),
            checked_at: seen.checked_at,
            tracker: self.embedder.tracker.answer(&config),
            dimensions: seen.dimensions,
            model_cached: (config.embedding.provider == Provider::Native).then_some(true),
            error: seen.error,
        }
    }
}

/// One check: name, weight, share of the weight it earns (1 ok, 0.5 warn, 0 fail), message.
struct Check {
    name: &'static str,
    weight: f64,
    share: f64,
    message: String,
    /// What to do when it is not in order.
    fix: &'static str,
}

const FIXES: [(&str, &str); 5] = [
    ("provider-available", "start the embedding server, or set embedding.provider to native"),
    ("coverage", "nothing: the background embedder fills the gap while the provider answers"),
    ("dimension-mismatch", "set embedding.dimensions to what the model makes; the vectors are then made anew"),
    ("model-drift", "nothing: vectors of another model are made anew in the background"),
    ("orphaned-embeddings", "nothing: they go with their memories 30 days after these were deleted"),
];

impl Check {
    fn new(name: &'static str, weight: f64, share: f64, message: String) -> Self {
        let fix = FIXES.iter().find(|(of, _)| *of == name).map_or("", |(_, fix)| fix);
        Check { name, weight, share, message, fix }
    }

    fn answer(&self) -> CheckAnswer {
        let status = if self.share >= 1.0 {
            CheckStatus::Ok
        } else if self.share > 0.0 {
            CheckStatus::Warn
        } else {
            CheckStatus::Fail
        };
        let earned = (self.share * self.weight * 100.0).round() / 100.0;
        CheckAnswer {
            name: self.name,
            status,
            message: self.message.clone(),
            detail: format!("{earned} of {} of the score", self.weight),
            fix: (self.share < 1.0).then_some(self.fix),
        }
    }
}

impl Memory {
    /// How complete the vectors are.
    pub fn embedding_health(&self) -> Result<EmbeddingHealth, Error> {
        tracker::settle(self);
        let config = self.core.config();
        let model = self.embedder.model(&config);
        let seen = look(self);
        let census = self.core.db.read(|c| embeddings::census(c, model.dims))?;
        let checks = checks(&seen, &census, model.dims);
        let score: f64 = checks.iter().map(|c| c.weight * c.share).sum();
        let score = (score * 100.0).round() / 100.0;
        let status = if score >= 0.8 {
            "healthy"
        } else if score >= 0.5 {
            "degraded"
        } else {
            "unhealthy"
        };
        Ok(EmbeddingHealth {
            status,
            score,
            checked_at: self.core.now(),
            config: EmbeddingConfig {
                provider: config.embedding.provider.as_str(),
                model: model_name(self),
                dimensions: if model.dims == 0 { config.embedding.dimensions } else { model.dims },
            },
            checks: checks.iter().map(Check::answer).collect(),
        })
    }
}

/// All seven, in the order of the contract. There is no separate vector index that could differ.
fn checks(seen: &Seen, census: &Census, dims: usize) -> Vec<Check> {
    let either = |ok: bool, otherwise: f64| if ok { 1.0 } else { otherwise };
    let covered = if census.memories == 0 { 1.0 } else { census.embedded as f64 / census.memories as f64 };
    let coverage = if covered >= 0.95 {
        1.0
    } else if covered >= 0.8 {
        0.5
    } else {
        0.0
    };
    let available = seen.error.clone().unwrap_or_else(|| "the provider answers".to_owned());
    let other = census.other_dimensions;
    vec![
        Check::new("provider-available", 0.3, either(seen.available, 0.0), available),
        Check::new(
            "coverage",
            0.25,
            coverage,
            format!("{} of {} memories have a vector", census.embedded, census.memories),
        ),
        Check::new(
            "dimension-mismatch",
            0.15,
            either(other == 0 || dims == 0, 0.0),
            format!("{other} vectors have other dimensions than {dims}"),
        ),
        Check::new("model-drift", 0.1, either(census.models <= 1, 0.5), format!("{} models in use", census.models)),
        Check::new("null-vectors", 0.08, 1.0, "no vectors are missing their data".to_owned()),
        Check::new("vec-table-sync", 0.07, 1.0, "there is no separate vector table".to_owned()),
        Check::new(
            "orphaned-embeddings",
            0.05,
            either(census.orphans == 0, 0.5),
            format!("{} vectors of memories that are gone", census.orphans),
        ),
    ]
}
