//! The reports, put together from what core and each part say of themselves.

use super::Status;
use super::api::{
    Checks, EmbeddingInForce, Health, HealthWord, Logging, PipelineHealth, Readiness, ReadyWord, Score, StatusAnswer,
    Transcripts, Update, Workers,
};
use crate::config::{NetworkMode, Provider};
use crate::text::time;

impl Status {
    fn uptime_s(&self) -> f64 {
        self.core.clock.now().duration_since(self.core.started).as_secs_f64()
    }

    pub(super) fn health(&self) -> Health {
        let core = &self.core;
        let (stopping, problem) = (core.stop.is_stopped(), core.config.problem());
        Health {
            status: match &problem {
                _ if stopping => HealthWord::ShuttingDown,
                Some(_) => HealthWord::Degraded,
                None => HealthWord::Healthy,
            },
            uptime: self.uptime_s(),
            pid: std::process::id(),
            version: core.env.version.clone(),
            port: core.listening.port,
            agents_dir: core.env.workspace.clone(),
            db: core.db.check().is_ok(),
            shutting_down: stopping,
            update_available: false,
            pending_restart: false,
            pipeline: PipelineHealth {
                extraction_running: false,
                extraction_stalled: false,
                extraction_pending: 0,
                extraction_backoff_ms: 0,
            },
            resources: self.resources(),
            config_problem: problem,
        }
    }

    pub(super) fn readiness(&self) -> Readiness {
        let accepting = !self.core.stop.is_stopped();
        let database = self.core.db.check();
        let mut reasons = Vec::new();
        if !accepting {
            reasons.push("the daemon is stopping".to_owned());
        }
        let checks = Checks { accepting: accepting.into(), database: database.is_ok().into() };
        reasons.extend(database.err().map(|cause| cause.to_string()));
        let status = if reasons.is_empty() { ReadyWord::Ready } else { ReadyWord::NotReady };
        Readiness { status, checks, reasons }
    }

    pub(super) fn report(&self) -> StatusAnswer {
        let core = &self.core;
        let config = core.config();
        let (active, bypassed) = self.sessions.counts();
        StatusAnswer {
            status: "running",
            version: core.env.version.clone(),
            pid: std::process::id(),
            uptime: self.uptime_s(),
            started_at: time::iso(core.started),
            host: core.env.host.clone(),
            bind_host: core.listening.bind.clone(),
            network_mode: NetworkMode::of_bind(&core.listening.bind).as_str(),
            port: core.listening.port,
            reach: core.reach_in_words(),
            agent_id: core.env.agent_id.clone(),
            agents_dir: core.env.workspace.clone(),
            memory_db: core.db.path().exists(),
            pipeline_v2: config.pipeline.show(),
            pipeline: Workers { extraction: self.pipeline.extraction_worker() },
            provider_resolution: self.pipeline.provider_resolution(),
            logging: Logging { log_dir: core.env.log_folder(), log_file: core.log_file() },
            active_sessions: active as i64,
            bypassed_sessions: bypassed as i64,
            agent_created_at: config.agent_created.clone(),
            update: Update {
                current_version: core.env.version.clone(),
                latest_version: None,
                update_available: false,
                pending_restart: None,
                auto_install: false,
                check_interval: config.updates.check_interval_s,
                last_check_at: None,
                last_error: None,
                timer_active: false,
            },
            embedding: EmbeddingInForce {
                provider: config.embedding.provider.as_str(),
                model: config.embedding.model.clone(),
                available: self.memory.embedding_available(),
            },
            config_problem: core.config.problem(),
            transcripts: self.sessions.capture_jobs().ok().map(|capture| Transcripts { capture }),
            health: core.db.check().is_ok().then(|| self.score()),
        }
    }

    /// A provider that was seen to fail costs the half: recall goes on by keyword.
    fn score(&self) -> Score {
        let embeds = self.core.config().embedding.provider != Provider::None;
        let failing =
            self.core.config.problem().is_some() || embeds && self.memory.embedding_available() == Some(false);
        if failing {
            Score { score: 0.5, status: HealthWord::Degraded }
        } else {
            Score { score: 1.0, status: HealthWord::Healthy }
        }
    }
}
