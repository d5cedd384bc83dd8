"""What status reports say of a message: TP-ST in the order in which they come (23.040 9.2.3.15)."""

from __future__ import annotations

from collections.abc import Mapping

EXPIRED = 0x46
PERMANENT = 0x40  # from here on the message has not arrived and will not
ST: Mapping[str, tuple[int, ...]] = {
    "delivered": (0x00,),
    "unconfirmed": (0x01,),  # forwarded, and the service centre cannot say whether it arrived
    "replaced": (0x02,),
    "retrying": (0x21, 0x00),  # the recipient is busy and still being tried, then delivered
    "congestion": (0x20, 0x22, 0x00),
    "failed": (EXPIRED,),
    "expired": (EXPIRED,),
    "rejected": (0x42,),  # by the recipient's phone
    "unknown-subscriber": (0x43,),  # not obtainable
    "deleted": (0x48,),  # by the service centre's staff
    "gave-up": (0x21, 0x61),  # busy for as long as it was tried: a temporary cause
    "none": (),
}


def arrives(outcome: str) -> bool:
    """Whether a message with that outcome reaches its recipient."""
    return all(st < PERMANENT for st in ST[outcome])
