"""REST for what the page draws."""

import msgspec
from aiohttp import web

from voiceprint.server.auth_middleware import caller_of, groups_of
from voiceprint.server.context import CONTEXT
from voiceprint.server.uploads import read_upload

__all__ = ["routes"]

routes = web.RouteTableDef()


def _json(view: msgspec.Struct) -> web.Response:
    return web.Response(body=msgspec.json.encode(view), content_type="application/json")


@routes.get("/v1/map")
async def show_map(request: web.Request) -> web.Response:
    """The enrolled voices as places on a plane."""
    context = request.app[CONTEXT]
    return _json(await context.work(context.desk.voice_map, caller_of(request), groups=groups_of(request)))


@routes.get("/v1/health")
async def show_health(request: web.Request) -> web.Response:
    """The encoder and its evidence, the size of the gallery, and what was decided since the start."""
    context = request.app[CONTEXT]
    return _json(await context.work(context.desk.health, caller_of(request), groups=groups_of(request)))


@routes.post("/v1/timeline")
async def show_timeline(request: web.Request) -> web.Response:
    """The turns of a recording, which comes as for ``/v1/identify``."""
    context = request.app[CONTEXT]
    upload = await read_upload(request, max_bytes=context.settings.max_upload_bytes)
    waveform = await context.wait(context.service.decode, upload.only_file())
    steps = context.desk.timeline(caller_of(request), waveform, groups=groups_of(request))
    # Step by step, so that others are heard in between.
    while (found := await context.work(next, steps)) is None:
        pass
    return _json(found)
