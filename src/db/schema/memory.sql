-- Memories, their history, hints, vectors, dates and jobs. Shapes as in the data model of schema version 81.

-- One row per memory
CREATE TABLE memories (
  id TEXT PRIMARY KEY,
  type TEXT NOT NULL DEFAULT 'fact',
  category TEXT,
  content TEXT NOT NULL,
  confidence REAL DEFAULT 1.0,
  importance REAL DEFAULT 0.5,
  source_id TEXT,
  source_type TEXT,
  tags TEXT,
  who TEXT,
  why TEXT,
  project TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  updated_by TEXT NOT NULL DEFAULT 'system',
  last_accessed TEXT,
  access_count INTEGER DEFAULT 0,
  vector_clock TEXT NOT NULL DEFAULT '{}',
  version INTEGER DEFAULT 1,
  manual_override INTEGER DEFAULT 0,
  pinned INTEGER DEFAULT 0,
  content_hash TEXT,
  normalized_content TEXT,
  is_deleted INTEGER DEFAULT 0,
  deleted_at TEXT,
  extraction_status TEXT DEFAULT 'none',
  embedding_model TEXT,
  extraction_model TEXT,
  update_count INTEGER DEFAULT 0,
  idempotency_key TEXT,
  runtime_path TEXT,
  source_path TEXT,
  source_section TEXT,
  scope TEXT,
  agent_id TEXT DEFAULT 'default',
  visibility TEXT DEFAULT 'global'
);
CREATE UNIQUE INDEX idx_memories_content_hash_unique ON memories (content_hash, COALESCE(NULLIF(agent_id, ''), 'default'), COALESCE(project, ''), COALESCE(scope, '__NULL__'), COALESCE(visibility, 'global')) WHERE content_hash IS NOT NULL AND is_deleted = 0;
CREATE UNIQUE INDEX idx_memories_idempotency_key ON memories (idempotency_key, COALESCE(NULLIF(agent_id, ''), 'default'), COALESCE(visibility, 'global'), COALESCE(scope, '__NULL__')) WHERE idempotency_key IS NOT NULL AND is_deleted = 0;
CREATE INDEX idx_memories_agent_visibility ON memories (agent_id, visibility);
CREATE INDEX idx_memories_agent_id ON memories (agent_id);
CREATE INDEX idx_memories_scope ON memories (scope) WHERE scope IS NOT NULL;
CREATE INDEX idx_memories_deleted_at ON memories (deleted_at) WHERE is_deleted = 1;
CREATE INDEX idx_memories_extraction_status ON memories (extraction_status);
CREATE INDEX idx_memories_is_deleted ON memories (is_deleted);
CREATE INDEX idx_memories_created ON memories (created_at DESC);
CREATE INDEX idx_memories_importance ON memories (importance DESC);
CREATE INDEX idx_memories_pinned ON memories (pinned);
CREATE INDEX idx_memories_category ON memories (category);
CREATE INDEX idx_memories_type ON memories (type);

-- Audit trail
CREATE TABLE memory_history (
  id TEXT PRIMARY KEY,
  memory_id TEXT NOT NULL,
  event TEXT NOT NULL,
  old_content TEXT,
  new_content TEXT,
  changed_by TEXT NOT NULL,
  reason TEXT,
  metadata TEXT,
  created_at TEXT NOT NULL,
  actor_type TEXT,
  session_id TEXT,
  request_id TEXT,
  FOREIGN KEY (memory_id) REFERENCES memories(id)
);
CREATE INDEX idx_memory_history_created_at ON memory_history (created_at);
CREATE INDEX idx_memory_history_memory_id ON memory_history (memory_id);

-- Prospective phrasings, indexed in memory_hints_fts
CREATE TABLE memory_hints (
  id TEXT PRIMARY KEY,
  memory_id TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  hint TEXT NOT NULL,
  created_at TEXT NOT NULL DEFAULT (datetime('now')),
  UNIQUE (memory_id, hint),
  FOREIGN KEY (memory_id) REFERENCES memories(id) ON DELETE CASCADE
);
CREATE INDEX idx_hints_agent ON memory_hints (agent_id);
CREATE INDEX idx_hints_memory ON memory_hints (memory_id);

-- Memory ↔ entity links
CREATE TABLE memory_entity_mentions (
  memory_id TEXT NOT NULL,
  entity_id TEXT NOT NULL,
  mention_text TEXT,
  confidence REAL,
  created_at TEXT,
  PRIMARY KEY (memory_id, entity_id),
  FOREIGN KEY (entity_id) REFERENCES entities(id),
  FOREIGN KEY (memory_id) REFERENCES memories(id)
);
CREATE INDEX idx_memory_entity_mentions_entity ON memory_entity_mentions (entity_id);

-- Vectors, see §4
CREATE TABLE embeddings (
  id TEXT PRIMARY KEY,
  content_hash TEXT NOT NULL,
  vector BLOB NOT NULL,
  dimensions INTEGER NOT NULL,
  source_type TEXT NOT NULL,
  source_id TEXT NOT NULL,
  chunk_text TEXT NOT NULL,
  created_at TEXT NOT NULL,
  agent_id TEXT,
  UNIQUE (content_hash)
);
CREATE INDEX idx_embeddings_agent_source ON embeddings (agent_id, source_type, source_id);
CREATE UNIQUE INDEX idx_embeddings_content_hash_unique ON embeddings (content_hash);
CREATE INDEX idx_embeddings_source ON embeddings (source_type, source_id);

-- Projection cache: dimensions 2/3, payload JSON {nodes,edges}
CREATE TABLE umap_cache (
  id INTEGER PRIMARY KEY,
  dimensions INTEGER NOT NULL,
  embedding_count INTEGER NOT NULL,
  payload TEXT NOT NULL,
  created_at TEXT NOT NULL
);

-- Extra dates of a subject
CREATE TABLE temporal_edges (
  id TEXT PRIMARY KEY,
  agent_id TEXT NOT NULL DEFAULT 'default',
  subject_type TEXT NOT NULL,
  subject_id TEXT NOT NULL,
  facet TEXT NOT NULL CHECK (facet IN ('captured', 'session', 'source', 'observed', 'occurred', 'valid')),
  start_at TEXT NOT NULL,
  end_at TEXT,
  confidence REAL NOT NULL DEFAULT 1.0,
  provenance_json TEXT,
  metadata_json TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
);
CREATE INDEX idx_temporal_edges_agent_subject ON temporal_edges (agent_id, subject_type, subject_id);
CREATE INDEX idx_temporal_edges_agent_facet_range ON temporal_edges (agent_id, facet, start_at, end_at);

-- Saved aggregate answer ↔ evidence
CREATE TABLE aggregate_memory_sources (
  aggregate_memory_id TEXT NOT NULL,
  source_memory_id TEXT NOT NULL,
  agent_id TEXT NOT NULL DEFAULT 'default',
  created_at TEXT NOT NULL,
  PRIMARY KEY (aggregate_memory_id, source_memory_id)
);
CREATE INDEX idx_aggregate_memory_sources_agent ON aggregate_memory_sources (agent_id, aggregate_memory_id);

-- Archive of purged memories; original_row_json the full row
CREATE TABLE memories_cold (
  archive_id TEXT PRIMARY KEY,
  memory_id TEXT NOT NULL,
  type TEXT DEFAULT 'fact',
  category TEXT,
  content TEXT NOT NULL,
  confidence REAL DEFAULT 1.0,
  importance REAL DEFAULT 0.5,
  source_id TEXT,
  source_type TEXT,
  tags TEXT,
  who TEXT,
  why TEXT,
  project TEXT,
  content_hash TEXT,
  normalized_content TEXT,
  extraction_status TEXT,
  embedding_model TEXT,
  extraction_model TEXT,
  update_count INTEGER DEFAULT 0,
  original_created_at TEXT NOT NULL,
  archived_at TEXT NOT NULL,
  archived_reason TEXT,
  cold_source_id TEXT,
  agent_id TEXT NOT NULL DEFAULT 'default',
  original_row_json TEXT
);
CREATE INDEX idx_cold_source ON memories_cold (cold_source_id);
CREATE INDEX idx_cold_archived_at ON memories_cold (archived_at);
CREATE INDEX idx_cold_project ON memories_cold (project);
CREATE INDEX idx_cold_agent ON memories_cold (agent_id);
CREATE INDEX idx_cold_memory_id ON memories_cold (memory_id);

-- Job queue (at-least-once)
CREATE TABLE memory_jobs (
  id TEXT PRIMARY KEY,
  memory_id TEXT,
  job_type TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'pending',
  payload TEXT,
  result TEXT,
  attempts INTEGER DEFAULT 0,
  max_attempts INTEGER DEFAULT 3,
  leased_at TEXT,
  completed_at TEXT,
  failed_at TEXT,
  error TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  document_id TEXT,
  FOREIGN KEY (memory_id) REFERENCES memories(id)
);
CREATE INDEX idx_memory_jobs_failed_at ON memory_jobs (failed_at);
CREATE INDEX idx_memory_jobs_completed_at ON memory_jobs (completed_at);
CREATE INDEX idx_memory_jobs_memory_id ON memory_jobs (memory_id);
CREATE INDEX idx_memory_jobs_status ON memory_jobs (status);

-- Optional recall log (off by default)
CREATE TABLE memory_search_telemetry (
  id TEXT PRIMARY KEY,
  created_at TEXT NOT NULL,
  route TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  session_key TEXT,
  project TEXT,
  query TEXT NOT NULL,
  keyword_query TEXT,
  filters_json TEXT NOT NULL,
  method TEXT NOT NULL,
  result_count INTEGER NOT NULL,
  top_score REAL,
  no_hits INTEGER NOT NULL DEFAULT 0,
  duration_ms REAL NOT NULL DEFAULT 0,
  timings_json TEXT NOT NULL,
  results_json TEXT NOT NULL,
  sources_json TEXT
);
CREATE INDEX idx_memory_search_telemetry_no_hits ON memory_search_telemetry (no_hits, created_at DESC);
CREATE INDEX idx_memory_search_telemetry_route_time ON memory_search_telemetry (route, created_at DESC);
CREATE INDEX idx_memory_search_telemetry_session ON memory_search_telemetry (session_key) WHERE session_key IS NOT NULL;
CREATE INDEX idx_memory_search_telemetry_agent_time ON memory_search_telemetry (agent_id, created_at DESC);

-- Legacy, unused; keep
CREATE TABLE conversations (
  id TEXT PRIMARY KEY,
  session_id TEXT NOT NULL,
  harness TEXT NOT NULL,
  started_at TEXT NOT NULL,
  ended_at TEXT,
  summary TEXT,
  topics TEXT,
  decisions TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  updated_by TEXT NOT NULL,
  vector_clock TEXT NOT NULL DEFAULT '{}',
  version INTEGER DEFAULT 1,
  manual_override INTEGER DEFAULT 0
);
CREATE INDEX idx_conversations_harness ON conversations (harness);
CREATE INDEX idx_conversations_session ON conversations (session_id);

CREATE VIRTUAL TABLE memories_fts USING fts5(content, content='memories', content_rowid='rowid', tokenize='unicode61');
CREATE TRIGGER memories_ai AFTER INSERT ON memories BEGIN
  INSERT INTO memories_fts(rowid, content) VALUES (new.rowid, new.content);
END;
CREATE TRIGGER memories_ad AFTER DELETE ON memories BEGIN
  INSERT INTO memories_fts(memories_fts, rowid, content) VALUES ('delete', old.rowid, old.content);
END;
CREATE TRIGGER memories_au AFTER UPDATE OF content ON memories BEGIN
  INSERT INTO memories_fts(memories_fts, rowid, content) VALUES ('delete', old.rowid, old.content);
  INSERT INTO memories_fts(rowid, content) VALUES (new.rowid, new.content);
END;

CREATE VIRTUAL TABLE memory_hints_fts USING fts5(hint, content='memory_hints', content_rowid='rowid');
CREATE TRIGGER memory_hints_fts_ai AFTER INSERT ON memory_hints BEGIN
  INSERT INTO memory_hints_fts(rowid, hint) VALUES (new.rowid, new.hint);
END;
CREATE TRIGGER memory_hints_fts_ad AFTER DELETE ON memory_hints BEGIN
  INSERT INTO memory_hints_fts(memory_hints_fts, rowid, hint) VALUES ('delete', old.rowid, old.hint);
END;
CREATE TRIGGER memory_hints_fts_au AFTER UPDATE ON memory_hints BEGIN
  INSERT INTO memory_hints_fts(memory_hints_fts, rowid, hint) VALUES ('delete', old.rowid, old.hint);
  INSERT INTO memory_hints_fts(rowid, hint) VALUES (new.rowid, new.hint);
END;
