"""Files with secrets in `data_dir`: made at the first start, mode 0600, told once where they are."""

from __future__ import annotations

import logging
import os
import secrets
import tomllib
from pathlib import Path

from gateway.errors import ConfigError
from gateway.sections import WebhookSection

log = logging.getLogger(__name__)

SECRETS = "secrets.toml"
SHORTEST_SECRET = 16
KEYS = ("admin_password", "api_token", "account_sid", "auth_token")


def read_secrets(path: Path) -> dict[str, str]:
    """What a secrets file has. Raises ConfigError when it is not what `ensure_secrets` made."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise ConfigError(f"{path}: cannot be read: {exc}") from exc
    missing = [key for key in KEYS if not isinstance(found.get(key), str) or len(found[key]) < SHORTEST_SECRET]
    if missing:
        raise ConfigError(f"{path}: {missing[0]} must have at least {SHORTEST_SECRET} characters")
    return {key: found[key] for key in KEYS}


def ensure_secrets(data_dir: Path) -> Path:
    """The secrets file of `data_dir`, mode 0600, made if it is not there.

    Keys: admin_password, api_token, account_sid, auth_token. Raises ConfigError when it cannot be made.
    """
    path = data_dir / SECRETS
    if path.exists():
        return path
    made = {
        "admin_password": secrets.token_urlsafe(16),
        "api_token": secrets.token_urlsafe(32),
        "account_sid": f"AC{secrets.token_hex(16)}",
        "auth_token": secrets.token_hex(16),
    }
    _write_secret(path, "".join(f'{key} = "{value}"\n' for key, value in made.items()))
    log.warning("made new passwords and tokens; they are in %s", path)
    return path


def webhook_secret(hook: WebhookSection, data_dir: Path) -> str:
    """What signs the deliveries of a webhook: its `secret_file`, or one that is made in `data_dir` at its first start.

    Raises ConfigError when there is none to be had.
    """
    path = hook.secret_file or data_dir / f"webhook-{hook.name}.secret"
    if hook.secret_file is None and not path.exists():
        _write_secret(path, secrets.token_urlsafe(32))
        log.warning("made a new secret for the webhook %s; it is in %s", hook.name, path)
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path}: the secret of webhook {hook.name} cannot be read: {exc}") from exc
    if len(secret) < SHORTEST_SECRET:
        raise ConfigError(f"{path}: the secret of webhook {hook.name} must have at least {SHORTEST_SECRET} characters")
    return secret


def _write_secret(path: Path, text: str) -> None:
    """A new file that only we can read, whole or not at all."""
    draft = path.with_suffix(".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        draft.unlink(missing_ok=True)  # of a start that was cut short
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
    except OSError as exc:
        raise ConfigError(
            f"{path}: the secrets cannot be written: {exc.strerror}; gateway.data_dir must be writable"
        ) from exc
