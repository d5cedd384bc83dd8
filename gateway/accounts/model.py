"""Users, tokens, sessions and roles as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

SESSION_ID_DIGITS = 16


class Permission(StrEnum):
    """What a route asks for."""

    READ = "read"  # messages, modems, statistics
    SEND = "send"  # give commands to send, and see what became of one's own
    OPERATE = "operate"  # cancel, delete, reset, USSD, replay
    ADMIN = "admin"  # users, tokens, backup


class Role(StrEnum):
    """What a user or token is."""

    ADMIN = "admin"
    OPERATOR = "operator"
    READ_ONLY = "read-only"
    SEND_ONLY = "send-only"


PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.ADMIN: frozenset(Permission),
    Role.OPERATOR: frozenset({Permission.READ, Permission.SEND, Permission.OPERATE}),
    Role.READ_ONLY: frozenset({Permission.READ}),
    Role.SEND_ONLY: frozenset({Permission.SEND}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person. `password`: as `passwords.hashed` writes it."""

    name: str
    role: Role
    password: str
    created_at: datetime
    disabled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A program's key. `digest`: SHA-256 of the secret part, which is random enough to need nothing slower.

    `modems`, `recipients`: names of modems and beginnings of numbers that it may send through and to; () means any.
    """

    id: str
    name: str
    role: Role
    digest: str
    created_at: datetime
    created_by: str
    modems: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    expires_at: datetime | None = None
    last_used: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A log-in at the page. `digest`: of the cookie; `csrf`: what a form or script has to send along."""

    digest: str
    user: str
    csrf: str
    created_at: datetime
    expires_at: datetime

    @property
    def id(self) -> str:
        """What it is called by: it opens nothing."""
        return self.digest[:SESSION_ID_DIGITS]


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who asks. `kind`: "user", "session", "token" or "local"; `csrf` is set where a cookie alone is not enough."""

    name: str
    role: Role
    kind: str
    modems: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    csrf: str | None = None

    def may(self, permission: Permission) -> bool:
        return permission in PERMISSIONS[self.role]


LOCAL = Principal(name="local", role=Role.ADMIN, kind="local")
"""Whoever may open the Unix socket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Something that somebody did, or tried. `target`: what it was done to; never a text or a secret."""

    at: datetime
    who: str
    source: str
    action: str
    target: str = ""
    ok: bool = True
