"""Middlewares of every handler: host and origin, errors, upload slots, security headers."""

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus
from math import ceil
from urllib.parse import urlsplit

import msgspec
from aiohttp import web

from voiceprint.errors import LimitError, VoiceprintError
from voiceprint.server.context import CONTEXT
from voiceprint.server.limits import give
from voiceprint.server.status import status_of

__all__ = [
    "LOOPBACK_NAMES",
    "SIGN_IN",
    "Handler",
    "add_security_headers",
    "answer_errors",
    "check_host_and_origin",
    "error_response",
    "hold_upload_slot",
    "is_embedded",
    "scheme_of",
]

log = logging.getLogger(__name__)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
SIGN_IN = "/v1/session"
_EMBEDDED: web.RequestKey[bool] = web.RequestKey("embedded", bool)
HSTS_SECONDS = 365 * 86_400
_HEADERS = {
    # A recording that was chosen is played from the browser's own memory: blob.
    "Content-Security-Policy": "default-src 'self'; media-src 'self' blob:; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

# Cookies are not among what they may send: a page elsewhere comes with a token or not at all.
_EMBEDDED_HEADERS = {
    "Access-Control-Expose-Headers": "Retry-After",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
_PREFLIGHT = partial(
    web.Response,
    status=HTTPStatus.NO_CONTENT,
    headers={
        "Access-Control-Allow-Headers": "Authorization, Content-Type",
        "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE",
        "Access-Control-Max-Age": "600",
    },
)


def error_response(status: int, code: str, message: str) -> web.Response:
    """The body of every refusal: a stable code and one sentence."""
    body = msgspec.json.encode({"error": {"code": code, "message": message}})
    return web.Response(status=status, body=body, content_type="application/json")


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The response, or the status and sentence of an error; never a traceback."""
    try:
        return await handler(request)
    except VoiceprintError as error:
        request.app[CONTEXT].metrics.refused(error.code)
        if error.told != error.message:
            log.error("%s", error.message)  # noqa: TRY400 - the sentence says it all
        response = error_response(status_of(error), error.code, error.told)
        if isinstance(error, LimitError) and error.retry_seconds is not None:
            response.headers["Retry-After"] = str(ceil(error.retry_seconds))
        return response
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST:
            raise
        reason = HTTPStatus(error.status)
        response = error_response(
            error.status, reason.name.lower(), f"{reason.phrase}: {request.method} is not possible here."
        )
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
        return response
    except (ConnectionError, web.RequestPayloadError):
        log.info("A request was cut before its end")
        return error_response(HTTPStatus.BAD_REQUEST, "cut", "The request ended before it was whole.")
    except Exception:
        log.exception("A request failed in an unforeseen way")
        return error_response(500, "internal_error", "The server made a mistake; it is in its log.")


@web.middleware
async def check_host_and_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse other sites' pages (CSRF, also sockets) and foreign host names (DNS rebinding)."""
    context = request.app[CONTEXT]
    if not context.settings.behind_proxy and _hostname(request.host) not in context.names:
        return error_response(
            HTTPStatus.MISDIRECTED_REQUEST, "foreign_host", "This server does not answer to that host name."
        )
    origin = request.headers.get("Origin")
    if origin in context.settings.embedding and request.path != SIGN_IN:
        request[_EMBEDDED] = True
        # Before a browser sends a token or a recording it asks whether it may.
        return _PREFLIGHT() if request.method == "OPTIONS" else await handler(request)
    # A browser also says so where it sends no Origin: an image or a script that another page wants from here.
    elsewhere = request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site")
    linked = request.headers.get("Sec-Fetch-Mode") == "navigate" and not request.path.startswith("/v1/")
    if (origin is not None and not _is_own(origin, request)) or (elsewhere and not linked):
        return error_response(HTTPStatus.FORBIDDEN, "foreign_origin", "Only this server's own page may ask.")
    return await handler(request)


def is_embedded(request: web.Request) -> bool:
    """Whether a page elsewhere asks, from an origin of the setting ``embed_origins``."""
    return _EMBEDDED in request


@web.middleware
async def hold_upload_slot(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Hold the upload slot of the request until it is answered."""
    context = request.app[CONTEXT]
    if request.transport is not None:
        context.spoken.add(request.transport)
    try:
        with context.uploads.slot() as slot:
            give(request, slot)
            return await handler(request)
    finally:
        if request.transport is not None:
            context.busy.discard(request.transport)


def scheme_of(request: web.Request) -> str | None:
    """``http`` or ``https``, as the browser sees it; None behind a proxy that does not say it."""
    told = request.headers.get("X-Forwarded-Proto") if request.app[CONTEXT].settings.behind_proxy else request.scheme
    return told if told in ("http", "https") else None


def _is_own(origin: str, request: web.Request) -> bool:
    parts, scheme = urlsplit(origin), scheme_of(request)
    return parts.netloc == request.host and scheme in (None, parts.scheme)


async def add_security_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_HEADERS)
    if request.app[CONTEXT].settings.embedding:
        response.headers["Vary"] = "Origin"
    if is_embedded(request):
        response.headers.update(_EMBEDDED_HEADERS, **{"Access-Control-Allow-Origin": request.headers["Origin"]})
    # Not for a certificate of our own: a browser would then never let anybody accept it again.
    if request.app[CONTEXT].settings.tls_cert is not None and request.secure:
        response.headers["Strict-Transport-Security"] = f"max-age={HSTS_SECONDS}"
    response.headers.setdefault("Cache-Control", "no-store")


def _hostname(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
