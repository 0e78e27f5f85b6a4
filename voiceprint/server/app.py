"""The application: routes, guards, and the context that they share."""

from aiohttp import web

from voiceprint.config import Settings
from voiceprint.server import live, page, rest
from voiceprint.server.context import CONTEXT, Context
from voiceprint.server.guards import add_security_headers, answer_errors, check_host_and_origin
from voiceprint.service import VoiceprintService

__all__ = ["create_app"]


def create_app(service: VoiceprintService, settings: Settings) -> web.Application:
    """An application over an open service. The caller closes the service after the application."""
    app = web.Application(middlewares=[answer_errors, check_host_and_origin])
    app[CONTEXT] = context = Context(service, settings)
    app.on_response_prepare.append(add_security_headers)
    app.add_routes([*rest.routes, web.get("/ws", live.websocket), *page.routes()])

    async def close(_app: web.Application) -> None:
        context.close()

    app.on_shutdown.append(live.close_streams)
    app.on_cleanup.append(close)
    return app
