//! What a scoped credential may see and change: a row it may not see does not exist, on every route.

mod common;

use common::{Daemon, QUIET, TEAM};
use serde_json::{Value, json};

struct House {
    daemon: Daemon,
    admin: String,
    /// A key of the agent `ann`, who reads nobody else's rows.
    ann: String,
    /// Her key for one project.
    mine: String,
}

fn house() -> House {
    let daemon = Daemon::start(&format!("{QUIET}{TEAM}"));
    let admin = daemon.bearer(&["--role", "admin"]);
    for name in ["ann", "bob"] {
        let made = daemon.ask(&admin, "POST", "/api/agents", &json!({"name": name, "readPolicy": "isolated"}));
        assert!(made.status < 300, "{}", made.text());
    }
    let ann = daemon.bearer(&["--role", "operator", "--agent", "ann"]);
    let mine = daemon.bearer(&["--role", "operator", "--agent", "ann", "--project", "/p/mine"]);
    House { daemon, admin, ann, mine }
}

impl House {
    fn remember(&self, body: &Value) -> String {
        let answer = self.daemon.ask(&self.admin, "POST", "/api/memory/remember", body);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    fn whole(&self, id: &str) -> Value {
        let mut whole = self.daemon.ask(&self.admin, "GET", &format!("/api/memory/{id}"), &Value::Null).json();
        // looking is counted
        for key in ["access_count", "last_accessed"] {
            whole.as_object_mut().unwrap().remove(key);
        }
        whole
    }
}

/// Bodies that any route which takes an id makes something of.
fn bodies(id: &str) -> [Value; 3] {
    [
        Value::Null,
        json!({"reason": "r", "importance": 0.1, "content": "Taken over", "force": true}),
        json!({"reason": "r", "id": id, "ids": [id], "patches": [{"id": id, "importance": 0.1}],
               "ratings": {id: 1.0}, "feedback": {id: 1.0}, "memoryId": id, "sessionKey": "s"}),
    ]
}

#[test]
fn a_foreign_row_answers_as_an_unknown_one_on_every_route_that_takes_an_id() {
    let house = house();
    let foreign = [
        house.remember(&json!({"content": "The heron nests by the weir", "agentId": "bob", "visibility": "private"})),
        house.remember(&json!({"content": "The otter sleeps at noon", "agentId": "bob", "project": "/p/theirs"})),
    ];
    let deleted = house.remember(&json!({"content": "The adder left", "agentId": "bob", "visibility": "private"}));
    let gone = house.daemon.ask(&house.admin, "DELETE", &format!("/api/memory/{deleted}?reason=r"), &Value::Null);
    assert_eq!(gone.status, 200);
    let before: Vec<Value> = foreign.iter().map(|id| house.whole(id)).collect();
    let mut asked = 0;
    for route in house.daemon.routes() {
        let (method, path) = (route[0].as_str(), route[1].as_str());
        let takes_one = path.contains('/') && path.split('/').any(|part| part == ":id");
        let in_body = ["/api/memory/modify", "/api/memory/forget", "/api/memory/feedback", "/memory/similar"];
        if !takes_one && !in_body.contains(&path) {
            continue;
        }
        for id in foreign.iter().chain([&deleted]) {
            for n in 0..3 {
                let answer = |id: &str| {
                    let path =
                        path.replace(":id", id) + if in_body.contains(&path) { "?id=" } else { "?reason=r&id=" } + id;
                    let answer = house.daemon.ask(&house.ann, method, &path, &bodies(id)[n]);
                    (answer.status, answer.text().replace(id, "ID"))
                };
                let (seen, unknown) = (answer(id), answer("00000000-0000-4000-8000-000000000000"));
                assert_eq!(seen, unknown, "{method} {path} with body {n}");
                asked += 1;
            }
        }
    }
    assert!(asked >= 90, "only {asked} requests");
    assert_eq!(foreign.iter().map(|id| house.whole(id)).collect::<Vec<_>>(), before);
}

#[test]
fn lists_searches_and_batches_hold_nothing_of_others() {
    let house = house();
    house.remember(&json!({"content": "The heron nests by the weir", "agentId": "bob", "visibility": "private",
        "createdAt": "2026-05-04T10:00:00Z", "structured": {"entities": [{"source": "Heron", "relationship": "nests_at",
        "target": "Weir"}], "aspects": [{"entityName": "Heron", "aspect": "nest", "attributes": [{"content": "by the weir"}]}]}}));
    let probes = [
        ("GET", "/api/memories", Value::Null),
        ("GET", "/api/memories/most-used", Value::Null),
        ("GET", "/api/memory/search?q=heron", Value::Null),
        ("GET", "/memory/search?q=heron", Value::Null),
        ("GET", "/memory/search?q=her*", Value::Null),
        ("GET", "/api/memory/timeline", Value::Null),
        ("GET", "/api/memory/review-queue", Value::Null),
        ("GET", "/api/embeddings?vectors=true", Value::Null),
        ("GET", "/api/embeddings/projection", Value::Null),
        ("POST", "/api/memory/recall", json!({"query": "heron weir nest"})),
        ("POST", "/api/memory/recall", json!({"query": "what happened on 4 May 2026?"})),
        (
            "POST",
            "/api/memory/recall",
            json!({"query": "heron", "agentId": "ann", "time": {"start": "2026-05-01", "end": "2026-06-01"}}),
        ),
        ("POST", "/api/memory/forget", json!({"query": "heron", "mode": "preview"})),
    ];
    for (method, path, body) in &probes {
        for key in [&house.ann, &house.mine] {
            let answer = house.daemon.ask(key, method, path, body);
            assert!(answer.status == 200 || answer.status == 202 || answer.status == 403, "{path}: {}", answer.text());
            let text = answer.text().to_lowercase();
            // a question comes back in its answer
            let told = text.replace(&body["query"].as_str().unwrap_or("").to_lowercase(), "");
            assert!(!told.contains("nests") && !told.contains("the weir"), "{method} {path} {body}: {text}");
        }
    }
    for path in ["/api/memories?agentId=bob", "/memory/search?q=heron&agentId=bob"] {
        let answer = house.daemon.ask(&house.ann, "GET", path, &Value::Null);
        assert!(answer.status == 403 || !answer.text().contains("weir"), "{path}: {}", answer.text());
    }
}

#[test]
fn a_credential_acts_for_its_own_agent_and_project_only() {
    let house = house();
    let send = |key: &str, path: &str, body: Value| house.daemon.ask(key, "POST", path, &body);
    for body in [json!({"content": "planted", "agentId": "bob"}), json!({"content": "planted", "agent_id": "bob"})] {
        let answer = send(&house.ann, "/api/memory/remember", body);
        assert!(answer.status == 200 || answer.status == 403, "{}", answer.text());
    }
    let planted = "SELECT COUNT(*) FROM memories WHERE content = 'planted' AND agent_id <> 'ann'";
    let db = common::open(&house.daemon.database());
    assert_eq!(db.query_row(planted, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
    assert_eq!(send(&house.ann, "/api/agents", json!({"name": "cid"})).status, 403);
    let theirs = house
        .remember(&json!({"content": "Kept for them", "agentId": "ann", "project": "/p/theirs", "sourceId": "s-1",
        "idempotencyKey": "k-1"}));
    for body in [
        json!({"content": "Kept for them", "project": "/p/mine"}),
        json!({"content": "Something else", "sourceId": "s-1", "project": "/p/mine"}),
        json!({"content": "Something else again", "idempotencyKey": "k-1", "project": "/p/mine"}),
    ] {
        let answer = send(&house.mine, "/api/memory/remember", body.clone());
        let text = answer.text();
        assert!(!text.contains(&theirs) && (answer.status == 409 || answer.status == 200), "{body}: {text}");
        assert!(body["content"] == "Kept for them" || !text.contains("Kept for them"), "{body}: {text}");
    }
}
