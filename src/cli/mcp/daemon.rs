//! The daemon behind `signetd mcp`, as it is reached over HTTP.

use std::time::Duration;

use super::Options;
use crate::config::Environment;
use crate::text::hosts::is_this_machine;
use crate::upstream::{Client, Error};

/// A tool server behind the daemon may take a minute.
const LIMIT: Duration = Duration::from_secs(90);
/// All but a call is answered at once.
const SHORT_LIMIT: Duration = Duration::from_secs(5);

/// Where it is, and what it is told of who asks.
pub struct Daemon {
    url: String,
    /// A workspace may be opened where none runs: the address is this machine's, and nobody has named another.
    pub is_own: bool,
    /// Credential and context, by header.
    sent: Vec<(String, String)>,
    client: Client,
}

impl Daemon {
    /// By flags, else by the environment.
    pub fn new(env: &Environment, options: &Options) -> Self {
        let named = options.url.clone().or_else(|| env.variable("SIGNET_DAEMON_URL"));
        let is_own = named.is_none() && is_this_machine(&format!("http://{}", env.host));
        let url = named.unwrap_or_else(|| format!("http://{}:{}", env.host, env.port));
        let flag = options.api_key.as_deref().map(str::trim).filter(|key| !key.is_empty()).map(str::to_owned);
        let bearer = flag.or_else(|| env.variable("SIGNET_API_KEY")).or_else(|| env.variable("SIGNET_TOKEN"));
        let folder = || std::env::current_dir().ok().map(|folder| folder.display().to_string());
        let sent = [
            ("Content-Type", Some("application/json".to_owned())),
            ("Accept", Some("application/json, text/event-stream".to_owned())),
            ("Authorization", bearer.map(|bearer| format!("Bearer {bearer}"))),
            ("x-signet-harness", env.variable("SIGNET_HARNESS")),
            ("x-signet-workspace", env.variable("SIGNET_WORKSPACE").or_else(folder)),
            ("x-signet-channel", env.variable("SIGNET_CHANNEL")),
            ("x-signet-agent-id", env.variable("SIGNET_AGENT_ID")),
        ];
        // what is no header's value would break the request
        let fits = |text: &String| text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        let sent = sent.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.filter(fits)?))).collect();
        let url = format!("{}/mcp", url.trim_end_matches('/'));
        Daemon { url, is_own, sent, client: Client::one_by_one() }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// The headers of a request, whoever answers it.
    pub fn headers(&self, version: Option<&str>) -> Vec<(String, String)> {
        let version = version.map(|version| ("MCP-Protocol-Version".to_owned(), version.to_owned()));
        self.sent.iter().cloned().chain(version).collect()
    }

    /// Status and body of the answer to a body; `calls`: it calls a tool.
    pub fn post(&self, body: &[u8], calls: bool, version: Option<&str>) -> Result<(u16, String), Error> {
        let limit = if calls { LIMIT } else { SHORT_LIMIT };
        self.client.post_raw(&self.url, &self.headers(version), body, limit)
    }
}
