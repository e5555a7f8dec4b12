//! The daemon behind `signetd mcp`, as it is reached over HTTP.

use std::time::Duration;

use super::Options;
use crate::config::Environment;
use crate::text::hosts::is_this_machine;
use crate::upstream::{Client, Error};

/// A tool server behind the daemon may take a minute.
const LIMIT: Duration = Duration::from_secs(90);

/// Where it is, and what it is told of who asks.
pub struct Daemon {
    url: String,
    /// A workspace may be opened where none runs: the address is this machine's, and nobody has named another.
    pub is_own: bool,
    pub bearer: Option<String>,
    /// Context for tool servers, by header.
    pub context: Vec<(&'static str, String)>,
    client: Client,
}

impl Daemon {
    /// By flags, else by the environment.
    pub fn new(env: &Environment, options: &Options) -> Self {
        let named = options.url.clone().or_else(|| env.variable("SIGNET_DAEMON_URL"));
        let is_own = named.is_none() && is_this_machine(&format!("http://{}", env.host));
        let url = named.unwrap_or_else(|| format!("http://{}:{}", env.host, env.port));
        let bearer =
            options.api_key.clone().or_else(|| env.variable("SIGNET_API_KEY")).or_else(|| env.variable("SIGNET_TOKEN"));
        let folder = || std::env::current_dir().ok().map(|folder| folder.display().to_string());
        let context = [
            ("x-signet-harness", env.variable("SIGNET_HARNESS")),
            ("x-signet-workspace", env.variable("SIGNET_WORKSPACE").or_else(folder)),
            ("x-signet-channel", env.variable("SIGNET_CHANNEL")),
            ("x-signet-agent-id", env.variable("SIGNET_AGENT_ID")),
        ];
        // what is no header's value would break the request
        let fits = |text: &String| text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        let context = context.into_iter().filter_map(|(name, value)| Some((name, value.filter(fits)?))).collect();
        let url = format!("{}/mcp", url.trim_end_matches('/'));
        Daemon { url, is_own, bearer, context, client: Client::direct() }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Status and body of the answer to a body.
    pub fn post(&self, body: &[u8], version: Option<&str>) -> Result<(u16, String), Error> {
        let mut headers: Vec<(&str, &str)> = vec![("Accept", "application/json, text/event-stream")];
        headers.extend(version.map(|version| ("MCP-Protocol-Version", version)));
        headers.extend(self.context.iter().map(|(name, value)| (*name, value.as_str())));
        self.client.post_raw(&self.url, self.bearer.as_deref(), &headers, body, LIMIT)
    }
}
