"""SQL for users, tokens, sessions and the audit log."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime

from gateway.accounts.model import AuditEntry, Role, Session, Token, User
from gateway.store.rows import at, maybe_at, ms

MAX_AUDIT = 100_000
"""Entries of the audit log; the oldest go first."""


class AccountRows:
    """Tables `users`, `tokens`, `sessions` and `audit`."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    # --- users

    def users(self) -> list[User]:
        return [_user(row) for row in self._db.execute("SELECT * FROM users ORDER BY name")]

    def user(self, name: str) -> User | None:
        row = self._db.execute("SELECT * FROM users WHERE name = ?", (name,)).fetchone()
        return _user(row) if row else None

    def put_user(self, user: User) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO users (name, role, password, created_at, disabled) VALUES (?, ?, ?, ?, ?)",
            (user.name, user.role.value, user.password, ms(user.created_at), int(user.disabled)),
        )

    def delete_user(self, name: str) -> bool:
        return self._db.execute("DELETE FROM users WHERE name = ?", (name,)).rowcount > 0

    # --- tokens

    def tokens(self) -> list[Token]:
        return [_token(row) for row in self._db.execute("SELECT * FROM tokens ORDER BY created_at")]

    def token(self, token_id: str) -> Token | None:
        row = self._db.execute("SELECT * FROM tokens WHERE id = ?", (token_id,)).fetchone()
        return _token(row) if row else None

    def put_token(self, token: Token) -> None:
        self._db.execute(
            """INSERT OR REPLACE INTO tokens
               (id, name, role, digest, created_at, created_by, modems, recipients, expires_at, last_used)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            (
                token.id,
                token.name,
                token.role.value,
                token.digest,
                ms(token.created_at),
                token.created_by,
                json.dumps(token.modems),
                json.dumps(token.recipients),
                ms(token.expires_at),
                ms(token.last_used),
            ),
        )

    def delete_token(self, token_id: str) -> bool:
        return self._db.execute("DELETE FROM tokens WHERE id = ?", (token_id,)).rowcount > 0

    def used(self, token_id: str, now: datetime) -> None:
        self._db.execute("UPDATE tokens SET last_used = ? WHERE id = ?", (ms(now), token_id))

    # --- sessions

    def session(self, digest: str) -> Session | None:
        row = self._db.execute("SELECT * FROM sessions WHERE digest = ?", (digest,)).fetchone()
        return _session(row) if row else None

    def put_session(self, session: Session) -> None:
        self._db.execute(
            "INSERT INTO sessions (digest, user, csrf, created_at, expires_at) VALUES (?, ?, ?, ?, ?)",
            (session.digest, session.user, session.csrf, ms(session.created_at), ms(session.expires_at)),
        )

    def sessions(self) -> list[Session]:
        return [_session(row) for row in self._db.execute("SELECT * FROM sessions ORDER BY created_at")]

    def end_session(self, digest: str) -> bool:
        return self._db.execute("DELETE FROM sessions WHERE digest = ?", (digest,)).rowcount > 0

    def end_sessions_of(self, user: str) -> None:
        self._db.execute("DELETE FROM sessions WHERE user = ?", (user,))

    def end_old_sessions(self, now: datetime) -> None:
        self._db.execute("DELETE FROM sessions WHERE expires_at <= ?", (ms(now),))

    # --- audit

    def note(self, entry: AuditEntry) -> None:
        cursor = self._db.execute(
            "INSERT INTO audit (at, who, source, action, target, ok) VALUES (?, ?, ?, ?, ?, ?)",
            (ms(entry.at), entry.who, entry.source, entry.action, entry.target, int(entry.ok)),
        )
        self._db.execute("DELETE FROM audit WHERE n <= ?", ((cursor.lastrowid or 0) - MAX_AUDIT,))

    def audit(self, before: int | None, limit: int) -> list[tuple[int, AuditEntry]]:
        """Newest first, each with its number."""
        query = "SELECT * FROM audit WHERE ?1 IS NULL OR n < ?1 ORDER BY n DESC LIMIT ?2"
        return [(row["n"], _entry(row)) for row in self._db.execute(query, (before, limit))]


def _user(row: sqlite3.Row) -> User:
    return User(
        name=row["name"],
        role=Role(row["role"]),
        password=row["password"],
        created_at=at(row["created_at"]),
        disabled=bool(row["disabled"]),
    )


def _token(row: sqlite3.Row) -> Token:
    return Token(
        id=row["id"],
        name=row["name"],
        role=Role(row["role"]),
        digest=row["digest"],
        created_at=at(row["created_at"]),
        created_by=row["created_by"],
        modems=tuple(json.loads(row["modems"])),
        recipients=tuple(json.loads(row["recipients"])),
        expires_at=maybe_at(row["expires_at"]),
        last_used=maybe_at(row["last_used"]),
    )


def _session(row: sqlite3.Row) -> Session:
    return Session(
        digest=row["digest"],
        user=row["user"],
        csrf=row["csrf"],
        created_at=at(row["created_at"]),
        expires_at=at(row["expires_at"]),
    )


def _entry(row: sqlite3.Row) -> AuditEntry:
    return AuditEntry(
        at=at(row["at"]),
        who=row["who"],
        source=row["source"],
        action=row["action"],
        target=row["target"],
        ok=bool(row["ok"]),
    )
