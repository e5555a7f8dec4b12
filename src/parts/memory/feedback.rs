//! Ratings of shown memories (memory part, `POST /api/memory/feedback`): recorded where they were shown,
//! and taught to the graph.

use std::sync::Arc;

use super::Memory;
use super::api::{FeedbackAnswer, FeedbackBody, Learned, NotLearned};
use super::beside::Ledger;
use crate::core::Error;
use crate::core::access::{Asker, Visible};
use crate::db::Tx;
use crate::parts::knowledge::feedback::{self as graph, Path, Rating, Reward};

/// What is said of one memory.
#[derive(Debug, Clone)]
pub struct Rated {
    pub memory_id: String,
    /// −1 to 1.
    pub rating: f64,
    /// The way through the graph that led to it.
    pub path: Option<Path>,
    /// What it was good for beside its rating.
    pub reward: Reward,
}

/// Ratings of one session.
#[derive(Debug, Clone)]
pub struct Feedback {
    pub session_key: String,
    pub agent: String,
    /// Memories that may be rated.
    pub visible: Visible,
    pub rated: Vec<Rated>,
}

impl Feedback {
    pub fn of(body: FeedbackBody, asker: Asker<'_>) -> Result<Self, Error> {
        let (paths, rewards) = (&body.paths.0, &body.rewards.0);
        let path = |id: &str| paths.get(id).map(Path::parse).filter(|p| !p.is_empty());
        let rated = |(memory_id, rating): (String, f64)| Rated {
            path: path(&memory_id),
            reward: Reward::parse(rewards.get(&memory_id)),
            memory_id,
            rating,
        };
        Ok(Feedback {
            session_key: body.session_key.0,
            agent: asker.caller.agent(body.agent_id.as_deref(), None)?,
            visible: Visible::to_changer(asker)?,
            rated: body.feedback.0.into_iter().map(rated).collect(),
        })
    }

    /// Records each rating where its memory was shown; those that counted, with what was noted then.
    fn record(&self, tx: &Tx<'_>, ledger: &dyn Ledger, bounds: (f64, f64)) -> rusqlite::Result<Vec<Rating<'_>>> {
        let (session_key, agent) = (self.session_key.as_str(), self.agent.as_str());
        let mut accepted = Vec::new();
        for Rated { memory_id, rating, path, reward } in &self.rated {
            if !self.visible.sees(tx, memory_id)? {
                continue;
            }
            let Some(noted) = ledger.rate(tx, session_key, agent, memory_id, *rating)? else { continue };
            let noted = noted.as_deref().and_then(Path::from_text).filter(|p| !p.is_empty());
            let (rating, named, reward) = (*rating, path.clone(), *reward);
            accepted.push(Rating { agent, session_key, memory_id, rating, named, noted, reward, bounds });
        }
        Ok(accepted)
    }

    /// Teaches the graph what was rated.
    fn teach(&self, tx: &Tx<'_>, accepted: &[Rating<'_>]) -> rusqlite::Result<graph::Learned> {
        let (mut learned, mut useful) = (graph::Learned::default(), Vec::new());
        for rating in accepted {
            graph::learn(tx, rating, &mut learned, &mut useful)?;
        }
        graph::learn_together(tx, &self.agent, &self.session_key, &useful, &mut learned)?;
        Ok(learned)
    }
}

impl Memory {
    /// Records ratings; a failure of the graph's part undoes nothing of that.
    pub fn rate(&self, feedback: Feedback) -> Result<FeedbackAnswer, Error> {
        let recorded = feedback.rated.len();
        let bounds = self.core.config().pipeline.feedback.aspect_weights();
        let ledger = Arc::clone(&self.beside.ledger);
        let (accepted, learned) = self.core.db.write(move |tx| {
            let accepted = feedback.record(tx, &*ledger, bounds)?;
            Ok((accepted.len(), tx.savepoint(|tx| feedback.teach(tx, &accepted))))
        })?;
        Ok(match learned {
            Ok(learned) => FeedbackAnswer::Learned(Learned {
                ok: true,
                recorded,
                accepted,
                rejected: recorded - accepted,
                propagated: learned.propagated,
                cooccurrence_updated: learned.cooccurrences,
                dependencies_updated: learned.dependencies,
                acceptance_rule: "a rating counts for memories that were shown in this session to this agent",
            }),
            Err(cause) => {
                log::warn!(target: "memory", "feedback did not reach the graph: {cause}");
                FeedbackAnswer::NotLearned(NotLearned { ok: true, recorded, fallback: true })
            }
        })
    }
}
