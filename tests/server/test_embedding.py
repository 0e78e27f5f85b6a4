"""Pages elsewhere: those of ``embed_origins`` may ask, with a token, on REST and the WebSocket; no other page may."""

import asyncio
from collections.abc import Mapping

import aiohttp
import msgspec
import pytest
from aiohttp.test_utils import TestClient, TestServer
from support.talking import Client, Talk

from voiceprint.config import load_settings
from voiceprint.errors import ConfigError
from voiceprint.server import create_app
from voiceprint.service.service import VoiceprintService
from voiceprint.storage.tokens import add_token

OURS, OTHER = "https://intranet.example", "https://elsewhere.example"
FETCHED = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}


def embedded(service: VoiceprintService, talk: Talk, *, origins: str = f"{OURS}, http://127.0.0.1:8080") -> None:
    async def run() -> None:
        app = create_app(service, msgspec.structs.replace(service.settings, embed_origins=origins))
        async with TestClient(TestServer(app)) as client:
            await talk(client)

    asyncio.run(run())


def bearer(token: str | None, origin: str = OURS) -> dict[str, str]:
    return {"Origin": origin, **FETCHED, **({"Authorization": f"Bearer {token}"} if token else {})}


def test_an_allowed_page_asks_with_a_token_and_no_other_page_does(service: VoiceprintService) -> None:
    token, _ = add_token(service.store, "intranet", ["enroll"])

    async def talk(client: Client) -> None:
        async def status(headers: Mapping[str, str], path: str = "/v1/speakers") -> tuple[int, str | None]:
            answer = await client.get(path, headers=headers)
            return answer.status, answer.headers.get("Access-Control-Allow-Origin")

        assert await status(bearer(token)) == (200, OURS)
        assert await status(bearer(None)) == (401, OURS)
        assert await status(bearer("vp_wrong")) == (401, OURS)
        assert await status(bearer(token), "/v1/health") == (403, OURS)  # its scope is the token's
        assert await status(bearer(None), "/embed/voice-print.js") == (200, OURS)
        assert await status(bearer(token, "http://127.0.0.1:8080")) == (200, "http://127.0.0.1:8080")
        for origin in (OTHER, "null", "http://intranet.example", f"{OURS}:8443", f"{OURS}.evil.example", "HTTPS://x"):
            assert await status(bearer(token, origin)) == (403, None)
        assert await status({**FETCHED, "Authorization": f"Bearer {token}"}) == (403, None)

    embedded(service, talk)


def test_a_browser_is_told_what_it_may_send(service: VoiceprintService) -> None:
    async def talk(client: Client) -> None:
        asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
        allowed = await client.options("/v1/identify", headers={"Origin": OURS, **asked})
        assert (allowed.status, allowed.headers["Access-Control-Allow-Origin"]) == (204, OURS)
        assert "Authorization" in allowed.headers["Access-Control-Allow-Headers"]
        assert "Access-Control-Allow-Credentials" not in allowed.headers
        assert "Origin" in allowed.headers["Vary"]
        refused = await client.options("/v1/identify", headers={"Origin": OTHER, **asked})
        assert (refused.status, "Access-Control-Allow-Origin" in refused.headers) == (403, False)

    embedded(service, talk)


def test_a_cookie_is_nothing_to_a_page_elsewhere(service: VoiceprintService) -> None:
    token, _ = add_token(service.store, "page", ["operate"])

    async def talk(client: Client) -> None:
        signed_in = await client.post("/v1/session", json={"token": token})
        cookies = {name: morsel.value for name, morsel in signed_in.cookies.items()}
        assert cookies
        assert (await client.get("/v1/speakers", cookies=cookies)).status == 200
        assert (await client.get("/v1/speakers", cookies=cookies, headers={"Origin": OURS})).status == 401
        for method in ("GET", "POST", "DELETE"):
            answer = await client.request(method, "/v1/session", headers={"Origin": OURS}, json={"token": token})
            assert answer.status == 403
        assert await said_on_socket(client, None, cookies=cookies) == "token_needed"

    embedded(service, talk)


async def said_on_socket(client: Client, token: str | None, origin: str = OURS, **more: Mapping[str, str]) -> str:
    """What the server says to a hello: ``ready``, the code of its refusal, or the status of its answer."""
    cookies = "; ".join(f"{name}={value}" for name, value in more.get("cookies", {}).items())
    headers = {"Origin": origin, **({"Cookie": cookies} if cookies else {})}
    try:
        async with client.ws_connect("/ws", headers=headers) as socket:
            await socket.send_json({"type": "hello", "version": 1, "token": token})
            message = await socket.receive_json(timeout=10)
            return str(message.get("code", message["type"]))
    except aiohttp.WSServerHandshakeError as error:
        return str(error.status)


def test_the_socket_keeps_to_the_same_list(service: VoiceprintService) -> None:
    token, _ = add_token(service.store, "intranet", ["identify"])

    async def talk(client: Client) -> None:
        assert await said_on_socket(client, token) == "ready"
        assert await said_on_socket(client, None) == "token_needed"
        assert await said_on_socket(client, "vp_wrong") == "token_not_valid"
        assert await said_on_socket(client, token, OTHER) == "403"
        assert await said_on_socket(client, token, "null") == "403"

    embedded(service, talk)


def test_a_server_without_tokens_answers_no_page_elsewhere(service: VoiceprintService) -> None:
    async def talk(client: Client) -> None:
        assert (await client.get("/v1/speakers")).status == 200
        for token in (None, "anything"):
            assert (await client.get("/v1/speakers", headers=bearer(token))).status == 401
            assert await said_on_socket(client, token) == "token_needed"

    embedded(service, talk)


def test_by_itself_no_page_elsewhere_may_ask(service: VoiceprintService) -> None:
    token, _ = add_token(service.store, "intranet", ["operate"])

    async def talk(client: Client) -> None:
        assert (await client.get("/v1/speakers", headers=bearer(token))).status == 403
        assert await said_on_socket(client, token) == "403"
        assert "Vary" not in (await client.get("/healthz")).headers

    embedded(service, talk, origins="")


@pytest.mark.parametrize(
    "origins",
    ["*", "intranet.example", "https://intranet.example/", "https://a.example https://b.example", "null", "HTTPS://A"],
)
def test_what_no_browser_says_is_no_origin(origins: str) -> None:
    with pytest.raises(ConfigError, match="embed_origins"):
        load_settings({"embed_origins": origins}, environ={})
