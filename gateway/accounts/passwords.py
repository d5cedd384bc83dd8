"""Passwords, kept as scrypt digests (RFC 7914): slow and large on purpose, and in the standard library everywhere."""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import os

SHORTEST = 10
LONGEST = 200
_N, _R, _P = 2**14, 8, 1  # 16 MB and about 0.1 s on a Raspberry Pi
_SALT = 16


def hashed(password: str) -> str:
    """`password` as it is kept: `scrypt$N$r$p$salt$digest`."""
    salt = os.urandom(_SALT)
    return f"scrypt${_N}${_R}${_P}${_text(salt)}${_text(_digest(password, salt, _N, _R, _P))}"


def matches(password: str, kept: str) -> bool:
    """Whether `password` is the one that is kept. False for anything that is not understood."""
    try:
        kind, n, r, p, salt, digest = kept.split("$")
        if kind != "scrypt" or len(password) > LONGEST:
            return False
        made = _digest(password, base64.b64decode(salt), int(n), int(r), int(p))
        return hmac.compare_digest(made, base64.b64decode(digest))
    except ValueError:
        return False


@functools.cache
def dummy() -> str:
    """What an unknown user is compared with, so that the time does not tell which users there are."""
    return hashed("nobody has this password")


def _digest(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=2**26, dklen=32)


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")
