-- Agents, keys, tasks, skills and telemetry. Shapes as in the data model of schema version 81.

-- Roster
CREATE TABLE agents (
  id TEXT PRIMARY KEY,
  name TEXT,
  read_policy TEXT NOT NULL DEFAULT 'isolated',
  policy_group TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
);

-- Hashed API keys, see the foundation part
CREATE TABLE api_keys (
  id TEXT PRIMARY KEY,
  prefix TEXT NOT NULL,
  name TEXT NOT NULL,
  key_hash TEXT NOT NULL,
  role TEXT NOT NULL DEFAULT 'agent',
  scope_json TEXT NOT NULL DEFAULT '{}',
  permissions_json TEXT NOT NULL DEFAULT '[]',
  connector TEXT,
  harness TEXT,
  agent_id TEXT,
  allowed_projects_json TEXT,
  created_at TEXT NOT NULL,
  last_used_at TEXT,
  revoked_at TEXT,
  expires_at TEXT,
  UNIQUE (prefix)
);
CREATE INDEX idx_api_keys_connector ON api_keys (connector, harness);
CREATE INDEX idx_api_keys_active ON api_keys (revoked_at, expires_at);
CREATE INDEX idx_api_keys_prefix ON api_keys (prefix);

-- Cron tasks
CREATE TABLE scheduled_tasks (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  prompt TEXT NOT NULL,
  cron_expression TEXT NOT NULL,
  harness TEXT NOT NULL,
  working_directory TEXT,
  enabled INTEGER NOT NULL DEFAULT 1,
  last_run_at TEXT,
  next_run_at TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  skill_name TEXT,
  skill_mode TEXT CHECK (skill_mode IN ('inject', 'slash') OR skill_mode IS NULL)
);
CREATE INDEX idx_scheduled_tasks_enabled_next ON scheduled_tasks (enabled, next_run_at);

-- Runs of those
CREATE TABLE task_runs (
  id TEXT PRIMARY KEY,
  task_id TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'pending',
  started_at TEXT NOT NULL,
  completed_at TEXT,
  exit_code INTEGER,
  stdout TEXT,
  stderr TEXT,
  error TEXT,
  FOREIGN KEY (task_id) REFERENCES scheduled_tasks(id) ON DELETE CASCADE
);
CREATE INDEX idx_task_runs_status ON task_runs (status);
CREATE INDEX idx_task_runs_task_id ON task_runs (task_id);

-- Agent of a task
CREATE TABLE task_scope_hints (
  task_id TEXT PRIMARY KEY,
  agent_id TEXT NOT NULL DEFAULT 'default',
  created_at TEXT NOT NULL DEFAULT (datetime('now')),
  updated_at TEXT NOT NULL DEFAULT (datetime('now')),
  FOREIGN KEY (task_id) REFERENCES scheduled_tasks(id) ON DELETE CASCADE
);
CREATE INDEX idx_task_scope_hints_agent ON task_scope_hints (agent_id, updated_at);

-- Lifecycle of task entities
CREATE TABLE task_meta (
  entity_id TEXT PRIMARY KEY,
  agent_id TEXT NOT NULL DEFAULT 'default',
  status TEXT NOT NULL,
  expires_at TEXT,
  retention_until TEXT,
  completed_at TEXT,
  updated_at TEXT NOT NULL DEFAULT (datetime('now')),
  FOREIGN KEY (entity_id) REFERENCES entities(id) ON DELETE CASCADE
);
CREATE INDEX idx_task_meta_retention ON task_meta (retention_until);
CREATE INDEX idx_task_meta_status ON task_meta (status);
CREATE INDEX idx_task_meta_agent ON task_meta (agent_id);

-- Installed skills (entity id)
CREATE TABLE skill_meta (
  entity_id TEXT PRIMARY KEY,
  agent_id TEXT NOT NULL DEFAULT 'default',
  version TEXT,
  author TEXT,
  license TEXT,
  source TEXT NOT NULL,
  role TEXT NOT NULL DEFAULT 'utility',
  triggers TEXT,
  tags TEXT,
  permissions TEXT,
  enriched INTEGER DEFAULT 0,
  installed_at TEXT NOT NULL,
  last_used_at TEXT,
  use_count INTEGER DEFAULT 0,
  importance REAL DEFAULT 0.7,
  decay_rate REAL DEFAULT 0.99,
  fs_path TEXT NOT NULL,
  uninstalled_at TEXT,
  created_at TEXT NOT NULL DEFAULT (datetime('now')),
  updated_at TEXT NOT NULL DEFAULT (datetime('now')),
  FOREIGN KEY (entity_id) REFERENCES entities(id)
);
CREATE INDEX idx_skill_meta_source ON skill_meta (source);
CREATE INDEX idx_skill_meta_agent ON skill_meta (agent_id);

-- Usage log
CREATE TABLE skill_invocations (
  id TEXT PRIMARY KEY,
  skill_name TEXT NOT NULL,
  agent_id TEXT NOT NULL DEFAULT 'default',
  source TEXT NOT NULL CHECK (source IN ('agent', 'scheduler', 'api')),
  latency_ms INTEGER NOT NULL,
  success INTEGER NOT NULL DEFAULT 1,
  error_text TEXT,
  created_at TEXT NOT NULL DEFAULT (datetime('now')),
  harness TEXT,
  session_id TEXT,
  tool_use_id TEXT,
  cwd TEXT,
  origin TEXT,
  args TEXT
);
CREATE INDEX idx_skill_inv_harness ON skill_invocations (harness, created_at);
CREATE UNIQUE INDEX idx_skill_inv_dedupe ON skill_invocations (harness, session_id, tool_use_id) WHERE harness IS NOT NULL AND session_id IS NOT NULL AND tool_use_id IS NOT NULL;
CREATE INDEX idx_skill_inv_agent ON skill_invocations (agent_id, created_at);
CREATE INDEX idx_skill_inv_name ON skill_invocations (skill_name, created_at);

-- Tool call log
CREATE TABLE mcp_invocations (
  id TEXT PRIMARY KEY,
  server_id TEXT NOT NULL,
  tool_name TEXT NOT NULL,
  agent_id TEXT NOT NULL DEFAULT 'default',
  source TEXT NOT NULL CHECK (source IN ('cli', 'agent', 'mcp', 'dashboard')),
  latency_ms INTEGER NOT NULL,
  success INTEGER NOT NULL DEFAULT 1,
  error_text TEXT,
  created_at TEXT NOT NULL DEFAULT (datetime('now'))
);
CREATE INDEX idx_mcp_inv_agent ON mcp_invocations (agent_id, created_at);
CREATE INDEX idx_mcp_inv_server ON mcp_invocations (server_id, created_at);

-- Local event buffer; properties JSON
CREATE TABLE telemetry_events (
  id TEXT PRIMARY KEY,
  event TEXT NOT NULL,
  timestamp TEXT NOT NULL,
  properties TEXT NOT NULL,
  sent_to_posthog INTEGER NOT NULL DEFAULT 0,
  created_at TEXT NOT NULL
);
CREATE INDEX idx_telemetry_events_unsent ON telemetry_events (sent_to_posthog) WHERE sent_to_posthog = 0;
CREATE INDEX idx_telemetry_events_timestamp ON telemetry_events (timestamp);
CREATE INDEX idx_telemetry_events_event ON telemetry_events (event);
