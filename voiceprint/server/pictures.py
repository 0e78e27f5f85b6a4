"""REST for what the page draws."""

import msgspec
from aiohttp import web

from voiceprint.pictures import voice_map
from voiceprint.server.context import CONTEXT

__all__ = ["routes"]

routes = web.RouteTableDef()


def _json(picture: msgspec.Struct) -> web.Response:
    return web.Response(body=msgspec.json.encode(picture), content_type="application/json")


@routes.get("/v1/map")
async def show_map(request: web.Request) -> web.Response:
    """Who sounds like whom, as places on a plane."""
    context = request.app[CONTEXT]
    return _json(await context.work(voice_map, context.service))
