"""REST for who spoke when: in one answer, in the form that clients of other servers know, and for a transcript."""

from aiohttp import web

from voiceprint.api.diarization_message import diarized
from voiceprint.api.timeline_messages import Timeline
from voiceprint.api.transcripts import KINDS
from voiceprint.errors import InputError
from voiceprint.server.answering import json_answer
from voiceprint.server.auth_middleware import caller_of, groups_of
from voiceprint.server.context import CONTEXT
from voiceprint.server.uploads import read_upload

__all__ = ["routes"]

routes = web.RouteTableDef()
# Four hours of words with their times.
MAX_TRANSCRIPT_BYTES = 8 * 1024 * 1024


@routes.post("/v1/timeline")
async def show_timeline(request: web.Request) -> web.Response:
    """The turns of a recording, which comes as for ``/v1/identify``."""
    return json_answer(await _timeline(request, sound="audio"))


@routes.post("/v1/audio/diarization")
async def diarize(request: web.Request) -> web.Response:
    """The same, as servers shaped like OpenAI's answer it: the part ``file``; other fields are not looked at."""
    return json_answer(diarized(await _timeline(request, sound="file")))


@routes.post("/v1/recordings/{id}/transcript")
async def label_transcript(request: web.Request) -> web.Response:
    """A transcript of the recording, with its speakers' names; the body is the file, ``format`` says which kind."""
    context = request.app[CONTEXT]
    kind = f".{request.query.get('format', 'json')}"
    if kind not in KINDS:
        raise InputError("bad_format", f"format must be {', '.join(one[1:] for one in KINDS)}.")
    job = context.recordings.job(caller_of(request), request.match_info["id"])
    found = await context.work(job.whole_timeline)
    upload = await read_upload(request, max_bytes=MAX_TRANSCRIPT_BYTES)
    named = await context.work(context.desk.label, caller_of(request), upload.only_file(), kind, found)
    return web.Response(body=named, content_type="application/octet-stream")


async def _timeline(request: web.Request, *, sound: str) -> Timeline:
    context = request.app[CONTEXT]
    upload = await read_upload(request, max_bytes=context.settings.max_upload_bytes, sound=sound)
    caller, groups = caller_of(request), groups_of(request)
    context.desk.begin_timeline(caller, groups=groups)
    recording = await context.wait(context.desk.decode, caller, upload.only_file())
    steps = context.desk.timeline(caller, recording, groups=groups)
    # Step by step, so that others are heard in between.
    while not isinstance(found := await context.work(next, steps), Timeline):
        pass
    return found
