"""REST: any audio file in, JSON out. The answers are the same objects as on the WebSocket."""

import time
from contextlib import closing
from functools import partial
from http import HTTPStatus

from aiohttp import web

from voiceprint import __version__
from voiceprint.api.presenters import readiness
from voiceprint.api.query import Query
from voiceprint.audio.channels import Choice
from voiceprint.domain.caller import Caller
from voiceprint.domain.match import MAX_TOP_K, check_top_k
from voiceprint.domain.speaker import Enrollment
from voiceprint.domain.vocabulary import Consent
from voiceprint.errors import InputError, SpeakerError
from voiceprint.server.answering import answer_about_speaker, answer_within_groups, json_answer, parsed
from voiceprint.server.auth_middleware import caller_of, groups_of
from voiceprint.server.context import CONTEXT, Context
from voiceprint.server.operations import Change, Merge, Undo
from voiceprint.server.uploads import CHOICE, Upload, choice_of, read_body, read_upload

__all__ = ["routes"]

routes = web.RouteTableDef()


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
    query = context.desk.identify(caller_of(request), top_k=_top_k(request), groups=groups_of(request))
    return await _answer(context, query, upload, choice_of(request, upload))


@routes.post("/v1/verify")
async def verify(request: web.Request) -> web.Response:
    """The claimed id comes as the field or the query parameter ``speaker``."""
    context = request.app[CONTEXT]
    upload = await _upload(context, request, allowed={"speaker", *CHOICE})
    claimed = upload.fields.get("speaker") or request.query.get("speaker")
    if not claimed:
        raise InputError("who", "Give the id of the claimed speaker as 'speaker'.")
    query = context.desk.verify(caller_of(request), claimed, groups=groups_of(request))
    return await _answer(context, query, upload, choice_of(request, upload))


async def _answer(context: Context, query: Query, upload: Upload, choice: Choice) -> web.Response:
    with closing(query):
        started = time.monotonic()
        recording = await context.wait(context.desk.decode, query.caller, upload.only_file())
        voice = await context.work(context.service.hear, recording, choice)
        return json_answer(await context.work(query.answer, voice, since=started))


@routes.get("/v1/speakers")
async def list_speakers(request: web.Request) -> web.Response:
    return await answer_within_groups(request, request.app[CONTEXT].desk.speakers)


@routes.post("/v1/speakers")
async def add_speaker(request: web.Request) -> web.Response:
    """multipart/form-data: ``name``, one or more ``audio``, optionally ``consent`` as JSON."""
    context = request.app[CONTEXT]
    upload = await _upload(context, request, allowed={"name", "consent", "force", *CHOICE})
    if "name" not in upload.fields:
        raise SpeakerError("bad_name", "Give the speaker's name as the field 'name' of multipart/form-data.")
    return await _enroll(context, request, upload, name=upload.fields["name"])


@routes.post("/v1/speakers/{id}/enrollments")
async def add_enrollments(request: web.Request) -> web.Response:
    """As add_speaker, without ``name``."""
    context = request.app[CONTEXT]
    await answer_about_speaker(request, context.desk.speaker)  # before the body is read
    upload = await _upload(context, request, allowed={"consent", "force", *CHOICE})
    return await _enroll(context, request, upload, speaker_id=request.match_info["id"])


async def _enroll(
    context: Context, request: web.Request, upload: Upload, *, name: str | None = None, speaker_id: str | None = None
) -> web.Response:
    consent = (
        parsed(upload.fields["consent"].encode(), Consent, called="The field 'consent'")
        if "consent" in upload.fields
        else None
    )
    caller, groups, force = caller_of(request), groups_of(request), _force(request, upload)
    # A page, which alone says ``Origin``, must bring a consent or find one.
    await context.work(
        context.desk.begin_enrollment,
        caller,
        name=name,
        speaker_id=speaker_id,
        consent=consent,
        needs_consent="Origin" in request.headers,
        groups=groups,
        force=force,
    )
    if not upload.files:
        raise InputError("one_file", "Send at least one audio file, as the field 'audio'.")
    choice = choice_of(request, upload)
    admitted = [await _admit(context, caller, data, choice) for data in upload.files]
    enrolled = await context.work(
        context.desk.enroll,
        caller,
        admitted,
        name=name,
        speaker_id=speaker_id,
        consent=consent,
        groups=groups,
        force=force,
    )
    return json_answer(enrolled, HTTPStatus.CREATED)


async def _admit(context: Context, caller: Caller, data: bytes, choice: Choice) -> Enrollment:
    service, recording = context.service, await context.wait(context.desk.decode, caller, data)
    return await context.work(lambda: service.admit(service.listen(recording, choice), service.content_hash(data)))


@routes.get("/v1/speakers/{id}/enrollments")
async def list_takes(request: web.Request) -> web.Response:
    return await answer_about_speaker(request, request.app[CONTEXT].desk.takes)


@routes.delete("/v1/speakers/{id}/enrollments/{enrollment}")
async def remove_take(request: web.Request) -> web.Response:
    desk, enrollment_id = request.app[CONTEXT].desk, request.match_info["enrollment"]
    return await answer_about_speaker(request, partial(desk.remove_take, enrollment_id=enrollment_id))


@routes.post("/v1/speakers/{id}/enrollments/{enrollment}/confirm")
async def confirm_take(request: web.Request) -> web.Response:
    """A take of another token than the one that enrolled the speaker decides from now on."""
    desk, enrollment_id = request.app[CONTEXT].desk, request.match_info["enrollment"]
    return await answer_about_speaker(request, partial(desk.confirm_take, enrollment_id=enrollment_id))


@routes.post("/v1/speakers/{id}/merge")
async def merge_speakers(request: web.Request) -> web.Response:
    """JSON: the other entry's id as ``from``."""
    desk, wanted = request.app[CONTEXT].desk, parsed(await read_body(request), Merge)
    merge = partial(desk.merge, other_id=wanted.from_id, force=wanted.force)
    return await answer_about_speaker(request, merge)


@routes.get("/v1/undo")
async def last_change(request: web.Request) -> web.Response:
    context = request.app[CONTEXT]
    return json_answer(await context.work(context.desk.last_change, caller_of(request)))


@routes.post("/v1/undo")
async def undo(request: web.Request) -> web.Response:
    """JSON, may be left out: the id of the ``change`` to be undone."""
    context, wanted = request.app[CONTEXT], parsed(await read_body(request) or b"{}", Undo)
    return json_answer(await context.work(context.desk.undo, caller_of(request), wanted.change))


@routes.get("/v1/speakers/{id}")
async def show_speaker(request: web.Request) -> web.Response:
    return await answer_about_speaker(request, request.app[CONTEXT].desk.speaker)


@routes.patch("/v1/speakers/{id}")
async def change_speaker(request: web.Request) -> web.Response:
    """JSON: another ``name``, other ``groups``, or both."""
    desk, wanted = request.app[CONTEXT].desk, parsed(await read_body(request), Change)
    if wanted.name is None and wanted.groups is None:
        raise InputError("bad_json", "Give a new 'name', or 'groups', or both.")
    return await answer_about_speaker(request, partial(desk.change, name=wanted.name, groups=wanted.groups))


@routes.delete("/v1/speakers/{id}")
async def forget_speaker(request: web.Request) -> web.Response:
    context = request.app[CONTEXT]
    # It waits for other servers, and no voice should wait for that.
    return json_answer(await context.wait(context.desk.forget, caller_of(request), request.match_info["id"]))


@routes.get("/v1/speakers/{id}/export")
async def export_speaker(request: web.Request) -> web.Response:
    """What is known about one person, for that person."""
    return await answer_about_speaker(request, request.app[CONTEXT].desk.known_about)


@routes.delete("/v1/speakers/{id}/lock")
async def unlock_claims(request: web.Request) -> web.Response:
    """Wrong claims of that id count no longer."""
    return await answer_about_speaker(request, request.app[CONTEXT].desk.unlock)


async def _upload(context: Context, request: web.Request, *, allowed: set[str]) -> Upload:
    upload = await read_upload(request, max_bytes=context.settings.max_upload_bytes)
    if unknown := sorted(set(upload.fields) - allowed):
        known = ", ".join(sorted({"audio", *allowed}))
        raise InputError("unknown_field", f"The field {unknown[0]!r:.40} is not known here; these are: {known}.")
    return upload


def _force(request: web.Request, upload: Upload) -> bool:
    given = upload.fields.get("force") or request.query.get("force", "false")
    if given not in ("true", "false"):
        raise InputError("bad_force", f"force must be true or false, not {given!r:.20}.")
    return given == "true"


def _top_k(request: web.Request) -> int:
    given = request.query.get("top_k", "5")
    if not given.isascii() or not given.isdigit():
        raise InputError("bad_top_k", f"top_k must be a number between 1 and {MAX_TOP_K}, not {given!r:.20}.")
    return check_top_k(int(given[:4]))
