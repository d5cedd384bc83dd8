"""Block and allow lists and the consent log, as the edges see them."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.clock import Clock
from gateway.errors import RequestError
from gateway.messaging.consent import Consent, ConsentFilter, Entry, ListName, Way, pattern_of, subscriber
from gateway.messaging.ports import Store, Tx

MAX_ENTRIES = 10_000
"""Most entries of all lists that may be made while running."""


class Lists:
    """Entries of the configuration are shown, and cannot be changed here."""

    def __init__(self, store: Store, clock: Clock, region: str | None, configured: Sequence[Entry]) -> None:
        self._store = store
        self._clock = clock
        self._region = region
        self._configured = list(configured)

    async def entries(self, written: str | None = None, way: Way | None = None) -> list[Entry]:
        """Entries, those of the configuration first: all, of one direction, or those whose pattern is `written`.

        Raises RequestError(invalid_number).
        """
        found = self._configured + await self._store.read(lambda tx: tx.lists.all())
        pattern = (
            pattern_of(written, way or Way.IN, self._region) if written else None
        )  # inwards names are allowed, too
        return [e for e in found if way in (None, e.way) and pattern in (None, e.pattern)]

    async def add(self, name: ListName, way: Way, written: str, note: str, who: str) -> Entry:
        """An entry that counts from now on; the one that is there already stays as it is. Returns after the commit.

        Raises RequestError (invalid_number, list_full).
        """
        entry = Entry(
            name=name,
            way=way,
            pattern=pattern_of(written, way, self._region),
            note=note,
            created_at=self._clock.now(),
            created_by=who,
        )

        def change(tx: Tx) -> Entry:
            if tx.lists.count() >= MAX_ENTRIES:
                raise RequestError(f"there are {MAX_ENTRIES} entries already", code="list_full")
            return tx.lists.add(entry)

        return await self._store.write(change)

    async def remove(self, name: ListName, n: int) -> None:
        """Raises RequestError(unknown_entry)."""
        if not await self._store.write(lambda tx: tx.lists.remove(name, n)):
            raise RequestError(f"there is no entry {n}", code="unknown_entry")

    async def consent(self, wanted: ConsentFilter) -> list[Consent]:
        """The log of opt-outs and opt-ins, newest first."""
        return await self._store.read(lambda tx: tx.consent.find(wanted))

    def number(self, written: str) -> str:
        """A number as the log has it; what is none stays as it is, and matches nothing."""
        return subscriber(written, self._region) or written
