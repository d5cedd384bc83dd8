"""SQLite behind the messaging rules: one writer thread with group commit, readers apart."""

from gateway.store.backup import Backups
from gateway.store.database import SqliteStore

__all__ = ["Backups", "SqliteStore"]
