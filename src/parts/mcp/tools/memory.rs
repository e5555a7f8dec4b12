//! Tools on the routes of `memory`.

use serde_json::{Map, Value, json};

use super::{Arg, Hint, Kind, Method, PLAIN, SCORE_MIN, Tells, Tool};

const QUERY: Arg =
    Arg::text("query", "What you want to know, as a question or in words. A date in it narrows the time.").required();
const LIMIT: Arg = Arg::new("limit", Kind::Number, "How many memories at most; 10 when left out.");
const PROJECT: Arg = Arg::text("project", "Only of this project: the absolute path of its folder.");
const SESSION: Arg = Arg::text("session_key", "The key of your session: what it has been shown is not shown again.")
    .sent_as("sessionKey");
const AGENT: Arg =
    Arg::text("agent_id", "The agent you act for; leave it out unless you were told one.").sent_as("agentId");
const SHOWN: Arg = Arg::new("include_recalled", Kind::IfTrue, "Show again what your session has been shown.")
    .sent_as("includeRecalled");
const ID: Arg = Arg::text("id", "The id of the memory, as a search shows it.").required();

const TYPE: Arg = Arg::text("type", "Only of this type, such as fact, preference, decision, rationale, procedural.");
const TAGS: Arg = Arg::new("tags", Kind::Tags, "A comma list; a memory must have all of them.");
const WHO: Arg = Arg::text("who", "Only what this author stored.");
const SINCE: Arg = Arg::text("since", "Not older than this ISO date or time.");
const UNTIL: Arg = Arg::text("until", "Not newer than this ISO date or time.");
const TIME: Arg = Arg::new(
    "time",
    Kind::Members(&[
        Arg::text("start", "ISO date or time at which it begins.").required(),
        Arg::text("end", "ISO date or time at which it ends; a day later when left out."),
        Arg::new(
            "facets",
            Kind::Choices(&["captured", "session", "source", "observed", "occurred", "valid"]),
            "What of a memory lies in it; all when left out.",
        ),
        Arg::new(
            "mode",
            Kind::Choice(&["auto", "timeline", "filter"]),
            "timeline tells what happened then, filter searches among it, auto chooses.",
        ),
    ]),
    "A window of time to look at.",
);
const KEYWORDS: Arg =
    Arg::text("keyword_query", "Words for the full-text part of the search, where they differ from the question.")
        .sent_as("keywordQuery");
const SCORE: Arg = Arg::new(SCORE_MIN, Kind::Number, "Leave out matches scored below this, 0 to 1.");
const AGGREGATE: Arg = Arg::new(
    "aggregate",
    Kind::IfTrue,
    "Let a model write one note from what several searches find. Slow; needs a model server.",
);
const BUDGET: Arg = Arg::new(
    "aggregate_budget",
    Kind::Choice(&["small", "medium", "large"]),
    "How many searches an aggregate may make.",
)
.sent_as("aggregateBudget");
const KEEP: Arg =
    Arg::new("save_aggregate", Kind::Flag, "Whether the note of an aggregate is kept; it is when left out.")
        .sent_as("saveAggregate");

/// The route knows scores from 0 to 1, and does not count as shown what is below; what is left to do is done with what
/// comes back.
fn score_for_the_route(members: &mut Map<String, Value>) {
    if let Some(score) = members.shift_remove(SCORE_MIN).and_then(|score| score.as_f64()) {
        members.insert("minScore".to_owned(), json!(score.clamp(0.0, 1.0)));
    }
}

const SEARCH: Tool = Tool {
    method: Method::Post,
    path: "/api/memory/recall",
    tells: Tells::Recall,
    finish: Some(score_for_the_route),
    ..PLAIN
};

pub const TOOLS: &[Tool] = &[
    Tool {
        name: "memory_search",
        title: "Search memories",
        about: "Finds what is remembered by meaning and by words: facts, people, decisions, preferences, earlier work. Use it before \
                you answer from assumption or ask what was already said. Not for the text of past conversations (session_search). \
                Comes back as a list, best match first, each with its id.",
        args: &[
            QUERY,
            LIMIT,
            PROJECT,
            TYPE,
            TAGS,
            WHO,
            SINCE,
            UNTIL,
            TIME,
            KEYWORDS,
            Arg::new("pinned", Kind::IfTrue, "Only pinned memories."),
            // the newer name comes after it and wins
            Arg::new("min_score", Kind::Number, "Older name of importance_min.").sent_as("importance_min"),
            Arg::new("importance_min", Kind::Number, "Least importance, 0 to 1."),
            SCORE,
            AGGREGATE,
            BUDGET,
            KEEP,
            SESSION,
            AGENT,
            SHOWN,
        ],
        fails: "Search failed",
        ..SEARCH
    },
    Tool {
        name: "signet_recall",
        title: "Recall",
        about: "The same search as memory_search under the name that Signet's prompts use: finds what is remembered by meaning and by \
                words. Comes back as a list, best match first, each with its id.",
        args: &[
            QUERY, LIMIT, PROJECT, TYPE, TAGS, WHO, SINCE, UNTIL, TIME, KEYWORDS, SCORE, AGGREGATE, BUDGET, KEEP,
            SESSION, AGENT, SHOWN,
        ],
        fails: "Recall failed",
        ..SEARCH
    },
    Tool {
        name: "signet_source_search",
        title: "Search sources",
        about: "Searches only the texts of connected sources and documents (files, notes, pages), not what agents remembered. Use it to \
                quote or check an original. Comes back as a list of passages, best match first.",
        args: &[QUERY, LIMIT, PROJECT, SESSION, AGENT, SHOWN],
        fails: "Source search failed",
        finish: Some(|members| {
            members.insert("sourceOnly".to_owned(), json!(true));
        }),
        ..SEARCH
    },
    Tool {
        name: "memory_store",
        title: "Store a memory",
        about: "Keeps one fact for all later sessions and agents: a decision and why, a preference, a person, how something is done. \
                One fact per call, a whole sentence that is understood without this conversation, with names and dates. Not for \
                secrets, nor for what the code already says. Comes back with the memory's id.",
        args: &[
            Arg::text("content", "The fact, in whole sentences.").required(),
            Arg::new(
                "hints",
                Kind::Phrases,
                "Questions or phrases by which somebody may look for it later, one at least.",
            )
            .required(),
            Arg::text("type", "What it is: fact, preference, decision, rationale, procedural, semantic."),
            Arg::new("importance", Kind::Number, "0 to 1; 0.8 when left out."),
            Arg::new("tags", Kind::Tags, "A comma list."),
            Arg::new(
                "pinned",
                Kind::Flag,
                "Pinned memories are never forgotten by themselves: rules that always hold.",
            ),
            Arg::text("createdAt", "ISO time at which it was made, if not now."),
            Arg::text("occurredAt", "ISO time at which what it tells of happened."),
            Arg::text("observedAt", "ISO time at which it was seen."),
            Arg::text("sourceCreatedAt", "ISO time at which its source was made."),
            Arg::text("validFrom", "ISO time from which it holds."),
            Arg::text("validUntil", "ISO time until which it holds."),
            Arg::text("transcript", "The raw words it was taken from, to be kept beside it."),
            Arg::new(
                "structured",
                Kind::Object,
                "What it says for the knowledge graph: {entities: [{source, relationship, target}], aspects: [{entityName, aspect, \
                 attributes: [{content, groupKey?, claimKey?, confidence?, importance?}]}]}; an aspect may also be \
                 {entity, aspect, value, …}.",
            ),
        ],
        hint: Hint::Writes,
        method: Method::Post,
        path: "/api/memory/remember",
        fails: "Store failed",
        belongs: Some(("agentId", "project")),
        finish: Some(attributes_of_aspects),
        ..PLAIN
    },
    Tool {
        name: "signet_save_note",
        title: "Save a note",
        about: "Keeps a free note of up to 8000 characters as it is, such as a plan, a summary or a hand-over to the next session. For \
                single facts use memory_store. Comes back with where it is kept.",
        args: &[
            Arg::new("content", Kind::Filled(8_000), "The note.").required(),
            Arg::text("title", "Its title."),
            Arg::new("tags", Kind::Tags, "A comma list."),
        ],
        hint: Hint::Writes,
        method: Method::Post,
        path: "/api/memory/codex-native-note",
        fails: "Save note failed",
        ..PLAIN
    },
    Tool {
        name: "memory_get",
        title: "Read a memory",
        about: "Shows one memory whole, with its dates, tags, author and version. Use it when a search has cut a text off, or before you \
                change one. Comes back as JSON.",
        args: &[ID],
        method: Method::Get,
        path: "/api/memory/:id",
        fails: "Get failed",
        ..PLAIN
    },
    Tool {
        name: "memory_list",
        title: "List memories",
        about: "Pages through stored memories, newest first, with counts. For looking around; to find something use memory_search. Comes \
                back as JSON.",
        args: &[
            Arg::new("limit", Kind::Clamped(1, 1_000), "How many; 100 when left out."),
            Arg::new("offset", Kind::Clamped(0, 1_000_000_000), "How many to pass over."),
            Arg::text("type", "Only of this type."),
        ],
        method: Method::Get,
        path: "/api/memories",
        fails: "List failed",
        ..PLAIN
    },
    Tool {
        name: "memory_modify",
        title: "Change a memory",
        about: "Corrects a memory that has become wrong, or changes its type, importance, tags or pin; the earlier text stays in its \
                history. Find the id with memory_search first. For something new use memory_store.",
        args: &[
            ID,
            Arg::text("reason", "Why, for the history.").required(),
            Arg::text("content", "The new text."),
            Arg::text("type", "The new type."),
            Arg::new("importance", Kind::Number, "The new importance, 0 to 1."),
            Arg::new("tags", Kind::Tags, "The new tags, a comma list."),
            Arg::new("pinned", Kind::Flag, "Whether it is pinned."),
        ],
        hint: Hint::Writes,
        method: Method::Patch,
        path: "/api/memory/:id",
        fails: "Modify failed",
        ..PLAIN
    },
    Tool {
        name: "memory_forget",
        title: "Forget a memory",
        about: "Takes one memory away because it is wrong, no longer true or not wanted; it can be recovered for a while. To correct it \
                use memory_modify. Find the id with memory_search first.",
        args: &[ID, Arg::text("reason", "Why, for the history.").required()],
        hint: Hint::Writes,
        method: Method::Delete,
        path: "/api/memory/:id",
        fails: "Forget failed",
        ..PLAIN
    },
    Tool {
        name: "memory_feedback",
        title: "Rate memories",
        about: "Says which of the memories that your session was shown were of use, so that later searches rank better. Call it at the \
                end of a piece of work, with ids you were really shown. Comes back with how many ratings were taken.",
        args: &[
            Arg::text("session_key", "The key of the session in which they were shown.")
                .sent_as("sessionKey")
                .required(),
            Arg::new("ratings", Kind::Numbers, "By memory id a rating from -1 (misleading) over 0 to 1 (decisive).")
                .sent_as("feedback")
                .required(),
            AGENT,
            Arg::new(
                "paths",
                Kind::Object,
                "By memory id the way through the graph: {entity_ids, aspect_ids, dependency_ids}.",
            ),
            Arg::new(
                "rewards",
                Kind::Object,
                "By memory id what it led to: {forward_citation, update_after_retrieval, downstream_creation, dead_end}.",
            ),
        ],
        hint: Hint::Writes,
        method: Method::Post,
        path: "/api/memory/feedback",
        fails: "Feedback failed",
        ..PLAIN
    },
];

/// Aspects may be written flat, `{entity, aspect, value, …}`: they become aspects of one attribute.
fn attributes_of_aspects(members: &mut Map<String, Value>) {
    let aspects = members.get_mut("structured").and_then(|structured| structured.get_mut("aspects"));
    for aspect in aspects.and_then(Value::as_array_mut).into_iter().flatten() {
        let Some(flat) = aspect.as_object_mut().filter(|flat| flat.contains_key("value")) else { continue };
        let mut attribute = Map::new();
        for (from, to) in [
            ("value", "content"),
            ("groupKey", "groupKey"),
            ("claimKey", "claimKey"),
            ("confidence", "confidence"),
            ("importance", "importance"),
        ] {
            if let Some(value) = flat.remove(from) {
                attribute.insert(to.to_owned(), value);
            }
        }
        if let Some(entity) = flat.remove("entity") {
            flat.entry("entityName").or_insert(entity);
        }
        flat.insert("attributes".to_owned(), json!([attribute]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(name: &str, arguments: Value) -> Value {
        let tool = TOOLS.iter().find(|tool| tool.name == name).unwrap();
        Value::from(tool.members(arguments.as_object().unwrap()).unwrap())
    }

    #[test]
    fn flat_aspects_become_attributes() {
        let flat = json!({"aspects": [
            {"entity": "Ada", "aspect": "work", "value": "writes", "claimKey": "job", "confidence": 0.9},
            {"entityName": "Bob", "aspect": "home", "attributes": [{"content": "Bern"}]},
            7,
        ]});
        let sent = members("memory_store", json!({"content": "c", "hints": ["h"], "structured": flat}));
        assert_eq!(
            sent["structured"]["aspects"],
            json!([
                {"aspect": "work", "entityName": "Ada", "attributes": [{"content": "writes", "claimKey": "job", "confidence": 0.9}]},
                {"entityName": "Bob", "aspect": "home", "attributes": [{"content": "Bern"}]},
                7,
            ])
        );
    }

    #[test]
    fn only_what_is_said_is_sent() {
        let all = json!({
            "query": "q", "limit": 3, "min_score": 0.1, "importance_min": 0.5, "score_min": 0.2, "pinned": false, "aggregate": true,
            "save_aggregate": false, "session_key": "s", "unknown": 1, "tags": "a, b",
        });
        assert_eq!(
            members("memory_search", all),
            json!({
                "query": "q", "limit": 3, "tags": "a,b", "importance_min": 0.5, "aggregate": true,
                "saveAggregate": false, "sessionKey": "s", "minScore": 0.2,
            })
        );
        assert_eq!(members("memory_search", json!({"query": "q", "min_score": 0.1}))["importance_min"], 0.1);
        assert_eq!(members("signet_source_search", json!({"query": "q"}))["sourceOnly"], true);
    }
}
