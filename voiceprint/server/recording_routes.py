"""REST for recordings as jobs: send one, see how far it is, take its timeline, say whose voice it was."""

from functools import partial
from http import HTTPStatus

import msgspec
from aiohttp import StreamReader, web

from voiceprint.api.recording_job import Job
from voiceprint.api.recording_messages import MoveTurn, ThatWas
from voiceprint.api.timeline_formats import FORMATS
from voiceprint.errors import InputError
from voiceprint.server.answering import json_answer, parsed
from voiceprint.server.auth_middleware import caller_of, groups_of
from voiceprint.server.context import CONTEXT, RECORDING, Context
from voiceprint.server.recording_upload import pour
from voiceprint.server.uploads import CHOICE, Upload, choice_of, read_body, read_upload

__all__ = ["routes"]

routes = web.RouteTableDef()
_ONE = "/v1/recordings/{id}"
_MEDIA = {"rttm": "text/plain", "srt": "application/x-subrip", "vtt": "text/vtt", "csv": "text/csv"}
_MAX_SIZE_DIGITS = 15


@routes.post("/v1/recordings")
async def send_recording(request: web.Request) -> web.Response:
    """A recording as the body or the part ``audio``; or its ``size`` alone, and the sound with PUT."""
    context = request.app[CONTEXT]
    if "size" in request.query:
        job = await _open(context, request, size=_size(request), upload=Upload())
        return json_answer(job.message(), HTTPStatus.CREATED)
    if request.content_type.startswith("multipart/") or request.content_length is None:
        upload = await read_upload(request, max_bytes=context.settings.max_upload_bytes)
        job = await _open(context, request, size=len(upload.only_file()), upload=upload)
        await _send(context, job, upload.only_file())
    else:
        job = await _open(context, request, size=request.content_length, upload=Upload())
        await _send(context, job, request.content)
    return json_answer(job.message(), HTTPStatus.ACCEPTED)


@routes.put(f"{_ONE}/audio")
async def send_sound(request: web.Request) -> web.Response:
    """The sound of a recording whose size was told; read no faster than it is heard."""
    context = request.app[CONTEXT]
    job = context.recordings.job(caller_of(request), request.match_info["id"])
    await _send(context, job, request.content)
    return json_answer(await context.work(job.message))


@routes.get("/v1/recordings")
async def list_recordings(request: web.Request) -> web.Response:
    context = request.app[CONTEXT]
    return json_answer(await context.work(context.recordings.all, caller_of(request)))


@routes.get(_ONE)
async def show_recording(request: web.Request) -> web.Response:
    context = request.app[CONTEXT]
    return json_answer(await context.work(context.recordings.show, caller_of(request), request.match_info["id"]))


@routes.delete(_ONE)
async def forget_recording(request: web.Request) -> web.Response:
    """Cancel it, if it is at work; forget its voices."""
    context = request.app[CONTEXT]
    gone = context.recordings.forget(caller_of(request), request.match_info["id"])
    context.runner.cancel(gone.id)
    return json_answer(gone)


@routes.get(f"{_ONE}/timeline")
async def export_timeline(request: web.Request) -> web.Response:
    """The timeline of a recording that was heard to its end, in the ``format`` that is asked for."""
    context, form = request.app[CONTEXT], request.query.get("format", "json")
    if form != "json" and form not in FORMATS:
        raise InputError("bad_format", f"format must be json, {', '.join(FORMATS)}, not {form!r:.20}.")
    job = context.recordings.job(caller_of(request), request.match_info["id"])
    found = await context.work(job.whole_timeline)
    text = msgspec.json.encode(found).decode() if form == "json" else FORMATS[form](found, job.id)
    response = web.Response(text=text, content_type=_MEDIA.get(form, "application/json"))
    response.headers["Content-Disposition"] = f'attachment; filename="timeline.{form}"'
    return response


@routes.post(f"{_ONE}/voices/{{voice}}")
async def name_voice(request: web.Request) -> web.Response:
    """JSON: the ``name`` of a new speaker, or the id of one enrolled as ``speaker``, or neither."""
    context, wanted = request.app[CONTEXT], parsed(await read_body(request), ThatWas)
    name = partial(context.recordings.name, needs_consent="Origin" in request.headers)
    number = _number(request, "voice")
    return json_answer(await context.work(name, caller_of(request), request.match_info["id"], number, wanted))


@routes.post(f"{_ONE}/turns/{{turn}}")
async def move_turn(request: web.Request) -> web.Response:
    """JSON: the number of another ``voice``, or the id of one enrolled as ``speaker``, or neither."""
    context, wanted = request.app[CONTEXT], parsed(await read_body(request), MoveTurn)
    caller, number = caller_of(request), _number(request, "turn")
    return json_answer(await context.work(context.recordings.move, caller, request.match_info["id"], number, wanted))


@routes.post(f"{_ONE}/undo")
async def undo_name(request: web.Request) -> web.Response:
    """Take back what was said last of the voices of a recording, its enrollment included."""
    context = request.app[CONTEXT]
    return json_answer(await context.work(context.recordings.undo, caller_of(request), request.match_info["id"]))


async def _open(context: Context, request: web.Request, *, size: int, upload: Upload) -> Job:
    if unknown := sorted(set(upload.fields) - set(CHOICE)):
        raise InputError("unknown_field", f"The field {unknown[0]!r:.40} is not known here.")
    choice = choice_of(request, upload)
    return context.recordings.open(caller_of(request), size=size, choice=choice, groups=groups_of(request))


async def _send(context: Context, job: Job, source: StreamReader | bytes) -> None:
    RECORDING.set(True)
    upload = context.runner.start(job)

    def count(received: int) -> None:
        job.received += received

    try:
        await pour(source, upload, job.size, count)
    except InputError as error:
        job.fail(error)
        upload.cut()
        raise
    except BaseException:
        job.fail(InputError("cut", "The recording did not come to its end."))
        upload.cut()
        raise


def _number(request: web.Request, what: str) -> int:
    """The number of a voice or a turn in the path."""
    given = request.match_info[what]
    if not given.isascii() or not given.isdigit():
        raise InputError(f"unknown_{what}", f"{what.capitalize()}s are numbered from 1.")
    return int(given[:9])


def _size(request: web.Request) -> int:
    given = request.query["size"]
    if not given.isascii() or not given.isdigit() or len(given) > _MAX_SIZE_DIGITS:
        raise InputError("bad_size", f"size must be the number of bytes that will come, not {given!r:.20}.")
    return int(given)
