"""Who asks, and what is written down of it. Every failure to tell is None: a caller learns no reason."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import re
import secrets
from collections import OrderedDict
from dataclasses import replace
from datetime import timedelta

from gateway.accounts import passwords
from gateway.accounts.lockout import Lockout
from gateway.accounts.model import AuditEntry, Principal, Role, Session, Token, User
from gateway.accounts.ports import AccountStore, AccountTx
from gateway.clock import Clock
from gateway.errors import RequestError, StoreError, TransientError

ADMIN = "admin"
BOOTSTRAP = "bootstrap"
"""The name of the token that was made at the first start."""
TOKEN_PREFIX = "smsgw_"  # noqa: S105  what scanners for leaked keys look for
SESSION_LASTS = timedelta(days=7)
REMEMBERED_S = 300.0  # a password that was right is not computed again at each request
MAX_REMEMBERED = 100
"""Right passwords, and tokens, that are known without asking the database."""
USED_EVERY = timedelta(minutes=1)
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")


class LockedOut(TransientError):
    """Too many failures: `wait_s` seconds until the next try is looked at."""

    code = "locked_out"

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"too many failed log-ins; try again in {wait_s:.0f} s")
        self.wait_s = wait_s


class Accounts:
    """Users, tokens and sessions over a store. `bootstrap`: the first admin's password and the first token."""

    def __init__(self, store: AccountStore, clock: Clock, *, admin_password: str, api_token: str) -> None:
        self._store = store
        self._clock = clock
        self._admin_password = admin_password
        self._api_token = api_token
        self._lockout = Lockout()
        self._hashing = asyncio.Semaphore(2)  # each takes 16 MB and a core for a while
        self._key = secrets.token_bytes(32)
        self._remembered: OrderedDict[bytes, tuple[str, float]] = OrderedDict()
        self._tokens: OrderedDict[str, Token] = OrderedDict()
        self._deletions = 0

    async def begin(self) -> None:
        """Makes the first admin where there is no user."""
        if await self._store.read(lambda tx: bool(tx.accounts.users())):
            return
        kept = await self._hashed(self._admin_password)
        admin = User(name=ADMIN, role=Role.ADMIN, password=kept, created_at=self._clock.now())
        await self._store.write(lambda tx: tx.accounts.put_user(admin))

    # --- who asks

    async def by_password(self, name: str, password: str, source: str) -> Principal | None:
        """Raises LockedOut. `source`: the client's address."""
        wait = self._lockout.wait(name, source, self._clock.monotonic())
        if wait > 0:
            raise LockedOut(wait)
        user = await self._store.read(lambda tx: tx.accounts.user(name))
        if await self._is_right(user, password) and user is not None and not user.disabled:
            self._lockout.succeeded(name, source)
            return Principal(name=user.name, role=user.role, kind="user")
        self._lockout.failed(name, source, self._clock.monotonic())
        await self.note("login", who=name[:32], source=source, ok=False)
        return None

    async def by_token(self, text: str) -> Principal | None:
        if hmac.compare_digest(text.encode(), self._api_token.encode()):
            return Principal(name=BOOTSTRAP, role=Role.ADMIN, kind="token")
        token_id, _, secret = text.removeprefix(TOKEN_PREFIX).partition("_")
        token = await self._token(token_id)
        now = self._clock.now()
        right = hmac.compare_digest(_digest(secret), token.digest if token else _digest(""))
        if token is None or not right or (token.expires_at is not None and token.expires_at <= now):
            return None
        if token.last_used is None or now - token.last_used > USED_EVERY:
            self._remember(replace(token, last_used=now))
            with contextlib.suppress(StoreError):  # a full disk is told elsewhere, and no reason to lock anybody out
                await self._store.write(lambda tx: tx.accounts.used(token_id, now))
        return Principal(
            name=token.name, role=token.role, kind="token", modems=token.modems, recipients=token.recipients
        )

    async def _token(self, token_id: str) -> Token | None:
        """Requests by token must not wait for long questions to the database."""
        if (known := self._tokens.get(token_id)) is not None:
            return known
        deletions = self._deletions
        token = await self._store.read(lambda tx: tx.accounts.token(token_id))
        if token is not None and deletions == self._deletions:  # else it may be the one that is deleted meanwhile
            self._remember(token)
        return token

    def _remember(self, token: Token) -> None:
        self._tokens[token.id] = token
        while len(self._tokens) > MAX_REMEMBERED:
            self._tokens.popitem(last=False)

    async def by_session(self, cookie: str) -> Principal | None:
        def find(tx: AccountTx) -> tuple[Session | None, User | None]:
            session = tx.accounts.session(_digest(cookie))
            return session, tx.accounts.user(session.user) if session else None

        session, user = await self._store.read(find)
        if session is None or user is None or user.disabled or session.expires_at <= self._clock.now():
            return None
        return Principal(name=user.name, role=user.role, kind="session", csrf=session.csrf)

    # --- sessions

    async def log_in(self, name: str, password: str, source: str) -> tuple[str, Session] | None:
        """The cookie and the session of a new log-in; None when name or password is wrong. Raises LockedOut."""
        principal = await self.by_password(name, password, source)
        if principal is None:
            return None
        now = self._clock.now()
        cookie = secrets.token_urlsafe(32)
        session = Session(
            digest=_digest(cookie),
            user=principal.name,
            csrf=secrets.token_urlsafe(24),
            created_at=now,
            expires_at=now + SESSION_LASTS,
        )

        def put(tx: AccountTx) -> None:
            tx.accounts.end_old_sessions(now)
            tx.accounts.put_session(session)

        await self._store.write(put)
        await self.note("login", who=principal.name, source=source)
        return cookie, session

    async def log_out(self, cookie: str) -> None:
        await self._store.write(lambda tx: tx.accounts.end_session(_digest(cookie)))

    async def sessions(self) -> list[Session]:
        """Those that are not over."""
        now = self._clock.now()
        found = await self._store.read(lambda tx: tx.accounts.sessions())
        return [session for session in found if session.expires_at > now]

    async def end_session(self, session_id: str) -> None:
        """Raises RequestError (unknown_session)."""

        def end(tx: AccountTx) -> bool:
            found = next((one for one in tx.accounts.sessions() if one.id == session_id), None)
            return found is not None and tx.accounts.end_session(found.digest)

        if not await self._store.write(end):
            raise RequestError(f"there is no session {session_id[:40]!r}", code="unknown_session")

    # --- users

    async def users(self) -> list[User]:
        return await self._store.read(lambda tx: tx.accounts.users())

    async def put_user(self, name: str, role: Role, password: str | None, *, disabled: bool = False) -> User:
        """Makes or changes a user; `password` None keeps it. Raises RequestError.

        A change ends the user's sessions. The last admin stays one.
        """
        if not _NAME.fullmatch(name):
            raise RequestError("a name has 1 to 32 of a-z, 0-9, dot, hyphen and underscore", field="name")
        if password is not None and not passwords.SHORTEST <= len(password) <= passwords.LONGEST:
            allowed = f"{passwords.SHORTEST} to {passwords.LONGEST}"
            raise RequestError(f"a password has {allowed} characters", field="password")
        kept = await self._hashed(password) if password is not None else None
        now = self._clock.now()

        def put(tx: AccountTx) -> User:
            before = tx.accounts.user(name)
            if before is None and kept is None:
                raise RequestError("a new user needs a password", field="password")
            if before is not None and (role is not Role.ADMIN or disabled):
                _keep_an_admin(tx, name)
            made = User(
                name=name,
                role=role,
                password=kept or (before.password if before else ""),
                created_at=before.created_at if before else now,
                disabled=disabled,
            )
            tx.accounts.put_user(made)
            tx.accounts.end_sessions_of(name)
            return made

        user = await self._store.write(put)
        self._remembered.clear()
        return user

    async def delete_user(self, name: str) -> None:
        """Raises RequestError (unknown_user, last_admin)."""

        def delete(tx: AccountTx) -> None:
            _keep_an_admin(tx, name)
            if not tx.accounts.delete_user(name):
                raise RequestError(f"there is no user {name[:40]!r}", code="unknown_user")
            tx.accounts.end_sessions_of(name)

        await self._store.write(delete)
        self._remembered.clear()

    # --- tokens

    async def tokens(self) -> list[Token]:
        return await self._store.read(lambda tx: tx.accounts.tokens())

    async def make_token(self, token: Token) -> tuple[str, Token]:
        """A new token like `token`, whose id and digest are made here; the text is told this once only."""
        token_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        made = replace(token, id=token_id, digest=_digest(secret), created_at=self._clock.now())
        await self._store.write(lambda tx: tx.accounts.put_token(made))
        return f"{TOKEN_PREFIX}{token_id}_{secret}", made

    async def delete_token(self, token_id: str) -> None:
        """Raises RequestError (unknown_token)."""
        deleted = await self._store.write(lambda tx: tx.accounts.delete_token(token_id))
        self._deletions += 1
        self._tokens.pop(token_id, None)
        if not deleted:
            raise RequestError(f"there is no token {token_id[:40]!r}", code="unknown_token")

    # --- audit

    async def note(self, action: str, *, who: str, source: str, target: str = "", ok: bool = True) -> None:
        entry = AuditEntry(at=self._clock.now(), who=who, source=source, action=action, target=target[:200], ok=ok)
        await self._store.write(lambda tx: tx.accounts.note(entry))

    async def audit(self, before: int | None, limit: int) -> list[tuple[int, AuditEntry]]:
        return await self._store.read(lambda tx: tx.accounts.audit(before, limit))

    # --- passwords

    async def _is_right(self, user: User | None, password: str) -> bool:
        """Takes as long for a user that does not exist."""
        kept = user.password if user is not None else await asyncio.to_thread(passwords.dummy)
        mark = hmac.digest(self._key, f"{kept}\0{password}".encode(), "sha256")
        now = self._clock.monotonic()
        if mark in self._remembered and self._remembered[mark][1] > now:
            return True
        async with self._hashing:
            right = await asyncio.to_thread(passwords.matches, password, kept)
        if right and user is not None:
            self._remembered[mark] = (user.name, now + REMEMBERED_S)
            while len(self._remembered) > MAX_REMEMBERED:
                self._remembered.popitem(last=False)
        return right

    async def _hashed(self, password: str) -> str:
        async with self._hashing:
            return await asyncio.to_thread(passwords.hashed, password)


def _keep_an_admin(tx: AccountTx, name: str) -> None:
    others = [one for one in tx.accounts.users() if one.role is Role.ADMIN and not one.disabled and one.name != name]
    this = tx.accounts.user(name)
    if this is not None and this.role is Role.ADMIN and not others:
        raise RequestError(f"{name} is the last admin", code="last_admin")


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
