"""What requests name: languages and what may be replaced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.pdu import Folding, Language

_SPELT = {"gujaranti": "GUJARATI", "default": "DEFAULT"}


def language_of(name: str | None) -> int:
    """A language by name, 0 for none."""
    return int(Language[_SPELT.get(name, name.upper())]) if name else 0


def folding_of(request: Mapping[str, Any]) -> Folding:
    folding = Folding.NONE
    for name in request.get("folding", ()):
        folding |= Folding[name.upper()]
    return folding
