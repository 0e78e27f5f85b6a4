"""A small OpenID provider that signs real tokens, on a port of this machine."""

import base64
import hashlib
import json
import secrets
import threading
import time
from asyncio import new_event_loop, run_coroutine_threadsafe
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode

import jwt
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

__all__ = ["CLIENT", "OidcProvider", "providing", "write_oidc"]

CLIENT = "voiceprint"


def rsa_key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


class OidcProvider:
    """Lets everybody in at once, as ``person``. ``spoilt``: claims that it says wrongly; None takes one out."""

    def __init__(self, *, secret: str | None = None) -> None:
        self.person: dict[str, Any] = {"sub": "ann", "email": "ann@example.org", "email_verified": True}
        self.spoilt: dict[str, Any] = {}
        self.secret = secret
        self.keys = {"one": rsa_key()}
        self.signing, self.algorithm, self.kid = self.keys["one"], "RS256", "one"
        self.metadata: dict[str, Any] = {}
        self.issuer = ""
        self.asked: list[dict[str, str]] = []
        self.token_requests = 0
        self._codes: dict[str, dict[str, str]] = {}

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self._discovery)
        app.router.add_get("/jwks", self._jwks)
        app.router.add_get("/authorize", self._authorize)
        app.router.add_post("/token", self._token)
        return app

    async def _discovery(self, _request: web.Request) -> web.Response:
        said = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
        }
        return web.json_response({**said, **self.metadata})

    async def _jwks(self, _request: web.Request) -> web.Response:
        keys = []
        for name, key in self.keys.items():
            keys.append({**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())), "kid": name, "use": "sig"})
        return web.json_response({"keys": keys})

    async def _authorize(self, request: web.Request) -> web.Response:
        asked = dict(request.query)
        self.asked.append(asked)
        code = secrets.token_hex(8)
        self._codes[code] = asked
        back = {"code": code, "state": asked["state"]}
        return web.Response(status=302, headers={"Location": f"{asked['redirect_uri']}?{urlencode(back)}"})

    async def _token(self, request: web.Request) -> web.Response:
        self.token_requests += 1
        form = {name: str(value) for name, value in (await request.post()).items()}
        asked = self._codes.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=")
        sound = (
            asked is not None
            and asked["code_challenge"] == challenge.decode()
            and asked["redirect_uri"] == form["redirect_uri"]
            and self._is_client(request, form)
        )
        if not sound or asked is None:
            return web.json_response({"error": "invalid_grant"}, status=400)
        return web.json_response(
            {"access_token": "secret-access", "token_type": "Bearer", "id_token": self.id_token(asked["nonce"])}
        )

    def _is_client(self, request: web.Request, form: dict[str, str]) -> bool:
        if self.secret is None:
            return form.get("client_id") == CLIENT
        given = request.headers.get("Authorization", "").removeprefix("Basic ")
        return [unquote(part) for part in base64.b64decode(given).decode().split(":")] == [CLIENT, self.secret]

    def id_token(self, nonce: str) -> str:
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "exp": now + 300, "iat": now, "nonce": nonce, **self.person}
        claims = {name: value for name, value in {**claims, **self.spoilt}.items() if value is not None}
        signing: Any = None if self.algorithm == "none" else self.signing
        if self.algorithm.startswith("HS"):
            signing = self.keys["one"].public_key().public_numbers().n.to_bytes(256, "big")
        return jwt.encode(claims, signing, algorithm=self.algorithm, headers={"kid": self.kid})


@contextmanager
def providing(provider: OidcProvider) -> Iterator[OidcProvider]:
    """The provider, on a thread of its own."""
    loop = new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = TestServer(provider.app(), loop=loop)
    run_coroutine_threadsafe(server.start_server(), loop).result()
    provider.issuer = str(server.make_url("")).rstrip("/")
    try:
        yield provider
    finally:
        run_coroutine_threadsafe(server.close(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def write_oidc(folder: Path, provider: OidcProvider, *people: dict[str, Any], **more: object) -> Path:
    """The file that ``--oidc`` names."""
    folder.mkdir(parents=True, exist_ok=True)
    if provider.secret is not None:
        (folder / "secret").write_text(f"{provider.secret}\n")
        more["client_secret_file"] = str(folder / "secret")
    file = folder / "oidc.json"
    file.write_text(json.dumps({"issuer": provider.issuer, "client_id": CLIENT, "people": people, **more}))
    return file
