"""Announcement of the Wyoming bridge by mDNS, which Home Assistant finds it by. Tells its address and nothing else."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address

import ifaddr
from zeroconf import InterfaceChoice
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

__all__ = ["SERVICE", "announced"]

SERVICE = "_wyoming._tcp.local."
LOOPBACK = "127.0.0.1"


@asynccontextmanager
async def announced(host: str, port: int) -> AsyncIterator[None]:
    """A context in which the network knows of the bridge; a loopback address is told on this machine alone.

    Raises OSError where there is no network to tell it to.
    """
    addresses = _addresses(host)
    alone = addresses == [LOOPBACK]
    name = f"voiceprint {port} on {socket.gethostname().partition('.')[0][:30]}"  # each bridge its own
    info = AsyncServiceInfo(SERVICE, f"{name}.{SERVICE}", port=port, parsed_addresses=addresses)
    async with AsyncZeroconf(interfaces=[LOOPBACK] if alone else InterfaceChoice.All) as zeroconf:
        await (await zeroconf.async_register_service(info, allow_name_change=True))
        yield
        await (await zeroconf.async_unregister_service(info))


def _addresses(host: str) -> list[str]:
    """The addresses under which others reach a socket that listens on ``host``; IPv4, as most satellites know it."""
    if host == "localhost":
        return [LOOPBACK]
    if not ip_address(host).is_unspecified:
        return [host]
    held = [one.ip for adapter in ifaddr.get_adapters() for one in adapter.ips if isinstance(one.ip, str)]
    return [one for one in held if not ip_address(one).is_loopback] or [LOOPBACK]
