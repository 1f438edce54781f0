"""The tables of a project file, as the first migration makes them; what later ones change.

`event` and `class_change` are the record: rows are added and never changed, which triggers see
to. `content` and `current` are derived from it, kept in step in the same transaction, so that the
next image is found by an index, whatever the number of images; `integrity.py` compares the two.
"""

TABLES = """
CREATE TABLE setting (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL                     -- JSON
) STRICT;

CREATE TABLE counter (
  name TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT;

CREATE TABLE content (                    -- what is labelled: one row for each different content
  id INTEGER PRIMARY KEY,
  sha256 TEXT NOT NULL UNIQUE,
  key REAL NOT NULL,                      -- uniform; below holdout_share: the reserve
  overlap REAL NOT NULL,                  -- uniform; below overlap_share: two annotators
  item INTEGER REFERENCES item (id),      -- the smallest readable item with it; NULL if none
  wanted INTEGER NOT NULL DEFAULT 1,      -- annotators
  votes INTEGER NOT NULL DEFAULT 0,       -- annotators whose label stands
  bad INTEGER NOT NULL DEFAULT 0,         -- whether anybody's "bad" stands
  open INTEGER GENERATED ALWAYS AS (item IS NOT NULL AND NOT bad AND votes < wanted) VIRTUAL
) STRICT;
CREATE INDEX content_open ON content (key) WHERE open;
CREATE INDEX content_second ON content (key) WHERE open AND votes > 0;
CREATE INDEX content_key ON content (key);
CREATE INDEX content_bad ON content (id) WHERE bad;

CREATE TABLE item (
  id INTEGER PRIMARY KEY,
  path TEXT NOT NULL,
  content INTEGER NOT NULL REFERENCES content (id),
  size INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('ok', 'unreadable', 'vanished')),
  reason TEXT NOT NULL DEFAULT '',
  duplicate_of INTEGER REFERENCES item (id),
  UNIQUE (path, content)
) STRICT;
CREATE INDEX item_content ON item (content);
CREATE INDEX item_aside ON item (id) WHERE status != 'ok' OR duplicate_of NOTNULL;

CREATE TABLE class (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  shortcut TEXT,
  position INTEGER NOT NULL,
  merged_into INTEGER REFERENCES class (id)
) STRICT;
CREATE UNIQUE INDEX class_name ON class (name) WHERE merged_into IS NULL;
CREATE UNIQUE INDEX class_shortcut ON class (shortcut) WHERE merged_into IS NULL;

CREATE TABLE class_change (
  seq INTEGER PRIMARY KEY,
  class INTEGER NOT NULL REFERENCES class (id),
  change TEXT NOT NULL CHECK (change IN ('add', 'rename', 'merge', 'shortcut')),
  before TEXT,
  after TEXT,
  created_at TEXT NOT NULL
) STRICT;

CREATE TABLE annotator (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE ranking (
  version INTEGER PRIMARY KEY,
  trained_on INTEGER NOT NULL,
  acquisition TEXT NOT NULL,
  made_at TEXT NOT NULL,
  stream TEXT NOT NULL CHECK (stream IN ('active', 'cold')),
  metrics TEXT NOT NULL,                  -- JSON
  predictions TEXT NOT NULL
) STRICT;

CREATE TABLE ranked (                     -- of the newest ranking alone
  position INTEGER PRIMARY KEY,
  item INTEGER NOT NULL REFERENCES item (id),
  score REAL NOT NULL
) STRICT;

CREATE TABLE event (
  seq INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  item INTEGER NOT NULL REFERENCES item (id),
  annotator INTEGER NOT NULL REFERENCES annotator (id),
  kind TEXT NOT NULL
    CHECK (kind IN ('label', 'unsure', 'bad', 'later', 'flag', 'unflag', 'undo')),
  label INTEGER REFERENCES class (id) CHECK ((label IS NOT NULL) = (kind = 'label')),
  lead_time_ms INTEGER,
  stream TEXT NOT NULL
    CHECK (stream IN ('active', 'random', 'cold', 'review', 'import', 'adjudication')),
  ranking INTEGER REFERENCES ranking (version),
  predicted INTEGER REFERENCES class (id),
  confidence REAL,
  acquisition TEXT NOT NULL,
  score REAL,
  created_at TEXT NOT NULL,
  supersedes INTEGER REFERENCES event (seq) CHECK (supersedes < seq)
) STRICT;
CREATE INDEX event_annotator ON event (annotator, seq);
CREATE INDEX event_item ON event (item, annotator);
CREATE UNIQUE INDEX event_undone ON event (supersedes) WHERE kind = 'undo';

CREATE TABLE current (
  item INTEGER NOT NULL REFERENCES item (id),
  annotator INTEGER NOT NULL REFERENCES annotator (id),
  content INTEGER NOT NULL REFERENCES content (id),
  answer INTEGER REFERENCES event (seq),  -- that stands
  kind TEXT,                              -- of the answer
  label INTEGER REFERENCES class (id),    -- of the answer, as it was given
  flag INTEGER REFERENCES event (seq),    -- the flag or unflag that stands
  flagged INTEGER NOT NULL,
  adjudicated INTEGER NOT NULL,           -- whether this annotator settled the image
  PRIMARY KEY (item, annotator),
  CHECK (answer IS NOT NULL OR flag IS NOT NULL)
) STRICT, WITHOUT ROWID;
CREATE INDEX current_content ON current (content, annotator, kind);
CREATE INDEX current_annotator ON current (annotator, answer);
CREATE INDEX current_later ON current (annotator, answer) WHERE kind = 'later';

CREATE TABLE lease (
  content INTEGER PRIMARY KEY REFERENCES content (id),
  item INTEGER NOT NULL REFERENCES item (id),
  annotator INTEGER NOT NULL REFERENCES annotator (id),
  position INTEGER NOT NULL,              -- order among the annotator's own
  expires REAL NOT NULL,                  -- Unix seconds
  stream TEXT NOT NULL,
  ranking INTEGER REFERENCES ranking (version),
  acquisition TEXT NOT NULL,
  score REAL
) STRICT;
CREATE INDEX lease_annotator ON lease (annotator, position);

CREATE TRIGGER event_keeps BEFORE UPDATE ON event
  BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;
CREATE TRIGGER event_stays BEFORE DELETE ON event
  BEGIN SELECT RAISE(ABORT, 'events are never deleted'); END;
CREATE TRIGGER class_change_keeps BEFORE UPDATE ON class_change
  BEGIN SELECT RAISE(ABORT, 'changes of classes are never changed'); END;
CREATE TRIGGER class_change_stays BEFORE DELETE ON class_change
  BEGIN SELECT RAISE(ABORT, 'changes of classes are never deleted'); END;
"""

CLASSES_CHANGE_FURTHER = """
ALTER TABLE class ADD COLUMN removed INTEGER NOT NULL DEFAULT 0;
DROP INDEX class_name;
DROP INDEX class_shortcut;
CREATE UNIQUE INDEX class_name ON class (name) WHERE merged_into IS NULL AND NOT removed;
CREATE UNIQUE INDEX class_shortcut ON class (shortcut) WHERE merged_into IS NULL AND NOT removed;

ALTER TABLE class_change RENAME TO class_change_before;
CREATE TABLE class_change (
  seq INTEGER PRIMARY KEY,
  class INTEGER NOT NULL REFERENCES class (id),
  change TEXT NOT NULL CHECK (change IN
    ('add', 'rename', 'merge', 'shortcut', 'separate', 'remove', 'move')),
  before TEXT,
  after TEXT,
  created_at TEXT NOT NULL
) STRICT;
INSERT INTO class_change SELECT * FROM class_change_before;
DROP TABLE class_change_before;
CREATE TRIGGER class_change_keeps BEFORE UPDATE ON class_change
  BEGIN SELECT RAISE(ABORT, 'changes of classes are never changed'); END;
CREATE TRIGGER class_change_stays BEFORE DELETE ON class_change
  BEGIN SELECT RAISE(ABORT, 'changes of classes are never deleted'); END;
"""
"""Version 2: a merge can be taken back, a class removed or moved."""

MERGES_IN_STEPS = """
ALTER TABLE class ADD COLUMN part_of INTEGER REFERENCES class (id);
UPDATE class SET part_of = merged_into;
"""
"""Version 3: of several merges in a row each is known (`merged_into` is where they end)."""

SETTLED_IS_CLOSED = """
ALTER TABLE content ADD COLUMN settled INTEGER NOT NULL DEFAULT 0;
DROP INDEX content_open;
DROP INDEX content_second;
ALTER TABLE content DROP COLUMN open;
ALTER TABLE content ADD COLUMN open INTEGER
  GENERATED ALWAYS AS (item IS NOT NULL AND NOT bad AND NOT settled AND votes < wanted) VIRTUAL;
CREATE INDEX content_open ON content (key) WHERE open;
CREATE INDEX content_second ON content (key) WHERE open AND votes > 0;
UPDATE content SET
  settled = 1,
  bad = (SELECT s.kind = 'bad' FROM current AS s
    WHERE s.content = content.id AND s.adjudicated AND s.kind IN ('label', 'bad')
    ORDER BY s.answer DESC LIMIT 1)
WHERE id IN (SELECT content FROM current WHERE adjudicated AND kind IN ('label', 'bad'));
"""
"""Version 4: what was settled is asked of nobody, and is bad only if it was settled so."""
