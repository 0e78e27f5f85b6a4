"""Signed calls and the sample receiver; addresses where a webhook may be. Without audio."""

import asyncio
import base64
from pathlib import Path

import pytest
from aiohttp.abc import ResolveResult
from support.webhooks import Receiver, RefusedCallError

from voiceprint.config import load_settings
from voiceprint.errors import ConfigError
from voiceprint.server.webhook_address import PublicResolver, check_webhook_url
from voiceprint.server.webhook_signing import load_secret, signed_headers

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
BODY, AT = b'{"event":"decision","id":"a"}', 1_700_000_000


def call(**changed: str) -> dict[str, str]:
    return {**signed_headers("a", BODY, secret=KEY, at=AT), **changed}


def test_a_call_is_taken_once() -> None:
    receiver = Receiver(SECRET, clock=lambda: AT + 1.0)
    assert receiver.receive(call(), BODY) == {"event": "decision", "id": "a"}
    with pytest.raises(RefusedCallError, match="replayed") as refused:
        receiver.receive(call(), BODY)
    assert refused.value.status == 409


def test_a_second_attempt_is_a_replay_under_its_new_time_too() -> None:
    receiver = Receiver(SECRET, clock=lambda: AT + 1.0)
    receiver.receive(call(), BODY)
    with pytest.raises(RefusedCallError, match="replayed"):
        receiver.receive(dict(signed_headers("a", BODY, secret=KEY, at=AT + 1)), BODY)


@pytest.mark.parametrize(
    ("headers", "body", "later", "reason"),
    [
        (call(), BODY, 301, "late"),
        (call(), BODY, -301, "late"),
        (call(), BODY.replace(b"a", b"b"), 1, "changed"),
        (call(**{"webhook-timestamp": str(AT + 300)}), BODY, 600, "changed"),
        (call(**{"webhook-id": "b"}), BODY, 1, "changed"),
        (call(**{"webhook-signature": "v1,AAAA"}), BODY, 1, "changed"),
        (call(**{"webhook-signature": ""}), BODY, 1, "changed"),
        (dict(signed_headers("a", BODY, secret=KEY[::-1], at=AT)), BODY, 1, "changed"),
        ({}, BODY, 1, "changed"),
    ],
)
def test_a_late_and_a_changed_call_are_refused(headers: dict[str, str], body: bytes, later: int, reason: str) -> None:
    receiver = Receiver(SECRET, clock=lambda: AT + later)
    with pytest.raises(RefusedCallError, match=reason):
        receiver.receive(headers, body)


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_AAAA", SECRET[6:], "whsec_\u00e4", "whsec_!!!!"])
def test_a_secret_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "secret"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="secret of the webhook"):
        load_secret(file)
    assert load_secret(None) is None
    file.write_text(f"{SECRET}\n")
    assert load_secret(file) == KEY


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/a",
        "http://localhost:1/",
        "http://a.localhost/",
        "https://10.1.2.3/",
        "http://169.254.169.254/",
        "http://[::1]/",
        "http://[::ffff:192.168.1.1]/",
        "http://[fd00::1]/",
        "http://0.0.0.0/",
        "http://224.0.0.1/",
    ],
)
def test_this_machine_and_its_network_only_where_it_is_allowed(url: str) -> None:
    with pytest.raises(ConfigError, match="VOICEPRINT_WEBHOOK_PRIVATE"):
        check_webhook_url(url, private=False)
    check_webhook_url(url, private=True)
    check_webhook_url("https://93.184.215.14/", private=False)
    check_webhook_url("https://example.org/", private=False)


def test_a_name_that_leads_to_this_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def leading_to(*hosts: str) -> list[str]:
        async def resolve(*_: object) -> list[ResolveResult]:
            return [ResolveResult(hostname="", host=host, port=1, family=2, proto=0, flags=0) for host in hosts]

        async def run() -> list[str]:
            resolver = PublicResolver()
            monkeypatch.setattr(resolver._behind, "resolve", resolve)
            try:
                return [found["host"] for found in await resolver.resolve("hook.example", 443)]
            finally:
                await resolver.close()

        return asyncio.run(run())

    assert leading_to("10.0.0.1", "93.184.215.14", "fe80::1%eth0") == ["93.184.215.14"]
    with pytest.raises(OSError, match="no public address"):
        leading_to("127.0.0.1", "::1")


def test_only_events_that_there_are_can_be_asked_for() -> None:
    with pytest.raises(ConfigError, match="webhook_events"):
        load_settings({"webhook_events": "decision,rumour"}, environ={})
    assert load_settings({}, environ={"VOICEPRINT_WEBHOOK_EVENTS": "decision"}).webhook_types == {"decision"}
