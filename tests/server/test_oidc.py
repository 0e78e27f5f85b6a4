"""Signing in with another service: a real provider, the whole way there and back, and every way to cheat."""

import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import msgspec
import pytest
from support.oidc import OidcProvider, providing, rsa_key, write_oidc
from support.talking import Client, with_server
from support.toys import toy_service

from voiceprint.api import messages
from voiceprint.api.messages import Hello, Ready
from voiceprint.errors import ConfigError
from voiceprint.server.oidc_settings import load_oidc
from voiceprint.service.service import VoiceprintService
from voiceprint.storage.tokens import add_token

TEAM = {"claim": "groups", "value": "speech", "scope": "operate"}
ANN = {"claim": "email", "value": "ann@example.org", "scope": "enroll", "groups": ["home"]}
Change = Callable[[OidcProvider], object]


@pytest.fixture(params=[None, "s:e cret/%"])
def provider(request: pytest.FixtureRequest) -> Iterator[OidcProvider]:
    with providing(OidcProvider(secret=request.param)) as running:
        yield running


@pytest.fixture
def public() -> Iterator[OidcProvider]:
    with providing(OidcProvider()) as running:
        yield running


def with_oidc(folder: Path, provider: OidcProvider, talk: Callable[[Client], Awaitable[None]], **more: object) -> None:
    with toy_service(folder, oidc=write_oidc(folder, provider, TEAM, ANN, **more)) as service:
        with_server(service, talk)


async def begun(client: Client) -> aiohttp.ClientResponse:
    return await client.get("/oidc/start", allow_redirects=False)


async def way_back(client: Client) -> str:
    """The path that the provider sends the browser to."""
    there = (await begun(client)).headers["Location"]
    async with aiohttp.ClientSession() as browser, browser.get(there, allow_redirects=False) as answer:
        parts = urlsplit(answer.headers["Location"])
    return f"{parts.path}?{parts.query}"


async def enter(client: Client) -> aiohttp.ClientResponse:
    return await client.get(await way_back(client), allow_redirects=False)


def test_a_person_signs_in_and_may_what_the_rule_says(tmp_path: Path, provider: OidcProvider) -> None:
    async def talk(client: Client) -> None:
        before = await (await client.get("/v1/session")).json()
        assert before == {"token_needed": True, "scopes": [], "sign_in_with": "Example"}
        assert (await client.get("/v1/speakers")).status == 401
        entered = await enter(client)
        assert (entered.status, entered.headers["Location"]) == (303, "/")
        (cookie,) = [one for name, one in entered.cookies.items() if name != "voiceprint_oidc"]
        assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", "/")
        assert int(cookie["max-age"]) == 2 * 3600
        for secret in ("ann", "example", "secret-access"):
            assert secret not in str(entered.cookies)
        assert (await (await client.get("/v1/session")).json())["scopes"] == ["enroll"]
        assert (await client.get("/v1/speakers")).status == 200
        assert (await client.get("/metrics")).status == 403
        async with client.ws_connect("/ws") as socket:
            await socket.send_str(messages.encode(Hello(version=1)))
            assert isinstance(messages.decode_server(await socket.receive_str()), Ready)
        assert (await client.delete("/v1/session")).status == 200
        client.session.cookie_jar.update_cookies({cookie.key: cookie.value}, client.make_url("/"))
        assert (await client.get("/v1/speakers")).status == 401  # a copy of the cookie counts no longer

    with_oidc(tmp_path, provider, talk, name="Example", hours=2)
    asked = provider.asked[0]
    assert (asked["response_type"], asked["code_challenge_method"], asked["scope"]) == ("code", "S256", "openid email")
    assert len({asked[name] for name in ("state", "nonce", "code_challenge")}) == 3


def spoil(**claims: Any) -> Change:
    return lambda provider: provider.spoilt.update(claims)


def sign(**how: Any) -> Change:
    return lambda provider: vars(provider).update(how)


NOW = int(time.time())
CHEATS: dict[str, tuple[Change, int, str]] = {
    "wrong nonce": (spoil(nonce="0" * 64), 403, "belongs to another sign-in"),
    "no nonce": (spoil(nonce=None), 403, "cannot be trusted"),
    "expired": (spoil(exp=NOW - 600), 403, "cannot be trusted"),
    "never expires": (spoil(exp=None), 403, "cannot be trusted"),
    "not yet": (spoil(nbf=NOW + 86_400), 403, "cannot be trusted"),
    "made tomorrow": (spoil(iat=NOW + 86_400), 403, "cannot be trusted"),
    "for another program": (spoil(aud="another"), 403, "cannot be trusted"),
    "for no program": (spoil(aud=None), 403, "cannot be trusted"),
    "for two, and the other asked": (spoil(aud=["voiceprint", "another"], azp="another"), 403, "another program"),
    "another issuer": (spoil(iss="https://id.example"), 403, "cannot be trusted"),
    "nobody": (spoil(sub=None), 403, "cannot be trusted"),
    "unknown key": (sign(kid="two", signing=rsa_key()), 403, "unknown key"),
    "another key under a known name": (sign(signing=rsa_key()), 403, "cannot be trusted"),
    "no signature": (sign(algorithm="none"), 403, "cannot be trusted"),
    "the public key as a shared secret": (sign(algorithm="HS256"), 403, "cannot be trusted"),
    "an address of mail that nobody verified": (spoil(email_verified=False), 403, "not let in here"),
    "a person without a rule": (spoil(email="ben@example.org"), 403, "not let in here"),
    "a group whose name only holds another": (spoil(email=None, groups=["speechless"]), 403, "not let in here"),
}


@pytest.mark.parametrize("what", CHEATS)
def test_whoever_cheats_stays_outside_and_reads_why(tmp_path: Path, public: OidcProvider, what: str) -> None:
    change, status, said = CHEATS[what]
    change(public)

    async def talk(client: Client) -> None:
        answer = await enter(client)
        assert (answer.status, answer.content_type) == (status, "text/html")
        assert said in await answer.text()
        assert [name for name in answer.cookies if name != "voiceprint_oidc"] == []
        assert (await client.get("/v1/speakers")).status == 401

    with_oidc(tmp_path, public, talk)


def test_the_way_back_counts_once_and_only_in_the_browser_that_began(tmp_path: Path, public: OidcProvider) -> None:
    async def talk(client: Client) -> None:
        path = await way_back(client)
        query = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        for wrong in (
            {**query, "state": "0" * 64},
            {**query, "state": ""},
            {**query, "state": "ä"},
            {"code": query["code"]},
        ):
            assert (await client.get("/oidc/back", params=wrong, allow_redirects=False)).status == 403
            await begun(client)  # the cookie of the first one is gone
        assert (await client.get(path, allow_redirects=False)).status == 403
        assert public.token_requests == 0
        refused = await client.get("/oidc/back", params={"state": query["state"], "error": "access_denied"})
        assert refused.status == 403
        path = await way_back(client)
        assert (await client.get(path, allow_redirects=False)).status == 303
        assert (await client.get(path, allow_redirects=False)).status == 403
        assert public.token_requests == 1
        spent = await way_back(client)
        code = spent.replace(parse_qs(urlsplit(spent).query)["code"][0], "0" * 16)
        assert (await client.get(code, allow_redirects=False)).status == 403

    with_oidc(tmp_path, public, talk)


def test_a_sign_in_that_took_too_long_begins_again(
    tmp_path: Path, public: OidcProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def talk(client: Client) -> None:
        path = await way_back(client)
        monkeypatch.setattr("voiceprint.server.oidc_routes._SECONDS", -1)
        assert "took too long" in await (await client.get(path)).text()

    with_oidc(tmp_path, public, talk)


def test_a_new_key_of_the_service_is_learnt(tmp_path: Path, public: OidcProvider) -> None:
    async def talk(client: Client) -> None:
        assert (await enter(client)).status == 303
        public.keys = {"next": rsa_key()}
        public.signing, public.kid = public.keys["next"], "next"
        assert (await enter(client)).status == 303

    with_oidc(tmp_path, public, talk)


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "https://another.example"},
        {"token_endpoint": "http://id.example/token"},
        {"jwks_uri": None},
        {"jwks_uri": "http://127.0.0.1:1/jwks"},
    ],
)
def test_a_service_that_is_not_itself_is_one_sentence(
    tmp_path: Path, public: OidcProvider, wrong: dict[str, Any]
) -> None:
    public.metadata = wrong

    async def talk(client: Client) -> None:
        answer = await begun(client)
        assert answer.status == 503
        assert "The service for signing in" in await answer.text()
        assert (await client.get("/healthz")).status == 200

    with_oidc(tmp_path, public, talk)


def test_a_rule_that_is_gone_signs_out_and_another_person_is_another_caller(
    tmp_path: Path, public: OidcProvider
) -> None:
    def cookie_of(service: VoiceprintService, people: list[dict[str, Any]]) -> tuple[Any, str]:
        access = service.authenticator(load_rules(people))
        return access, access.sign_in_person("ann", load_rules(people)[0], seconds=60)

    def load_rules(people: list[dict[str, Any]]) -> Any:
        settings = load_oidc(write_oidc(tmp_path, public, *people))
        assert settings is not None
        return settings.people

    with toy_service(tmp_path) as service:
        access, cookie = cookie_of(service, [TEAM, ANN])
        caller = access.signed_in(cookie)
        assert (caller.scopes, caller.groups) == ({"operate"}, None)
        access.check(caller)
        again, _ = cookie_of(service, [ANN])
        assert again.signed_in(cookie) is None
        other = access.signed_in(access.sign_in_person("ben", load_rules([ANN, TEAM])[0], seconds=60))
        assert (other.groups, other.token_id == caller.token_id) == (frozenset({"home"}), False)
        assert access.signed_in(cookie[:-1] + ("0" if cookie[-1] != "0" else "1")) is None
        access.sign_out(cookie)
        assert access.signed_in(cookie) is None
        with pytest.raises(Exception, match="signed out"):
            access.check(caller)


def test_tokens_work_beside_it(tmp_path: Path, public: OidcProvider) -> None:
    with toy_service(tmp_path, oidc=write_oidc(tmp_path, public, TEAM)) as service:
        token, _ = add_token(service.store, "door", ["identify"])

        async def talk(client: Client) -> None:
            assert (await client.post("/v1/session", json={"token": token})).status == 200
            assert (await (await client.get("/v1/session")).json())["scopes"] == ["identify"]

        with_server(service, talk)


def test_without_it_there_is_no_such_route(service: VoiceprintService) -> None:
    async def talk(client: Client) -> None:
        assert "sign_in_with" not in await (await client.get("/v1/session")).json()
        assert [(await client.get(path)).status for path in ("/oidc/start", "/oidc/back")] == [404, 404]

    with_server(service, talk)


def test_behind_a_proxy_the_way_back_is_the_proxys(tmp_path: Path, public: OidcProvider) -> None:
    async def talk(client: Client) -> None:
        told = {"Host": "voice.example", "X-Forwarded-Proto": "https"}
        begun = await client.get("/oidc/start", headers=told, allow_redirects=False)
        query = parse_qs(urlsplit(begun.headers["Location"]).query)
        assert query["redirect_uri"] == ["https://voice.example/oidc/back"]
        assert begun.cookies["voiceprint_oidc"]["secure"] is True

    oidc = write_oidc(tmp_path, public, TEAM)
    with toy_service(tmp_path, oidc=oidc, behind_proxy=True) as service:
        with_server(service, talk)


GOOD: dict[str, Any] = {"issuer": "https://id.example", "client_id": "x", "people": [TEAM]}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"issuer": "http://id.example"}, "https://"),
        ({"issuer": "id.example"}, "https://"),
        ({"people": []}, "must have a rule"),
        ({"people": [{**TEAM, "scope": "admin"}]}, "cannot be used"),
        ({"people": [{**TEAM, "groups": ["No Group"]}]}, "group's name"),
        ({"scopes": ["email"]}, "openid"),
        ({"hours": 48}, "between 0 and 24"),
        ({"secret": "in the file"}, "a file of its own"),
        ({"client_secret_file": "/nowhere/secret"}, "cannot be read"),
        ({"colour": "blue"}, "colour"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    file = tmp_path / "oidc.json"
    file.write_bytes(msgspec.json.encode({**GOOD, **change}))
    with pytest.raises(ConfigError, match=said) as caught:
        load_oidc(file)
    assert (caught.value.message.count("\n"), caught.value.message[-1]) == (0, ".")
    file.write_bytes(msgspec.json.encode(GOOD))
    assert load_oidc(file) is not None
    with pytest.raises(ConfigError, match="cannot be read"):
        load_oidc(tmp_path / "nowhere")
