"""REST: any audio file in, JSON out. The answers are the same objects as on the WebSocket."""

import time
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import TypeVar

import msgspec
from aiohttp import web

from voiceprint import __version__
from voiceprint.api import messages
from voiceprint.api.messages import ServerMessage
from voiceprint.api.presenters import readiness
from voiceprint.api.query import Query
from voiceprint.audio.channels import Choice
from voiceprint.domain.caller import Caller
from voiceprint.domain.match import MAX_TOP_K, check_top_k
from voiceprint.domain.speaker import Enrollment
from voiceprint.domain.vocabulary import Consent
from voiceprint.errors import InputError
from voiceprint.server.auth_middleware import caller_of, groups_of
from voiceprint.server.context import CONTEXT, Context
from voiceprint.server.operations import Change
from voiceprint.server.uploads import CHOICE, Upload, choice_of, read_body, read_upload

__all__ = ["routes"]

routes = web.RouteTableDef()
Body = TypeVar("Body")


def _json(message: ServerMessage, status: int = HTTPStatus.OK) -> web.Response:
    return web.Response(status=status, text=messages.encode(message), content_type="application/json")


@routes.get("/healthz")
async def healthz(_request: web.Request) -> web.Response:
    return web.json_response({"status": "alive", "version": __version__})


@routes.get("/readyz")
async def readyz(request: web.Request) -> web.Response:
    context = request.app[CONTEXT]
    return web.json_response(await context.work(readiness, context.service, caller_of(request)))


@routes.post("/v1/identify")
async def identify(request: web.Request) -> web.Response:
    context = request.app[CONTEXT]
    upload = await _upload(context, request, allowed=set(CHOICE))
    with context.desk.identify(caller_of(request), top_k=_top_k(request), groups=groups_of(request)) as query:
        return await _answer(context, query, upload, choice_of(request, upload))


@routes.post("/v1/verify")
async def verify(request: web.Request) -> web.Response:
    """The claimed id comes as the field or the query parameter ``speaker``."""
    context = request.app[CONTEXT]
    upload = await _upload(context, request, allowed={"speaker", *CHOICE})
    claimed = upload.fields.get("speaker") or request.query.get("speaker")
    if not claimed:
        raise InputError("who", "Give the id of the claimed speaker as 'speaker'.")
    with context.desk.verify(caller_of(request), claimed, groups=groups_of(request)) as query:
        return await _answer(context, query, upload, choice_of(request, upload))


async def _answer(context: Context, query: Query, upload: Upload, choice: Choice) -> web.Response:
    started = time.monotonic()
    recording = await context.wait(context.service.decode, upload.only_file())
    voice = await context.work(context.service.hear, recording, choice)
    return _json(await context.work(query.answer, voice, since=started))


@routes.get("/v1/speakers")
async def list_speakers(request: web.Request) -> web.Response:
    context = request.app[CONTEXT]
    return _json(await context.work(context.desk.speakers, caller_of(request), groups=groups_of(request)))


@routes.post("/v1/speakers")
async def add_speaker(request: web.Request) -> web.Response:
    """multipart/form-data: ``name``, one or more ``audio``, optionally ``consent`` as JSON."""
    context = request.app[CONTEXT]
    upload = await _upload(context, request, allowed={"name", "consent", *CHOICE})
    return await _enroll(context, request, upload, name=upload.fields.get("name", ""))


@routes.post("/v1/speakers/{id}/enrollments")
async def add_enrollments(request: web.Request) -> web.Response:
    """As add_speaker, without ``name``."""
    context = request.app[CONTEXT]
    await _on_speaker(request, context.desk.speaker)  # before the body is read
    upload = await _upload(context, request, allowed={"consent", *CHOICE})
    return await _enroll(context, request, upload, speaker_id=request.match_info["id"])


async def _enroll(
    context: Context, request: web.Request, upload: Upload, *, name: str | None = None, speaker_id: str | None = None
) -> web.Response:
    consent = _parse(upload.fields["consent"].encode(), Consent) if "consent" in upload.fields else None
    target = {"name": name, "speaker_id": speaker_id}
    caller, groups = caller_of(request), groups_of(request)
    # A page, which alone says ``Origin``, must bring a consent or find one.
    needs_consent = "Origin" in request.headers
    await context.work(
        context.desk.begin_enrollment, caller, **target, consent=consent, needs_consent=needs_consent, groups=groups
    )
    if not upload.files:
        raise InputError("one_file", "Send at least one audio file.")
    choice = choice_of(request, upload)
    admitted = [await _admit(context, data, choice) for data in upload.files]
    enrolled = await context.work(context.desk.enroll, caller, admitted, **target, consent=consent, groups=groups)
    return _json(enrolled, HTTPStatus.CREATED)


async def _admit(context: Context, data: bytes, choice: Choice) -> Enrollment:
    service, recording = context.service, await context.wait(context.service.decode, data)
    return await context.work(lambda: service.admit(service.listen(recording, choice), service.content_hash(data)))


@routes.get("/v1/speakers/{id}")
async def show_speaker(request: web.Request) -> web.Response:
    return await _on_speaker(request, request.app[CONTEXT].desk.speaker)


@routes.patch("/v1/speakers/{id}")
async def change_speaker(request: web.Request) -> web.Response:
    """JSON: another ``name``, other ``groups``, or both."""
    desk, wanted = request.app[CONTEXT].desk, _parse(await read_body(request), Change)
    if wanted.name is None and wanted.groups is None:
        raise InputError("bad_json", "Give a new 'name', or 'groups', or both.")
    return await _on_speaker(request, partial(desk.change, name=wanted.name, groups=wanted.groups))


@routes.delete("/v1/speakers/{id}")
async def forget_speaker(request: web.Request) -> web.Response:
    return await _on_speaker(request, request.app[CONTEXT].desk.forget)


@routes.get("/v1/speakers/{id}/export")
async def export_speaker(request: web.Request) -> web.Response:
    """What is known about one person, for that person."""
    return await _on_speaker(request, request.app[CONTEXT].desk.known_about)


@routes.delete("/v1/speakers/{id}/lock")
async def unlock_claims(request: web.Request) -> web.Response:
    """Wrong claims of that id count no longer."""
    return await _on_speaker(request, request.app[CONTEXT].desk.unlock)


async def _on_speaker(request: web.Request, act: Callable[[Caller, str], ServerMessage]) -> web.Response:
    """What the desk says when asked to act on the speaker whom the path names."""
    return _json(await request.app[CONTEXT].work(act, caller_of(request), request.match_info["id"]))


async def _upload(context: Context, request: web.Request, *, allowed: set[str]) -> Upload:
    upload = await read_upload(request, max_bytes=context.settings.max_upload_bytes)
    if unknown := sorted(set(upload.fields) - allowed):
        raise InputError("unknown_field", f"The field {unknown[0]!r:.40} is not known here.")
    return upload


def _top_k(request: web.Request) -> int:
    given = request.query.get("top_k", "5")
    if not given.isascii() or not given.isdigit():
        raise InputError("bad_top_k", f"top_k must be a number between 1 and {MAX_TOP_K}, not {given!r:.20}.")
    return check_top_k(int(given[:4]))


def _parse(body: bytes, kind: type[Body]) -> Body:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise InputError("bad_json", f"The JSON cannot be used: {error}.") from error
