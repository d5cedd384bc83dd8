"""The tree of USSD codes and replies that a network is configured with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from gateway.errors import ConfigError

MAX_TEXT = 182  # characters of an answer (23.038 6.1.2.3: 160 octets)
NODE_KEYS = frozenset({"text", "replies", "m", "delay_s", "raw"})


class M(IntEnum):
    """<m> of +CUSD."""

    DONE = 0
    REPLY_WANTED = 1
    TERMINATED = 2
    OTHER_CLIENT = 3
    UNSUPPORTED = 4
    TIMEOUT = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What the network says at one place of the tree, and where replies lead from there. `text` None: no text."""

    text: str | None
    replies: Mapping[str, Node]
    m: M
    delay_s: float = 0.0
    raw: str = ""  # the whole line instead, for what odd firmware says


def tree(entries: Mapping[str, Any], where: str) -> dict[str, Node]:
    """The nodes that a table describes. Raises ConfigError that names the place and what is allowed there."""
    return {str(code): _node(entry, f"{where}: {code}") for code, entry in entries.items()}


def _node(entry: Any, where: str) -> Node:
    if isinstance(entry, str):
        entry = {"text": entry}
    if not isinstance(entry, Mapping) or set(entry) - NODE_KEYS:
        raise ConfigError(f"{where}: must be a text or a table of text, replies, m, delay_s, raw")
    text, replies, m, delay_s = entry.get("text"), entry.get("replies", {}), entry.get("m"), entry.get("delay_s", 0.0)
    if text is not None and not (isinstance(text, str) and len(text) <= MAX_TEXT):
        raise ConfigError(f"{where}: text: must be at most {MAX_TEXT} characters")
    if not isinstance(replies, Mapping):
        raise ConfigError(f"{where}: replies: must be a table")
    if m is not None and m not in set(M):
        raise ConfigError(f"{where}: m: must be 0 to 5")
    if not isinstance(delay_s, int | float) or not 0 <= delay_s <= 3600:
        raise ConfigError(f"{where}: delay_s: must be 0 to 3600 seconds")
    raw = entry.get("raw", "")
    if not isinstance(raw, str):
        raise ConfigError(f"{where}: raw: must be a line")
    chosen = M(m) if m is not None else M.REPLY_WANTED if replies else M.DONE
    return Node(text=text, replies=tree(replies, where), m=chosen, delay_s=delay_s, raw=raw)
