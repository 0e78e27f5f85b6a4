"""The application: routes, guards, and the context that they share."""

from collections.abc import Collection

from aiohttp import web

from voiceprint.config import Settings
from voiceprint.server import admission, describing, live, page, pictures, rest
from voiceprint.server.context import CONTEXT, Context
from voiceprint.server.guards import (
    LOOPBACK_NAMES,
    add_security_headers,
    answer_errors,
    check_host_and_origin,
    give_place,
)
from voiceprint.server.hits import send_hits
from voiceprint.server.journal import keep_journal
from voiceprint.server.parting import keep_parts
from voiceprint.server.sweeping import sweep_daily
from voiceprint.service import VoiceprintService

__all__ = ["create_app"]


def create_app(
    service: VoiceprintService, settings: Settings, *, names: Collection[str] = LOOPBACK_NAMES
) -> web.Application:
    """An application over an open service; ``names``: the host names that it answers to, unless behind a proxy.

    The caller closes the service after the application.
    """
    app = web.Application(
        middlewares=[keep_journal, give_place, answer_errors, check_host_and_origin, admission.admit_callers]
    )
    app[CONTEXT] = context = Context(service, settings, names={*names, settings.host})
    app.on_response_prepare.append(add_security_headers)
    app.add_routes(
        [
            *rest.routes,
            *admission.routes,
            *pictures.routes,
            *describing.routes,
            web.get("/ws", live.websocket),
            *page.routes(),
        ]
    )

    async def close(_app: web.Application) -> None:
        context.close()

    app.cleanup_ctx.append(sweep_daily)
    app.cleanup_ctx.append(keep_parts)
    app.cleanup_ctx.append(send_hits)
    app.on_shutdown.append(live.close_streams)
    app.on_cleanup.append(close)
    return app
