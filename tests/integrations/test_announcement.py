"""The bridge announced by mDNS, found by the zeroconf package's own browser."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress

import pytest

pytest.importorskip("zeroconf", reason="the package zeroconf is not installed")
pytest.importorskip("wyoming", reason="the package wyoming is not installed")

import ifaddr
from zeroconf import IPVersion, ServiceBrowser, ServiceListener, Zeroconf

from voiceprint.cli import main
from voiceprint.cli.common import reaches_others
from voiceprint.integrations import announcement
from voiceprint.integrations.announcement import SERVICE, announced


class Found(ServiceListener):
    """Addresses, properties and port by the name of the service."""

    def __init__(self) -> None:
        self.services: dict[str, tuple[list[str], int, object]] = {}

    def add_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        info = zc.get_service_info(type_, name)
        if info is not None:
            self.services[name] = (info.parsed_addresses(IPVersion.V4Only), info.port or 0, info.properties)

    def remove_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        self.services.pop(name, None)

    def update_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        """Nothing is updated."""


async def seen(found: Found, port: int, *, there: bool = True, seconds: float = 8) -> bool:
    """Whether a service with this port comes, or goes, in time."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while any(one[1] == port for one in found.services.values()) is not there:
                await asyncio.sleep(0.05)
            return True
    return False


@pytest.fixture
def port() -> int:
    """A free one."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture
def found() -> Iterator[Found]:
    """What is announced on this machine."""
    with Zeroconf(interfaces=["127.0.0.1"]) as zeroconf:
        found = Found()
        browser = ServiceBrowser(zeroconf, SERVICE, found)
        yield found
        browser.cancel()


def test_it_is_found_while_it_serves_and_two_do_not_quarrel(port: int, found: Found) -> None:
    async def run() -> None:
        async with announced("127.0.0.1", port), announced("localhost", port + 1):
            assert await seen(found, port)
            assert await seen(found, port + 1)
            ours = [one for one in found.services.values() if one[1] in (port, port + 1)]
            assert sorted(ours) == [(["127.0.0.1"], port, {}), (["127.0.0.1"], port + 1, {})]
        assert await seen(found, port, there=False)

    asyncio.run(run())


@pytest.mark.parametrize("announces", [True, False])
def test_the_command_announces_where_it_is_asked_to(port: int, found: Found, *, announces: bool) -> None:
    option = "--announce" if announces else "--no-announce"
    command = [
        "voiceprint",
        "wyoming",
        "--upstream",
        "tcp://127.0.0.1:9",
        "--listen",
        f"tcp://127.0.0.1:{port}",
        option,
    ]
    with subprocess.Popen([sys.executable, "-m", *command], stdout=subprocess.PIPE, text=True) as bridge:
        assert bridge.stdout is not None
        assert bridge.stdout.readline().startswith("ready")
        assert asyncio.run(seen(found, port, seconds=8 if announces else 2)) is announces
        bridge.terminate()
        assert bridge.wait(20) == 0


@pytest.mark.parametrize(
    ("listen", "reaches"),
    [
        ("tcp://127.0.0.1:10301", False),
        ("tcp://localhost:10301", False),
        ("tcp://[::1]:10301", False),
        ("unix:///run/voiceprint", False),
        ("tcp://0.0.0.0:10301", True),
        ("tcp://192.0.2.7:10301", True),
        ("tcp://some-name:10301", True),
    ],
)
def test_without_an_option_it_depends_on_the_address(listen: str, *, reaches: bool) -> None:
    assert reaches_others(listen) is reaches


def test_an_open_address_is_told_as_those_of_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    ips = [
        ifaddr.IP("127.0.0.1", 8, "lo"),
        ifaddr.IP(("fe80::1", 0, 1), 64, "eth0"),
        ifaddr.IP("192.0.2.7", 24, "eth0"),
    ]
    monkeypatch.setattr(ifaddr, "get_adapters", lambda: [ifaddr.Adapter("any", "any", ips)])
    assert announcement._addresses("0.0.0.0") == ["192.0.2.7"]
    assert announcement._addresses("192.0.2.9") == ["192.0.2.9"]


def test_what_cannot_be_announced_is_said(port: int, capsys: pytest.CaptureFixture[str], tmp_path: object) -> None:
    command = ["wyoming", "--upstream", "tcp://127.0.0.1:9", "--announce", "--listen"]
    assert main([*command, f"unix://{tmp_path}/bridge"]) == 3
    assert "Only a tcp:// address" in capsys.readouterr().err
