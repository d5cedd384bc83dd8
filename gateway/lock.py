"""One gateway per data directory: two on one database would send everything twice."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from gateway.errors import ConfigError

LOCK = "smsgw.lock"


@contextlib.contextmanager
def only_one(data_dir: Path) -> Iterator[None]:
    """Holds the directory, which is made if it is not there. Raises ConfigError when another process holds it."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(f"gateway.data_dir: another gateway runs with {data_dir}; stop it first") from None
        yield
