-- Sessions, the recall ledger, transcripts, summaries and feedback. Shapes as in the data model of schema version 81.

-- Context epoch marks; highest per session+agent is current
CREATE TABLE session_context_epochs (
  session_key TEXT NOT NULL,
  agent_id TEXT NOT NULL DEFAULT 'default',
  context_epoch INTEGER NOT NULL DEFAULT 0,
  reason TEXT NOT NULL,
  source_ref TEXT,
  created_at TEXT NOT NULL DEFAULT (datetime('now')),
  PRIMARY KEY (session_key, agent_id, context_epoch)
);
CREATE INDEX idx_session_context_epochs_created ON session_context_epochs (agent_id, created_at DESC);

-- Rows already returned in an epoch
CREATE TABLE session_recall_events (
  session_key TEXT NOT NULL,
  agent_id TEXT NOT NULL DEFAULT 'default',
  context_epoch INTEGER NOT NULL DEFAULT 0,
  item_kind TEXT NOT NULL,
  item_id TEXT NOT NULL,
  surface TEXT NOT NULL,
  mode TEXT NOT NULL,
  score REAL,
  source TEXT,
  created_at TEXT NOT NULL DEFAULT (datetime('now')),
  PRIMARY KEY (session_key, agent_id, context_epoch, item_kind, item_id)
);
CREATE INDEX idx_session_recall_events_item ON session_recall_events (item_kind, item_id, created_at DESC);
CREATE INDEX idx_session_recall_events_session ON session_recall_events (session_key, agent_id, context_epoch, created_at DESC);

-- Memories considered or injected in a session with scores, path_json, feedback mean
CREATE TABLE session_memories (
  id TEXT PRIMARY KEY,
  session_key TEXT NOT NULL,
  agent_id TEXT NOT NULL DEFAULT 'default',
  memory_id TEXT NOT NULL,
  source TEXT NOT NULL,
  effective_score REAL,
  predictor_score REAL,
  final_score REAL NOT NULL,
  rank INTEGER NOT NULL,
  was_injected INTEGER NOT NULL,
  relevance_score REAL,
  fts_hit_count INTEGER NOT NULL DEFAULT 0,
  agent_preference TEXT,
  created_at TEXT NOT NULL,
  entity_slot INTEGER,
  aspect_slot INTEGER,
  is_constraint INTEGER NOT NULL DEFAULT 0,
  structural_density INTEGER,
  predictor_rank INTEGER,
  agent_relevance_score REAL,
  agent_feedback_count INTEGER DEFAULT 0,
  path_json TEXT,
  UNIQUE (session_key, agent_id, memory_id)
);
CREATE INDEX idx_session_memories_agent_session ON session_memories (agent_id, session_key);
CREATE INDEX idx_session_memories_memory ON session_memories (memory_id);
CREATE INDEX idx_session_memories_session ON session_memories (session_key);

-- Latest raw transcript text per agent+session
CREATE TABLE session_transcripts (
  session_key TEXT NOT NULL,
  content TEXT NOT NULL,
  harness TEXT,
  project TEXT,
  agent_id TEXT NOT NULL DEFAULT 'default',
  created_at TEXT NOT NULL,
  updated_at TEXT,
  PRIMARY KEY (agent_id, session_key)
);
CREATE INDEX idx_st_agent_updated ON session_transcripts (agent_id, updated_at);
CREATE INDEX idx_st_created ON session_transcripts (created_at);
CREATE INDEX idx_st_project ON session_transcripts (project);

-- Summary tree
CREATE TABLE session_summaries (
  id TEXT PRIMARY KEY,
  project TEXT,
  depth INTEGER NOT NULL DEFAULT 0,
  kind TEXT NOT NULL CHECK (kind IN ('session', 'arc', 'epoch')),
  content TEXT NOT NULL,
  token_count INTEGER,
  earliest_at TEXT NOT NULL,
  latest_at TEXT NOT NULL,
  session_key TEXT,
  harness TEXT,
  agent_id TEXT NOT NULL DEFAULT 'default',
  created_at TEXT NOT NULL,
  source_type TEXT,
  source_ref TEXT,
  meta_json TEXT
);
CREATE UNIQUE INDEX idx_summaries_agent_session_depth_summary ON session_summaries (agent_id, session_key, depth) WHERE session_key IS NOT NULL AND COALESCE(source_type, 'summary') = 'summary';
CREATE INDEX idx_summaries_agent_session_key ON session_summaries (agent_id, session_key);
CREATE INDEX idx_summaries_source_ref ON session_summaries (source_ref);
CREATE INDEX idx_summaries_source_type ON session_summaries (source_type);
CREATE INDEX idx_summaries_session_key ON session_summaries (session_key);
CREATE INDEX idx_summaries_latest ON session_summaries (latest_at DESC);
CREATE INDEX idx_summaries_agent ON session_summaries (agent_id);
CREATE INDEX idx_summaries_kind ON session_summaries (kind);
CREATE INDEX idx_summaries_project_depth ON session_summaries (project, depth);

-- Edges of that tree
CREATE TABLE session_summary_children (
  parent_id TEXT NOT NULL,
  child_id TEXT NOT NULL,
  ordinal INTEGER NOT NULL,
  PRIMARY KEY (parent_id, child_id),
  FOREIGN KEY (child_id) REFERENCES session_summaries(id) ON DELETE CASCADE,
  FOREIGN KEY (parent_id) REFERENCES session_summaries(id) ON DELETE CASCADE
);
CREATE INDEX idx_summary_children_child ON session_summary_children (child_id);

-- Summary ↔ memories
CREATE TABLE session_summary_memories (
  summary_id TEXT NOT NULL,
  memory_id TEXT NOT NULL,
  PRIMARY KEY (summary_id, memory_id),
  FOREIGN KEY (summary_id) REFERENCES session_summaries(id) ON DELETE CASCADE
);

-- Continuity scores per session
CREATE TABLE session_scores (
  id TEXT PRIMARY KEY,
  session_key TEXT NOT NULL,
  project TEXT,
  harness TEXT,
  score REAL NOT NULL,
  memories_recalled INTEGER,
  memories_used INTEGER,
  novel_context_count INTEGER,
  reasoning TEXT,
  created_at TEXT NOT NULL,
  confidence REAL,
  continuity_reasoning TEXT,
  agent_id TEXT NOT NULL DEFAULT 'default'
);
CREATE INDEX idx_session_scores_agent_session ON session_scores (agent_id, session_key, created_at);
CREATE INDEX idx_session_scores_session ON session_scores (session_key);
CREATE INDEX idx_session_scores_project ON session_scores (project, created_at);

-- Mid-session digests; lists as JSON text
CREATE TABLE session_checkpoints (
  id TEXT PRIMARY KEY,
  session_key TEXT NOT NULL,
  harness TEXT NOT NULL,
  project TEXT,
  project_normalized TEXT,
  trigger TEXT NOT NULL,
  digest TEXT NOT NULL,
  prompt_count INTEGER NOT NULL,
  memory_queries TEXT,
  recent_remembers TEXT,
  created_at TEXT NOT NULL,
  focal_entity_ids TEXT,
  focal_entity_names TEXT,
  active_aspect_ids TEXT,
  surfaced_constraint_count INTEGER,
  traversal_memory_count INTEGER
);
CREATE INDEX idx_checkpoints_project ON session_checkpoints (project_normalized, created_at DESC);
CREATE INDEX idx_checkpoints_session ON session_checkpoints (session_key, created_at DESC);

-- How far a transcript was extracted
CREATE TABLE session_extract_cursors (
  session_key TEXT NOT NULL,
  agent_id TEXT NOT NULL DEFAULT 'default',
  last_offset INTEGER NOT NULL DEFAULT 0,
  last_extract_at TEXT NOT NULL,
  PRIMARY KEY (session_key, agent_id)
);

-- Queue for session summaries
CREATE TABLE summary_jobs (
  id TEXT PRIMARY KEY,
  session_key TEXT,
  harness TEXT NOT NULL,
  project TEXT,
  transcript TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'pending',
  result TEXT,
  attempts INTEGER DEFAULT 0,
  max_attempts INTEGER DEFAULT 3,
  created_at TEXT NOT NULL,
  completed_at TEXT,
  error TEXT,
  agent_id TEXT NOT NULL DEFAULT 'default',
  session_id TEXT,
  trigger TEXT NOT NULL DEFAULT 'session_end',
  captured_at TEXT,
  started_at TEXT,
  ended_at TEXT
);
CREATE INDEX idx_summary_jobs_agent_session ON summary_jobs (agent_id, session_key, created_at);
CREATE INDEX idx_summary_jobs_agent_trigger ON summary_jobs (agent_id, trigger, created_at);
CREATE INDEX idx_summary_jobs_agent ON summary_jobs (agent_id, created_at);
CREATE INDEX idx_summary_jobs_status ON summary_jobs (status);

-- Queue for transcript capture
CREATE TABLE transcript_capture_jobs (
  id TEXT PRIMARY KEY,
  agent_id TEXT NOT NULL DEFAULT 'default',
  harness TEXT NOT NULL,
  session_key TEXT,
  session_id TEXT NOT NULL,
  project TEXT,
  transcript TEXT NOT NULL,
  raw_transcript TEXT,
  transcript_path TEXT,
  captured_at TEXT NOT NULL,
  ended_at TEXT,
  summary_status TEXT NOT NULL DEFAULT 'not_requested',
  status TEXT NOT NULL DEFAULT 'pending',
  attempts INTEGER NOT NULL DEFAULT 0,
  max_attempts INTEGER NOT NULL DEFAULT 5,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  completed_at TEXT,
  error TEXT
);
CREATE INDEX idx_transcript_capture_jobs_agent_session ON transcript_capture_jobs (agent_id, session_key, created_at);
CREATE INDEX idx_transcript_capture_jobs_status ON transcript_capture_jobs (status, created_at);

-- Feedback log
CREATE TABLE path_feedback_events (
  id TEXT PRIMARY KEY,
  agent_id TEXT NOT NULL,
  session_key TEXT NOT NULL,
  memory_id TEXT NOT NULL,
  path_hash TEXT NOT NULL,
  path_json TEXT NOT NULL,
  rating REAL NOT NULL,
  reward REAL NOT NULL DEFAULT 0,
  reward_forward REAL NOT NULL DEFAULT 0,
  reward_update REAL NOT NULL DEFAULT 0,
  reward_downstream REAL NOT NULL DEFAULT 0,
  reward_dead_end REAL NOT NULL DEFAULT 0,
  created_at TEXT NOT NULL
);
CREATE INDEX idx_path_feedback_events_memory ON path_feedback_events (memory_id);
CREATE INDEX idx_path_feedback_events_session ON path_feedback_events (session_key);
CREATE INDEX idx_path_feedback_events_agent_path ON path_feedback_events (agent_id, path_hash);

-- Per path running value
CREATE TABLE path_feedback_stats (
  agent_id TEXT NOT NULL,
  path_hash TEXT NOT NULL,
  path_json TEXT NOT NULL,
  q_value REAL NOT NULL DEFAULT 0,
  sample_count INTEGER NOT NULL DEFAULT 0,
  positive_count INTEGER NOT NULL DEFAULT 0,
  negative_count INTEGER NOT NULL DEFAULT 0,
  neutral_count INTEGER NOT NULL DEFAULT 0,
  updated_at TEXT NOT NULL,
  created_at TEXT NOT NULL,
  PRIMARY KEY (agent_id, path_hash)
);

-- Sessions that gave feedback
CREATE TABLE path_feedback_sessions (
  agent_id TEXT NOT NULL,
  session_key TEXT NOT NULL,
  created_at TEXT NOT NULL,
  PRIMARY KEY (agent_id, session_key)
);

-- Sessions in which an entity was rated useful
CREATE TABLE entity_retrieval_stats (
  agent_id TEXT NOT NULL,
  entity_id TEXT NOT NULL,
  session_count INTEGER NOT NULL DEFAULT 0,
  last_session_key TEXT,
  updated_at TEXT NOT NULL,
  created_at TEXT NOT NULL,
  PRIMARY KEY (agent_id, entity_id)
);

-- Same for ordered pairs (source<target)
CREATE TABLE entity_cooccurrence (
  agent_id TEXT NOT NULL,
  source_entity_id TEXT NOT NULL,
  target_entity_id TEXT NOT NULL,
  session_count INTEGER NOT NULL DEFAULT 0,
  last_session_key TEXT,
  updated_at TEXT NOT NULL,
  created_at TEXT NOT NULL,
  PRIMARY KEY (agent_id, source_entity_id, target_entity_id)
);

CREATE VIRTUAL TABLE session_transcripts_fts USING fts5(content, content='session_transcripts', content_rowid='rowid');
CREATE TRIGGER session_transcripts_fts_ai AFTER INSERT ON session_transcripts BEGIN
  INSERT INTO session_transcripts_fts(rowid, content) VALUES (new.rowid, new.content);
END;
CREATE TRIGGER session_transcripts_fts_ad AFTER DELETE ON session_transcripts BEGIN
  INSERT INTO session_transcripts_fts(session_transcripts_fts, rowid, content) VALUES ('delete', old.rowid, old.content);
END;
CREATE TRIGGER session_transcripts_fts_au AFTER UPDATE ON session_transcripts BEGIN
  INSERT INTO session_transcripts_fts(session_transcripts_fts, rowid, content) VALUES ('delete', old.rowid, old.content);
  INSERT INTO session_transcripts_fts(rowid, content) VALUES (new.rowid, new.content);
END;
