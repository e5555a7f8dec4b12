//! A prompt: the little that it is told, what is counted of it, and its place in the transcript.

mod capture;
mod claims;
mod entities;
mod terms;

use std::collections::{HashMap, HashSet};

use super::api::{PromptAnswer, PromptBody};
use super::call::{Admitted, Call};
use crate::core::Error;
use crate::core::access::Visible;
use crate::names;
use crate::parts::knowledge::feedback::Reward;
use crate::parts::knowledge::{CurrentClaim, subjects};
use crate::parts::memory::{Feedback, Rated};
use crate::parts::sessions::Sessions;
use crate::parts::sessions::checkpoints::{Rhythm, redact};
use crate::parts::sessions::transcripts::Given;
use claims::{Hit, Signals};
use entities::Named;
pub use terms::{cleaned, terms};

/// People, projects and other names of an agent that are looked for.
const SUBJECTS: i64 = 5_000;
/// Claims of one entity that are looked at.
const CLAIMS: i64 = 192;
/// Of an entity that has more, claims with the words that are asked for.
const ABOUT: i64 = 64;
/// Ratings of one prompt.
const RATINGS: usize = 200;

names! {
    /// Why a prompt was given what it was given.
    pub enum Engine {
        Context = "entity-context",
        /// The prompt asks nothing.
        LowSignal = "low-signal",
        /// It names nobody and nothing that is known.
        NoEntity = "no-entity",
        /// Nothing known of what it names answers it.
        NoHit = "no-aspect-hit",
    }
}

/// What a prompt is given.
#[derive(Debug, Default)]
pub struct Context {
    pub lines: Vec<String>,
    pub engine: Option<Engine>,
}

/// What is asked of what is known.
struct Question<'a> {
    asked: &'a [&'a String],
    /// Claims that score less do not answer.
    least: f64,
}

/// A prompt as it was sent.
#[derive(Debug, Clone)]
pub struct Prompt {
    /// What the person wrote, without what the harness has put around it.
    pub message: String,
    pub last_assistant: Option<String>,
    pub transcript: Given,
    pub ratings: Vec<(String, f64)>,
}

impl Prompt {
    /// One of the two texts must say something.
    pub fn of(body: &PromptBody, trusted: bool) -> Result<Self, Error> {
        let sent = body.user_message.as_deref().map(cleaned).filter(|text| !text.is_empty());
        let message = match (sent, &body.user_prompt, &body.user_message) {
            (Some(text), _, _) => text,
            (None, Some(prompt), _) => cleaned(prompt),
            (None, None, Some(_)) => String::new(),
            (None, None, None) => return Err(Error::invalid("userMessage", "or userPrompt is required")),
        };
        let ratings = body.memory_feedback.0.iter().flat_map(|object| &object.0);
        let ratings = ratings.filter_map(|(id, value)| Some((id.clone(), value.as_f64()?.clamp(-1.0, 1.0))));
        Ok(Prompt {
            message,
            last_assistant: body.last_assistant_message.as_ref().map(|text| text.0.clone()),
            transcript: Given {
                path: body.transcript_path.as_ref().map(|path| path.0.clone()),
                inline: body.transcript.as_ref().map(|text| text.0.clone()),
                trusted,
            },
            ratings: ratings.take(RATINGS).collect(),
        })
    }
}

/// What a message asks about, to be kept: without secrets in it, which alone among words look like any other.
fn safe_terms(message: &str) -> String {
    terms(&redact(terms::looked_at(message))).join(" ")
}

impl Sessions {
    /// Answers a prompt.
    pub fn prompt(&self, call: &Call, prompt: &Prompt) -> Result<PromptAnswer, Error> {
        let known = match self.admit(call, false) {
            Admitted::Go { known } => known,
            Admitted::Bypassed => return Ok(PromptAnswer { bypassed: Some(true), ..PromptAnswer::default() }),
            Admitted::Held { by, known } => return Ok(PromptAnswer::held(by, known)),
        };
        let terms = terms(&prompt.message);
        let query_terms = terms.join(" ");
        let config = self.core.config();
        if let Some(id) = call.session() {
            if config.pipeline.feedback.enabled {
                self.rate(call, prompt);
            }
            let continuity = &config.pipeline.continuity;
            let rhythm = Rhythm { prompts: continuity.every_prompts, every: continuity.every };
            self.continuity.prompt(&id, &safe_terms(&prompt.message), &prompt.message, rhythm);
            self.capture_prompt(call, prompt)?;
        }
        let hooks = config.hooks.of(&call.harness).prompt;
        let context = match hooks.enabled {
            true => self.context(call, &prompt.message, &terms, &hooks).unwrap_or_else(|cause| {
                log::warn!(target: "sessions", "a prompt goes without context: {cause}");
                Context { engine: Some(Engine::NoEntity), ..Context::default() }
            }),
            false => Context::default(),
        };
        let inject = match context.lines.is_empty() {
            true => String::new(),
            false => format!("{}\n\n## Relevant Entity Context\n\n{}", self.date_block(), context.lines.join("\n")),
        };
        Ok(PromptAnswer {
            inject,
            memory_count: context.lines.len(),
            query_terms: (!query_terms.is_empty()).then_some(query_terms),
            engine: context.engine,
            session_known: Some(known),
            warnings: self.warnings(call),
            ..PromptAnswer::default()
        })
    }

    /// What is known of the people and projects that a message names, as far as it answers.
    fn context(
        &self,
        call: &Call,
        message: &str,
        terms: &[String],
        hooks: &crate::config::PromptSubmit,
    ) -> Result<Context, Error> {
        let only = |engine| Ok(Context { lines: Vec::new(), engine: Some(engine) });
        if terms.is_empty() || terms::is_acknowledgement(message) {
            return only(Engine::LowSignal);
        }
        let (subjects, aliases) = self.core.db.read(|c| {
            let subjects = subjects::people_and_projects(c, &call.agent, SUBJECTS)?;
            let aliases = if subjects.is_empty() { Vec::new() } else { subjects::aliases(c, &call.agent, SUBJECTS)? };
            Ok((subjects, aliases))
        })?;
        let named = entities::named_in(terms::looked_at(message), &subjects, &aliases);
        if named.is_empty() {
            return only(Engine::NoEntity);
        }
        let asked = claims::asked_of(terms, &named);
        if asked.is_empty() {
            return only(Engine::NoHit);
        }
        let question = Question { asked: &asked, least: hooks.least_score };
        let mut hits: Vec<Hit> = Vec::new();
        for entity in &named {
            let known = claims::current(self.claims_of(&call.visible, &call.agent, &entity.id, &asked)?);
            hits.extend(self.answering(call, terms::looked_at(message), entity, known, &question)?);
        }
        if hits.is_empty() {
            return only(Engine::NoHit);
        }
        Ok(Context { lines: claims::lines(hits, hooks.most_chars), engine: Some(Engine::Context) })
    }

    /// The claims about an entity that answer.
    fn answering(
        &self,
        call: &Call,
        message: &str,
        entity: &Named,
        known: Vec<CurrentClaim>,
        question: &Question<'_>,
    ) -> Result<Vec<Hit>, Error> {
        let asked = question.asked;
        let text = asked.iter().map(|term| term.as_str()).collect::<Vec<_>>().join(" ");
        let texts: Vec<(Option<&str>, &str)> =
            known.iter().map(|claim| (claim.memory_id.as_deref(), claim.content.as_str())).collect();
        let nearness = self.memory.nearness(&text, &texts);
        let rarity = claims::Rarity::of(&known, asked);
        let generic = claims::is_generic(asked);
        let shares: Vec<f64> = known.iter().map(|claim| rarity.share(claim, asked)).collect();
        let evidence: HashMap<&str, f64> =
            texts.iter().zip(&shares).filter_map(|((id, _), share)| Some(((*id)?, *share))).collect();
        let terms: Vec<String> = asked.iter().map(|term| (*term).clone()).collect();
        let met = self.core.db.read(|c| self.memory.relevance(c, &call.visible, (&terms, message), &evidence))?;
        let hits = known.into_iter().zip(nearness).zip(shares).map(|((claim, near), share)| {
            let met = claim.memory_id.as_ref().and_then(|id| met.get(id)).copied().unwrap_or(0.0);
            let signals = Signals { words: claims::lexical(&claim, asked), share, near: near.unwrap_or(0.0), met };
            Hit {
                entity: entity.name.clone(),
                score: if generic { signals.words } else { signals.score() },
                relevance: signals.relevance(),
                claim,
            }
        });
        Ok(claims::best(hits.collect(), question.least))
    }

    /// What is known of an entity: the most important, and what has the words that are asked for.
    fn claims_of(
        &self,
        visible: &Visible,
        agent: &str,
        entity: &str,
        asked: &[&String],
    ) -> Result<Vec<CurrentClaim>, Error> {
        let whole = visible.agent_and_project().1.is_none();
        let quoted: Vec<String> = asked.iter().map(|term| crate::db::sql::fts_quote(term)).collect();
        let expression = quoted.join(" OR ");
        Ok(self.core.db.read(|c| {
            let filter = visible.conditions(c)?;
            let mut known = subjects::current_claims(c, agent, entity, &filter, whole, CLAIMS)?;
            // all of them are there already
            if (known.len() as i64) < CLAIMS {
                return Ok(known);
            }
            let about = subjects::current_claims_about(c, agent, entity, &expression, &filter, whole, ABOUT)?;
            let seen: HashSet<(Option<String>, String)> =
                known.iter().map(|claim| (claim.memory_id.clone(), claim.content.clone())).collect();
            known.extend(about.into_iter().filter(|c| !seen.contains(&(c.memory_id.clone(), c.content.clone()))));
            Ok(known)
        })?)
    }

    /// Ratings of what earlier prompts were shown. A failure costs the ratings only.
    fn rate(&self, call: &Call, prompt: &Prompt) {
        let Some(key) = call.key.clone().filter(|_| !prompt.ratings.is_empty()) else { return };
        let rated = |(id, rating): &(String, f64)| Rated {
            memory_id: id.clone(),
            rating: *rating,
            path: None,
            reward: Reward::default(),
        };
        let feedback = Feedback {
            session_key: key,
            agent: call.agent.clone(),
            visible: call.visible.clone(),
            rated: prompt.ratings.iter().map(rated).collect(),
        };
        if let Err(cause) = self.memory.rate(feedback) {
            log::warn!(target: "sessions", "ratings of a prompt were not taken: {cause}");
        }
    }
}
