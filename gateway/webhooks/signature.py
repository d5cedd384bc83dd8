"""The signature of a delivery: HMAC-SHA256 over time and body, so that neither can be changed and old ones are seen."""

from __future__ import annotations

import hashlib
import hmac

HEADER = "Smsgw-Signature"
TOLERANCE_S = 300


def sign(secret: str, body: bytes, timestamp: int) -> str:
    """The header's value for a delivery that is sent at `timestamp` (seconds since 1970)."""
    return f"t={timestamp},v1={_digest(secret, body, timestamp)}"


def verify(secret: str, body: bytes, header: str, now: float, tolerance_s: float = TOLERANCE_S) -> bool:
    """Whether `header` signs `body` and is no older (or newer) than `tolerance_s`. What a receiver does, in Python."""
    fields = dict(part.partition("=")[::2] for part in header.split(","))
    stamp = fields.get("t", "")
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= 12):
        return False
    expected = _digest(secret, body, int(stamp))
    return (
        hmac.compare_digest(expected.encode(), fields.get("v1", "").encode()) and abs(now - int(stamp)) <= tolerance_s
    )


def _digest(secret: str, body: bytes, timestamp: int) -> str:
    return hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
