"""Where the configuration and the daemon's socket are. Apart from the configuration's models, which take long to load."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

from gateway.errors import ConfigError

ENVIRONMENT = "SMSGW_CONFIG"
SEARCH_PATH = (Path("smsgw.toml"), Path("/etc/smsgw/smsgw.toml"))
DATA_DIR = Path("/var/lib/smsgw")
SOCKET = "smsgw.sock"


def find_config(given: str | os.PathLike[str] | None = None) -> Path:
    """The file to read: `given`, else $SMSGW_CONFIG, else ./smsgw.toml, else /etc/smsgw/smsgw.toml.

    Raises ConfigError when a named file is not there or none is found.
    """
    named = given or os.environ.get(ENVIRONMENT)
    if named:
        path = Path(named)
        if not path.is_file():
            source = "-c" if given else f"${ENVIRONMENT}"
            raise ConfigError(f"{path}: there is no such file ({source} names it)")
        return path
    for path in SEARCH_PATH:
        if path.is_file():
            return path
    looked = ", ".join(str(path) for path in SEARCH_PATH)
    raise ConfigError(f"no configuration found: give -c FILE, set ${ENVIRONMENT}, or write one of {looked}")


def socket_of(given: str | os.PathLike[str] | None = None) -> Path:
    """The socket of the daemon with that configuration, of which nothing else is looked at.

    Raises ConfigError when there is no file, or it does not say so.
    """
    path = find_config(given)
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise ConfigError(f"{path}: {exc.strerror or exc}") from exc
    except ValueError as exc:  # no TOML, or no UTF-8
        raise ConfigError(f"{path}: {exc}") from exc
    section = document.get("gateway", {})
    data_dir = section.get("data_dir", DATA_DIR) if isinstance(section, dict) else None
    if not isinstance(data_dir, str | Path):
        raise ConfigError(f"{path}: gateway.data_dir: the path of a directory is wanted")
    return Path(data_dir) / SOCKET
