"""Signing in with another service: to it, and back from it with a code, which becomes the page's own cookie.

They lie outside of ``/v1/``: the way back comes from another site, as a link does. What belongs to one sign-in (state,
nonce, PKCE verifier) is derived from a random number in a cookie of ten minutes, so that any server over the store can
take the way back.
"""

import asyncio
import hmac
import logging
import secrets
import time
from html import escape
from http import HTTPStatus
from urllib.parse import urlsplit

from aiohttp import web

from voiceprint.errors import AccessError, VoiceprintError
from voiceprint.server.context import CONTEXT
from voiceprint.server.middleware import scheme_of
from voiceprint.server.oidc_provider import Provider
from voiceprint.server.oidc_settings import OidcSettings
from voiceprint.server.status import status_of
from voiceprint.service.authenticator import Authenticator
from voiceprint.service.sign_in_rules import rule_for

__all__ = ["BACK", "START", "oidc_routes"]

log = logging.getLogger(__name__)
START, BACK = "/oidc/start", "/oidc/back"
_COOKIE = "voiceprint_oidc"
_SECONDS = 600
_AT_ONCE = 8

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>voiceprint: not signed in</title>
<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/docs.css"></head>
<body><main><h1>Not signed in</h1><p>{why}</p><p><a href="/">Back to voiceprint</a></p></main></body></html>
"""


def oidc_routes(settings: OidcSettings) -> list[web.RouteDef]:
    """The two routes, over one provider."""
    entrance = _Entrance(settings)
    return [web.get(START, entrance.start), web.get(BACK, entrance.back)]


class _Entrance:
    def __init__(self, settings: OidcSettings) -> None:
        self._settings = settings
        self._provider = Provider(settings)
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def start(self, request: web.Request) -> web.StreamResponse:
        """To the other service."""
        number = f"{int(time.time())}.{secrets.token_hex(32)}"
        flow = _Flow(request.app[CONTEXT].authenticator, number)
        try:
            async with self._places:
                address = await self._provider.address(
                    redirect=_redirect(request), state=flow.state, nonce=flow.nonce, verifier=flow.verifier
                )
        except VoiceprintError as error:
            return _refusal(request, error)
        response = web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": address})
        # Lax: the way back is a link of another site.
        response.set_cookie(
            _COOKIE,
            number,
            path=BACK,
            max_age=_SECONDS,
            httponly=True,
            samesite="Lax",
            secure=scheme_of(request) != "http",
        )
        return response

    async def back(self, request: web.Request) -> web.StreamResponse:
        """From the other service: signed in, or a page that says why not."""
        access = request.app[CONTEXT].authenticator
        try:
            cookie, seconds = await self._signed_in(request, access)
        except VoiceprintError as error:
            response: web.Response = _refusal(request, error)
        else:
            response = web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": "/"})
            secure = scheme_of(request) != "http"
            response.set_cookie(access.cookie, cookie, max_age=seconds, httponly=True, samesite="Strict", secure=secure)
        response.del_cookie(_COOKIE, path=BACK, httponly=True, samesite="Lax")
        return response

    async def _signed_in(self, request: web.Request, access: Authenticator) -> tuple[str, int]:
        """The page's cookie, and the seconds that it counts. Raises AccessError."""
        flow = _Flow(access, request.cookies.get(_COOKIE, ""))
        flow.check(request.query.get("state", ""))
        if not (code := request.query.get("code", "")):
            raise AccessError("sign_in_refused", "The service for signing in did not let you in.")
        async with self._places:
            claims = await self._provider.claims(
                code, redirect=_redirect(request), nonce=flow.nonce, verifier=flow.verifier
            )
        rule = rule_for(self._settings.people, claims)
        if rule is None:
            raise AccessError("wrong_scope", "You are signed in there, but not let in here: ask an operator.")
        seconds = int(self._settings.hours * 3600)
        return access.sign_in_person(f"{claims['iss']} {claims['sub']}", rule, seconds=seconds), seconds


class _Flow:
    """What belongs to one sign-in."""

    def __init__(self, access: Authenticator, number: str) -> None:
        """``number``: when it began, and a random number."""
        self._number = number
        self.state, self.nonce, self.verifier = (
            access.derived(f"oidc {what} {number}") for what in ("state", "nonce", "verifier")
        )

    def check(self, state: str) -> None:
        """Refuse a way back that no browser of this sign-in takes. Raises AccessError."""
        began = self._number.partition(".")[0]
        fresh = began.isdecimal() and len(began) < 12 and 0 <= time.time() - int(began) <= _SECONDS
        if not fresh or not hmac.compare_digest(state.encode(errors="replace"), self.state.encode()):
            raise AccessError("sign_in_refused", "This sign-in was not begun here, or took too long: begin again.")


def _redirect(request: web.Request) -> str:
    """The address of the way back, which the other service must know."""
    return f"{scheme_of(request) or 'https'}://{urlsplit(f'//{request.host}').netloc}{BACK}"


def _refusal(request: web.Request, error: VoiceprintError) -> web.Response:
    request.app[CONTEXT].metrics.refused(error.code)
    if error.code == "sign_in_away":
        log.warning("%s", error.message)
    return web.Response(status=status_of(error), text=_PAGE.format(why=escape(error.told)), content_type="text/html")
