"""REST for the data of the page."""

from aiohttp import web

from voiceprint.server.answering import answer_within_groups, json_answer
from voiceprint.server.auth_middleware import caller_of, groups_of
from voiceprint.server.context import CONTEXT
from voiceprint.server.uploads import read_upload

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


@routes.post("/v1/timeline")
async def show_timeline(request: web.Request) -> web.Response:
    """The turns of a recording, which comes as for ``/v1/identify``."""
    context = request.app[CONTEXT]
    upload = await read_upload(request, max_bytes=context.settings.max_upload_bytes)
    caller, groups = caller_of(request), groups_of(request)
    context.desk.begin_timeline(caller, groups=groups)
    waveform = await context.wait(context.desk.decode, caller, upload.only_file())
    steps = context.desk.timeline(caller, waveform, groups=groups)
    # Step by step, so that others are heard in between.
    while (found := await context.work(next, steps)) is None:
        pass
    return json_answer(found)
