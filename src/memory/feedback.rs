//! Ratings of shown memories and what they teach the graph (memory part, `POST /api/memory/feedback`).

use rusqlite::Connection;
use serde_json::{Map, Value, json};

use super::store::feedback::{self as store, Path};
use crate::access::Visible;
use crate::app::App;
use crate::http::{ApiError, Fields, Request};

/// Memories of one request.
const MOST: usize = 200;

/// A validated feedback.
#[derive(Debug, Clone)]
struct Feedback {
    session_key: String,
    agent: String,
    visible: Visible,
    ratings: Vec<(String, f64)>,
    paths: Map<String, Value>,
    rewards: Map<String, Value>,
}

/// What a rating is worth beside itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reward {
    pub forward: f64,
    pub update: f64,
    pub downstream: f64,
    pub dead_end: f64,
}

impl Reward {
    fn parse(value: Option<&Value>) -> Self {
        let part = |names: [&str; 2]| match names.iter().find_map(|n| value?.get(*n)) {
            Some(Value::Bool(true)) => 1.0,
            Some(Value::Number(n)) => n.as_f64().unwrap_or(0.0).clamp(0.0, 1.0),
            _ => 0.0,
        };
        Reward {
            forward: part(["forward_citation", "forwardCitation"]),
            update: part(["update_after_retrieval", "updateAfterRetrieval"]),
            downstream: part(["downstream_creation", "downstreamCreation"]),
            dead_end: part(["dead_end", "deadEnd"]),
        }
    }

    pub fn total(self) -> f64 {
        self.forward + 0.5 * self.update + 0.6 * self.downstream - 0.15 * self.dead_end
    }
}

impl Feedback {
    fn parse(request: &Request) -> Result<Self, ApiError> {
        let body = request.object()?;
        let session_key = body.text("sessionKey")?.ok_or_else(|| ApiError::bad_request("sessionKey is required"))?;
        let ratings: Vec<(String, f64)> = body
            .object("feedback")?
            .map(|Fields(map)| {
                map.iter().filter_map(|(id, v)| Some((id.clone(), v.as_f64()?.clamp(-1.0, 1.0)))).take(MOST).collect()
            })
            .unwrap_or_default();
        if ratings.is_empty() {
            return Err(ApiError::bad_request("feedback must map memory ids to numbers"));
        }
        let map = |name: &str| -> Result<Map<String, Value>, ApiError> {
            Ok(body.object(name)?.map(|Fields(map)| map.clone()).unwrap_or_default())
        };
        Ok(Feedback {
            session_key: session_key.to_owned(),
            agent: request.caller.agent(body.text("agentId")?, None)?,
            visible: Visible::to_changer(request)?,
            ratings,
            paths: map("paths")?,
            rewards: map("rewards")?,
        })
    }
}

/// Counts of what the graph learned.
#[derive(Debug, Default, Clone, Copy)]
struct Learned {
    accepted: usize,
    propagated: usize,
    dependencies: usize,
    cooccurrences: usize,
}

/// Records the ratings; the graph's part may fail without losing them.
pub fn feedback(app: &App, request: &Request) -> Result<Value, ApiError> {
    let feedback = Feedback::parse(request)?;
    let recorded = feedback.ratings.len();
    let now = app.now();
    let bounds = app.config().pipeline.aspect_weights();
    let work = feedback.clone();
    let learned = app.db.write(move |c| Ok::<_, ApiError>(learn(c, &work, bounds, &now)?));
    Ok(match learned {
        Ok(learned) => json!({
            "ok": true, "recorded": recorded, "accepted": learned.accepted,
            "rejected": recorded - learned.accepted, "propagated": learned.propagated,
            "cooccurrenceUpdated": learned.cooccurrences, "dependenciesUpdated": learned.dependencies,
            "acceptanceRule": "a rating counts for memories that were shown in this session to this agent",
        }),
        // nothing was recorded: the client is to come again
        Err(cause) if cause.status == 503 || cause.status == 507 => return Err(cause),
        Err(cause) => {
            log::warn!(target: "memory", "feedback did not reach the graph: {:?}", cause.message);
            json!({ "ok": true, "recorded": recorded, "fallback": true })
        }
    })
}

fn learn(connection: &Connection, feedback: &Feedback, bounds: (f64, f64), now: &str) -> rusqlite::Result<Learned> {
    let mut learned = Learned::default();
    let mut useful: Vec<String> = Vec::new();
    for (memory_id, rating) in &feedback.ratings {
        if !feedback.visible.sees(connection, memory_id)? {
            continue;
        }
        let shown = store::rate_shown(connection, &feedback.session_key, &feedback.agent, memory_id, *rating)?;
        let Some(stored_path) = shown else { continue };
        learned.accepted += 1;
        store::note_session(connection, &feedback.agent, &feedback.session_key, now)?;
        let path = match feedback.paths.get(memory_id).map(Path::parse).filter(|p| !p.is_empty()) {
            Some(path) => store::own_path(connection, &feedback.agent, &path)?,
            None => match stored_path.as_deref().and_then(Path::from_text).filter(|p| !p.is_empty()) {
                Some(path) => path,
                None => store::inferred_path(connection, &feedback.agent, memory_id)?,
            },
        };
        if path.is_empty() {
            continue;
        }
        let reward = Reward::parse(feedback.rewards.get(memory_id));
        let rated = store::Rated {
            agent: &feedback.agent,
            session_key: &feedback.session_key,
            memory_id,
            path: &path,
            rating: *rating,
            reward,
            now,
        };
        store::add_event(connection, &rated)?;
        learned.propagated += store::move_aspects(connection, &path, *rating, bounds, now)?;
        learned.dependencies += store::move_dependencies(connection, &path, *rating, now)?;
        if *rating > 0.0 {
            useful.extend(path.entities.iter().filter(|e| !useful.contains(e)).cloned().collect::<Vec<_>>());
        }
    }
    learned.cooccurrences = store::count_useful(connection, &feedback.agent, &feedback.session_key, &useful, now)?;
    Ok(learned)
}
