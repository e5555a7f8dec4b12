//! `hooks`: what is put into a harness's context, and profiles that change it for some harnesses.
//!
//! Numbers and booleans may be quoted here: people write these sections by hand.

use serde_json::{Value, json};

use super::Section;
use super::settings::{Key, KeyTable};

/// Keys of `hooks`.
pub const HOOKS: KeyTable = KeyTable {
    section: "hooks",
    about: "What harnesses are given at the beginning of a session, at every prompt, and before a compaction.",
    keys: &[
        Key::by_hand("sessionStart.recallLimit", || json!(50), "Memories shown at the beginning of a session.").within(1.0, 500.0),
        Key::by_hand("sessionStart.candidatePoolLimit", || json!(100), "Memories ranked for it.").within(1.0, 1_000.0),
        Key::by_hand("sessionStart.includeIdentity", || json!(true), "Show the identity files."),
        Key::by_hand("sessionStart.includeRecentContext", || json!(true), "Show MEMORY.md."),
        Key::by_hand("sessionStart.recencyBias", || json!(0.7), "Accepted; the score has its own measure of age.").within(0.0, 1.0),
        Key::by_hand("sessionStart.maxInjectTokens", || json!(12_000), "Tokens of the whole; `maxInjectChars` is a quarter of that.")
            .within(200.0, 200_000.0),
        Key::by_hand("userPromptSubmit.enabled", || json!(true), "Show anything at a prompt."),
        Key::by_hand(
            "userPromptSubmit.maxInjectChars",
            || json!(500),
            "Characters shown at a prompt; where `hooks` is there without it, `pipelineV2.guardrails.contextBudgetChars`.",
        )
        .within(0.0, 100_000.0),
        Key::by_hand("userPromptSubmit.minScore", || json!(0.8), "Least score of what is shown at a prompt.").within(0.0, 1.0),
        Key::by_hand("userPromptSubmit.recallLimit", || json!(10), "Accepted; no recall is run at a prompt.").within(1.0, 100.0),
        Key::by_hand("preCompaction.includeRecentMemories", || json!(true), "Show the newest memories before a compaction."),
        Key::by_hand("preCompaction.memoryLimit", || json!(5), "How many of them.").within(0.0, 50.0),
        Key::by_hand("preCompaction.summaryGuidelines", || Value::Null, "What a harness's own summary should hold."),
        Key::by_hand("preCompaction.maxSummaryChars", || Value::Null, "Characters that it should have at most."),
        Key::by_hand(
            "contextProfiles.<name>",
            || Value::Null,
            "Overlays `sessionStart` and `userPromptSubmit` key by key; `identity.files` replaces the identity files.",
        ),
        Key::by_hand("harnessProfiles.<harness>", || Value::Null, "The profile of a harness, its name in lower case."),
        Key::by_hand("defaultContextProfile", || Value::Null, "The profile of all others."),
    ],
};

/// What a session is begun with.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionStart {
    pub memories: usize,
    pub pool: usize,
    pub identity: bool,
    pub recent_context: bool,
    pub most_tokens: usize,
}

/// What a prompt is given.
#[derive(Debug, Clone, PartialEq)]
pub struct PromptSubmit {
    pub enabled: bool,
    pub most_chars: usize,
    pub least_score: f64,
}

/// What a compaction is given.
#[derive(Debug, Clone, PartialEq)]
pub struct PreCompaction {
    pub memories: bool,
    pub memory_limit: usize,
    pub guidelines: Option<String>,
    pub most_chars: Option<usize>,
}

/// A file that is shown at the beginning of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartFile {
    /// Below the workspace.
    pub path: String,
    pub header: Option<String>,
    pub chars: usize,
}

/// Identity files of a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProfileFiles {
    /// As without the profile.
    Inherit,
    /// None but MEMORY.md.
    Suppressed,
    /// These instead of all others, MEMORY.md too.
    These(Vec<StartFile>),
}

/// What counts for one harness.
#[derive(Debug, Clone, PartialEq)]
pub struct HarnessHooks {
    pub start: SessionStart,
    pub prompt: PromptSubmit,
    pub files: ProfileFiles,
    /// A profile that is named and not there.
    pub missing: Option<String>,
}

/// The section, kept as it stands: what counts depends on the harness.
#[derive(Debug, Clone, PartialEq)]
pub struct Hooks {
    section: Value,
    /// `guardrails.contextBudgetChars`.
    context_chars: usize,
}

fn number(value: Section<'_>) -> Option<f64> {
    value.number().or_else(|| value.text()?.parse().ok()).filter(|n: &f64| n.is_finite())
}

fn flag(value: Section<'_>) -> Option<bool> {
    value.lenient_bool()
}

/// A key of the first section that has it.
fn first<T>(sections: &[Section<'_>], key: &str, read: fn(Section<'_>) -> Option<T>) -> Option<T> {
    sections.iter().find_map(|section| read(section.at(key)))
}

impl Hooks {
    pub fn read(root: Section<'_>, context_chars: usize) -> Self {
        Hooks { section: root.at("hooks").0.clone(), context_chars }
    }

    fn root(&self) -> Section<'_> {
        Section(&self.section)
    }

    /// What counts for a harness, with its profile's keys before the general ones.
    pub fn of(&self, harness: &str) -> HarnessHooks {
        let root = self.root();
        let by_harness = root.at("harnessProfiles").0.get(harness.to_lowercase()).and_then(Value::as_str);
        let name = by_harness.map(str::trim).filter(|n| !n.is_empty()).or(root.at("defaultContextProfile").text());
        let profile = name.and_then(|name| root.at("contextProfiles").0.get(name)).filter(|p| p.is_object());
        let missing = name.filter(|_| profile.is_none()).map(str::to_owned);
        let profile = profile.map_or(Section(&Value::Null), Section);
        HarnessHooks {
            start: session_start(&[profile.at("sessionStart"), root.at("sessionStart")]),
            prompt: self.prompt(&[profile.at("userPromptSubmit"), root.at("userPromptSubmit")]),
            files: profile_files(profile.at("identity")),
            missing,
        }
    }

    fn prompt(&self, sections: &[Section<'_>]) -> PromptSubmit {
        let default_chars = if self.root().is_some() { self.context_chars } else { 500 };
        PromptSubmit {
            enabled: first(sections, "enabled", flag).unwrap_or(true),
            most_chars: first(sections, "maxInjectChars", number)
                .map_or(default_chars, |n| n.clamp(0.0, 100_000.0) as usize),
            least_score: first(sections, "minScore", number).map_or(0.8, |n| n.clamp(0.0, 1.0)),
        }
    }

    pub fn pre_compaction(&self) -> PreCompaction {
        let section = self.root().at("preCompaction");
        PreCompaction {
            memories: flag(section.at("includeRecentMemories")).unwrap_or(true),
            memory_limit: number(section.at("memoryLimit")).map_or(5, |n| n.clamp(0.0, 50.0) as usize),
            guidelines: section.at("summaryGuidelines").text().map(str::to_owned),
            most_chars: number(section.at("maxSummaryChars")).filter(|n| *n >= 1.0).map(|n| n as usize),
        }
    }
}

fn session_start(sections: &[Section<'_>]) -> SessionStart {
    let count =
        |key: &str, default: f64, most: f64| first(sections, key, number).unwrap_or(default).clamp(1.0, most) as usize;
    // of one section the tokens count before the characters
    let tokens = sections.iter().find_map(|section| {
        number(section.at("maxInjectTokens")).or_else(|| number(section.at("maxInjectChars")).map(|chars| chars / 4.0))
    });
    SessionStart {
        memories: count("recallLimit", 50.0, 500.0),
        pool: count("candidatePoolLimit", 100.0, 1_000.0),
        identity: first(sections, "includeIdentity", flag).unwrap_or(true),
        recent_context: first(sections, "includeRecentContext", flag).unwrap_or(true),
        most_tokens: tokens.unwrap_or(12_000.0).clamp(200.0, 200_000.0) as usize,
    }
}

fn profile_files(identity: Section<'_>) -> ProfileFiles {
    if flag(identity.at("include")) == Some(false) {
        return ProfileFiles::Suppressed;
    }
    let files = identity.at("files");
    if let Value::Object(map) = files.0 {
        // path to tokens
        let of = |(path, tokens): (&String, &Value)| {
            let tokens = number(Section(tokens))?;
            (tokens > 0.0 && is_allowed(path)).then(|| StartFile {
                path: path.clone(),
                header: None,
                chars: tokens as usize * 4,
            })
        };
        return ProfileFiles::These(map.iter().filter_map(of).collect());
    }
    match files.0 {
        Value::Array(_) => ProfileFiles::These(files.items().filter_map(|entry| start_file(entry, 4_000)).collect()),
        _ => ProfileFiles::Inherit,
    }
}

/// A path, or an object that names one. `None` for what is switched off or may not be shown.
fn start_file(entry: Section<'_>, chars: usize) -> Option<StartFile> {
    let path = entry.text().or_else(|| entry.at("path").text())?;
    if !is_allowed(path) || flag(entry.at("enabled")) == Some(false) {
        return None;
    }
    let tokens = number(entry.at("maxTokens")).map(|n| n * 4.0);
    let given = tokens.or_else(|| number(entry.at("budget"))).or_else(|| number(entry.at("maxChars")));
    let chars = given.unwrap_or(chars as f64);
    let header = entry.at("header").text().or_else(|| entry.at("role").text()).map(str::to_owned);
    (chars > 0.0).then(|| StartFile { path: path.to_owned(), header, chars: chars.min(1e6) as usize })
}

/// A Markdown file below the workspace that is neither hidden nor the daemon's own.
pub fn is_allowed(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    let fine =
        |part: &&str| !part.is_empty() && !part.starts_with('.') && !matches!(*part, "memory") && !part.contains('\\');
    path.ends_with(".md") && !path.starts_with(['/', '~']) && parts.iter().all(fine)
}

crate::names! {
    /// What the daemon may do with identity files.
    pub enum IdentityMode {
        /// Show and write them.
        Managed = "managed",
        /// Show them.
        Passthrough = "passthrough",
        /// Neither.
        Off = "off",
    }
}

/// Keys of `identity`.
pub const IDENTITY: KeyTable = KeyTable {
    section: "identity",
    about: "Files that tell an agent who it is. `capabilities.identity.mode` counts before `identity.mode`.",
    keys: &[
        Key::by_hand("mode", || json!("managed"), "May they be shown (not `off`) and written (`managed`)?")
            .one_of(&["managed", "passthrough", "off"])
            .older("capabilities.identity.mode"),
        Key::by_hand("enabled", || Value::Null, "`false` without a mode is `off`."),
        Key::by_hand("preset", || Value::Null, "Which files a session is begun with.")
            .one_of(&["minimal", "hermes", "openclaw", "custom"]),
        Key::by_hand(
            "startup.load",
            || Value::Null,
            "The files themselves: paths, or `{path, role, budget, enabled}`.",
        ),
        Key::by_hand("special", || Value::Null, "Files of special sessions; kept for other programs."),
    ],
};

/// `identity`, as sessions are begun with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Identity {
    pub mode: IdentityMode,
    /// `agent.name` and `agent.description`.
    pub name: Option<String>,
    pub description: Option<String>,
    pub files: Vec<StartFile>,
}

impl Identity {
    pub fn read(root: Section<'_>) -> Self {
        let mode = |at: &str| root.at(at).text().and_then(|text| IdentityMode::parse(&text.to_lowercase()));
        let off = flag(root.at("identity.enabled")) == Some(false);
        let implied = if off { IdentityMode::Off } else { IdentityMode::Managed };
        let text = |at: &str| root.at(at).text().map(str::to_owned);
        Identity {
            mode: mode("capabilities.identity.mode").or(mode("identity.mode")).unwrap_or(implied),
            name: text("agent.name"),
            description: text("agent.description"),
            files: startup_files(root.at("identity")),
        }
    }
}

/// Files of a preset, with their characters.
fn preset(name: Option<&str>) -> &'static [(&'static str, usize)] {
    match name {
        Some("minimal" | "custom") => &[("AGENTS.md", 12_000)],
        Some("hermes") => &[("SOUL.md", 4_000), ("AGENTS.md", 12_000)],
        _ => &[
            ("AGENTS.md", 12_000),
            ("SOUL.md", 4_000),
            ("IDENTITY.md", 2_000),
            ("USER.md", 6_000),
            ("MEMORY.md", 10_000),
        ],
    }
}

fn startup_files(identity: Section<'_>) -> Vec<StartFile> {
    let usual = |path: &str| preset(None).iter().find(|(name, _)| *name == path).map_or(4_000, |(_, chars)| *chars);
    let named = |entry: Section<'_>| entry.text().or_else(|| entry.at("path").text()).map_or(4_000, usual);
    let listed: Vec<StartFile> =
        identity.at("startup.load").items().filter_map(|entry| start_file(entry, named(entry))).collect();
    if !listed.is_empty() {
        return listed;
    }
    let of = |(path, chars): &(&str, usize)| StartFile { path: (*path).to_owned(), header: None, chars: *chars };
    preset(identity.at("preset").text()).iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hooks(section: Value) -> Hooks {
        Hooks::read(Section(&json!({ "hooks": section })), 4_000)
    }

    #[test]
    fn defaults_depend_on_whether_the_section_is_there() {
        let none = hooks(Value::Null).of("pi");
        assert_eq!((none.start.memories, none.start.pool, none.start.most_tokens), (50, 100, 12_000));
        assert_eq!((none.prompt.most_chars, none.prompt.least_score), (500, 0.8));
        assert_eq!(hooks(json!({})).of("pi").prompt.most_chars, 4_000);
        let given = hooks(
            json!({"sessionStart": {"maxInjectChars": 8000, "recallLimit": "7"}, "userPromptSubmit": {"minScore": 7}}),
        );
        assert_eq!(
            (given.of("pi").start.most_tokens, given.of("pi").start.memories, given.of("pi").prompt.least_score),
            (2_000, 7, 1.0)
        );
    }

    #[test]
    fn profiles_overlay_key_by_key() {
        let all = hooks(json!({
            "sessionStart": {"recallLimit": 9, "includeIdentity": false},
            "contextProfiles": {
                "small": {"sessionStart": {"recallLimit": 3, "maxInjectTokens": "900"}, "userPromptSubmit": {"enabled": "false"},
                          "identity": {"files": ["SOUL.md", {"path": "x/RULES.md", "header": "Rules", "maxTokens": 10},
                                                 "../evil.md", ".secrets/a.md", "memory/x.md", {"path": "off.md", "budget": 0}]}},
                "bare": {"identity": {"include": false}},
            },
            "harnessProfiles": {"codex": "small", "pi": "gone"},
            "defaultContextProfile": "bare",
        }));
        let codex = all.of("Codex");
        assert_eq!(
            (codex.start.memories, codex.start.identity, codex.start.most_tokens, codex.prompt.enabled),
            (3, false, 900, false)
        );
        let ProfileFiles::These(files) = codex.files else { panic!("{codex:?}") };
        assert_eq!(
            files.iter().map(|f| (f.path.as_str(), f.chars)).collect::<Vec<_>>(),
            [("SOUL.md", 4_000), ("x/RULES.md", 40)]
        );
        assert_eq!(
            (all.of("pi").missing.as_deref(), all.of("pi").files.clone()),
            (Some("gone"), ProfileFiles::Inherit)
        );
        assert_eq!(all.of("opencode").files, ProfileFiles::Suppressed);
    }

    #[test]
    fn identity_files_are_listed_preset_or_usual() {
        let paths =
            |file: Value| Identity::read(Section(&file)).files.iter().map(|f| f.path.clone()).collect::<Vec<_>>();
        assert_eq!(paths(json!({})).len(), 5);
        assert_eq!(paths(json!({"identity": {"preset": "hermes"}})), ["SOUL.md", "AGENTS.md"]);
        let listed =
            json!({"identity": {"startup": {"load": ["AGENTS.md", {"path": "X.md", "enabled": false}, "/etc/x.md"]}}});
        assert_eq!(paths(listed), ["AGENTS.md"]);
        let mode = |file: Value| Identity::read(Section(&file)).mode;
        assert_eq!(mode(json!({"identity": {"enabled": false}})), IdentityMode::Off);
        assert_eq!(
            mode(json!({"identity": {"mode": "off"}, "capabilities": {"identity": {"mode": "passthrough"}}})),
            IdentityMode::Passthrough
        );
    }
}
