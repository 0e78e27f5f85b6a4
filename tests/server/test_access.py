"""Who may do what: tokens over REST and WebSocket, sign-in on the page, other people's pages, and where it listens."""

import asyncio
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.talking import Client, with_server

from voiceprint.api import messages
from voiceprint.api.messages import Error, Hello, Ready, Start
from voiceprint.api.presenters import error_message
from voiceprint.domain.caller import OPERATOR, Caller, Scope
from voiceprint.errors import AccessError, StoreError
from voiceprint.server import create_app
from voiceprint.server.context import CONTEXT
from voiceprint.service.authenticator import SIGN_IN_SECONDS, Authenticator
from voiceprint.service.service import VoiceprintService
from voiceprint.storage.sign_outs import read_sign_outs
from voiceprint.storage.store import Store
from voiceprint.storage.tokens import add_token, revoke_token

ROUTES: tuple[tuple[str, str, Scope], ...] = (
    ("POST", "/v1/identify", "identify"),
    ("POST", "/v1/verify", "identify"),
    ("GET", "/v1/speakers", "enroll"),
    ("HEAD", "/v1/speakers", "enroll"),
    ("POST", "/v1/speakers", "enroll"),
    ("GET", "/v1/speakers/x", "enroll"),
    ("POST", "/v1/speakers/x/enrollments", "enroll"),
    ("PATCH", "/v1/speakers/x", "operate"),
    ("DELETE", "/v1/speakers/x", "operate"),
    ("DELETE", "/v1/speakers/x/lock", "operate"),
    ("GET", "/v1/nothing-of-that-name", "operate"),
    ("GET", "/metrics", "operate"),
)
HELD: dict[Scope, set[Scope]] = {
    "identify": {"identify"},
    "enroll": {"identify", "enroll"},
    "operate": {"identify", "enroll", "operate"},
}


def bearer(token: str) -> dict[str, Any]:
    return {"headers": {"Authorization": f"Bearer {token}"}}


@pytest.mark.parametrize("scope", HELD)
def test_a_token_opens_what_its_scope_holds_and_nothing_else(service: VoiceprintService, scope: Scope) -> None:
    token, _ = add_token(service.store, "mine", [scope])

    async def talk(client: Client) -> None:
        wrong = []
        for method, path, needed in ROUTES:
            without = (await client.request(method, path)).status
            forged = (await client.request(method, path, **bearer(token + "x"))).status
            held = (await client.request(method, path, **bearer(token))).status
            if (without, forged) != (401, 401) or (held == 403) != (needed not in HELD[scope]) or held == 401:
                wrong.append((method, path, without, forged, held))
        assert wrong == []
        for path in ("/", "/app.js", "/healthz"):
            assert (await client.get(path)).status == 200

    with_server(service, talk)


def test_without_a_token_readiness_tells_nothing_about_what_is_kept(service: VoiceprintService) -> None:
    token, _ = add_token(service.store, "mine", ["identify"])

    async def talk(client: Client) -> None:
        assert set(await (await client.get("/readyz")).json()) == {"ready", "version"}
        assert "speakers" in await (await client.get("/readyz", **bearer(token))).json()

    with_server(service, talk)


def test_refusals_say_what_to_do(service: VoiceprintService) -> None:
    token, _ = add_token(service.store, "mine", ["identify"])
    asked: dict[str, tuple[str, dict[str, Any], int, str]] = {
        "no token": ("/v1/speakers", {}, 401, "token_needed"),
        "another kind": ("/v1/speakers", {"headers": {"Authorization": f"Basic {token}"}}, 401, "token_needed"),
        "empty": ("/v1/speakers", bearer(""), 401, "token_not_valid"),
        "not ASCII": ("/v1/speakers", bearer("v\xfcp"), 401, "token_not_valid"),
        "narrow": ("/v1/speakers", bearer(token), 403, "wrong_scope"),
        "in the address": (f"/v1/speakers?token={token}", {}, 400, "token_in_url"),
        "in the address of the page": (f"/?access_token={token}", {}, 400, "token_in_url"),
        "a cookie of somebody's own": (
            "/v1/speakers",
            {"cookies": {f"voiceprint_{service.store.id[:8]}": "x.99999999999.y"}},
            401,
            "token_needed",
        ),
    }

    async def talk(client: Client) -> None:
        wrong = []
        for what, (path, options, status, code) in asked.items():
            response = await client.get(path, **options)
            error = (await response.json())["error"]
            if (response.status, error["code"]) != (status, code) or not error["message"].endswith("."):
                wrong.append((what, response.status, error))
            assert token not in error["message"]
        assert wrong == []

    with_server(service, talk)


def test_a_page_signs_in_once_and_out_again(service: VoiceprintService) -> None:
    token, _ = add_token(service.store, "phone", ["operate"])

    async def talk(client: Client) -> None:
        assert await (await client.get("/v1/session")).json() == {"token_needed": True, "scopes": []}
        assert (await client.post("/v1/session", json={"token": "vp_wrong"})).status == 401
        assert (await client.post("/v1/session", data=b"[" * 5000)).status == 400
        entered = await client.post("/v1/session", json={"token": f" {token} "})
        assert await entered.json() == {"token_needed": True, "scopes": ["operate"]}
        (cookie,) = entered.cookies.values()
        assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", "/")
        assert token not in cookie.value
        assert (await client.get("/v1/speakers")).status == 200
        async with client.ws_connect("/ws") as socket:
            await socket.send_str(messages.encode(Hello(version=1)))
            assert isinstance(messages.decode_server(await socket.receive_str()), Ready)
        assert (await client.delete("/v1/session")).status == 200
        assert (await client.get("/v1/speakers")).status == 401

    with_server(service, talk)


def test_a_socket_says_its_token_in_its_hello(service: VoiceprintService) -> None:
    token, _ = add_token(service.store, "door", ["identify"])

    async def talk(client: Client) -> None:
        for sent, code in ((None, "token_needed"), (token + "x", "token_not_valid")):
            async with client.ws_connect("/ws") as socket:
                await socket.send_str(messages.encode(Hello(version=1, token=sent)))
                refusal = messages.decode_server(await socket.receive_str())
                assert isinstance(refusal, Error)
                assert refusal.code == code
                await socket.receive()
                assert socket.close_code == aiohttp.WSCloseCode.POLICY_VIOLATION
        async with client.ws_connect("/ws") as socket:
            await socket.send_str(messages.encode(Hello(version=1, token=token)))
            assert isinstance(messages.decode_server(await socket.receive_str()), Ready)
            enrolling = Start(mode="enroll", encoding="pcm_s16le", sample_rate=16_000, name="Ada")
            await socket.send_str(messages.encode(enrolling))
            refusal = messages.decode_server(await socket.receive_str())
            assert isinstance(refusal, Error)
            assert refusal.code == "wrong_scope"

    with_server(service, talk)


@pytest.fixture
def moment() -> list[float]:
    return [1_000_000.0]


@pytest.fixture
def access(store: Store, moment: list[float]) -> Authenticator:
    return Authenticator(store, clock=lambda: moment[0])


# hypothesis wants no fixture that is made anew for each test and not for each example.
KEPT: dict[str, Authenticator] = {}


@pytest.fixture
def _kept(store: Store, moment: list[float]) -> None:
    add_token(store, "door", ["operate"])
    KEPT["access"] = Authenticator(store, clock=lambda: moment[0])


def test_everybody_may_ask_until_there_is_a_token(store: Store, access: Authenticator, moment: list[float]) -> None:
    assert access.admit(None) == access.admit("anything") == OPERATOR
    token, kept = add_token(store, "door", ["identify"])
    assert access.admit(None) == OPERATOR  # not looked yet
    moment[0] += 1
    access.refresh()
    for refused in (lambda: access.admit(None), lambda: access.check(OPERATOR)):
        with pytest.raises(AccessError, match="Sign in"):
            refused()
    assert access.admit(token) == Caller(kept.id, frozenset({"identify"}))


def test_revoking_works_within_a_second_and_does_not_open_the_door(store: Store, moment: list[float]) -> None:
    token, _ = add_token(store, "door", ["operate"])
    access = Authenticator(store, clock=lambda: moment[0])
    cookie, caller = access.sign_in(token)
    assert access.signed_in(cookie) == caller
    revoke_token(store, "door")
    moment[0] += 1
    access.refresh()
    with pytest.raises(AccessError, match="not valid"):
        access.admit(token)
    with pytest.raises(AccessError, match="not valid"):
        access.check(caller)
    with pytest.raises(AccessError):
        access.admit(None)
    assert access.signed_in(cookie) is None


def test_sign_in_lasts_a_month_over_restarts_and_cannot_be_written_by_others(store: Store, moment: list[float]) -> None:
    token, _ = add_token(store, "phone", ["operate"])
    _, other = add_token(store, "door", ["operate"])
    cookie, caller = Authenticator(store, clock=lambda: moment[0]).sign_in(token)
    restarted = Authenticator(store, clock=lambda: moment[0])
    assert restarted.signed_in(cookie) == caller
    token_id, until, sign_in, mark = cookie.split(".")
    forged = [
        f"{other.id}.{until}.{sign_in}.{mark}",
        f"{token_id}.{int(until) + 1}.{sign_in}.{mark}",
        f"{token_id}.{until}.{'0' * 16}.{mark}",
        f"{token_id}.{until}.{mark}",
        *(cookie[:-1], "", "..", "é", None),
    ]
    assert [restarted.signed_in(value) for value in forged] == [None] * len(forged)
    moment[0] += SIGN_IN_SECONDS
    assert restarted.signed_in(cookie) is None


def test_signed_out_is_signed_out_for_every_copy_and_after_a_restart(store: Store, moment: list[float]) -> None:
    token, _ = add_token(store, "phone", ["operate"])
    access = Authenticator(store, clock=lambda: moment[0])
    (cookie, caller), (kept, _) = access.sign_in(token), access.sign_in(token)
    for made_up in (None, "", f"{cookie}0"):
        access.sign_out(made_up)
    assert access.signed_in(cookie) == caller
    access.sign_out(cookie)
    for server in (access, Authenticator(store, clock=lambda: moment[0])):
        assert server.signed_in(cookie) is None
        with pytest.raises(AccessError, match="signed out"):
            server.check(caller)  # a socket that this page opened before
        assert server.signed_in(kept) is not None
    moment[0] += SIGN_IN_SECONDS
    access.sign_out(kept)  # over by itself, and nothing to keep
    with store.reading() as rows:
        assert list(read_sign_outs(rows)) == [caller.sign_in]


@pytest.mark.parametrize(
    ("options", "headers", "status"),
    [
        ({}, {"Origin": "https://{host}"}, 403),
        ({}, {"Origin": "http://{host}"}, 200),
        ({}, {"Origin": "http://{host}", "X-Forwarded-Proto": "https"}, 200),
        ({"behind_proxy": True}, {"Origin": "https://{host}", "X-Forwarded-Proto": "https"}, 200),
        ({"behind_proxy": True}, {"Origin": "http://{host}", "X-Forwarded-Proto": "https"}, 403),
        ({"behind_proxy": True}, {"Origin": "https://{host}"}, 200),
        ({}, {"Origin": "null"}, 403),
    ],
)
def test_the_scheme_of_an_origin_counts(
    service: VoiceprintService, options: dict[str, bool], headers: dict[str, str], status: int
) -> None:
    async def run() -> None:
        app = create_app(service, msgspec.structs.replace(service.settings, **options))
        async with TestClient(TestServer(app)) as client:
            sent = {name: value.format(host=f"{client.host}:{client.port}") for name, value in headers.items()}
            assert (await client.get("/healthz", headers=sent)).status == status

    asyncio.run(run())


def test_what_is_wrong_with_the_store_is_told_without_its_path(
    service: VoiceprintService, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = StoreError("store_full", f"The store {service.store.name} cannot grow.")

    def full(*_: object) -> None:
        raise error

    monkeypatch.setattr(service, "refresh", full)

    async def talk(client: Client) -> None:
        answer = await client.get("/v1/speakers/x")
        assert (await answer.json())["error"]["message"] == "The server cannot do this now (store_full)."
        assert (answer.status, error.message in caplog.text) == (503, True)

    with_server(service, talk)
    assert error_message(error).message == error.told


@pytest.mark.usefixtures("_kept")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(), max_size=80))
def test_nothing_that_somebody_makes_up_gets_in(text: str) -> None:
    access = KEPT["access"]
    assert access.signed_in(text) is None
    with pytest.raises(AccessError):
        access.admit(text)


@pytest.mark.parametrize("header", ["Cookie", "Authorization"])
def test_bytes_that_are_no_text_are_refused_like_any_other(service: VoiceprintService, header: str) -> None:
    add_token(service.store, "door", ["operate"])
    value = {"Cookie": f"voiceprint_{service.store.id[:8]}=".encode() + b"\xff.1.\xff", "Authorization": b"Bearer \xff"}

    async def talk(client: Client) -> None:
        host = f"{client.host}:{client.port}".encode()
        reader, writer = await asyncio.open_connection(client.host, client.port)
        lines = (b"GET /v1/speakers HTTP/1.1", b"Host: " + host, header.encode() + b": " + value[header], b"", b"")
        writer.write(b"\r\n".join(lines))
        assert (await reader.readline()).split()[1] == b"401"
        writer.close()
        await writer.wait_closed()

    with_server(service, talk)


def test_a_store_that_cannot_be_read_lets_nobody_in_and_is_told_apart_from_a_dead_server(
    service: VoiceprintService, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def talk(client: Client) -> None:
        def fail() -> None:
            raise StoreError("store_failed", "The store cannot be read.")

        context = client.server.app[CONTEXT]  # type: ignore[attr-defined]
        monkeypatch.setattr(context.authenticator, "refresh", fail)
        monkeypatch.setattr(context.authenticator, "_looked_at", float("-inf"))
        assert (await client.get("/healthz")).status == 200
        assert (await client.get("/v1/speakers")).status == 503

    with_server(service, talk)


OTHER_PAGES: dict[str, tuple[str, dict[str, str], int]] = {
    "a script on another site": ("/v1/speakers", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403),
    "another port of this machine": ("/v1/speakers", {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}, 403),
    "a link into our data": ("/v1/speakers", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 403),
    "a link to the page": ("/", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 200),
    "our own page": ("/v1/speakers", {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}, 200),
    "the address bar": ("/v1/speakers", {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}, 200),
}


def test_other_pages_get_nothing_even_where_they_send_no_origin(service: VoiceprintService) -> None:
    async def talk(client: Client) -> None:
        seen = {what: (await client.get(path, headers=sent)).status for what, (path, sent, _) in OTHER_PAGES.items()}
        assert seen == {what: status for what, (_, _, status) in OTHER_PAGES.items()}

    with_server(service, talk)
