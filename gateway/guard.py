"""What a gateway dials.  Hosts put URLs on chain, and such a URL may lead into the gateway's own network.

The check is made on the address that a socket is opened for: after every name is resolved, for every address of it,
and again for each connection; so a name that changes its mind gains nothing.  Redirects are not followed.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from typing import Any, Final

import aiohttp

from chain_client.errors import PermanentError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
"""All of IPv6 that is given to hosts of the Internet.  Source: IANA, IPv6 Global Unicast Address Assignments."""
_INNER: Final = tuple(ipaddress.IPv6Network(text) for text in ("2002::/16", "2001::/32", "3fff::/20"))
"""Within it what carries an IPv4 address, which a router may dig out again, and what is for documents only."""
_RESERVED: Final = (ipaddress.IPv4Network("192.0.0.0/24"), ipaddress.IPv4Network("192.88.99.0/24"))


class ForbiddenAddress(OSError):  # noqa: N818  # an OSError, so that a dialler goes on to the name's next address
    """The address lies in a network that was not allowed."""


def parse_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Networks in CIDR, such as 10.0.0.0/8.  Raises: PermanentError `network_invalid`."""
    try:
        return tuple(ipaddress.ip_network(text) for text in texts)
    except ValueError as error:
        raise PermanentError("network_invalid", str(error)) from error


def may_dial(address: Address, allowed: Sequence[Network]) -> bool:
    """Whether an address is in a network that was allowed, or else a public one of a single host."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return may_dial(address.ipv4_mapped, allowed)
    if any(address in network for network in allowed):
        return True
    if isinstance(address, ipaddress.IPv6Address):
        if address not in _UNICAST or any(address in network for network in _INNER):
            return False
    elif any(address in network for network in _RESERVED):
        return False
    return address.is_global and not address.is_multicast


def open_session(allowed: Sequence[Network], *, connections: int) -> aiohttp.ClientSession:
    """A session that dials what `may_dial` lets it, keeps no cookies, and reads no proxy from the environment."""

    def make_socket(info: Any) -> socket.socket:
        family, kind, protocol, _, place = info
        check_place(place[0], allowed)
        return socket.socket(family=family, type=kind, proto=protocol)

    connector = aiohttp.TCPConnector(limit=connections, socket_factory=make_socket, ttl_dns_cache=30)
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False)


def check_place(text: str, allowed: Sequence[Network]) -> None:
    """Raises ForbiddenAddress unless the numeric address may be dialled; its zone, if any, makes no difference."""
    try:
        may = may_dial(ipaddress.ip_address(text.partition("%")[0]), allowed)
    except ValueError as error:  # a URL on chain may have anything between its brackets
        raise ForbiddenAddress(f"{text} is no address") from error
    if not may:
        raise ForbiddenAddress(f"{text} is not in an allowed network")
