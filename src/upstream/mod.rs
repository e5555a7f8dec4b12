//! Requests to servers: with a time limit and a size limit each, and without following redirects. Those the
//! configuration names may be anywhere; those a client names must be on the public internet.

mod public;

use std::io::Read;
use std::time::Duration;

use serde_json::Value;
use ureq::Agent;
use ureq::unversioned::transport::DefaultConnector;

/// Bytes of an answer that are read.
const MOST: u64 = 16 * 1024 * 1024;

/// Why there is no answer to use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// No connection: nothing was sent.
    Unconnected(String),
    /// No answer, or none in time: what was sent may have been done.
    Unreachable(String),
    /// An answer other than 2xx.
    Status(u16),
    /// An answer that is not what was asked for.
    Malformed(String),
}

impl Error {
    /// No answer came, whatever became of the request.
    pub fn is_silence(&self) -> bool {
        matches!(self, Error::Unconnected(_) | Error::Unreachable(_))
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Error::Unconnected(cause) | Error::Unreachable(cause) => write!(f, "unreachable: {cause}"),
            Error::Status(status) => write!(f, "answered {status}"),
            Error::Malformed(cause) => write!(f, "unusable answer: {cause}"),
        }
    }
}

/// Sends requests; connections are kept for the next one.
#[derive(Clone, Debug)]
pub struct Client {
    agent: Agent,
}

fn settings() -> ureq::config::ConfigBuilder<ureq::typestate::AgentScope> {
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_idle_connections(4)
        .user_agent(concat!("signetd/", env!("CARGO_PKG_VERSION")))
}

impl Default for Client {
    fn default() -> Self {
        Client { agent: settings().build().into() }
    }
}

impl Client {
    /// Connects to public addresses only: the address that was looked at is the one connected to. Proxies of
    /// the environment would look the name up by themselves and are not used.
    pub fn to_public() -> Self {
        let config = settings().proxy(None).max_idle_connections(0).build();
        Client { agent: Agent::with_parts(config, DefaultConnector::default(), public::PublicOnly::default()) }
    }

    /// Past the proxies of the environment: for a server that is named by its address, mostly this machine's.
    pub fn direct() -> Self {
        Client { agent: settings().proxy(None).build().into() }
    }

    /// [`Client::direct`] with a connection of its own for each request: one that was kept may be to a server that is gone,
    /// and then nobody knows what of the request was done.
    pub fn one_by_one() -> Self {
        Client { agent: settings().proxy(None).max_idle_connections(0).build().into() }
    }

    /// Posts JSON; the status whatever it is, and the beginning of the answer.
    pub fn post_for_status(
        &self,
        url: &str,
        body: &Value,
        limit: Duration,
        most: u64,
    ) -> Result<(u16, Vec<u8>), Error> {
        let request = self.agent.post(url).header("Content-Type", "application/json");
        let request = request.config().timeout_global(Some(limit)).build();
        let mut answer = request.send(body.to_string()).map_err(unanswered)?;
        let mut bytes = Vec::new();
        // what was read of an answer that breaks off is all there is
        let _ = answer.body_mut().as_reader().take(most).read_to_end(&mut bytes);
        Ok((answer.status().as_u16(), bytes))
    }

    /// Posts a body as it is; status and text of the answer, whatever the status is.
    pub fn post_raw(
        &self,
        url: &str,
        headers: &[(String, String)],
        body: &[u8],
        limit: Duration,
    ) -> Result<(u16, String), Error> {
        let mut request = self.agent.post(url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.config().timeout_global(Some(limit)).build();
        let mut answer = request.send(body).map_err(unanswered)?;
        let bytes = whole(&mut answer)?;
        let text = String::from_utf8(bytes).map_err(|cause| Error::Malformed(cause.to_string()))?;
        Ok((answer.status().as_u16(), text))
    }

    pub fn get_json(&self, url: &str, bearer: Option<&str>, limit: Duration) -> Result<Value, Error> {
        let mut request = self.agent.get(url);
        if let Some(bearer) = bearer {
            request = request.header("Authorization", format!("Bearer {bearer}"));
        }
        let request = request.config().timeout_global(Some(limit)).build();
        read(request.call())
    }

    pub fn post_json(&self, url: &str, bearer: Option<&str>, body: &Value, limit: Duration) -> Result<Value, Error> {
        let mut request = self.agent.post(url).header("Content-Type", "application/json");
        if let Some(bearer) = bearer {
            request = request.header("Authorization", format!("Bearer {bearer}"));
        }
        let request = request.config().timeout_global(Some(limit)).build();
        read(request.send(body.to_string()))
    }
}

fn read(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Value, Error> {
    let mut answer = answer.map_err(unanswered)?;
    if !answer.status().is_success() {
        return Err(Error::Status(answer.status().as_u16()));
    }
    serde_json::from_slice(&whole(&mut answer)?).map_err(|cause| Error::Malformed(cause.to_string()))
}

/// Whether anything was sent before it failed.
fn unanswered(cause: ureq::Error) -> Error {
    let words = cause.to_string();
    match cause {
        ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => Error::Unconnected(words),
        ureq::Error::Io(io) if io.kind() == std::io::ErrorKind::ConnectionRefused => Error::Unconnected(words),
        _ => Error::Unreachable(words),
    }
}

/// A body within the bound.
fn whole(answer: &mut ureq::http::Response<ureq::Body>) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let mut reader = answer.body_mut().as_reader().take(MOST + 1);
    reader.read_to_end(&mut bytes).map_err(|cause| Error::Unreachable(cause.to_string()))?;
    if bytes.len() as u64 > MOST { Err(Error::Malformed("too large".to_owned())) } else { Ok(bytes) }
}
