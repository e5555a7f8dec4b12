//! What the status routes answer.

use serde_json::Value;

use crate::answer;
use crate::config::Problem;
use crate::parts::pipeline::{ExtractionWorker, ProviderResolution};
use crate::parts::sessions::CaptureJobs;
use std::path::PathBuf;

crate::names! {
    /// What the daemon is like, in a word.
    pub enum HealthWord {
        Healthy = "healthy",
        /// It works, but not with the settings its user wrote, or not with everything they name.
        Degraded = "degraded",
        ShuttingDown = "shutting_down",
    }
}

answer! {
    /// Open descriptors by kind, and memory in MiB.
    pub struct Resources {
        /// −1 where `/proc` is not there.
        pub total: i64 = "total";
        pub memory_md: i64 = "memoryMd";
        pub sockets: i64 = "sockets";
        pub inotify: i64 = "inotify";
        pub pipes: i64 = "pipes";
        pub db: i64 = "db";
        pub other: i64 = "other";
        /// Resident memory.
        pub rss: f64 = "rss";
        /// Of that, what is not shared with files.
        pub heap_used: f64 = "heapUsed";
    }
}

answer! {
    /// The background pipeline in short.
    pub struct PipelineHealth {
        pub extraction_running: bool = "extractionRunning";
        pub extraction_stalled: bool = "extractionStalled";
        pub extraction_pending: i64 = "extractionPending";
        pub extraction_backoff_ms: i64 = "extractionBackoffMs";
    }
}

answer! {
    /// How the daemon is.
    pub struct Health {
        pub status: HealthWord = "status";
        /// Seconds since the start.
        pub uptime: f64 = "uptime";
        pub pid: u32 = "pid";
        /// The version of the API.
        pub version: String = "version";
        pub port: u16 = "port";
        /// The workspace folder.
        pub agents_dir: PathBuf = "agentsDir";
        /// Whether the database answers.
        pub db: bool = "db";
        pub shutting_down: bool = "shuttingDown";
        pub update_available: bool = "updateAvailable";
        pub pending_restart: bool = "pendingRestart";
        pub pipeline: PipelineHealth = "pipeline";
        pub resources: Resources = "resources";
        /// Why the config file is not what is in force.
        pub config_problem: Option<Problem> = "configProblem", if some;
    }
}

answer! {
    /// The process answers.
    pub struct Live {
        pub status: &'static str = "status";
    }
}

crate::names! {
    pub enum Check { Ok = "ok", Fail = "fail" }
}

impl From<bool> for Check {
    fn from(ok: bool) -> Self {
        if ok { Check::Ok } else { Check::Fail }
    }
}

answer! {
    /// What must be well for the daemon to work.
    pub struct Checks {
        /// New requests are taken.
        pub accepting: Check = "accepting";
        pub database: Check = "database";
    }
}

crate::names! {
    pub enum ReadyWord { Ready = "ready", NotReady = "not_ready" }
}

answer! {
    /// Whether the daemon can do its work.
    pub struct Readiness {
        pub status: ReadyWord = "status";
        pub checks: Checks = "checks";
        /// Why not, a sentence per failed check.
        pub reasons: Vec<String> = "reasons";
    }
}

impl Readiness {
    pub fn is_ready(&self) -> bool {
        self.status == ReadyWord::Ready
    }
}

answer! {
    /// Workers of the pipeline.
    pub struct Workers {
        pub extraction: ExtractionWorker = "extraction";
    }
}

answer! {
    /// Where log lines go.
    pub struct Logging {
        pub log_dir: PathBuf = "logDir";
        pub log_file: PathBuf = "logFile";
    }
}

answer! {
    /// This daemon never installs itself: what it knows of newer versions.
    pub struct Update {
        pub current_version: String = "currentVersion";
        pub latest_version: Option<String> = "latestVersion";
        pub update_available: bool = "updateAvailable";
        pub pending_restart: Option<String> = "pendingRestart";
        pub auto_install: bool = "autoInstall";
        /// Seconds.
        pub check_interval: i64 = "checkInterval";
        pub last_check_at: Option<String> = "lastCheckAt";
        pub last_error: Option<String> = "lastError";
        pub timer_active: bool = "timerActive";
    }
}

answer! {
    /// Who makes vectors.
    pub struct EmbeddingInForce {
        pub provider: &'static str = "provider";
        pub model: String = "model";
        /// Whether vectors can be made, as last seen.
        pub available: Option<bool> = "available", if some;
    }
}

answer! {
    /// Transcripts that wait.
    pub struct Transcripts {
        pub capture: CaptureJobs = "capture";
    }
}

answer! {
    /// The daemon in a number.
    pub struct Score {
        /// 0 to 1.
        pub score: f64 = "score";
        pub status: HealthWord = "status";
    }
}

answer! {
    /// Settings in force, workers, providers and where things are.
    pub struct StatusAnswer {
        pub status: &'static str = "status";
        pub version: String = "version";
        pub pid: u32 = "pid";
        /// Seconds since the start.
        pub uptime: f64 = "uptime";
        pub started_at: String = "startedAt";
        pub host: String = "host";
        /// The address we listen on.
        pub bind_host: String = "bindHost";
        /// `localhost` or `tailscale`.
        pub network_mode: &'static str = "networkMode";
        pub port: u16 = "port";
        /// Who can reach the daemon, and with what, in words.
        pub reach: String = "reach";
        pub agent_id: String = "agentId";
        pub agents_dir: PathBuf = "agentsDir";
        /// Whether the database file is there.
        pub memory_db: bool = "memoryDb";
        /// `memory.pipelineV2` with its defaults filled in.
        pub pipeline_v2: Value = "pipelineV2";
        pub pipeline: Workers = "pipeline";
        pub provider_resolution: ProviderResolution = "providerResolution";
        pub logging: Logging = "logging";
        pub active_sessions: i64 = "activeSessions";
        pub bypassed_sessions: i64 = "bypassedSessions";
        pub agent_created_at: Option<String> = "agentCreatedAt";
        pub update: Update = "update";
        pub embedding: EmbeddingInForce = "embedding";
        /// Why the config file is not what is in force.
        pub config_problem: Option<Problem> = "configProblem", if some;
        pub transcripts: Option<Transcripts> = "transcripts", if some;
        /// Left out when the database does not answer.
        pub health: Option<Score> = "health", if some;
    }
}
