"""Authentication and authorization of requests: the token, and the scope of the route."""

import asyncio
from collections.abc import Mapping

import msgspec
from aiohttp import web

from voiceprint.domain.caller import ANONYMOUS, Caller, Scope
from voiceprint.errors import AccessError, InputError, StoreError
from voiceprint.server.context import CONTEXT, HOLDER
from voiceprint.server.limits import slot_of
from voiceprint.server.middleware import SIGN_IN, Handler, is_embedded, scheme_of
from voiceprint.server.operations import SignIn
from voiceprint.server.uploads import read_body
from voiceprint.service.authenticator import SIGN_IN_SECONDS, Authenticator

__all__ = ["admit_callers", "admitted", "caller_of", "caller_of_page", "groups_of", "routes", "scope_of"]

routes = web.RouteTableDef()

_CALLER: web.RequestKey[Caller] = web.RequestKey("caller", Caller)
# Every other route below a guarded path needs the scope operate; the rest is open.
_SCOPES: Mapping[tuple[str, str], Scope] = {
    ("POST", "/v1/identify"): "identify",
    ("POST", "/v1/verify"): "identify",
    ("POST", "/v1/timeline"): "identify",
    ("POST", "/v1/audio/diarization"): "identify",
    ("POST", "/v1/recordings/{id}/transcript"): "identify",
    ("GET", "/v1/recordings"): "identify",
    ("POST", "/v1/recordings"): "identify",
    ("GET", "/v1/recordings/{id}"): "identify",
    ("PUT", "/v1/recordings/{id}/audio"): "identify",
    ("DELETE", "/v1/recordings/{id}"): "identify",
    ("GET", "/v1/recordings/{id}/timeline"): "identify",
    ("POST", "/v1/recordings/{id}/voices/{voice}"): "identify",
    ("POST", "/v1/recordings/{id}/turns/{turn}"): "identify",
    ("POST", "/v1/recordings/{id}/undo"): "identify",
    ("GET", "/v1/speakers"): "enroll",
    ("POST", "/v1/speakers"): "enroll",
    ("GET", "/v1/speakers/{id}"): "enroll",
    ("POST", "/v1/speakers/{id}/enrollments"): "enroll",
    ("GET", "/v1/speakers/{id}/enrollments"): "enroll",
}
# Where the groups of a token are kept to; a token confined to groups opens nothing else.
_GROUPED = frozenset(_SCOPES) | {
    ("PATCH", "/v1/speakers/{id}"),
    ("DELETE", "/v1/speakers/{id}"),
    ("GET", "/v1/speakers/{id}/export"),
    ("DELETE", "/v1/speakers/{id}/lock"),
    ("DELETE", "/v1/speakers/{id}/enrollments/{enrollment}"),
    ("POST", "/v1/speakers/{id}/enrollments/{enrollment}/confirm"),
    ("POST", "/v1/speakers/{id}/merge"),
    ("GET", "/v1/undo"),
    ("POST", "/v1/undo"),
}
_GUARDED = ("/v1/", "/metrics")
_IN_URL = frozenset({"token", "access_token"})


@web.middleware
async def admit_callers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Find the caller of the request; refuse one without the scope of the route."""
    if not _IN_URL.isdisjoint(request.query):
        raise InputError("token_in_url", "A token in an address ends up in logs: send it as 'Authorization: Bearer'.")
    access = request.app[CONTEXT].authenticator
    route = _guarded(request)
    if access.is_stale:
        try:
            await asyncio.to_thread(access.refresh)
        except StoreError:
            if route is not None:  # open routes answer all the same: also that the server is alive
                raise
    request[_CALLER] = caller = _caller_if_any(request)
    slot_of(request).holder = caller.token_id
    HOLDER.set(caller.token_id)
    if caller.scopes and request.transport is not None:
        request.app[CONTEXT].busy.add(request.transport)
    elif request.path != "/ws":
        await request.app[CONTEXT].pace.wait(request.remote or "")
    if route is not None:
        caller = caller if caller.scopes else _caller(request)
        caller.require(_SCOPES.get(route, "operate"))
        _confine(caller, route)
    return await handler(request)


def caller_of(request: web.Request) -> Caller:
    """The caller; ``ANONYMOUS`` on an open route without a valid token."""
    return request[_CALLER]


def groups_of(request: web.Request) -> list[str]:
    """The groups in the query: every ``group``."""
    return request.query.getall("group", [])


def caller_of_page(request: web.Request) -> Caller | None:
    """The caller signed in on the page that sends the request, or None; never for a page elsewhere."""
    if is_embedded(request):
        return None
    access = request.app[CONTEXT].authenticator
    return access.signed_in(request.cookies.get(access.cookie))


def admitted(request: web.Request, token: str | None) -> Caller:
    """The caller of a token; a page elsewhere needs one also where this server asks for none. Raises AccessError."""
    access = request.app[CONTEXT].authenticator
    if is_embedded(request) and (token is None or not access.required):
        raise AccessError("token_needed", "A page elsewhere must send a token of this server.")
    return access.admit(token)


@routes.get(SIGN_IN)
async def who_am_i(request: web.Request) -> web.Response:
    """Whether a token is required, and the scopes of the caller."""
    caller = caller_of(request)
    said = _session(request.app[CONTEXT].authenticator, caller)
    if (oidc := request.app[CONTEXT].oidc) is not None:
        said["sign_in_with"] = oidc.title
    return web.json_response(said)


@routes.post(SIGN_IN)
async def sign_in(request: web.Request) -> web.Response:
    """Exchange a token for a cookie that scripts cannot read and other sites cannot send."""
    access = request.app[CONTEXT].authenticator
    try:
        given = msgspec.json.decode(await read_body(request), type=SignIn)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise InputError("bad_json", 'Send the token as {"token": "..."}.') from error
    cookie, caller = access.sign_in(given.token.strip()) if access.required else ("", access.admit(None))
    response = web.json_response(_session(access, caller))
    if cookie:
        secure = scheme_of(request) == "https"
        response.set_cookie(
            access.cookie, cookie, max_age=SIGN_IN_SECONDS, httponly=True, samesite="Strict", secure=secure
        )
    return response


@routes.delete(SIGN_IN)
async def sign_out(request: web.Request) -> web.Response:
    """Delete the cookie; no copy of it counts any longer. Revoking the token signs out every page that used it."""
    access = request.app[CONTEXT].authenticator
    await asyncio.to_thread(access.sign_out, request.cookies.get(access.cookie))
    response = web.json_response(_session(access, access.admit(None) if not access.required else ANONYMOUS))
    response.del_cookie(access.cookie, httponly=True, samesite="Strict")
    return response


def _session(access: Authenticator, caller: Caller) -> dict[str, object]:
    return {"token_needed": access.required, "scopes": sorted(caller.scopes)}


def scope_of(method: str, path: str) -> Scope | None:
    """The scope of a route (``path``: its pattern); None for an open one."""
    return _SCOPES.get((method, path), "operate") if _is_guarded(path) else None


def _is_guarded(path: str) -> bool:
    return path != SIGN_IN and path.startswith(_GUARDED)


def _guarded(request: web.Request) -> tuple[str, str] | None:
    """Method and pattern of a route with a scope; None for an open one."""
    if not _is_guarded(request.path):
        return None
    resource = request.match_info.route.resource
    return "GET" if request.method == "HEAD" else request.method, resource.canonical if resource is not None else ""


def _confine(caller: Caller, route: tuple[str, str]) -> None:
    """Refuse a caller confined to groups on a route without them. Raises AccessError."""
    if caller.groups is not None and route not in _GROUPED:
        raise AccessError("wrong_group", "A token that is confined to groups cannot ask for this.")


def _caller(request: web.Request) -> Caller:
    """Raises AccessError."""
    given = request.headers.get("Authorization")
    if given is not None:
        kind, _, token = given.partition(" ")
        if kind.lower() != "bearer":
            raise AccessError("token_needed", "Send the token as 'Authorization: Bearer TOKEN'.")
        return admitted(request, token.strip())
    return caller_of_page(request) or admitted(request, None)


def _caller_if_any(request: web.Request) -> Caller:
    try:
        return _caller(request)
    except AccessError:
        return ANONYMOUS
