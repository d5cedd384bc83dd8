"""Places where a test can have the process killed, as by a power cut: `SMSGW_CRASH_AT=<name>[:<n>]`, at the n-th passage.

Off, a place costs one comparison. On, it is SIGKILL: no handler runs, no buffer is flushed, nothing is put away.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping

VARIABLE = "SMSGW_CRASH_AT"

POINTS: Mapping[str, str] = {
    # a command that comes in
    "command.taken": "a command was read; nothing is stored",
    "command.stored": "a command is committed; its sender does not know",
    "command.acknowledged": "the broker was told that the command is taken",
    # an outbound segment
    "submit.claimed": "`submitting` is committed; nothing of the PDU has left",
    "submit.payload": "the PDU was written, Ctrl-Z was not",
    "submit.ended": "Ctrl-Z was written; no answer has come",
    "submit.answered": "the answer has come and is not stored",
    "submit.settled": "the answer is committed",
    # what a modem has received
    "inbound.read": "a message was read from the modem; nothing is stored",
    "inbound.stored": "a message is committed; the modem still has it",
    "inbound.deleted": "the modem has let it go; that is not noted",
    "inbound.released": "that the modem has let it go is handed to the database",
    # an event that goes out
    "event.read": "an event was read from the outbox; it is not published",
    "event.published": "the broker has confirmed an event; the cursor is not moved",
    "event.advanced": "the cursor is committed",
    # the database
    "store.open": "changes were made; they are not committed",
    "store.committed": "changes are committed; nobody was told",
}
"""What is true at each place. A test kills at every one of them."""


def _armed(asked: str) -> tuple[str, int]:
    """Raises ValueError for a name that is not in the table: a test would wait for ever."""
    name, _, count = asked.partition(":")
    if name and name not in POINTS:
        raise ValueError(f"{VARIABLE}: there is no crash point {name!r}; there are {', '.join(POINTS)}")
    return name, int(count or 1)


_name, _left = _armed(os.environ.get(VARIABLE, ""))


def at(name: str) -> None:
    """The process ends here, if it was asked to."""
    if name == _name:
        _pass()


def _pass() -> None:
    global _left
    _left -= 1
    if _left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
