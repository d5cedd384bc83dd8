"""The schema, as a list of changes that is only ever added to. sqlite-utils records which were applied, in the same commit.

Times are integer milliseconds since 1970 UTC; `smsc_time` and JSON are text.
"""

from __future__ import annotations

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

migrations = Migrations("smsgw")

_FIRST = """
CREATE TABLE messages (
  n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, direction TEXT NOT NULL, peer TEXT NOT NULL,
  status TEXT NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, client_id TEXT, own_number TEXT NOT NULL,
  modem TEXT, line TEXT, iccid TEXT NOT NULL, text TEXT, data BLOB, encoding TEXT NOT NULL, message_class INTEGER,
  port_to INTEGER, port_from INTEGER, segments INTEGER NOT NULL, segments_sent INTEGER NOT NULL, priority INTEGER NOT NULL,
  validity_s INTEGER, send_at INTEGER, expires_at INTEGER, not_before INTEGER, delivery_report INTEGER,
  at_most_once INTEGER NOT NULL, ordered INTEGER NOT NULL, tags TEXT NOT NULL, error_code TEXT, error_message TEXT,
  parts_missing TEXT NOT NULL, revision INTEGER NOT NULL, smsc_time TEXT
);
CREATE INDEX messages_to_send ON messages (priority DESC, n) WHERE direction = 'outbound' AND status IN ('queued', 'sending');
CREATE INDEX messages_scheduled ON messages (send_at) WHERE status = 'scheduled';
CREATE INDEX messages_expiring ON messages (expires_at)
  WHERE expires_at IS NOT NULL AND status IN ('scheduled', 'queued', 'sending');
CREATE INDEX messages_paused ON messages (not_before) WHERE not_before IS NOT NULL AND status IN ('queued', 'sending');
CREATE INDEX messages_ordered ON messages (peer, n)
  WHERE ordered = 1 AND status IN ('scheduled', 'queued', 'sending', 'unknown');
CREATE INDEX messages_by_peer ON messages (peer, n);
CREATE TABLE segments (
  message_id TEXT NOT NULL REFERENCES messages (id), seq INTEGER NOT NULL, state TEXT NOT NULL, pdu TEXT NOT NULL,
  length INTEGER NOT NULL, mr INTEGER, attempts INTEGER NOT NULL, line TEXT, imei TEXT NOT NULL, iccid TEXT NOT NULL,
  peer TEXT NOT NULL, submitted_at INTEGER, settled_at INTEGER, error TEXT NOT NULL,
  PRIMARY KEY (message_id, seq)
) WITHOUT ROWID;
CREATE INDEX segments_open ON segments (state) WHERE state IN ('submitting', 'unknown');
CREATE INDEX segments_by_reference ON segments (iccid, mr, submitted_at) WHERE mr IS NOT NULL;
CREATE INDEX segments_by_line ON segments (line, settled_at) WHERE state IN ('sent', 'delivered', 'undelivered');
CREATE TABLE concat_references (line TEXT NOT NULL, peer TEXT NOT NULL, ref INTEGER NOT NULL, PRIMARY KEY (line, peer)) WITHOUT ROWID;
CREATE TABLE timeline (
  n INTEGER PRIMARY KEY, message_id TEXT NOT NULL, at INTEGER NOT NULL, what TEXT NOT NULL, segment INTEGER, modem TEXT,
  detail TEXT NOT NULL
);
CREATE INDEX timeline_by_message ON timeline (message_id, n);
CREATE TABLE parts (
  n INTEGER PRIMARY KEY AUTOINCREMENT, line TEXT NOT NULL, iccid TEXT NOT NULL, memory TEXT NOT NULL, slot INTEGER,
  listing INTEGER NOT NULL, kind TEXT NOT NULL, pdu TEXT NOT NULL, fingerprint BLOB NOT NULL, received_at INTEGER NOT NULL,
  message_id TEXT, assembly INTEGER, seq INTEGER, repeat_of INTEGER, released_at INTEGER
);
CREATE INDEX parts_alike ON parts (iccid, fingerprint, received_at);
CREATE INDEX parts_unreleased ON parts (iccid, memory, slot) WHERE released_at IS NULL;
CREATE INDEX parts_of_assembly ON parts (assembly, seq) WHERE assembly IS NOT NULL;
CREATE TABLE assemblies (
  n INTEGER PRIMARY KEY AUTOINCREMENT, line TEXT NOT NULL, iccid TEXT NOT NULL, key TEXT NOT NULL, ref INTEGER NOT NULL,
  wide INTEGER NOT NULL, total INTEGER NOT NULL, started_at INTEGER NOT NULL, scts TEXT, message_id TEXT NOT NULL,
  delivered INTEGER NOT NULL, revision INTEGER NOT NULL
);
CREATE INDEX assemblies_by_key ON assemblies (iccid, key, ref, wide, total, n);
CREATE INDEX assemblies_open ON assemblies (started_at) WHERE delivered = 0;
CREATE TABLE reports (
  n INTEGER PRIMARY KEY AUTOINCREMENT, iccid TEXT NOT NULL, mr INTEGER NOT NULL, peer TEXT NOT NULL, st INTEGER NOT NULL,
  received_at INTEGER NOT NULL, message_id TEXT, seq INTEGER
);
CREATE INDEX reports_unmatched ON reports (iccid, received_at) WHERE message_id IS NULL;
CREATE TABLE commands (
  n INTEGER PRIMARY KEY AUTOINCREMENT, client_id TEXT UNIQUE, digest TEXT NOT NULL, message_ids TEXT NOT NULL,
  delivery TEXT, at INTEGER NOT NULL
);
CREATE INDEX commands_by_delivery ON commands (delivery, n) WHERE delivery IS NOT NULL;
CREATE TABLE events (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, subject TEXT NOT NULL, payload TEXT NOT NULL,
  reply_to TEXT, correlation BLOB, at INTEGER NOT NULL
);
CREATE TABLE cursors (consumer TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE key_values (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


@migrations()
def m001_message_path(db: Database) -> None:
    _run(db, _FIRST)


_SUBMIT_OF_A_REPORT = """
ALTER TABLE reports ADD COLUMN scts TEXT;
CREATE INDEX reports_of_submit ON reports (iccid, mr, scts) WHERE message_id IS NOT NULL;
CREATE INDEX segments_without_reference ON segments (iccid, submitted_at) WHERE mr IS NULL AND state = 'sent';
"""


@migrations()
def m002_submit_of_a_report(db: Database) -> None:
    _run(db, _SUBMIT_OF_A_REPORT)


_ORDER_OF_SUBMITS = """
ALTER TABLE segments ADD COLUMN ordinal INTEGER NOT NULL DEFAULT 0;
ALTER TABLE segments ADD COLUMN attempts_limit INTEGER;
CREATE TABLE counters (name TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO counters VALUES ('submits', 0);
DROP INDEX segments_by_reference;
CREATE INDEX segments_by_reference ON segments (iccid, mr, ordinal) WHERE mr IS NOT NULL;
DROP INDEX segments_without_reference;
CREATE INDEX segments_without_reference ON segments (iccid, ordinal) WHERE mr IS NULL AND state = 'sent';
CREATE TABLE doubts (
  n INTEGER PRIMARY KEY AUTOINCREMENT, iccid TEXT NOT NULL, peer TEXT NOT NULL, message_id TEXT NOT NULL, seq INTEGER NOT NULL,
  submitted_at INTEGER NOT NULL
);
CREATE INDEX doubts_by_sim ON doubts (iccid, n);
CREATE INDEX segments_left ON segments (line, ordinal) WHERE state IN ('sent', 'delivered', 'undelivered');
"""


@migrations()
def m003_order_of_submits(db: Database) -> None:
    _run(db, _ORDER_OF_SUBMITS)


_DELIVERIES = """
CREATE TABLE deliveries (
  n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, webhook TEXT NOT NULL, seq INTEGER NOT NULL,
  kind TEXT NOT NULL, subject TEXT NOT NULL, body TEXT NOT NULL, created_at INTEGER NOT NULL, state TEXT NOT NULL,
  attempts INTEGER NOT NULL, next_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, status INTEGER, error TEXT NOT NULL
);
CREATE INDEX deliveries_waiting ON deliveries (webhook, subject, seq) WHERE state = 'waiting';
CREATE INDEX deliveries_due ON deliveries (webhook, next_at) WHERE state = 'waiting';
CREATE INDEX deliveries_finished ON deliveries (updated_at) WHERE state IN ('delivered', 'dead');
CREATE INDEX deliveries_by_seq ON deliveries (seq);
"""


@migrations()
def m004_deliveries(db: Database) -> None:
    _run(db, _DELIVERIES)


_CALLS = """
CREATE TABLE calls (
  n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, line TEXT NOT NULL, iccid TEXT NOT NULL,
  direction TEXT NOT NULL, peer TEXT, state TEXT NOT NULL, started_at INTEGER NOT NULL, answered_at INTEGER, ended_at INTEGER
);
CREATE INDEX calls_by_peer ON calls (peer, n);
CREATE INDEX calls_open ON calls (n) WHERE ended_at IS NULL;
"""


@migrations()
def m005_calls(db: Database) -> None:
    _run(db, _CALLS)


_QUEUES = """
CREATE TABLE queues (
  n INTEGER PRIMARY KEY AUTOINCREMENT, modem TEXT NOT NULL, route TEXT NOT NULL, client TEXT NOT NULL, UNIQUE (modem, route, client)
);
ALTER TABLE messages ADD COLUMN queue INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN preferred TEXT NOT NULL DEFAULT '';
DROP INDEX messages_to_send;
CREATE INDEX messages_in_queue ON messages (queue, priority DESC, n) WHERE direction = 'outbound' AND status IN ('queued', 'sending');
CREATE INDEX messages_begun ON messages (iccid, priority DESC, n)
  WHERE direction = 'outbound' AND status IN ('queued', 'sending') AND iccid <> '';
CREATE INDEX messages_preferring ON messages (preferred, priority DESC, n)
  WHERE direction = 'outbound' AND status IN ('queued', 'sending') AND preferred <> '';
CREATE INDEX messages_talked ON messages (peer, n) WHERE iccid <> '';
"""


@migrations()
def m006_queues(db: Database) -> None:
    """What waits in an older file gets its queue at the next start, when the routes are known."""
    _run(db, _QUEUES)


_ACCOUNTS = """
CREATE TABLE users (
  name TEXT PRIMARY KEY, role TEXT NOT NULL, password TEXT NOT NULL, created_at INTEGER NOT NULL, disabled INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE tokens (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, digest TEXT NOT NULL, created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL, modems TEXT NOT NULL, recipients TEXT NOT NULL, expires_at INTEGER, last_used INTEGER
) WITHOUT ROWID;
CREATE TABLE sessions (
  digest TEXT PRIMARY KEY, user TEXT NOT NULL, csrf TEXT NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE audit (
  n INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, who TEXT NOT NULL, source TEXT NOT NULL, action TEXT NOT NULL,
  target TEXT NOT NULL, ok INTEGER NOT NULL
);
"""


@migrations()
def m007_accounts(db: Database) -> None:
    _run(db, _ACCOUNTS)


_LEFTOVERS = """
CREATE INDEX parts_replacing ON parts (iccid, kind, n) WHERE kind >= 'replace-' AND kind < 'replace.';
CREATE INDEX parts_leftover ON parts (n) WHERE message_id IS NULL AND repeat_of IS NULL AND kind IN ('undecodable', 'deliver');
"""


@migrations()
def m008_leftovers(db: Database) -> None:
    _run(db, _LEFTOVERS)


_USAGE = """
CREATE TABLE usage (
  line TEXT NOT NULL, slot INTEGER NOT NULL, segments INTEGER NOT NULL, PRIMARY KEY (line, slot)
) WITHOUT ROWID;
"""


@migrations()
def m009_usage(db: Database) -> None:
    _run(db, _USAGE)


_EDGES = """
ALTER TABLE messages ADD COLUMN edge TEXT NOT NULL DEFAULT '';
"""


@migrations()
def m010_edges(db: Database) -> None:
    _run(db, _EDGES)


_CONSENT = """
ALTER TABLE messages ADD COLUMN blocked INTEGER NOT NULL DEFAULT 0;
CREATE INDEX messages_through_twilio ON messages (peer) WHERE edge = 'twilio';
CREATE TABLE consent (
  n INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, peer TEXT NOT NULL, own_number TEXT NOT NULL, iccid TEXT NOT NULL,
  line TEXT NOT NULL, change TEXT NOT NULL, word TEXT NOT NULL, message_id TEXT NOT NULL, reply_id TEXT
);
CREATE INDEX consent_by_peer ON consent (peer, n);
CREATE TABLE number_lists (
  n INTEGER PRIMARY KEY AUTOINCREMENT, way TEXT NOT NULL, pattern TEXT NOT NULL, list TEXT NOT NULL, note TEXT NOT NULL,
  created_at INTEGER NOT NULL, created_by TEXT NOT NULL, UNIQUE (way, pattern, list)
);
CREATE INDEX lists_allowing ON number_lists (way) WHERE list = 'allow';
"""


@migrations()
def m011_consent(db: Database) -> None:
    _run(db, _CONSENT)


_TWILIO = """
CREATE TABLE twilio_numbers (
  iccid TEXT PRIMARY KEY, number TEXT NOT NULL, friendly_name TEXT NOT NULL, sms_url TEXT NOT NULL, sms_method TEXT NOT NULL,
  sms_fallback_url TEXT NOT NULL, sms_fallback_method TEXT NOT NULL, status_callback TEXT NOT NULL,
  status_callback_method TEXT NOT NULL, created_at INTEGER, updated_at INTEGER
) WITHOUT ROWID;
CREATE TABLE twilio_messages (
  message_id TEXT PRIMARY KEY, sender TEXT NOT NULL, service TEXT NOT NULL, status_callback TEXT NOT NULL,
  status_callback_method TEXT NOT NULL, reply_to TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE twilio_services (
  sid TEXT PRIMARY KEY, friendly_name TEXT NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
  inbound_url TEXT NOT NULL, inbound_method TEXT NOT NULL, fallback_url TEXT NOT NULL, fallback_method TEXT NOT NULL,
  status_callback TEXT NOT NULL, sticky_sender INTEGER NOT NULL, validity_s INTEGER NOT NULL,
  use_number_webhook INTEGER NOT NULL, senders TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX parts_of_message ON parts (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX assemblies_of_message ON assemblies (message_id);
"""


@migrations()
def m012_twilio(db: Database) -> None:
    _run(db, _TWILIO)


_ALERTS = """
CREATE TABLE alerts (
  n INTEGER PRIMARY KEY AUTOINCREMENT, code TEXT NOT NULL, line TEXT NOT NULL, message TEXT NOT NULL, since INTEGER NOT NULL,
  last_at INTEGER NOT NULL, until INTEGER, count INTEGER NOT NULL, lasting INTEGER NOT NULL
);
CREATE INDEX alerts_by_code ON alerts (code, line, n);
CREATE INDEX alerts_active ON alerts (n) WHERE until IS NULL;
"""


@migrations()
def m013_alerts(db: Database) -> None:
    _run(db, _ALERTS)


_SEARCH = """
CREATE VIRTUAL TABLE messages_text USING fts5 (
  text, content = 'messages', content_rowid = 'n', columnsize = 0, tokenize = "unicode61 remove_diacritics 2"
);
CREATE TRIGGER messages_text_insert AFTER INSERT ON messages WHEN new.text <> '' BEGIN
  INSERT INTO messages_text (rowid, text) VALUES (new.n, new.text); END;
CREATE TRIGGER messages_text_delete AFTER DELETE ON messages WHEN old.text <> '' BEGIN
  INSERT INTO messages_text (messages_text, rowid, text) VALUES ('delete', old.n, old.text); END;
CREATE TRIGGER messages_text_old AFTER UPDATE OF text ON messages WHEN old.text <> '' BEGIN
  INSERT INTO messages_text (messages_text, rowid, text) VALUES ('delete', old.n, old.text); END;
CREATE TRIGGER messages_text_new AFTER UPDATE OF text ON messages WHEN new.text <> '' BEGIN
  INSERT INTO messages_text (rowid, text) VALUES (new.n, new.text); END;
INSERT INTO messages_text (rowid, text) SELECT n, text FROM messages WHERE text <> '';
CREATE INDEX messages_inbound ON messages (n) WHERE direction = 'inbound';
CREATE INDEX messages_inbound_by_peer ON messages (peer, n) WHERE direction = 'inbound' AND blocked = 0;
CREATE INDEX messages_ended_badly ON messages (n) WHERE status IN ('failed', 'undelivered', 'canceled', 'unknown');
CREATE INDEX messages_with_error ON messages (n) WHERE error_code IS NOT NULL;
CREATE INDEX messages_tagged ON messages (n) WHERE tags <> '{}';
CREATE INDEX messages_by_time ON messages (created_at);
"""


@migrations()
def m014_search(db: Database) -> None:
    """A text is found by its words. The triggers keep the index in step in the text's own commit."""
    _run(db, _SEARCH)


_TWILIO_DELETED = """
ALTER TABLE twilio_messages ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0;
"""


@migrations()
def m015_twilio_deleted(db: Database) -> None:
    _run(db, _TWILIO_DELETED)


_STATISTICS = """
CREATE TABLE stat_cells (
  n INTEGER PRIMARY KEY AUTOINCREMENT, slot INTEGER NOT NULL, direction TEXT NOT NULL, line TEXT NOT NULL, country TEXT NOT NULL,
  encoding TEXT NOT NULL, status TEXT NOT NULL, error TEXT NOT NULL, took INTEGER NOT NULL, count INTEGER NOT NULL,
  UNIQUE (slot, direction, line, country, encoding, status, error, took)
);
CREATE TABLE stat_counted (n INTEGER PRIMARY KEY, cell INTEGER NOT NULL);
CREATE TABLE stat_progress (seq INTEGER NOT NULL, n INTEGER NOT NULL, upto INTEGER NOT NULL);
INSERT INTO stat_progress SELECT coalesce((SELECT max(seq) FROM events), 0), 0, coalesce((SELECT max(n) FROM messages), 0);
"""


@migrations()
def m016_statistics(db: Database) -> None:
    """What is there already is counted first, by its numbers; what happens from now on, by its events."""
    _run(db, _STATISTICS)


_HISTORY = """
CREATE TABLE modem_samples (
  n INTEGER PRIMARY KEY, line TEXT NOT NULL, at INTEGER NOT NULL, rssi_dbm INTEGER, bars INTEGER NOT NULL,
  registered INTEGER NOT NULL, able INTEGER NOT NULL, temperature_c REAL, voltage_mv INTEGER, UNIQUE (line, at)
);
CREATE INDEX modem_samples_by_time ON modem_samples (at);
CREATE TABLE modem_changes (
  n INTEGER PRIMARY KEY AUTOINCREMENT, line TEXT NOT NULL, at INTEGER NOT NULL, what TEXT NOT NULL, before TEXT NOT NULL,
  after TEXT NOT NULL, error TEXT NOT NULL
);
CREATE INDEX modem_changes_by_line ON modem_changes (line, at);
CREATE INDEX modem_changes_by_time ON modem_changes (at);
"""


@migrations()
def m017_history(db: Database) -> None:
    _run(db, _HISTORY)


_STATISTICS_INDEX = """
CREATE INDEX stat_cells_by_time ON stat_cells (slot, direction, line, country, encoding, status, error, took, count);
"""


@migrations()
def m018_statistics_index(db: Database) -> None:
    """A question reads the index alone, in the order of time: half the work."""
    _run(db, _STATISTICS_INDEX)


_REDACTION = """
CREATE INDEX events_of_inbox ON events (subject) WHERE kind = 'inbox';
"""


@migrations()
def m019_redaction(db: Database) -> None:
    _run(db, _REDACTION)


_CONVERSATIONS = """
CREATE TABLE conversations_read (peer TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;
"""


@migrations()
def m020_conversations(db: Database) -> None:
    _run(db, _CONVERSATIONS)


_MEDIA = """
CREATE TABLE media (
  n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, content_type TEXT NOT NULL, size INTEGER NOT NULL,
  sha256 TEXT NOT NULL, created_at INTEGER NOT NULL, message_id TEXT, name TEXT NOT NULL
);
CREATE INDEX media_of_message ON media (message_id) WHERE message_id IS NOT NULL;
"""


@migrations()
def m021_media(db: Database) -> None:
    """The content itself is in files, by id."""
    _run(db, _MEDIA)


def _run(db: Database, statements: str) -> None:
    for statement in filter(str.strip, statements.split(";\n")):
        db.execute(statement)
