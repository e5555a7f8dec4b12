//! Which models the pipeline asks: `extraction` and `synthesis`, whose keys lean on one another.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::Section;
use super::super::settings::{Key, KeyTable};

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

const NAMES: [&str; PROVIDERS.len()] = {
    let mut names = [""; PROVIDERS.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = PROVIDERS[at].0;
        at += 1;
    }
    names
};

/// Keys of `extraction`.
pub const EXTRACTION: KeyTable = KeyTable {
    section: "extraction",
    about: "The model that reads memories for facts. Of provider, model and strength the older name wins.",
    keys: &[
        Key::by_hand("provider", || "llama-cpp".into(), "Who is asked.").older("extractionProvider").one_of(&NAMES),
        Key::by_hand("model", || Value::Null, "Which of its models; by default `qwen3:4b` of llama-cpp and ollama, `haiku` of claude-code and acpx, others have their own.")
            .older("extractionModel"),
        Key::by_hand("endpoint", || Value::Null, "Where (`base_url` too).").older("extractionEndpoint"),
        Key::by_hand(
            "fallbackProvider",
            || "llama-cpp".into(),
            "Who is asked when that one cannot be; another name means none.",
        )
        .older("extractionFallbackProvider")
        .one_of(&["llama-cpp", "ollama", "none"]),
        Key::by_hand("timeout", || 90_000.into(), "How long one text may take, ms.")
            .older("extractionTimeout")
            .within(5_000.0, 300_000.0),
        Key::by_hand("minConfidence", || 0.7.into(), "Least confidence of a fact that is written.")
            .older("minFactConfidenceForWrite")
            .within(0.0, 1.0),
        Key::by_hand("strength", || "low".into(), "How much is asked of the model.")
            .older("extractionStrength")
            .one_of(&["low", "medium", "high"]),
        Key::by_hand("structuredOutput", || Value::Null, "Ask for JSON by its schema: true or false."),
        Key::by_hand(
            "escalation.maxNewEntitiesPerChunk",
            || 10.into(),
            "A text with more new entities is looked at again.",
        )
        .within(1.0, 100.0),
        Key::by_hand("escalation.maxNewAttributesPerEntity", || 20.into(), "Likewise of claims.").within(1.0, 200.0),
        Key::by_hand("escalation.level2MaxEntities", || 5.into(), "Entities looked at then.").within(1.0, 50.0),
    ],
};

/// Keys of `synthesis`.
pub const SYNTHESIS: KeyTable = KeyTable {
    section: "synthesis",
    about: "The model that writes session summaries. What is left out is taken from the extraction.",
    keys: &[
        Key::by_hand("enabled", || true.into(), "Write them."),
        Key::by_hand("provider", || Value::Null, "Who is asked; as the extraction when left out.").one_of(&NAMES),
        Key::by_hand("model", || Value::Null, "Which of its models; likewise."),
        Key::by_hand("endpoint", || Value::Null, "Where (`base_url` too)."),
        Key::by_hand("timeout", || Value::Null, "How long a summary may take, ms; likewise, 120000 beside a provider.")
            .within(5_000.0, 300_000.0),
        Key::by_hand("maxTokens", || 8_000.into(), "Tokens of it.")
            .older("synthesis.max_tokens")
            .within(1_000.0, 32_000.0),
        Key::by_hand("idleGapMinutes", || 15.into(), "Minutes of silence that end a session.").within(1.0, 1_440.0),
    ],
};

/// The lock of provider safety.
pub const SAFETY: KeyTable = KeyTable {
    section: "",
    about: "Provider safety.",
    keys: &[Key::by_hand(
        "allowRemoteProviders",
        || true.into(),
        "False allows only providers on this machine or in this house.",
    )
    .older("extraction.allowRemoteProviders")],
};

/// The model that reads memories for facts.
#[derive(Debug, Clone, PartialEq)]
pub struct Extraction {
    /// What the config asks for, when it is a name we know.
    pub configured: Option<String>,
    pub provider: String,
    pub model: String,
    pub endpoint: Option<String>,
    pub fallback: String,
    pub time: Duration,
    /// Least confidence of a fact that is written.
    pub least_confidence: f64,
    pub strength: String,
    pub structured_output: Option<bool>,
    pub escalation: Escalation,
}

/// When a text holds more than a first look takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Escalation {
    pub new_entities_per_chunk: i64,
    pub new_attributes_per_entity: i64,
    pub level2_entities: i64,
}

/// The model that writes session summaries.
#[derive(Debug, Clone, PartialEq)]
pub struct Synthesis {
    /// What the config asks for, when it is a name we know.
    pub configured: Option<String>,
    pub enabled: bool,
    pub provider: String,
    pub model: String,
    pub endpoint: Option<String>,
    pub time: Duration,
    pub most_tokens: i64,
    pub idle_gap_minutes: i64,
}

/// The lock of provider safety: false allows only local providers.
pub fn allow_remote_providers(section: Section<'_>) -> bool {
    section
        .at("allowRemoteProviders")
        .bool()
        .or_else(|| section.at("extraction.allowRemoteProviders").bool())
        .unwrap_or(true)
}

fn known_provider(name: &str) -> Option<&'static (&'static str, &'static str)> {
    PROVIDERS.iter().find(|(known, _)| *known == name)
}

fn first_text<'a>(section: Section<'a>, paths: &[&str]) -> Option<&'a str> {
    paths.iter().find_map(|path| section.at(path).text())
}

fn first_number(section: Section<'_>, paths: &[&str]) -> Option<f64> {
    paths.iter().find_map(|path| section.at(path).number())
}

fn bounded(section: Section<'_>, paths: &[&str], default: i64, least: i64, most: i64) -> i64 {
    first_number(section, paths).map_or(default, |n| (n as i64).clamp(least, most))
}

fn millis(n: i64) -> Duration {
    Duration::from_millis(n.unsigned_abs())
}

impl Extraction {
    /// For provider, model and strength the flat key wins.
    pub fn read(section: Section<'_>) -> Self {
        let configured = first_text(section, &["extractionProvider", "extraction.provider"])
            .filter(|name| known_provider(name).is_some());
        let (provider, default_model) = *configured.and_then(known_provider).unwrap_or(&("llama-cpp", "qwen3:4b"));
        let endpoints = ["extraction.endpoint", "extraction.base_url", "extractionEndpoint", "extractionBaseUrl"];
        // an unknown fallback makes the original refuse to start; here it means none
        let fallback = match first_text(section, &["extraction.fallbackProvider", "extractionFallbackProvider"]) {
            None => "llama-cpp",
            Some(name) if ["llama-cpp", "ollama", "none"].contains(&name) => name,
            Some(_) => "none",
        };
        let strength = first_text(section, &["extractionStrength", "extraction.strength"])
            .filter(|s| ["low", "medium", "high"].contains(s))
            .unwrap_or("low");
        let confidence = first_number(section, &["extraction.minConfidence", "minFactConfidenceForWrite"]);
        let most =
            |name: &str, default, most| bounded(section, &[&format!("extraction.escalation.{name}")], default, 1, most);
        Extraction {
            configured: configured.map(str::to_owned),
            provider: provider.to_owned(),
            model: first_text(section, &["extractionModel", "extraction.model"]).unwrap_or(default_model).to_owned(),
            endpoint: first_text(section, &endpoints).map(str::to_owned),
            fallback: fallback.to_owned(),
            time: millis(bounded(section, &["extraction.timeout", "extractionTimeout"], 90_000, 5_000, 300_000)),
            least_confidence: confidence.map_or(0.7, |n| n.clamp(0.0, 1.0)),
            strength: strength.to_owned(),
            structured_output: section.at("extraction.structuredOutput").bool(),
            escalation: Escalation {
                new_entities_per_chunk: most("maxNewEntitiesPerChunk", 10, 100),
                new_attributes_per_entity: most("maxNewAttributesPerEntity", 20, 200),
                level2_entities: most("level2MaxEntities", 5, 50),
            },
        }
    }

    pub fn show(&self, allow_remote_providers: bool) -> Value {
        let mut shown = json!({
            "provider": self.provider, "model": self.model, "fallbackProvider": self.fallback,
            "timeout": self.time.as_millis() as u64, "minConfidence": self.least_confidence,
            "strength": self.strength, "allowRemoteProviders": allow_remote_providers,
            "escalation": {
                "maxNewEntitiesPerChunk": self.escalation.new_entities_per_chunk,
                "maxNewAttributesPerEntity": self.escalation.new_attributes_per_entity,
                "level2MaxEntities": self.escalation.level2_entities,
            },
        });
        if let Some(endpoint) = &self.endpoint {
            shown["endpoint"] = json!(endpoint);
        }
        if let Some(on) = self.structured_output {
            shown["structuredOutput"] = json!(on);
        }
        shown
    }
}

impl Synthesis {
    /// What is left out is taken from the extraction.
    pub fn read(section: Section<'_>, extraction: &Extraction) -> Self {
        let given = section.at("synthesis.provider").text().filter(|name| known_provider(name).is_some());
        let (provider, model, inherited) = match given.and_then(known_provider) {
            Some((provider, model)) => (*provider, *model, millis(120_000)),
            None if !section.is_some() || extraction.provider == "command" => ("ollama", "qwen3:4b", millis(120_000)),
            None => (extraction.provider.as_str(), extraction.model.as_str(), extraction.time),
        };
        let own = first_text(section, &["synthesis.endpoint", "synthesis.base_url"]);
        let endpoint = own.or(if given.is_none() { extraction.endpoint.as_deref() } else { None });
        let asked = section.at("synthesis.timeout").number();
        Synthesis {
            configured: given.map(str::to_owned),
            enabled: section.at("synthesis.enabled").bool().unwrap_or(true) && provider != "none",
            provider: provider.to_owned(),
            model: section.at("synthesis.model").text().unwrap_or(model).to_owned(),
            endpoint: endpoint.map(str::to_owned),
            time: asked.map_or(inherited, |n| millis((n as i64).clamp(5_000, 300_000))),
            most_tokens: bounded(section, &["synthesis.maxTokens", "synthesis.max_tokens"], 8_000, 1_000, 32_000),
            idle_gap_minutes: bounded(section, &["synthesis.idleGapMinutes"], 15, 1, 1_440),
        }
    }

    pub fn show(&self) -> Value {
        let mut shown = json!({
            "enabled": self.enabled, "provider": self.provider, "model": self.model,
            "timeout": self.time.as_millis() as u64, "maxTokens": self.most_tokens,
            "idleGapMinutes": self.idle_gap_minutes,
        });
        if let Some(endpoint) = &self.endpoint {
            shown["endpoint"] = json!(endpoint);
        }
        shown
    }
}
