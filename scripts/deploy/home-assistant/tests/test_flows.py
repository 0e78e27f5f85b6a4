"""Set-up and options, against servers with and without tokens and certificates."""

import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from tests.conftest import FakeServer, Recogniser

Load = Callable[..., Awaitable[MockConfigEntry]]
STT = {"stt_entity": "stt.stub"}


async def tried(hass: HomeAssistant, **given: str) -> dict[str, Any]:
    """The answer of the first form."""
    flow = await hass.config_entries.flow.async_init("voiceprint", context={"source": "user"})
    assert flow["step_id"] == "user"
    answer: dict[str, Any] = await hass.config_entries.flow.async_configure(flow["flow_id"], {**STT, **given})
    await hass.async_block_till_done()
    return answer


async def test_a_server_that_answers_makes_an_entry_once(
    hass: HomeAssistant, recogniser: Recogniser, server: FakeServer
) -> None:
    server.token = "secret"
    made = await tried(hass, url=server.url, token="secret")
    assert (made["type"], made["data"]) == ("create_entry", {**STT, "url": server.url, "token": "secret"})
    assert hass.states.get("stt.voiceprint_stub") is not None
    again = await tried(hass, url=server.url, token="secret")
    assert (again["type"], again["reason"]) == ("abort", "already_configured")


@pytest.mark.parametrize(
    ("given", "errors"),
    [
        ({"url": "voiceprint:5678"}, {"url": "bad_url"}),
        ({"url": "https://"}, {"url": "bad_url"}),
        ({"url": "http://127.0.0.1:9"}, {"base": "cannot_connect"}),
        ({"url": "SERVER", "token": "wrong"}, {"base": "invalid_auth"}),
        ({"url": "SERVER/elsewhere", "token": "secret"}, {"base": "not_voiceprint"}),
        ({"url": "SERVER", "fingerprint": "AB:CD"}, {"fingerprint": "bad_fingerprint"}),
    ],
)
async def test_what_cannot_be_used_is_said_where_it_was_typed(
    hass: HomeAssistant, recogniser: Recogniser, server: FakeServer, given: dict[str, str], errors: dict[str, str]
) -> None:
    server.token = "secret"
    answer = await tried(hass, **{**given, "url": given["url"].replace("SERVER", server.url)})
    assert (answer["type"], answer["errors"]) == ("form", errors)
    repaired = await hass.config_entries.flow.async_configure(
        answer["flow_id"], {**STT, "url": server.url, "token": "secret"}
    )
    assert repaired["type"] == "create_entry"


def self_signed(folder: Path) -> tuple[ssl.SSLContext, str]:
    """A server's context and the fingerprint of its certificate."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    certificate = made.sign(key, hashes.SHA256())
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem = folder / "both.pem"
    pem.write_bytes(secret + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context, certificate.fingerprint(hashes.SHA256()).hex(":").upper()


async def test_a_certificate_of_ones_own_is_known_by_its_fingerprint(
    hass: HomeAssistant, recogniser: Recogniser, server: FakeServer, tmp_path: Path
) -> None:
    context, fingerprint = self_signed(tmp_path)
    hass.loop.set_exception_handler(lambda *_: None)  # the server's, whose handshake we end
    app = web.Application()
    app.router.add_get("/ws", server.websocket)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    url = f"https://127.0.0.1:{runner.addresses[0][1]}"
    assert (await tried(hass, url=url))["errors"] == {"base": "bad_certificate"}
    assert (await tried(hass, url=url, fingerprint="00" * 32))["errors"] == {"base": "wrong_fingerprint"}
    assert (await tried(hass, url=url, fingerprint=fingerprint))["type"] == "create_entry"
    await runner.cleanup()


async def test_persons_get_speakers_and_agents(hass: HomeAssistant, load: Load, server: FakeServer) -> None:
    entry = await load(server.url)
    hass.states.async_set("person.ada", "home")
    hass.states.async_set("person.ben", "home")

    async def people(given: dict[str, str]) -> dict[str, Any]:
        flow = await hass.config_entries.options.async_init(entry.entry_id)
        first = {"stt_entity": "stt.stub", "patience": 2, "set_user": False}
        second = await hass.config_entries.options.async_configure(flow["flow_id"], first)
        speaker = next(field for key, field in second["data_schema"].schema.items() if key == "person.ada")
        assert speaker.config["options"] == [{"value": "a1", "label": "Ada"}]
        answer: dict[str, Any] = await hass.config_entries.options.async_configure(flow["flow_id"], given)
        return answer

    both = await people({"person.ada": "a1", "person.ben": "a1"})
    assert both["errors"] == {"base": "same_speaker"}
    own = await people({"person.ada": "a1", "person.ada agent": entry.entry_id})
    assert own["errors"] == {"base": "own_agent"}
    assert (await people({"person.ada": "a1", "person.ada agent": "homeassistant"}))["type"] == "create_entry"
    assert entry.options == {
        "stt_entity": "stt.stub", "patience": 2, "set_user": False,
        "people": {"person.ada": "a1"}, "agents": {"person.ada": "homeassistant"},
    }  # fmt: skip


async def test_options_without_a_server_take_an_id(hass: HomeAssistant, load: Load) -> None:
    entry = await load("http://127.0.0.1:9")
    hass.states.async_set("person.ada", "home")
    flow = await hass.config_entries.options.async_init(entry.entry_id)
    first = {"stt_entity": "stt.stub", "patience": 1, "set_user": True}
    await hass.config_entries.options.async_configure(flow["flow_id"], first)
    done = await hass.config_entries.options.async_configure(flow["flow_id"], {"person.ada": "a1"})
    assert (done["type"], entry.options["people"], entry.options["set_user"]) == (
        "create_entry",
        {"person.ada": "a1"},
        True,
    )
