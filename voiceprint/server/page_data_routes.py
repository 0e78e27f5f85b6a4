"""REST for what the page draws."""

import msgspec
from aiohttp import web

from voiceprint.api.page_views import health, timeline, voice_map
from voiceprint.server.auth_middleware import caller_of, within_of
from voiceprint.server.context import CONTEXT
from voiceprint.server.uploads import read_upload
from voiceprint.server.webhook import tell_hit
from voiceprint.service.diarization import Turn, turns_of

__all__ = ["routes"]

routes = web.RouteTableDef()


def _json(picture: msgspec.Struct) -> web.Response:
    return web.Response(body=msgspec.json.encode(picture), content_type="application/json")


@routes.get("/v1/map")
async def show_map(request: web.Request) -> web.Response:
    """Who sounds like whom, as places on a plane."""
    context = request.app[CONTEXT]
    return _json(await context.work(voice_map, context.service, within_of(request)))


@routes.get("/v1/health")
async def show_health(request: web.Request) -> web.Response:
    """The encoder and its evidence, the size of the gallery, and what was decided since the start."""
    context = request.app[CONTEXT]
    return _json(await context.work(health, context.service, within_of(request)))


@routes.post("/v1/timeline")
async def show_timeline(request: web.Request) -> web.Response:
    """Who spoke when in a recording, which comes as for ``/v1/identify``."""
    context = request.app[CONTEXT]
    service, settings = context.service, context.settings
    caller, within = caller_of(request), within_of(request)
    upload = await read_upload(request, max_bytes=settings.max_upload_bytes)
    waveform = await context.wait(service.decode, upload.only_file())
    coming, turns = turns_of(service, waveform, within=within), list[Turn]()
    # Turn by turn, so that others are heard in between.
    while (turn := await context.work(next, coming, None)) is not None:
        turns.append(turn)
    # Each turn is an answer, but nothing is noted before all of them are paid: a refusal changes nothing.
    context.budgets.ask(caller, len(turns))
    for turn in turns:
        await context.work(service.conclude, turn.answer)
        tell_hit(context, turn.answer.decision.speaker_id)
    return _json(timeline(service, turns, waveform.seconds))
