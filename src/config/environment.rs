//! Where the workspace is and where the daemon listens (foundation part, §1).

use std::path::{Path, PathBuf};

/// The version clients are told: the API generation this daemon speaks.
pub const API_VERSION: &str = "0.145.7";

/// `network.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkMode {
    Localhost,
    Tailscale,
}

impl NetworkMode {
    pub fn parse(text: Option<&str>) -> Self {
        if text == Some("tailscale") { NetworkMode::Tailscale } else { NetworkMode::Localhost }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            NetworkMode::Localhost => "localhost",
            NetworkMode::Tailscale => "tailscale",
        }
    }

    fn default_bind(self) -> &'static str {
        match self {
            NetworkMode::Localhost => "127.0.0.1",
            NetworkMode::Tailscale => "0.0.0.0",
        }
    }

    /// The mode that an effective bind address amounts to.
    pub fn of_bind(bind: &str) -> Self {
        match bind {
            "127.0.0.1" | "localhost" | "::1" | "::ffff:127.0.0.1" => NetworkMode::Localhost,
            _ => NetworkMode::Tailscale,
        }
    }
}

/// Command line flags; they win over the environment.
#[derive(Debug, Default, Clone)]
pub struct Overrides {
    pub workspace: Option<String>,
    pub port: Option<u16>,
    pub bind: Option<String>,
}

/// The login of the environment, which wins over the file's.
#[derive(Clone, Default)]
pub struct Admin {
    pub username: Option<String>,
    pub password: Option<String>,
    pub password_hash: Option<String>,
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Admin(…)")
    }
}

/// What the environment fixes for the life of the process.
#[derive(Debug, Clone)]
pub struct Environment {
    pub workspace: PathBuf,
    pub port: u16,
    /// Reported to clients; not where we listen.
    pub host: String,
    /// `SIGNET_BIND`; else the network mode decides.
    pub bind: Option<String>,
    pub agent_id: String,
    pub version: String,
    pub log_file: Option<PathBuf>,
    pub log_dir: Option<PathBuf>,
    pub admin: Admin,
    pub codex_home: PathBuf,
}

impl Environment {
    /// `var` looks a variable up; tests pass a map.
    pub fn read(overrides: &Overrides, var: impl Fn(&str) -> Option<String>) -> Self {
        let get = |name: &str| var(name).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
        let home = PathBuf::from(get("HOME").unwrap_or_else(|| "/".to_owned()));
        let expand = |text: &str| expand_home(text, &home);
        let workspace = overrides
            .workspace
            .clone()
            .or_else(|| get("SIGNET_WORKSPACE"))
            .or_else(|| get("SIGNET_PATH"))
            .or_else(|| {
                let config = get("XDG_CONFIG_HOME").map_or_else(|| home.join(".config"), |d| expand(&d));
                chosen_workspace(&config)
            })
            .map_or_else(|| home.join(".agents"), |text| expand(&text));
        let port = overrides
            .port
            .or_else(|| get("SIGNET_PORT").and_then(|p| p.parse().ok()).filter(|p| *p > 0))
            .unwrap_or(3850);
        Environment {
            workspace,
            port,
            host: get("SIGNET_HOST").map_or_else(|| "127.0.0.1".to_owned(), loopback_name),
            bind: overrides.bind.clone().or_else(|| get("SIGNET_BIND")).map(loopback_name),
            agent_id: get("SIGNET_AGENT_ID").unwrap_or_else(|| "default".to_owned()),
            version: get("SIGNET_VERSION").unwrap_or_else(|| API_VERSION.to_owned()),
            log_file: get("SIGNET_LOG_FILE").map(|p| expand(&p)),
            log_dir: get("SIGNET_LOG_DIR").map(|p| expand(&p)),
            codex_home: get("CODEX_HOME").map_or_else(|| home.join(".codex"), |p| expand(&p)),
            admin: Admin {
                username: get("SIGNET_ADMIN_USERNAME"),
                password: get("SIGNET_ADMIN_PASSWORD"),
                password_hash: get("SIGNET_ADMIN_PASSWORD_HASH"),
            },
        }
    }

    pub fn bind_for(&self, mode: NetworkMode) -> String {
        self.bind.clone().unwrap_or_else(|| mode.default_bind().to_owned())
    }

    /// The daemon's private folder `W/.daemon`.
    pub fn daemon_dir(&self) -> PathBuf {
        self.workspace.join(".daemon")
    }

    pub fn database(&self) -> PathBuf {
        self.workspace.join("memory").join("memories.db")
    }

    pub fn log_folder(&self) -> PathBuf {
        match &self.log_file {
            Some(file) => file.parent().unwrap_or(Path::new(".")).to_owned(),
            None => self.log_dir.clone().unwrap_or_else(|| self.daemon_dir().join("logs")),
        }
    }
}

fn loopback_name(text: String) -> String {
    if matches!(text.as_str(), "localhost" | "::1") { "127.0.0.1".to_owned() } else { text }
}

fn expand_home(text: &str, home: &Path) -> PathBuf {
    match text.strip_prefix('~') {
        Some("") => home.to_owned(),
        Some(rest) if rest.starts_with('/') => home.join(&rest[1..]),
        _ => PathBuf::from(text),
    }
}

/// `workspace` in `signet/workspace.json` of the user's config folder.
fn chosen_workspace(config: &Path) -> Option<String> {
    let text = std::fs::read(config.join("signet/workspace.json")).ok()?;
    let json: serde_json::Value = serde_json::from_slice(&text).ok()?;
    json.get("workspace")?.as_str().map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(vars: &[(&str, &str)]) -> Environment {
        Environment::read(&Overrides::default(), |name| {
            vars.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned())
        })
    }

    #[test]
    fn blank_values_count_as_unset_and_odd_ports_are_ignored() {
        let env = read(&[("HOME", "/h"), ("SIGNET_WORKSPACE", "  "), ("SIGNET_PATH", "~/w"), ("SIGNET_PORT", "70000")]);
        assert_eq!(env.workspace, PathBuf::from("/h/w"));
        assert_eq!(env.port, 3850);
        assert_eq!(env.bind_for(NetworkMode::Tailscale), "0.0.0.0");
        let env = read(&[("HOME", "/h"), ("SIGNET_BIND", "localhost"), ("SIGNET_PORT", " 4000 ")]);
        assert_eq!(env.workspace, PathBuf::from("/h/.agents"));
        assert_eq!((env.port, env.bind_for(NetworkMode::Tailscale).as_str()), (4000, "127.0.0.1"));
    }
}
