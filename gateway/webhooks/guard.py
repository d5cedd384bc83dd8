"""Where a delivery may go. The address that is connected to is the one that was judged, so a name cannot change between."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from concurrent.futures import Executor
from functools import partial

from gateway.errors import PermanentError

_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
_ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})  # RFC 5214 6.1: so are they behind this
_DOCUMENTATION = ipaddress.ip_network("3fff::/20")  # RFC 9637, newer than the standard library's list


class TargetRefused(PermanentError):
    """The webhook points somewhere that the configuration does not allow."""

    code = "webhook_refused"


async def resolve(host: str, port: int, *, allow_private: bool, threads: Executor | None = None) -> str:
    """An address of `host` that may be connected to. Raises TargetRefused, or OSError when the name is not known.

    Every address of the name has to be allowed: one that has a private address besides is up to no good. `threads`: where a
    name is waited for.
    """
    addresses = [host] if _is_address(host) else await _look_up(host, port, threads)
    refused = next((one for one in addresses if not (allow_private or is_public(one))), None)
    if refused is not None:
        raise TargetRefused(f"{host} is {refused}, which is not public; allow_private permits that")
    return addresses[0]


async def _look_up(host: str, port: int, threads: Executor | None) -> list[str]:
    ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    found = await asyncio.get_running_loop().run_in_executor(threads, ask)
    return [str(entry[4][0]) for entry in found]


def _is_address(host: str) -> bool:
    """In the one way to write it that everybody reads alike; others, and those with a zone, are for the system to read."""
    try:
        return str(ipaddress.ip_address(host)) == host and "%" not in host
    except ValueError:
        return False


def is_public(address: str) -> bool:
    """Whether `address` is reachable from everywhere: not private, local, reserved or multicast, in any disguise."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if (inner := _stands_for(ip)) is not None:
            return is_public(str(inner))
        if any(not is_public(str(one)) for one in (ip.sixtofour, *(ip.teredo or ())) if one is not None):
            return False
        if ip.is_site_local or ip in _DOCUMENTATION:  # fec0::/10 counts as global, and was never meant to be
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def _stands_for(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that is meant by an IPv6 one."""
    embedded = ip in _NAT64 or (int(ip) >> 32) & 0xFFFFFFFF in _ISATAP
    return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if embedded else ip.ipv4_mapped
