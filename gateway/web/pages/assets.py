"""The files of the page: read once, named after their content, so that a browser keeps them for ever."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

STATIC = Path(__file__).parent / "static"
TYPES: Mapping[str, str] = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One file. `name`: with a piece of its digest, as in `app.0f3a9c21.css`; `packed`: gzip."""

    name: str
    media_type: str
    body: bytes
    packed: bytes


@cache
def assets() -> Mapping[str, Asset]:
    """By the plain name, e.g. `app.css`."""
    found = sorted(path for path in STATIC.rglob("*") if path.suffix in TYPES)
    return {path.name: _read(path) for path in found}


@cache
def by_hashed_name() -> Mapping[str, Asset]:
    return {asset.name: asset for asset in assets().values()}


def _read(path: Path) -> Asset:
    body = path.read_bytes()
    mark = hashlib.sha256(body).hexdigest()[:8]
    return Asset(
        name=f"{path.stem}.{mark}{path.suffix}",
        media_type=TYPES[path.suffix],
        body=body,
        packed=gzip.compress(body, 9, mtime=0),
    )
