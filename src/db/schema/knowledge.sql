-- The knowledge graph and its review queue. Shapes as in the data model of schema version 81.

-- Graph nodes
CREATE TABLE entities (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  entity_type TEXT NOT NULL,
  description TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  canonical_name TEXT,
  mentions INTEGER DEFAULT 0,
  embedding BLOB,
  agent_id TEXT NOT NULL DEFAULT 'default',
  pinned INTEGER NOT NULL DEFAULT 0,
  pinned_at TEXT,
  last_synthesized_at TEXT,
  community_id TEXT,
  source_id TEXT,
  source_kind TEXT,
  source_path TEXT,
  source_root TEXT,
  status TEXT NOT NULL DEFAULT 'active',
  archived_at TEXT,
  archived_by TEXT,
  archive_reason TEXT,
  proposal_id TEXT,
  proposal_evidence TEXT NOT NULL DEFAULT '[]',
  UNIQUE (name),
  FOREIGN KEY (community_id) REFERENCES entity_communities(id)
);
CREATE INDEX idx_entities_proposal ON entities (agent_id, proposal_id);
CREATE INDEX idx_entities_status ON entities (agent_id, status, updated_at DESC);
CREATE INDEX idx_entities_source ON entities (agent_id, source_id, source_path);
CREATE INDEX idx_entities_extracted_mentions ON entities (entity_type, mentions) WHERE entity_type = 'extracted';
CREATE INDEX idx_entities_order ON entities (agent_id, pinned DESC, pinned_at DESC, mentions DESC, updated_at DESC, name);
CREATE INDEX idx_entities_pinned ON entities (agent_id, pinned, pinned_at DESC);
CREATE INDEX idx_entities_agent ON entities (agent_id);
CREATE INDEX idx_entities_canonical_name ON entities (canonical_name);

-- Alternative names; status active or retired
CREATE TABLE entity_aliases (
  id TEXT PRIMARY KEY,
  entity_id TEXT NOT NULL,
  agent_id TEXT NOT NULL DEFAULT 'default',
  alias TEXT NOT NULL,
  canonical_alias TEXT NOT NULL,
  confidence REAL NOT NULL DEFAULT 1.0,
  source TEXT,
  status TEXT NOT NULL DEFAULT 'active',
  created_at TEXT NOT NULL DEFAULT (datetime('now')),
  updated_at TEXT NOT NULL DEFAULT (datetime('now')),
  FOREIGN KEY (entity_id) REFERENCES entities(id) ON DELETE CASCADE
);
CREATE INDEX idx_entity_aliases_lookup ON entity_aliases (agent_id, canonical_alias, status);
CREATE INDEX idx_entity_aliases_entity ON entity_aliases (agent_id, entity_id, status);
CREATE UNIQUE INDEX idx_entity_aliases_active_unique ON entity_aliases (agent_id, canonical_alias) WHERE status = 'active';

-- Named facets of an entity; weight 0..1
CREATE TABLE entity_aspects (
  id TEXT PRIMARY KEY,
  entity_id TEXT NOT NULL,
  agent_id TEXT NOT NULL DEFAULT 'default',
  name TEXT NOT NULL,
  canonical_name TEXT NOT NULL,
  weight REAL NOT NULL DEFAULT 0.5,
  created_at TEXT NOT NULL DEFAULT (datetime('now')),
  updated_at TEXT NOT NULL DEFAULT (datetime('now')),
  status TEXT NOT NULL DEFAULT 'active',
  archived_at TEXT,
  archived_by TEXT,
  archive_reason TEXT,
  proposal_id TEXT,
  proposal_evidence TEXT NOT NULL DEFAULT '[]',
  UNIQUE (entity_id, canonical_name),
  FOREIGN KEY (entity_id) REFERENCES entities(id) ON DELETE CASCADE
);
CREATE INDEX idx_entity_aspects_proposal ON entity_aspects (agent_id, proposal_id);
CREATE INDEX idx_entity_aspects_status ON entity_aspects (agent_id, entity_id, status);
CREATE INDEX idx_entity_aspects_weight ON entity_aspects (weight DESC);
CREATE INDEX idx_entity_aspects_agent ON entity_aspects (agent_id);
CREATE INDEX idx_entity_aspects_entity ON entity_aspects (entity_id);

-- Claims under an aspect
CREATE TABLE entity_attributes (
  id TEXT PRIMARY KEY,
  aspect_id TEXT,
  agent_id TEXT NOT NULL DEFAULT 'default',
  memory_id TEXT,
  kind TEXT NOT NULL,
  content TEXT NOT NULL,
  normalized_content TEXT NOT NULL,
  confidence REAL NOT NULL DEFAULT 0.0,
  importance REAL NOT NULL DEFAULT 0.5,
  status TEXT NOT NULL DEFAULT 'active',
  superseded_by TEXT,
  created_at TEXT NOT NULL DEFAULT (datetime('now')),
  updated_at TEXT NOT NULL DEFAULT (datetime('now')),
  claim_key TEXT,
  group_key TEXT,
  source_id TEXT,
  source_kind TEXT,
  source_path TEXT,
  source_root TEXT,
  proposal_id TEXT,
  proposal_evidence TEXT NOT NULL DEFAULT '[]',
  version INTEGER NOT NULL DEFAULT 1,
  version_root_id TEXT,
  previous_attribute_id TEXT,
  archived_at TEXT,
  archived_by TEXT,
  archive_reason TEXT,
  FOREIGN KEY (memory_id) REFERENCES memories(id) ON DELETE SET NULL,
  FOREIGN KEY (aspect_id) REFERENCES entity_aspects(id) ON DELETE SET NULL
);
CREATE INDEX idx_entity_attributes_claim_version ON entity_attributes (agent_id, aspect_id, group_key, claim_key, version DESC);
CREATE INDEX idx_entity_attributes_version_root ON entity_attributes (agent_id, version_root_id, version DESC);
CREATE INDEX idx_entity_attributes_proposal ON entity_attributes (agent_id, proposal_id);
CREATE INDEX idx_entity_attributes_source ON entity_attributes (agent_id, source_id, source_path);
CREATE INDEX idx_entity_attributes_group_claim ON entity_attributes (agent_id, aspect_id, group_key, claim_key, status) WHERE claim_key IS NOT NULL;
CREATE INDEX idx_entity_attributes_group_key ON entity_attributes (agent_id, aspect_id, group_key, status) WHERE group_key IS NOT NULL;
CREATE INDEX idx_entity_attributes_claim_key ON entity_attributes (agent_id, aspect_id, claim_key, status) WHERE claim_key IS NOT NULL;
CREATE INDEX idx_entity_attributes_status ON entity_attributes (status);
CREATE INDEX idx_entity_attributes_kind ON entity_attributes (kind);
CREATE INDEX idx_entity_attributes_agent ON entity_attributes (agent_id);
CREATE INDEX idx_entity_attributes_aspect ON entity_attributes (aspect_id);

-- Directed edges
CREATE TABLE entity_dependencies (
  id TEXT PRIMARY KEY,
  source_entity_id TEXT NOT NULL,
  target_entity_id TEXT NOT NULL,
  agent_id TEXT NOT NULL DEFAULT 'default',
  aspect_id TEXT,
  dependency_type TEXT NOT NULL,
  strength REAL NOT NULL DEFAULT 0.5,
  created_at TEXT NOT NULL DEFAULT (datetime('now')),
  updated_at TEXT NOT NULL DEFAULT (datetime('now')),
  reason TEXT,
  confidence REAL DEFAULT 0.7,
  source_id TEXT,
  source_kind TEXT,
  source_path TEXT,
  source_root TEXT,
  proposal_id TEXT,
  proposal_evidence TEXT NOT NULL DEFAULT '[]',
  status TEXT NOT NULL DEFAULT 'active',
  archived_at TEXT,
  archived_by TEXT,
  archive_reason TEXT,
  FOREIGN KEY (aspect_id) REFERENCES entity_aspects(id) ON DELETE SET NULL,
  FOREIGN KEY (target_entity_id) REFERENCES entities(id) ON DELETE CASCADE,
  FOREIGN KEY (source_entity_id) REFERENCES entities(id) ON DELETE CASCADE
);
CREATE INDEX idx_entity_dependencies_status ON entity_dependencies (agent_id, status, updated_at DESC);
CREATE INDEX idx_entity_dependencies_proposal ON entity_dependencies (agent_id, proposal_id);
CREATE INDEX idx_entity_dependencies_source_origin ON entity_dependencies (agent_id, source_id, source_path);
CREATE UNIQUE INDEX idx_entity_deps_unique ON entity_dependencies (source_entity_id, target_entity_id, dependency_type, agent_id);
CREATE INDEX idx_entity_dependencies_agent ON entity_dependencies (agent_id);
CREATE INDEX idx_entity_dependencies_target ON entity_dependencies (target_entity_id);
CREATE INDEX idx_entity_dependencies_source ON entity_dependencies (source_entity_id);

-- Filled by triggers (§5)
CREATE TABLE entity_dependency_history (
  id TEXT PRIMARY KEY,
  dependency_id TEXT NOT NULL,
  source_entity_id TEXT NOT NULL,
  target_entity_id TEXT NOT NULL,
  agent_id TEXT NOT NULL DEFAULT 'default',
  dependency_type TEXT NOT NULL,
  event TEXT NOT NULL,
  changed_by TEXT NOT NULL,
  reason TEXT NOT NULL,
  previous_reason TEXT,
  metadata TEXT,
  created_at TEXT NOT NULL DEFAULT (datetime('now'))
);
CREATE INDEX idx_entity_dependency_history_created ON entity_dependency_history (created_at DESC);
CREATE INDEX idx_entity_dependency_history_agent ON entity_dependency_history (agent_id);
CREATE INDEX idx_entity_dependency_history_dep ON entity_dependency_history (dependency_id);

-- Older edge list from extraction triples; metadata JSON
CREATE TABLE relations (
  id TEXT PRIMARY KEY,
  source_entity_id TEXT NOT NULL,
  target_entity_id TEXT NOT NULL,
  relation_type TEXT NOT NULL,
  strength REAL DEFAULT 1.0,
  metadata TEXT,
  created_at TEXT NOT NULL,
  mentions INTEGER DEFAULT 1,
  confidence REAL DEFAULT 0.5,
  updated_at TEXT,
  FOREIGN KEY (target_entity_id) REFERENCES entities(id),
  FOREIGN KEY (source_entity_id) REFERENCES entities(id)
);
CREATE INDEX idx_relations_composite ON relations (source_entity_id, relation_type);
CREATE INDEX idx_relations_target ON relations (target_entity_id);
CREATE INDEX idx_relations_source ON relations (source_entity_id);

-- Detected clusters
CREATE TABLE entity_communities (
  id TEXT PRIMARY KEY,
  agent_id TEXT NOT NULL,
  name TEXT,
  cohesion REAL DEFAULT 0.0,
  member_count INTEGER DEFAULT 0,
  created_at TEXT NOT NULL DEFAULT (datetime('now')),
  updated_at TEXT NOT NULL DEFAULT (datetime('now')),
  source_id TEXT,
  source_kind TEXT,
  source_path TEXT,
  source_root TEXT
);
CREATE INDEX idx_entity_communities_source ON entity_communities (agent_id, source_id, source_path);
CREATE INDEX idx_entity_communities_agent ON entity_communities (agent_id);

-- Who claims what
CREATE TABLE epistemic_assertions (
  id TEXT PRIMARY KEY,
  agent_id TEXT NOT NULL DEFAULT 'default',
  subject_entity_id TEXT NOT NULL,
  claim_attribute_id TEXT,
  predicate TEXT NOT NULL CHECK (predicate IN ('claims', 'believes', 'observed', 'decided', 'prefers', 'denies', 'questions')),
  content TEXT NOT NULL,
  normalized_content TEXT NOT NULL,
  speaker TEXT,
  asserted_at TEXT NOT NULL,
  confidence REAL NOT NULL DEFAULT 0.0 CHECK (confidence >= 0.0 AND confidence <= 1.0),
  evidence TEXT NOT NULL DEFAULT '[]',
  source_kind TEXT,
  source_id TEXT,
  source_path TEXT,
  source_root TEXT,
  status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'archived', 'superseded')),
  supersedes_assertion_id TEXT,
  archived_at TEXT,
  archived_by TEXT,
  archive_reason TEXT,
  created_by TEXT NOT NULL DEFAULT 'operator',
  created_at TEXT NOT NULL DEFAULT (datetime('now')),
  updated_at TEXT NOT NULL DEFAULT (datetime('now')),
  FOREIGN KEY (supersedes_assertion_id) REFERENCES epistemic_assertions(id) ON DELETE SET NULL,
  FOREIGN KEY (claim_attribute_id) REFERENCES entity_attributes(id) ON DELETE SET NULL,
  FOREIGN KEY (subject_entity_id) REFERENCES entities(id) ON DELETE CASCADE
);
CREATE INDEX idx_epistemic_assertions_claim ON epistemic_assertions (agent_id, claim_attribute_id);
CREATE INDEX idx_epistemic_assertions_agent_source ON epistemic_assertions (agent_id, source_kind, source_id);
CREATE INDEX idx_epistemic_assertions_agent_predicate ON epistemic_assertions (agent_id, predicate, status, asserted_at DESC);
CREATE INDEX idx_epistemic_assertions_agent_speaker ON epistemic_assertions (agent_id, speaker, asserted_at DESC);
CREATE INDEX idx_epistemic_assertions_agent_entity ON epistemic_assertions (agent_id, subject_entity_id, status, asserted_at DESC);

-- Review queue for graph changes
CREATE TABLE ontology_proposals (
  id TEXT PRIMARY KEY,
  agent_id TEXT NOT NULL DEFAULT 'default',
  operation TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'applied', 'rejected', 'failed')),
  payload TEXT NOT NULL,
  confidence REAL NOT NULL DEFAULT 0.0 CHECK (confidence >= 0.0 AND confidence <= 1.0),
  rationale TEXT NOT NULL DEFAULT '',
  evidence TEXT NOT NULL DEFAULT '[]',
  risk TEXT,
  source_kind TEXT,
  source_id TEXT,
  source_path TEXT,
  source_root TEXT,
  created_by TEXT NOT NULL DEFAULT 'ontology-proposal',
  applied_by TEXT,
  rejected_by TEXT,
  result TEXT,
  created_at TEXT NOT NULL DEFAULT (datetime('now')),
  updated_at TEXT NOT NULL DEFAULT (datetime('now')),
  applied_at TEXT,
  rejected_at TEXT
);
CREATE INDEX idx_ontology_proposals_source ON ontology_proposals (agent_id, source_kind, source_id);
CREATE INDEX idx_ontology_proposals_agent_operation ON ontology_proposals (agent_id, operation, updated_at DESC);
CREATE INDEX idx_ontology_proposals_agent_status ON ontology_proposals (agent_id, status, updated_at DESC);

-- Consolidation counters per agent
CREATE TABLE dreaming_state (
  agent_id TEXT PRIMARY KEY,
  tokens_since_last_pass INTEGER NOT NULL DEFAULT 0,
  consecutive_failures INTEGER NOT NULL DEFAULT 0,
  last_pass_at TEXT,
  last_pass_id TEXT,
  last_pass_mode TEXT,
  created_at TEXT NOT NULL DEFAULT (datetime('now')),
  updated_at TEXT NOT NULL DEFAULT (datetime('now'))
);

-- Consolidation runs
CREATE TABLE dreaming_passes (
  id TEXT PRIMARY KEY,
  agent_id TEXT NOT NULL,
  mode TEXT NOT NULL DEFAULT 'incremental',
  status TEXT NOT NULL DEFAULT 'running',
  started_at TEXT NOT NULL DEFAULT (datetime('now')),
  completed_at TEXT,
  tokens_consumed INTEGER,
  mutations_applied INTEGER,
  mutations_skipped INTEGER,
  mutations_failed INTEGER,
  summary TEXT,
  error TEXT,
  created_at TEXT NOT NULL DEFAULT (datetime('now'))
);
CREATE INDEX idx_dreaming_passes_agent ON dreaming_passes (agent_id, created_at DESC);

-- Daily summary, patterns, question; lists JSON
CREATE TABLE daily_reflections (
  id TEXT PRIMARY KEY,
  agent_id TEXT NOT NULL DEFAULT 'default',
  date TEXT NOT NULL,
  summary TEXT NOT NULL DEFAULT '',
  patterns TEXT NOT NULL DEFAULT '[]',
  question TEXT,
  answer TEXT,
  answer_memory_id TEXT,
  content_key TEXT,
  memory_ids TEXT NOT NULL DEFAULT '[]',
  summary_ids TEXT NOT NULL DEFAULT '[]',
  model TEXT,
  created_at TEXT NOT NULL DEFAULT (datetime('now')),
  answered_at TEXT
);
CREATE UNIQUE INDEX idx_daily_reflections_agent_content_key ON daily_reflections (agent_id, date, content_key) WHERE content_key IS NOT NULL;
CREATE INDEX idx_daily_reflections_agent_date ON daily_reflections (agent_id, date, created_at DESC);
CREATE INDEX idx_daily_reflections_agent_created ON daily_reflections (agent_id, created_at DESC);

CREATE VIRTUAL TABLE entities_fts USING fts5(name, canonical_name, content='entities', content_rowid='rowid');
CREATE TRIGGER entities_fts_ai AFTER INSERT ON entities BEGIN
  INSERT INTO entities_fts(rowid, name, canonical_name) VALUES (new.rowid, new.name, new.canonical_name);
END;
CREATE TRIGGER entities_fts_ad AFTER DELETE ON entities BEGIN
  INSERT INTO entities_fts(entities_fts, rowid, name, canonical_name) VALUES ('delete', old.rowid, old.name, old.canonical_name);
END;
CREATE TRIGGER entities_fts_au AFTER UPDATE ON entities BEGIN
  INSERT INTO entities_fts(entities_fts, rowid, name, canonical_name) VALUES ('delete', old.rowid, old.name, old.canonical_name);
  INSERT INTO entities_fts(rowid, name, canonical_name) VALUES (new.rowid, new.name, new.canonical_name);
END;

-- A vague edge must say why it exists; every change of an edge is kept.
CREATE TRIGGER trg_entity_dependencies_related_to_reason_insert
BEFORE INSERT ON entity_dependencies
WHEN new.dependency_type = 'related_to' AND (new.reason IS NULL OR trim(new.reason) = '')
BEGIN
  SELECT RAISE(ABORT, 'related_to dependencies require a non-empty reason');
END;
CREATE TRIGGER trg_entity_dependencies_related_to_reason_update
BEFORE UPDATE OF dependency_type, reason ON entity_dependencies
WHEN new.dependency_type = 'related_to' AND (new.reason IS NULL OR trim(new.reason) = '')
BEGIN
  SELECT RAISE(ABORT, 'related_to dependencies require a non-empty reason');
END;
CREATE TRIGGER trg_entity_dependencies_audit_insert AFTER INSERT ON entity_dependencies BEGIN
  INSERT INTO entity_dependency_history
    (id, dependency_id, source_entity_id, target_entity_id, agent_id, dependency_type, event, changed_by, reason,
     previous_reason, metadata, created_at)
  VALUES (lower(hex(randomblob(16))), new.id, new.source_entity_id, new.target_entity_id, new.agent_id,
    new.dependency_type, 'created', 'db-trigger', COALESCE(NULLIF(trim(new.reason), ''), 'created without reason'),
    NULL, '{"source":"trg_entity_dependencies_audit_insert"}', datetime('now'));
END;
CREATE TRIGGER trg_entity_dependencies_audit_update AFTER UPDATE ON entity_dependencies BEGIN
  INSERT INTO entity_dependency_history
    (id, dependency_id, source_entity_id, target_entity_id, agent_id, dependency_type, event, changed_by, reason,
     previous_reason, metadata, created_at)
  VALUES (lower(hex(randomblob(16))), new.id, new.source_entity_id, new.target_entity_id, new.agent_id,
    new.dependency_type, 'updated', 'db-trigger', COALESCE(NULLIF(trim(new.reason), ''), 'updated without reason'),
    old.reason, '{"source":"trg_entity_dependencies_audit_update"}', datetime('now'));
END;
CREATE TRIGGER trg_entity_dependencies_audit_delete AFTER DELETE ON entity_dependencies BEGIN
  INSERT INTO entity_dependency_history
    (id, dependency_id, source_entity_id, target_entity_id, agent_id, dependency_type, event, changed_by, reason,
     previous_reason, metadata, created_at)
  VALUES (lower(hex(randomblob(16))), old.id, old.source_entity_id, old.target_entity_id, old.agent_id,
    old.dependency_type, 'deleted', 'db-trigger', COALESCE(NULLIF(trim(old.reason), ''), 'deleted without reason'),
    NULL, '{"source":"trg_entity_dependencies_audit_delete"}', datetime('now'));
END;
