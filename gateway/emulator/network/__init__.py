"""The simulated network: service centre, switching, USSD, forwarding, and the phones that are no modems."""

from gateway.emulator.network.core import Network, Submitted

__all__ = ["Network", "Submitted"]
