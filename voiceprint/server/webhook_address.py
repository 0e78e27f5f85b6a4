"""Where a webhook may be: on the internet, and on this machine or a private network only where the operator says so."""

from ipaddress import IPv4Address, IPv6Address, ip_address
from socket import AF_UNSPEC, AddressFamily
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from voiceprint.errors import ConfigError

__all__ = ["PublicResolver", "check_webhook_url"]


def check_webhook_url(url: str, *, private: bool) -> None:
    """Refuse an address in the url that is not public, unless ``private``. Raises ConfigError.

    Names are looked at when they are resolved, each time anew.
    """
    try:
        host = urlsplit(url).hostname or ""
        refused = not private and not is_public(host)
    except ValueError:  # a name
        refused = not private and host.rstrip(".").lower().split(".")[-1] == "localhost"
    if refused:
        raise ConfigError(
            "bad_webhook",
            "webhook_url leads to this machine or a private network: VOICEPRINT_WEBHOOK_PRIVATE=true allows that.",
        )


def is_public(host: str) -> bool:
    """Whether an IP address belongs to the internet. Raises ValueError for what is none."""
    address: IPv4Address | IPv6Address = ip_address(host)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_global and not address.is_multicast


class PublicResolver(AbstractResolver):
    """Addresses of a name that belong to the internet; OSError where it has no other."""

    def __init__(self) -> None:
        self._behind = ThreadedResolver()

    async def resolve(self, host: str, port: int = 0, family: AddressFamily = AF_UNSPEC) -> list[ResolveResult]:
        found = await self._behind.resolve(host, port, family)
        public = [one for one in found if is_public(one["host"].partition("%")[0])]
        if not public:
            raise OSError("The name of the webhook leads to no public address.")
        return public

    async def close(self) -> None:
        await self._behind.close()
