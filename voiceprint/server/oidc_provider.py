"""The service that signs people in: what it says of itself, and the claims of a person it vouches for.

OpenID Connect Core 1.0, authorization code flow with PKCE (RFC 7636); the checks of section 3.1.3.7. Nothing but the
claims of the ID token is looked at; the access token is thrown away.
"""

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import jwt
import msgspec
from aiohttp import ClientError, ClientSession, ClientTimeout, encode_basic_auth

from voiceprint.errors import AccessError
from voiceprint.server.oidc_settings import OidcSettings, is_secured

__all__ = ["Provider"]

# Never ``none``, and never a shared secret: a public key could be taken for one.
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_REQUIRED = ("iss", "sub", "aud", "exp", "iat", "nonce")
_CLOCK_SECONDS = 60
_KEPT_SECONDS = 600
_SECONDS = 10
_MOST_BYTES = 256 * 1024

Answer = TypeVar("Answer")


class _Metadata(msgspec.Struct, frozen=True):
    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


class _Tokens(msgspec.Struct, frozen=True):
    id_token: str


class Provider:
    """One a server. Every method raises AccessError: ``sign_in_away`` where the service fails, ``sign_in_refused``."""

    def __init__(self, settings: OidcSettings) -> None:
        self._settings = settings
        self._metadata: _Metadata | None = None
        self._keys: dict[str, Any] = {}
        self._asked_at = float("-inf")

    async def address(self, *, redirect: str, state: str, nonce: str, verifier: str) -> str:
        """Where a browser goes to sign in."""
        metadata = await self._found()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": redirect,
            "scope": " ".join(self._settings.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        joint = "&" if "?" in metadata.authorization_endpoint else "?"
        return metadata.authorization_endpoint + joint + urlencode(query)

    async def claims(self, code: str, *, redirect: str, nonce: str, verifier: str) -> dict[str, Any]:
        """What the service says of the person whose browser brought the code."""
        metadata, settings = await self._found(), self._settings
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect, "code_verifier": verifier}
        headers = {}
        if settings.secret is None:
            form["client_id"] = settings.client_id
        else:  # as RFC 6749 says, 2.3.1
            headers["Authorization"] = encode_basic_auth(quote(settings.client_id, ""), quote(settings.secret, ""))
        tokens = await _ask("POST", metadata.token_endpoint, _Tokens, data=form, headers=headers)
        return await self._verified(tokens.id_token, nonce)

    # Inside

    async def _verified(self, token: str, nonce: str) -> dict[str, Any]:
        try:
            key = await self._key_of(jwt.get_unverified_header(token))
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=_ALGORITHMS,
                audience=self._settings.client_id,
                issuer=self._settings.issuer,
                leeway=_CLOCK_SECONDS,
                options={"require": list(_REQUIRED), "enforce_minimum_key_length": True},
            )
        except jwt.PyJWTError as error:
            raise _refused("what it says of you cannot be trusted") from error
        if claims.get("azp", self._settings.client_id) != self._settings.client_id:
            raise _refused("it was meant for another program")
        if not hmac.compare_digest(str(claims["nonce"]).encode(), nonce.encode()):
            raise _refused("it belongs to another sign-in")
        return claims

    async def _key_of(self, header: Mapping[str, Any]) -> Any:  # noqa: ANN401 - as the library says
        """The public key that a token names; the service is asked for its keys again where it is a new one."""
        name = str(header.get("kid", ""))
        if name not in self._keys:
            self._asked_at = float("-inf")
            await self._found()
        if name not in self._keys:
            raise _refused("it is signed with an unknown key")
        return self._keys[name]

    async def _found(self) -> _Metadata:
        if self._metadata is None or time.monotonic() - self._asked_at > _KEPT_SECONDS:
            issuer = self._settings.issuer
            found = await _ask("GET", issuer.rstrip("/") + "/.well-known/openid-configuration", _Metadata)
            addresses = (found.authorization_endpoint, found.token_endpoint, found.jwks_uri)
            if found.issuer != issuer or not all(map(is_secured, addresses)):
                raise AccessError("sign_in_away", "The service for signing in is not the one that was set up.")
            keys = await _ask("GET", found.jwks_uri, dict[str, Any])
            try:
                usable = jwt.PyJWKSet.from_dict(keys).keys
            except (jwt.PyJWTError, AttributeError, TypeError) as error:
                raise AccessError("sign_in_away", "The service for signing in has no key that can be used.") from error
            self._keys = {str(key.key_id or ""): key for key in usable if key.public_key_use in (None, "sig")}
            self._metadata, self._asked_at = found, time.monotonic()
        return self._metadata


async def _ask(method: str, url: str, kind: type[Answer], **more: Any) -> Answer:  # noqa: ANN401 - as aiohttp's
    """The JSON of an answer. Nothing of a request or an answer is in a message: there may be secrets in both."""
    try:
        async with (
            ClientSession(timeout=ClientTimeout(total=_SECONDS)) as client,
            client.request(method, url, allow_redirects=False, **more) as answer,
        ):
            body = b""
            async for piece in answer.content.iter_chunked(64 * 1024):
                body += piece
                if len(body) > _MOST_BYTES:
                    break
            status = answer.status
    except (ClientError, TimeoutError, OSError, ValueError) as error:
        raise AccessError("sign_in_away", "The service for signing in does not answer; try again later.") from error
    if method == "POST" and status in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED):
        raise _refused("it does not know this sign-in, or this server")
    try:
        # What is cut or no answer at all is no JSON of this kind.
        return msgspec.json.decode(body if status == HTTPStatus.OK else b"", type=kind)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise AccessError("sign_in_away", "The service for signing in answered something else; try again.") from error


def _refused(why: str) -> AccessError:
    return AccessError("sign_in_refused", f"The service for signing in did not vouch for you: {why}.")
