//! `memory.pipelineV2`: every key with its default and bounds, resolved as `/api/status` shows it.

use serde_json::{Map, Value, json};

use super::Section;
use super::graph::{Graph, Reranker};

/// The kind of a key with its default (and bounds, into which numbers are clamped).
enum Kind {
    Bool(bool),
    Int(i64, i64, i64),
    Real(f64, f64, f64),
    Text(&'static str),
    OneOf(&'static str, &'static [&'static str]),
}

use Kind::{Bool, Int, OneOf, Real, Text};

const fn frac(default: f64) -> Kind {
    Real(default, 0.0, 1.0)
}

/// Path below the section, the older name directly below it (`""`: none), kind.
/// A nested value wins over a flat one.
const KEYS: &[(&str, &str, Kind)] = &[
    ("enabled", "", Bool(true)),
    ("paused", "", Bool(false)),
    ("shadowMode", "", Bool(false)),
    ("nativeShadowEnabled", "", Bool(false)),
    ("mutationsFrozen", "", Bool(false)),
    ("semanticContradictionEnabled", "", Bool(true)),
    ("semanticContradictionTimeoutMs", "", Int(120_000, 5_000, 300_000)),
    ("telemetryEnabled", "", Bool(false)),
    ("worker.pollMs", "workerPollMs", Int(2_000, 100, 60_000)),
    ("worker.maxRetries", "workerMaxRetries", Int(3, 1, 10)),
    ("worker.leaseTimeoutMs", "leaseTimeoutMs", Int(300_000, 10_000, 600_000)),
    ("worker.maxLoadPerCpu", "workerMaxLoadPerCpu", Real(0.8, 0.1, 8.0)),
    ("worker.overloadBackoffMs", "workerOverloadBackoffMs", Int(30_000, 1_000, 300_000)),
    ("worker.threadedExtraction", "", Bool(true)),
    ("graph.enabled", "graphEnabled", Bool(true)),
    ("graph.extractionWritesEnabled", "graphExtractionWritesEnabled", Bool(true)),
    ("graph.boostWeight", "graphBoostWeight", frac(0.15)),
    ("graph.boostTimeoutMs", "graphBoostTimeoutMs", Int(500, 50, 5_000)),
    ("traversal.enabled", "", Bool(true)),
    ("traversal.primary", "", Bool(true)),
    ("traversal.maxAspectsPerEntity", "", Int(10, 1, 100)),
    ("traversal.maxAttributesPerAspect", "", Int(20, 1, 200)),
    ("traversal.maxDependencyHops", "", Int(10, 1, 200)),
    ("traversal.minDependencyStrength", "", frac(0.3)),
    ("traversal.maxBranching", "", Int(4, 1, 50)),
    ("traversal.maxTraversalPaths", "", Int(50, 1, 500)),
    ("traversal.minConfidence", "", frac(0.5)),
    ("traversal.timeoutMs", "", Int(500, 50, 5_000)),
    ("traversal.boostWeight", "", frac(0.2)),
    ("traversal.constraintBudgetChars", "", Int(1_000, 200, 10_000)),
    ("reranker.enabled", "rerankerEnabled", Bool(true)),
    ("reranker.model", "rerankerModel", Text("")),
    ("reranker.useExtractionModel", "rerankerUseExtractionModel", Bool(false)),
    ("reranker.topN", "rerankerTopN", Int(20, 1, 100)),
    ("reranker.timeoutMs", "rerankerTimeoutMs", Int(2_000, 100, 30_000)),
    ("feedback.enabled", "", Bool(true)),
    ("feedback.decayEnabled", "", Bool(true)),
    ("feedback.ftsWeightDelta", "", frac(0.02)),
    ("feedback.maxAspectWeight", "", frac(1.0)),
    ("feedback.minAspectWeight", "", frac(0.1)),
    ("feedback.decayRate", "", frac(0.005)),
    ("feedback.staleDays", "", Int(14, 1, 365)),
    ("feedback.decayIntervalSessions", "", Int(10, 1, 1_000)),
    ("guardrails.maxContentChars", "", Int(800, 50, 100_000)),
    ("guardrails.chunkTargetChars", "", Int(600, 50, 50_000)),
    ("guardrails.recallTruncateChars", "", Int(500, 50, 100_000)),
    ("guardrails.contextBudgetChars", "", Int(4_000, 200, 100_000)),
    ("documents.workerIntervalMs", "documentWorkerIntervalMs", Int(10_000, 1_000, 300_000)),
    ("documents.chunkSize", "documentChunkSize", Int(2_000, 200, 50_000)),
    ("documents.chunkOverlap", "documentChunkOverlap", Int(200, 0, 10_000)),
    ("documents.maxContentBytes", "documentMaxContentBytes", Int(10_485_760, 1_024, 104_857_600)),
    ("continuity.enabled", "", Bool(true)),
    ("continuity.promptInterval", "", Int(10, 1, 1_000)),
    ("continuity.timeIntervalMs", "", Int(900_000, 60_000, 3_600_000)),
    ("continuity.maxCheckpointsPerSession", "", Int(50, 1, 500)),
    ("continuity.retentionDays", "", Int(7, 1, 90)),
    ("continuity.recoveryBudgetChars", "", Int(2_000, 200, 10_000)),
    ("subagents.inheritContext", "", Bool(true)),
    ("subagents.tailChars", "", Int(3_000, 0, 20_000)),
    ("autonomous.enabled", "autonomousEnabled", Bool(true)),
    ("autonomous.frozen", "autonomousFrozen", Bool(false)),
    ("autonomous.allowUpdateDelete", "allowUpdateDelete", Bool(true)),
    ("autonomous.maintenanceIntervalMs", "maintenanceIntervalMs", Int(1_800_000, 60_000, 86_400_000)),
    ("autonomous.maintenanceMode", "maintenanceMode", OneOf("execute", &["execute", "observe"])),
    ("repair.reembedCooldownMs", "repairReembedCooldownMs", Int(300_000, 10_000, 3_600_000)),
    ("repair.reembedHourlyBudget", "repairReembedHourlyBudget", Int(10, 1, 1_000)),
    ("repair.requeueCooldownMs", "repairRequeueCooldownMs", Int(60_000, 5_000, 3_600_000)),
    ("repair.requeueHourlyBudget", "repairRequeueHourlyBudget", Int(50, 1, 1_000)),
    ("repair.dedupCooldownMs", "repairDedupCooldownMs", Int(600_000, 10_000, 3_600_000)),
    ("repair.dedupHourlyBudget", "repairDedupHourlyBudget", Int(3, 1, 100)),
    ("repair.dedupSemanticThreshold", "repairDedupSemanticThreshold", frac(0.92)),
    ("repair.dedupBatchSize", "repairDedupBatchSize", Int(100, 10, 1_000)),
    ("embeddingTracker.enabled", "", Bool(true)),
    ("embeddingTracker.pollMs", "", Int(5_000, 1_000, 60_000)),
    ("embeddingTracker.batchSize", "", Int(8, 1, 20)),
    ("hints.enabled", "", Bool(true)),
    ("hints.max", "", Int(5, 1, 10)),
    ("hints.timeout", "", Int(60_000, 5_000, 120_000)),
    ("hints.maxTokens", "", Int(256, 64, 1_024)),
    ("hints.poll", "", Int(5_000, 1_000, 60_000)),
    ("structural.enabled", "", Bool(false)),
    ("structural.synthesisEnabled", "", Bool(false)),
    ("structural.classifyBatchSize", "", Int(8, 1, 20)),
    ("structural.dependencyBatchSize", "", Int(5, 1, 10)),
    ("structural.pollIntervalMs", "", Int(10_000, 2_000, 120_000)),
    ("structural.synthesisIntervalMs", "", Int(60_000, 10_000, 600_000)),
    ("structural.synthesisTopEntities", "", Int(20, 5, 100)),
    ("structural.synthesisMaxFacts", "", Int(10, 3, 50)),
    ("structural.synthesisMaxStallMs", "", Int(1_800_000, 0, 86_400_000)),
    ("structural.supersessionEnabled", "", Bool(true)),
    ("structural.supersessionSweepEnabled", "", Bool(true)),
    ("structural.supersessionSemanticFallback", "", Bool(false)),
    ("structural.supersessionMinConfidence", "", Real(0.7, 0.1, 1.0)),
    ("significance.enabled", "", Bool(true)),
    ("significance.minTurns", "", Int(5, 1, 100)),
    ("significance.minEntityOverlap", "", Int(1, 0, 100)),
    ("significance.noveltyThreshold", "", frac(0.15)),
    ("writeGate.enabled", "writeGateEnabled", Bool(true)),
    ("writeGate.threshold", "writeGateThreshold", frac(0.4)),
    ("writeGate.continuityDiscount", "writeGateContinuityDiscount", frac(0.15)),
    ("procedural.enabled", "", Bool(true)),
    ("procedural.decayRate", "", frac(0.99)),
    ("procedural.minImportance", "", frac(0.3)),
    ("procedural.importanceOnInstall", "", frac(0.7)),
    ("procedural.enrichOnInstall", "", Bool(true)),
    ("procedural.enrichMinDescription", "", Int(30, 10, 500)),
    ("procedural.reconcileIntervalMs", "", Int(60_000, 10_000, 600_000)),
    ("modelRegistry.enabled", "", Bool(true)),
    ("modelRegistry.refreshIntervalMs", "", Int(3_600_000, 60_000, 86_400_000)),
    ("reflections.enabled", "", Bool(true)),
    ("reflections.schedule", "", Text("0 8 * * *")),
    ("reflections.model", "", Text("qwen3:4b")),
    ("reflections.timeout", "", Int(120_000, 5_000, 300_000)),
    ("reflections.maxTokens", "", Int(4_000, 500, 16_000)),
    ("reflections.timeWindowHours", "", Int(24, 1, 168)),
    ("reflections.maxMemories", "", Int(50, 5, 500)),
    ("reflections.maxSummaries", "", Int(10, 1, 50)),
    ("telemetry.posthogHost", "", Text("")),
    ("telemetry.flushIntervalMs", "", Int(60_000, 5_000, 600_000)),
    ("telemetry.flushBatchSize", "", Int(50, 1, 500)),
    ("telemetry.retentionDays", "", Int(90, 1, 365)),
    ("telemetry.memorySearchQaEnabled", "", Bool(false)),
];

/// Names `extraction.provider` may have, with the model each uses unless told otherwise.
const PROVIDERS: [(&str, &str); 11] = [
    ("none", ""),
    ("acpx", "haiku"),
    ("llama-cpp", "qwen3:4b"),
    ("ollama", "qwen3:4b"),
    ("claude-code", "haiku"),
    ("codex", "gpt-5.4-mini"),
    ("opencode", "google/gemini-2.5-flash"),
    ("anthropic", "claude-3-5-haiku-20241022"),
    ("openrouter", "openai/gpt-4o-mini"),
    ("openai-compatible", "gpt-4o-mini"),
    ("command", ""),
];

/// The settings that the built parts use, and the whole section for the status page.
#[derive(Debug, Clone, PartialEq)]
pub struct Pipeline {
    pub enabled: bool,
    /// Paused by the user: workers idle, the queue is kept.
    pub paused: bool,
    pub mutations_frozen: bool,
    pub hints_enabled: bool,
    /// The background embedder.
    pub tracker_enabled: bool,
    pub tracker_batch: usize,
    pub graph: Graph,
    pub reranker: Reranker,
    aspect_weights: (f64, f64),
    pub max_content_chars: usize,
    pub chunk_target_chars: usize,
    pub recall_truncate_chars: usize,
    /// What `extraction.provider` asks for, when it is a name we know.
    pub extraction_provider: Option<String>,
    pub synthesis_provider: Option<String>,
    resolved: Value,
}

impl Pipeline {
    pub fn resolve(section: Section<'_>) -> Self {
        let mut root = Map::new();
        for (path, flat, kind) in KEYS {
            let nested = section.at(path);
            let given = if nested.is_some() || flat.is_empty() { nested } else { section.at(flat) };
            insert(&mut root, path, resolve(kind, given));
        }
        let (extraction, configured) = extraction(section);
        let (synthesis, synthesis_provider) = synthesis(section, &extraction);
        root.insert("extraction".to_owned(), extraction);
        root.insert("synthesis".to_owned(), synthesis);
        root.insert("allowRemoteProviders".to_owned(), Value::Bool(allow_remote_providers(section)));
        let resolved = Value::Object(root);
        let flag = |path: &str| Section(&resolved).at(path).bool().unwrap_or(false);
        let count = |path: &str| Section(&resolved).at(path).number().unwrap_or(0.0) as usize;
        Pipeline {
            enabled: flag("enabled"),
            paused: flag("paused"),
            mutations_frozen: flag("mutationsFrozen"),
            hints_enabled: flag("hints.enabled"),
            tracker_enabled: flag("embeddingTracker.enabled"),
            tracker_batch: count("embeddingTracker.batchSize"),
            graph: Graph::of(Section(&resolved)),
            reranker: Reranker::of(Section(&resolved)),
            aspect_weights: {
                let real = |path: &str| Section(&resolved).at(path).number().unwrap_or(0.0);
                let most = real("feedback.maxAspectWeight");
                (real("feedback.minAspectWeight").min(most), most)
            },
            max_content_chars: count("guardrails.maxContentChars"),
            chunk_target_chars: count("guardrails.chunkTargetChars"),
            recall_truncate_chars: count("guardrails.recallTruncateChars"),
            extraction_provider: configured,
            synthesis_provider,
            resolved,
        }
    }

    /// Least and greatest weight that feedback gives an aspect.
    pub fn aspect_weights(&self) -> (f64, f64) {
        self.aspect_weights
    }

    /// The whole section with defaults filled in; no secrets are in it.
    pub fn resolved(&self) -> &Value {
        &self.resolved
    }
}

/// The lock of provider safety: false allows only local providers.
pub fn allow_remote_providers(section: Section<'_>) -> bool {
    section
        .at("allowRemoteProviders")
        .bool()
        .or_else(|| section.at("extraction.allowRemoteProviders").bool())
        .unwrap_or(true)
}

fn insert(root: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            root.insert(path.to_owned(), value);
        }
        Some((section, key)) => {
            let inner = root.entry(section).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(map) = inner {
                map.insert(key.to_owned(), value);
            }
        }
    }
}

fn resolve(kind: &Kind, given: Section<'_>) -> Value {
    match kind {
        Bool(default) => Value::Bool(given.bool().unwrap_or(*default)),
        Int(default, min, max) => Value::from(given.number().map_or(*default, |n| (n as i64).clamp(*min, *max))),
        Real(default, min, max) => Value::from(given.number().map_or(*default, |n| n.clamp(*min, *max))),
        Text(default) => Value::from(given.text().unwrap_or(default)),
        OneOf(default, names) => Value::from(given.text().filter(|t| names.contains(t)).unwrap_or(default)),
    }
}

fn known_provider(name: &str) -> Option<&'static (&'static str, &'static str)> {
    PROVIDERS.iter().find(|(known, _)| *known == name)
}

fn first_text<'a>(section: Section<'a>, paths: &[&str]) -> Option<&'a str> {
    paths.iter().find_map(|path| section.at(path).text())
}

/// For provider, model and strength the flat key wins.
fn extraction(section: Section<'_>) -> (Value, Option<String>) {
    let configured = first_text(section, &["extractionProvider", "extraction.provider"])
        .filter(|name| known_provider(name).is_some());
    let (provider, default_model) = *configured.and_then(known_provider).unwrap_or(&("llama-cpp", "qwen3:4b"));
    let model = first_text(section, &["extractionModel", "extraction.model"]).unwrap_or(default_model);
    let endpoint =
        first_text(section, &["extraction.endpoint", "extraction.base_url", "extractionEndpoint", "extractionBaseUrl"]);
    let fallback = first_text(section, &["extraction.fallbackProvider", "extractionFallbackProvider"]);
    // an unknown fallback makes the original refuse to start; here it means none
    let fallback = match fallback {
        None => "llama-cpp",
        Some(name) if ["llama-cpp", "ollama", "none"].contains(&name) => name,
        Some(_) => "none",
    };
    let number = |nested: &str, flat: &str| section.at(nested).number().or_else(|| section.at(flat).number());
    let timeout =
        number("extraction.timeout", "extractionTimeout").map_or(90_000, |n| (n as i64).clamp(5_000, 300_000));
    let confidence = number("extraction.minConfidence", "minFactConfidenceForWrite").map_or(0.7, |n| n.clamp(0.0, 1.0));
    let strength = first_text(section, &["extractionStrength", "extraction.strength"])
        .filter(|s| ["low", "medium", "high"].contains(s))
        .unwrap_or("low");
    let mut value = json!({
        "provider": provider, "model": model, "fallbackProvider": fallback, "timeout": timeout,
        "minConfidence": confidence, "strength": strength,
        "allowRemoteProviders": allow_remote_providers(section),
        "escalation": {
            "maxNewEntitiesPerChunk": bounded(section, "extraction.escalation.maxNewEntitiesPerChunk", 10, 1, 100),
            "maxNewAttributesPerEntity": bounded(section, "extraction.escalation.maxNewAttributesPerEntity", 20, 1, 200),
            "level2MaxEntities": bounded(section, "extraction.escalation.level2MaxEntities", 5, 1, 50),
        },
    });
    if let Some(endpoint) = endpoint {
        value["endpoint"] = Value::from(endpoint);
    }
    if let Some(on) = section.at("extraction.structuredOutput").bool() {
        value["structuredOutput"] = Value::from(on);
    }
    (value, configured.map(str::to_owned))
}

fn bounded(section: Section<'_>, path: &str, default: i64, min: i64, max: i64) -> i64 {
    section.at(path).number().map_or(default, |n| (n as i64).clamp(min, max))
}

/// What is omitted is taken from the extraction.
fn synthesis(section: Section<'_>, extraction: &Value) -> (Value, Option<String>) {
    let given = section.at("synthesis.provider").text().filter(|name| known_provider(name).is_some());
    let inherited = Section(extraction);
    let (provider, model, mut timeout) = match given.and_then(known_provider) {
        Some((provider, model)) => (*provider, *model, 120_000.0),
        None if !section.is_some() || inherited.at("provider").text() == Some("command") => {
            ("ollama", "qwen3:4b", 120_000.0)
        }
        None => (
            inherited.at("provider").text().unwrap_or("ollama"),
            inherited.at("model").text().unwrap_or_default(),
            inherited.at("timeout").number().unwrap_or(90_000.0),
        ),
    };
    if let Some(asked) = section.at("synthesis.timeout").number() {
        timeout = asked;
    }
    let enabled = section.at("synthesis.enabled").bool().unwrap_or(true) && provider != "none";
    let mut value = json!({
        "enabled": enabled, "provider": provider,
        "model": section.at("synthesis.model").text().unwrap_or(model),
        "timeout": (timeout as i64).clamp(5_000, 300_000),
        "maxTokens": first_number(section, &["synthesis.maxTokens", "synthesis.max_tokens"])
            .map_or(8_000, |n| (n as i64).clamp(1_000, 32_000)),
        "idleGapMinutes": bounded(section, "synthesis.idleGapMinutes", 15, 1, 1_440),
    });
    let own = first_text(section, &["synthesis.endpoint", "synthesis.base_url"]);
    let endpoint = own.or_else(|| if given.is_none() { inherited.at("endpoint").text() } else { None });
    if let Some(endpoint) = endpoint {
        value["endpoint"] = Value::from(endpoint);
    }
    (value, given.map(str::to_owned))
}

fn first_number(section: Section<'_>, paths: &[&str]) -> Option<f64> {
    paths.iter().find_map(|path| section.at(path).number())
}
