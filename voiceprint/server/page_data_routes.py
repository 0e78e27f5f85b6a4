"""REST for the data of the page."""

from aiohttp import web

from voiceprint.server.answering import answer_within_groups
from voiceprint.server.context import CONTEXT

__all__ = ["routes"]

routes = web.RouteTableDef()


@routes.get("/v1/map")
async def show_map(request: web.Request) -> web.Response:
    """The enrolled voices as places on a plane."""
    return await answer_within_groups(request, request.app[CONTEXT].desk.voice_map)


@routes.get("/v1/health")
async def show_health(request: web.Request) -> web.Response:
    """The encoder, its evidence, the size of the gallery, and the decisions since the start."""
    return await answer_within_groups(request, request.app[CONTEXT].desk.health)
