//! Where the workspace is and where the daemon listens (foundation part, §1).

use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The version clients are told: the API generation this daemon speaks.
pub const API_VERSION: &str = "0.145.7";

crate::names! {
    /// `network.mode`.
    pub enum NetworkMode {
        Localhost = "localhost",
        Tailscale = "tailscale",
    }
}

impl NetworkMode {
    pub fn of_text(text: Option<&str>) -> Self {
        text.and_then(Self::parse).unwrap_or(NetworkMode::Localhost)
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

type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

/// The variables of the environment.
#[derive(Clone)]
struct Variables(Arc<Lookup>);

impl std::fmt::Debug for Variables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Variables(…)")
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
    /// Where Codex keeps its notes; `None` without a home.
    pub codex_home: Option<PathBuf>,
    variables: Variables,
}

impl Environment {
    /// `var` looks a variable up; tests pass a map.
    /// Fails when neither a workspace nor a home is named: a daemon must not work in a place that
    /// nobody chose.
    pub fn read(
        overrides: &Overrides,
        var: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Result<Self, String> {
        let get = |name: &str| var(name).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
        let home = get("HOME").map(PathBuf::from);
        let expand = |text: &str| expand_home(text, home.as_deref());
        let workspace = overrides
            .workspace
            .clone()
            .or_else(|| get("SIGNET_WORKSPACE"))
            .or_else(|| get("SIGNET_PATH"))
            .or_else(|| {
                let config = get("XDG_CONFIG_HOME").map(|d| expand(&d)).or(home.as_ref().map(|h| h.join(".config")))?;
                chosen_workspace(&config)
            })
            .map(|text| expand(&text))
            .or(home.as_ref().map(|home| home.join(".agents")))
            .filter(|path| !path.starts_with("~"))
            .ok_or("no workspace: set HOME, or name one with --workspace or SIGNET_WORKSPACE")?;
        let workspace = absolute(workspace)?;
        let port = overrides
            .port
            .or_else(|| get("SIGNET_PORT").and_then(|p| p.parse().ok()).filter(|p| *p > 0))
            .unwrap_or(3850);
        Ok(Environment {
            workspace,
            port,
            host: get("SIGNET_HOST").map_or_else(|| "127.0.0.1".to_owned(), loopback_name),
            bind: overrides.bind.clone().or_else(|| get("SIGNET_BIND")).map(loopback_name),
            agent_id: get("SIGNET_AGENT_ID").unwrap_or_else(|| "default".to_owned()),
            version: get("SIGNET_VERSION").unwrap_or_else(|| API_VERSION.to_owned()),
            log_file: get("SIGNET_LOG_FILE").map(|p| absolute(expand(&p))).transpose()?,
            log_dir: get("SIGNET_LOG_DIR").map(|p| absolute(expand(&p))).transpose()?,
            codex_home: get("CODEX_HOME")
                .map(|p| absolute(expand(&p)))
                .transpose()?
                .or(home.as_ref().map(|home| home.join(".codex"))),
            admin: Admin {
                username: get("SIGNET_ADMIN_USERNAME"),
                password: get("SIGNET_ADMIN_PASSWORD"),
                password_hash: get("SIGNET_ADMIN_PASSWORD_HASH"),
            },
            variables: Variables(Arc::new(var)),
        })
    }

    /// A variable that the config names, such as one that holds a key; never blank.
    pub fn variable(&self, name: &str) -> Option<String> {
        (self.variables.0)(name).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty())
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

/// Without a home the text stays as it is.
fn expand_home(text: &str, home: Option<&Path>) -> PathBuf {
    match (text.strip_prefix('~'), home) {
        (Some(""), Some(home)) => home.to_owned(),
        (Some(rest), Some(home)) if rest.starts_with('/') => home.join(&rest[1..]),
        _ => PathBuf::from(text),
    }
}

fn absolute(path: PathBuf) -> Result<PathBuf, String> {
    std::path::absolute(&path).map_err(|cause| format!("{}: {cause}", path.display()))
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
        try_read(vars).unwrap()
    }

    fn try_read(vars: &[(&str, &str)]) -> Result<Environment, String> {
        let vars: Vec<_> = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Environment::read(&Overrides::default(), move |name| {
            vars.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone())
        })
    }

    #[test]
    fn without_a_home_a_workspace_must_be_named_and_paths_are_absolute() {
        for vars in [&[][..], &[("HOME", "")], &[("SIGNET_WORKSPACE", "~/w")], &[("SIGNET_PATH", " "), ("HOME", " ")]] {
            assert!(try_read(vars).unwrap_err().contains("--workspace"), "{vars:?}");
        }
        let env = read(&[("SIGNET_WORKSPACE", "somewhere"), ("SIGNET_LOG_DIR", "logs")]);
        assert!(env.workspace.is_absolute() && env.log_folder().is_absolute());
        assert_eq!(env.codex_home, None);
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
