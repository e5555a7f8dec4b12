-- Documents, connectors and source artifacts. Shapes as in the data model of schema version 81.

-- Ingested documents
CREATE TABLE documents (
  id TEXT PRIMARY KEY,
  source_url TEXT,
  source_type TEXT NOT NULL,
  content_type TEXT,
  content_hash TEXT,
  title TEXT,
  raw_content TEXT,
  status TEXT NOT NULL DEFAULT 'queued',
  error TEXT,
  connector_id TEXT,
  chunk_count INTEGER NOT NULL DEFAULT 0,
  memory_count INTEGER NOT NULL DEFAULT 0,
  metadata_json TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  completed_at TEXT,
  agent_id TEXT NOT NULL DEFAULT 'default',
  project TEXT
);
CREATE INDEX idx_documents_source_scope ON documents (source_url, agent_id, project);
CREATE INDEX idx_documents_agent_project ON documents (agent_id, project);
CREATE INDEX idx_documents_content_hash ON documents (content_hash);
CREATE INDEX idx_documents_connector_id ON documents (connector_id);
CREATE INDEX idx_documents_source_url ON documents (source_url);
CREATE INDEX idx_documents_status ON documents (status);

-- Document ↔ chunk memories
CREATE TABLE document_memories (
  document_id TEXT NOT NULL,
  memory_id TEXT NOT NULL,
  chunk_index INTEGER,
  PRIMARY KEY (document_id, memory_id),
  FOREIGN KEY (memory_id) REFERENCES memories(id),
  FOREIGN KEY (document_id) REFERENCES documents(id)
);

-- External connectors; config_json,cursor_json
CREATE TABLE connectors (
  id TEXT PRIMARY KEY,
  provider TEXT NOT NULL,
  display_name TEXT,
  config_json TEXT NOT NULL,
  cursor_json TEXT,
  status TEXT NOT NULL DEFAULT 'idle',
  last_sync_at TEXT,
  last_error TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
);
CREATE INDEX idx_connectors_provider ON connectors (provider);

-- Legacy file ingestion
CREATE TABLE ingestion_jobs (
  id TEXT PRIMARY KEY,
  source_path TEXT NOT NULL,
  source_type TEXT NOT NULL,
  file_hash TEXT,
  status TEXT NOT NULL DEFAULT 'pending',
  chunks_total INTEGER DEFAULT 0,
  chunks_processed INTEGER DEFAULT 0,
  memories_created INTEGER DEFAULT 0,
  started_at TEXT NOT NULL,
  completed_at TEXT,
  error TEXT
);
CREATE INDEX idx_ingestion_jobs_source_path ON ingestion_jobs (source_path);
CREATE INDEX idx_ingestion_jobs_file_hash ON ingestion_jobs (file_hash);
CREATE INDEX idx_ingestion_jobs_status ON ingestion_jobs (status);

-- Source-backed and native-memory text, indexed in memory_artifacts_fts
CREATE TABLE memory_artifacts (
  agent_id TEXT NOT NULL DEFAULT 'default',
  source_path TEXT NOT NULL,
  source_sha256 TEXT NOT NULL,
  source_kind TEXT NOT NULL,
  session_id TEXT NOT NULL,
  session_key TEXT,
  session_token TEXT NOT NULL,
  project TEXT,
  harness TEXT,
  captured_at TEXT NOT NULL,
  started_at TEXT,
  ended_at TEXT,
  manifest_path TEXT,
  source_node_id TEXT,
  memory_sentence TEXT,
  memory_sentence_quality TEXT,
  content TEXT NOT NULL DEFAULT '',
  updated_at TEXT NOT NULL,
  source_mtime_ms REAL,
  is_deleted INTEGER NOT NULL DEFAULT 0,
  deleted_at TEXT,
  source_id TEXT,
  source_root TEXT,
  source_external_id TEXT,
  source_parent_path TEXT,
  source_meta_json TEXT,
  PRIMARY KEY (agent_id, source_path)
);
CREATE INDEX idx_memory_artifacts_agent_source_root ON memory_artifacts (agent_id, source_id, source_root);
CREATE INDEX idx_memory_artifacts_agent_source ON memory_artifacts (agent_id, source_id, source_external_id);
CREATE INDEX idx_memory_artifacts_agent_deleted ON memory_artifacts (agent_id, is_deleted, deleted_at);
CREATE INDEX idx_memory_artifacts_agent_membership ON memory_artifacts (agent_id, COALESCE(ended_at, captured_at) DESC);
CREATE INDEX idx_memory_artifacts_agent_session ON memory_artifacts (agent_id, session_token, captured_at DESC);
CREATE INDEX idx_memory_artifacts_agent_kind ON memory_artifacts (agent_id, source_kind, captured_at DESC);

-- Removed sessions' artifacts; removed_paths JSON
CREATE TABLE memory_artifact_tombstones (
  agent_id TEXT NOT NULL DEFAULT 'default',
  session_token TEXT NOT NULL,
  removed_at TEXT NOT NULL,
  reason TEXT NOT NULL,
  removed_paths TEXT NOT NULL,
  PRIMARY KEY (agent_id, session_token)
);

-- Rendered MEMORY.md per agent with a writer lease
CREATE TABLE memory_md_heads (
  agent_id TEXT PRIMARY KEY,
  content TEXT NOT NULL DEFAULT '',
  content_hash TEXT NOT NULL DEFAULT '',
  revision INTEGER NOT NULL DEFAULT 0,
  updated_at TEXT NOT NULL,
  lease_token TEXT,
  lease_owner TEXT,
  lease_expires_at TEXT
);
CREATE INDEX idx_memory_md_heads_lease ON memory_md_heads (lease_expires_at);

-- Latest line per conversation thread for MEMORY.md
CREATE TABLE memory_thread_heads (
  agent_id TEXT NOT NULL DEFAULT 'default',
  thread_key TEXT NOT NULL,
  label TEXT NOT NULL,
  project TEXT,
  session_key TEXT,
  source_type TEXT NOT NULL DEFAULT 'summary',
  source_ref TEXT,
  harness TEXT,
  node_id TEXT NOT NULL,
  latest_at TEXT NOT NULL,
  sample TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  PRIMARY KEY (agent_id, thread_key)
);
CREATE INDEX idx_thread_heads_agent_project ON memory_thread_heads (agent_id, project);
CREATE INDEX idx_thread_heads_agent_latest ON memory_thread_heads (agent_id, latest_at DESC);

CREATE VIRTUAL TABLE memory_artifacts_fts USING fts5(content, source_path, content='memory_artifacts', content_rowid='rowid');
CREATE TRIGGER memory_artifacts_fts_ai AFTER INSERT ON memory_artifacts BEGIN
  INSERT INTO memory_artifacts_fts(rowid, content, source_path) VALUES (new.rowid, new.content, new.source_path);
END;
CREATE TRIGGER memory_artifacts_fts_ad AFTER DELETE ON memory_artifacts BEGIN
  INSERT INTO memory_artifacts_fts(memory_artifacts_fts, rowid, content, source_path) VALUES ('delete', old.rowid, old.content, old.source_path);
END;
CREATE TRIGGER memory_artifacts_fts_au AFTER UPDATE ON memory_artifacts BEGIN
  INSERT INTO memory_artifacts_fts(memory_artifacts_fts, rowid, content, source_path) VALUES ('delete', old.rowid, old.content, old.source_path);
  INSERT INTO memory_artifacts_fts(rowid, content, source_path) VALUES (new.rowid, new.content, new.source_path);
END;
