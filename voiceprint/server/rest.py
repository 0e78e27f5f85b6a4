"""REST: any audio file in, JSON out. The answers are the same objects as on the WebSocket."""

import time
from http import HTTPStatus
from typing import TypeVar

import msgspec
from aiohttp import web

from voiceprint import __version__
from voiceprint.api import messages
from voiceprint.api.disclosure import disclosed
from voiceprint.api.messages import ServerMessage, Unlocked
from voiceprint.api.presenters import (
    enrolled_message,
    forgotten_message,
    migration_fields,
    result_message,
    speaker_info,
    speaker_list,
    threshold_fields,
)
from voiceprint.api.subject_access import known_about
from voiceprint.audio.decoding import Waveform
from voiceprint.domain.caller import Caller
from voiceprint.domain.speaker import Enrollment, StoredSpeaker
from voiceprint.domain.vocabulary import Consent
from voiceprint.errors import InputError
from voiceprint.server.auth_middleware import caller_of, within_of
from voiceprint.server.context import CONTEXT, Context
from voiceprint.server.operations import Change
from voiceprint.server.uploads import Upload, read_body, read_upload
from voiceprint.server.webhook import tell_hit
from voiceprint.service.results import Answer, Voice
from voiceprint.service.service import VoiceprintService

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
    service = context.service
    if not caller_of(request).scopes:
        return web.json_response({"ready": True, "version": __version__})
    groups = caller_of(request).groups
    speakers = await context.work(service.count, groups)
    policy = await context.work(service.policy, groups)
    return web.json_response(
        {
            "ready": True,
            "version": __version__,
            "encoder": service.encoder.id,
            "encoder_sha256": service.encoder.fingerprint,
            "speakers": speakers,
            "damaged": list(service.damaged) if caller_of(request).sees_scores else [],
            **migration_fields(service),
            **threshold_fields(policy.describe(speakers)),
            "min_speech_seconds": service.settings.min_identify_speech_seconds,
        }
    )


@routes.post("/v1/identify")
async def identify(request: web.Request) -> web.Response:
    context = request.app[CONTEXT]
    upload = await _upload(context, request, allowed=set())
    top_k, within, caller = _top_k(request), within_of(request), caller_of(request)
    context.budgets.ask(caller)
    started = time.monotonic()
    voice = await _hear(context, upload.only_file())
    answer = await context.work(context.service.identify, voice, top_k=top_k, within=within)
    return _json(await _result(context, caller, answer, started))


@routes.post("/v1/verify")
async def verify(request: web.Request) -> web.Response:
    """The claimed id comes as the field or the query parameter ``speaker``."""
    context = request.app[CONTEXT]
    upload = await _upload(context, request, allowed={"speaker"})
    claimed = upload.fields.get("speaker") or request.query.get("speaker")
    if not claimed:
        raise InputError("who", "Give the id of the claimed speaker as 'speaker'.")
    caller, within = caller_of(request), within_of(request)
    context.budgets.ask(caller)
    with context.budgets.claim(caller, claimed) as claim:
        started = time.monotonic()
        voice = await _hear(context, upload.only_file())
        hide_unknown_claims = not caller.sees_scores
        answer = await context.work(
            context.service.verify, claimed, voice, hide_unknown_claims=hide_unknown_claims, within=within
        )
        claim.settle(answer.decision.status)
    return _json(await _result(context, caller, answer, started))


@routes.get("/v1/speakers")
async def list_speakers(request: web.Request) -> web.Response:
    context = request.app[CONTEXT]
    return _json(await context.work(speaker_list, context.service, within_of(request)))


@routes.post("/v1/speakers")
async def add_speaker(request: web.Request) -> web.Response:
    """multipart/form-data: ``name``, one or more ``audio``, optionally ``consent`` as JSON."""
    context = request.app[CONTEXT]
    upload = await _upload(context, request, allowed={"name", "consent"})
    name = context.service.check_new_name(upload.fields.get("name", ""))
    consent = _consent(context, request, upload)
    within = within_of(request)
    admitted = await _admit_all(context, upload)
    outcome = await context.work(context.service.enroll_new, name, admitted, consent=consent, within=within)
    return _json(disclosed(enrolled_message(outcome, context.service), caller_of(request)), HTTPStatus.CREATED)


@routes.get("/v1/speakers/{id}")
async def show_speaker(request: web.Request) -> web.Response:
    context = request.app[CONTEXT]
    await context.work(context.service.refresh)
    return _json(speaker_info(context.service.speaker(request.match_info["id"]), context.service))


@routes.patch("/v1/speakers/{id}")
async def change_speaker(request: web.Request) -> web.Response:
    """JSON: another ``name``, other ``groups``, or both."""
    context = request.app[CONTEXT]
    wanted = _parse(await read_body(request), Change)
    if wanted.name is None and wanted.groups is None:
        raise InputError("bad_json", "Give a new 'name', or 'groups', or both.")
    speaker = await context.work(_change, context.service, caller_of(request), request.match_info["id"], wanted)
    return _json(speaker_info(speaker, context.service))


def _change(service: VoiceprintService, caller: Caller, speaker_id: str, wanted: Change) -> StoredSpeaker:
    speaker = service.speaker(speaker_id, caller.groups)
    if wanted.groups is not None:
        caller.within(wanted.groups)
        kept = set(speaker.profile.groups) - (caller.groups or set(speaker.profile.groups))
        speaker = service.set_groups(speaker_id, (*kept, *wanted.groups))
    return speaker if wanted.name is None else service.rename(speaker_id, wanted.name)


@routes.delete("/v1/speakers/{id}")
async def forget_speaker(request: web.Request) -> web.Response:
    context = request.app[CONTEXT]
    return _json(forgotten_message(await context.work(context.service.forget, request.match_info["id"])))


@routes.get("/v1/speakers/{id}/export")
async def export_speaker(request: web.Request) -> web.Response:
    """What is known about one person, for that person."""
    context = request.app[CONTEXT]
    service = context.service
    await context.work(service.refresh)
    speaker = service.speaker(request.match_info["id"])
    return _json(known_about(await context.work(service.subject_record, speaker.id)))


@routes.delete("/v1/speakers/{id}/lock")
async def unlock_claims(request: web.Request) -> web.Response:
    """Wrong claims count also for an id that nobody has, so it is not asked whether anybody has it."""
    context = request.app[CONTEXT]
    speaker_id = request.match_info["id"]
    await context.work(context.service.note_unlock, speaker_id)
    return _json(Unlocked(id=speaker_id, rejections=context.budgets.unlock(speaker_id)))


@routes.post("/v1/speakers/{id}/enrollments")
async def add_enrollments(request: web.Request) -> web.Response:
    """As add_speaker, without ``name``."""
    context = request.app[CONTEXT]
    speaker_id = request.match_info["id"]
    context.service.speaker(speaker_id)
    upload = await _upload(context, request, allowed={"consent"})
    consent = _consent(context, request, upload, speaker_id)
    admitted = await _admit_all(context, upload)
    outcome = await context.work(
        context.service.enroll_more, speaker_id, admitted, consent=consent, within=within_of(request)
    )
    return _json(disclosed(enrolled_message(outcome, context.service), caller_of(request)), HTTPStatus.CREATED)


async def _upload(context: Context, request: web.Request, *, allowed: set[str]) -> Upload:
    upload = await read_upload(request, max_bytes=context.settings.max_upload_bytes)
    if unknown := sorted(set(upload.fields) - allowed):
        raise InputError("unknown_field", f"The field {unknown[0]!r:.40} is not known here.")
    return upload


def _consent(context: Context, request: web.Request, upload: Upload, speaker_id: str | None = None) -> Consent | None:
    """The consent that came with the audio. A page, which alone says ``Origin``, must bring one or find one."""
    given = _parse(upload.fields["consent"].encode(), Consent) if "consent" in upload.fields else None
    context.service.check_consent(given, speaker_id, required="Origin" in request.headers)
    return given


async def _decode(context: Context, data: bytes) -> Waveform:
    return await context.wait(context.service.decode, data)


async def _hear(context: Context, data: bytes) -> Voice:
    return await context.work(context.service.hear, await _decode(context, data))


async def _admit_all(context: Context, upload: Upload) -> list[Enrollment]:
    if not upload.files:
        raise InputError("one_file", "Send at least one audio file.")
    return [await _admit(context, data) for data in upload.files]


async def _admit(context: Context, data: bytes) -> Enrollment:
    service, waveform = context.service, await _decode(context, data)
    return await context.work(lambda: service.admit(service.listen(waveform), service.content_hash(data)))


async def _result(context: Context, caller: Caller, answer: Answer, started: float) -> messages.Result:
    await context.work(context.service.conclude, answer)
    latency_ms = (time.monotonic() - started) * 1000
    result = disclosed(result_message(answer, context.service, latency_ms=latency_ms, final=True), caller)
    tell_hit(context, answer.decision.speaker_id)
    return result


def _top_k(request: web.Request) -> int:
    given = request.query.get("top_k", "5")
    if not given.isascii() or not given.isdigit() or not 1 <= int(given[:4]) <= 100:
        raise InputError("bad_top_k", f"top_k must be a number between 1 and 100, not {given!r:.20}.")
    return int(given)


def _parse(body: bytes, kind: type[Body]) -> Body:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise InputError("bad_json", f"The JSON cannot be used: {error}.") from error
