//! Ratings of shown memories.

use serde_json::{Map, Value};

use crate::core::Error;
use crate::http::input::{Given, Kind, Object, Text};
use crate::{answer, input, one_of};

/// Memories rated by one request.
const MOST: usize = 200;

/// Ratings from −1 to 1 by memory id; values that are no numbers are skipped.
#[derive(Debug, Clone)]
pub struct Ratings(pub Vec<(String, f64)>);

impl Kind for Ratings {
    fn read(given: Given<'_>) -> Result<Self, Error> {
        let Object(map) = Option::<Object>::read(given)?.unwrap_or_default();
        let rating = |(id, value): (String, Value)| Some((id, value.as_f64()?.clamp(-1.0, 1.0)));
        let ratings: Vec<(String, f64)> = map.into_iter().filter_map(rating).take(MOST).collect();
        if ratings.is_empty() {
            return Err(Error::invalid(given.name, "must map memory ids to numbers"));
        }
        Ok(Ratings(ratings))
    }

    fn schema() -> Value {
        let rating = serde_json::json!({ "type": "number", "minimum": -1, "maximum": 1 });
        serde_json::json!({ "type": "object", "additionalProperties": rating, "minProperties": 1 })
    }
}

input! {
    /// Ratings of memories that a session was shown.
    pub struct FeedbackBody in Body {
        /// The session in which they were shown; ratings of others do not count.
        session_key: Text = "sessionKey";
        /// A rating from −1 to 1 for each memory id.
        feedback: Ratings = "feedback";
        /// The agent that acts; else of the session, of the credential, `default`.
        agent_id: Option<Text> = "agentId";
        /// By memory id the way through the graph that led to it: lists `entity_ids`, `aspect_ids`, `dependency_ids`.
        paths: Object = "paths", default Object(Map::new());
        /// By memory id what it was good for: `forward_citation`, `update_after_retrieval`, `downstream_creation`, `dead_end`, each
        /// 0 to 1.
        rewards: Object = "rewards", default Object(Map::new());
    }
}

answer! {
    /// What the ratings taught.
    pub struct Learned {
        pub ok: bool = "ok";
        pub recorded: usize = "recorded";
        pub accepted: usize = "accepted";
        pub rejected: usize = "rejected";
        pub propagated: usize = "propagated";
        pub cooccurrence_updated: usize = "cooccurrenceUpdated";
        pub dependencies_updated: usize = "dependenciesUpdated";
        pub acceptance_rule: &'static str = "acceptanceRule";
    }
}

answer! {
    /// The ratings were taken, but taught nothing.
    pub struct NotLearned {
        pub ok: bool = "ok";
        pub recorded: usize = "recorded";
        pub fallback: bool = "fallback";
    }
}

one_of! {
    /// What came of ratings.
    pub enum FeedbackAnswer {
        Learned(Learned),
        NotLearned(NotLearned),
    }
}
