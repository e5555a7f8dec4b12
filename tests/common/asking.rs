//! Who asks, and what is asked: `daemon.as_role("agent").scoped_to("/p").post(path, &body).expect(200)`.

use std::cell::OnceCell;

use serde_json::{Value, json};

use super::{Answer, Daemon};

/// One caller of a daemon: a role with what it is bound to, a credential as it is, or nobody.
pub struct Caller<'a> {
    daemon: &'a Daemon,
    /// Arguments of `signetd token create`, by which the credential is made when it is first needed.
    token: Vec<String>,
    bearer: OnceCell<String>,
    headers: Vec<(String, String)>,
}

impl Daemon {
    pub fn as_role(&self, role: &str) -> Caller<'_> {
        Caller { token: vec!["--role".to_owned(), role.to_owned()], ..self.as_nobody() }
    }

    pub fn as_nobody(&self) -> Caller<'_> {
        Caller { daemon: self, token: Vec::new(), bearer: OnceCell::new(), headers: Vec::new() }
    }

    /// With a token or key as it is.
    pub fn with_credential(&self, credential: &str) -> Caller<'_> {
        Caller { bearer: OnceCell::from(format!("Bearer {credential}")), ..self.as_nobody() }
    }
}

impl Caller<'_> {
    /// Bound to a project.
    pub fn scoped_to(mut self, project: &str) -> Self {
        self.token.extend(["--project".to_owned(), project.to_owned()]);
        self
    }

    /// Bound to an agent.
    pub fn acting_for(mut self, agent: &str) -> Self {
        self.token.extend(["--agent".to_owned(), agent.to_owned()]);
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn bearer(&self) -> Option<&str> {
        if self.token.is_empty() {
            return self.bearer.get().map(String::as_str);
        }
        let arguments: Vec<&str> = self.token.iter().map(String::as_str).collect();
        Some(self.bearer.get_or_init(|| self.daemon.bearer(&arguments)))
    }

    pub fn send(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        let mut headers: Vec<(&str, &str)> = self.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        headers.extend(self.bearer().map(|bearer| ("Authorization", bearer)));
        let answer = self.daemon.try_send(method, path, body, &headers);
        answer.unwrap_or_else(|| panic!("no answer to {method} {path}"))
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, b"")
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, body.to_string().as_bytes())
    }

    pub fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send("PATCH", path, body.to_string().as_bytes())
    }

    pub fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, b"")
    }

    /// A recall's whole answer.
    pub fn ask(&self, body: &Value) -> Value {
        self.post("/api/memory/recall", body).expect(200).json()
    }

    pub fn memory(&self, content: &str) -> Memory<'_> {
        Memory { caller: self, body: json!({ "content": content }) }
    }
}

impl Answer {
    /// The answer, if its status is this one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// How many items a member of the body has.
    #[track_caller]
    pub fn count(&self, member: &str) -> usize {
        self.json()[member].as_array().unwrap_or_else(|| panic!("no {member} in {}", self.text())).len()
    }
}

/// A memory to be stored.
pub struct Memory<'a> {
    caller: &'a Caller<'a>,
    body: Value,
}

impl Memory<'_> {
    /// Any member of the body.
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.body[member] = value.into();
        self
    }

    pub fn project(self, project: &str) -> Self {
        self.with("project", project)
    }

    /// Claims about an aspect of a place, with their importance, as a harness that extracts itself sends them.
    pub fn claims(mut self, place: &str, aspect: &str, claims: &[(&str, f64)]) -> Self {
        let claim =
            |(text, importance): &(&str, f64)| json!({"content": text, "importance": importance, "claimKey": aspect});
        let claims: Vec<Value> = claims.iter().map(claim).collect();
        let entry = json!({"entityName": place, "entityType": "place", "aspect": aspect, "attributes": claims});
        match self.body["structured"]["aspects"].as_array_mut() {
            Some(aspects) => aspects.push(entry),
            None => self.body["structured"] = json!({ "aspects": [entry] }),
        }
        self
    }

    /// Stores it; its id.
    #[track_caller]
    pub fn save(self) -> String {
        let answer = self.caller.post("/api/memory/remember", &self.body).expect(200);
        answer.json()["id"].as_str().expect("an id").to_owned()
    }
}
