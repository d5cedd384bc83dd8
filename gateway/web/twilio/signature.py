"""`X-Twilio-Signature`: HMAC-SHA1 over the address and the sorted parameters, as Twilio's SDKs check it."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from urllib.parse import urlsplit, urlunsplit

HEADER = "X-Twilio-Signature"

Parameters = Iterable[tuple[str, str]]
"""The fields of a form, in the order in which they are sent; a name may come more than once."""


def sign(token: str, url: str, parameters: Parameters = ()) -> str:
    """The header's value for a post of `parameters` to `url`. A GET has its parameters in `url` and none beside.

    Equal pairs count once and the values of one name are sorted, as the SDKs do it.
    """
    fields = "".join(name + value for name, value in sorted(set(parameters)))
    digest = hmac.new(token.encode(), (signed_address(url) + fields).encode(), hashlib.sha1)
    return base64.b64encode(digest.digest()).decode("ascii")


def signed_address(url: str) -> str:
    """What the receiver can know of the address: no user and password, no fragment, and a path even where none is written.

    A port is kept as it is written: the SDKs try with and without.
    """
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path or "/", parts.query, ""))
