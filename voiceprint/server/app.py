"""The application: its routes, middlewares and background tasks."""

from collections.abc import AsyncIterator, Collection

from aiohttp import web

from voiceprint.config import Settings
from voiceprint.errors import ConfigError
from voiceprint.server import (
    auth_middleware,
    docs_routes,
    live,
    page,
    page_data_routes,
    recording_routes,
    rest,
    timeline_routes,
)
from voiceprint.server.background import in_background, repeated
from voiceprint.server.context import CONTEXT, Context
from voiceprint.server.middleware import (
    LOOPBACK_NAMES,
    add_security_headers,
    answer_errors,
    check_host_and_origin,
    hold_upload_slot,
)
from voiceprint.server.oidc_settings import OidcSettings
from voiceprint.server.presence_task import CONFIRM_EVERY_SECONDS, confirm_once, leave
from voiceprint.server.request_log import log_requests
from voiceprint.server.retention_task import SWEEP_EVERY_SECONDS, sweep_once
from voiceprint.service.service import VoiceprintService

__all__ = ["create_app"]


# The outermost first.
_MIDDLEWARES = (log_requests, hold_upload_slot, answer_errors, check_host_and_origin, auth_middleware.admit_callers)


def create_app(
    service: VoiceprintService, settings: Settings, *, names: Collection[str] = LOOPBACK_NAMES
) -> web.Application:
    """An application over an open service, which the caller closes after it.

    ``names``: the host names that it answers to, unless behind a proxy.
    """
    app = web.Application(middlewares=_MIDDLEWARES)
    app[CONTEXT] = Context(service, settings, names={*names, settings.host})
    app.on_response_prepare.append(add_security_headers)
    for part in (rest, auth_middleware, page_data_routes, recording_routes, timeline_routes, docs_routes):
        app.add_routes(part.routes)
    app.add_routes(page.routes())
    if (oidc := app[CONTEXT].oidc) is not None:
        app.add_routes(_oidc_routes(oidc))
    app.router.add_get("/ws", live.websocket)
    app.cleanup_ctx.append(repeated(sweep_once, seconds=SWEEP_EVERY_SECONDS))
    app.cleanup_ctx.append(repeated(confirm_once, seconds=CONFIRM_EVERY_SECONDS))
    app.cleanup_ctx.append(_send_hits)
    app.on_shutdown.append(live.close_streams)
    app.on_shutdown.append(_stop_recordings)
    app.on_cleanup.append(leave)
    app.on_cleanup.append(_close)
    return app


def _oidc_routes(settings: OidcSettings) -> list[web.RouteDef]:
    """Raises ConfigError (``not_installed``)."""
    try:
        from voiceprint.server.oidc_routes import oidc_routes
    except ModuleNotFoundError as error:
        raise ConfigError("not_installed", "Signing in with OIDC needs 'pip install voiceprint[oidc]'.") from error
    return oidc_routes(settings)


async def _close(app: web.Application) -> None:
    app[CONTEXT].close()


async def _stop_recordings(app: web.Application) -> None:
    await app[CONTEXT].runner.close()


async def _send_hits(app: web.Application) -> AsyncIterator[None]:
    webhook = app[CONTEXT].webhook
    async with in_background(webhook.send_all()):
        yield
        await webhook.drain()
