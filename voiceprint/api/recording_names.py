"""Whose voice it was: what a person says of a voice, or of one turn, in a recording, and the way back."""

from collections.abc import Callable
from typing import TypeVar

from voiceprint.api.desk import Desk
from voiceprint.api.recording_job import Correction, Job
from voiceprint.api.recording_messages import MoveTurn, ThatWas
from voiceprint.domain.caller import Caller
from voiceprint.domain.speaker import Enrollment
from voiceprint.errors import InputError, SpeechError
from voiceprint.service.diarization import Voice
from voiceprint.service.enrollment import check_for_enrollment
from voiceprint.service.service import VoiceprintService

__all__ = ["move_turn", "take_back", "that_was"]

Label = TypeVar("Label")


def that_was(
    desk: Desk,
    service: VoiceprintService,
    caller: Caller,
    job: Job,
    number: int,
    wanted: ThatWas,
    *,
    needs_consent: bool,
) -> None:
    """Give a voice another speaker and, where it is to be learnt, enroll it, by the same gates as any recording.

    A voice that has the speaker already is not learnt: a program that confirms every answer would teach its own errors.
    Raises InputError: ``not_done``, ``unknown_voice``, ``already_named``, ``not_kept``; SpeakerError; SpeechError;
    AccessError; LimitError.
    """
    voice = job.voice(number)
    if wanted.learn:
        _learn(desk, caller, job, voice, wanted, needs_consent=needs_consent)
        return
    if wanted.name is not None:
        raise InputError("who", "A new speaker cannot be enrolled without learning the voice.")
    _require_known(service, caller, job, wanted.speaker)
    service.note_label("labelled", wanted.speaker)
    job.changes.append(Correction(_relabelled(job.corrections, number, wanted.speaker), wanted.speaker))


def move_turn(service: VoiceprintService, caller: Caller, job: Job, number: int, wanted: MoveTurn) -> None:
    """Give one turn to another voice or speaker. Raises InputError: ``not_done``, ``unknown_turn``, ``unknown_voice``,
    ``who``; SpeakerError; AccessError.
    """
    job.require_turn(number)
    if wanted.voice is not None and wanted.speaker is not None:
        raise InputError("who", "A turn is moved to a voice or to a speaker, not to both.")
    if wanted.voice is not None:
        job.voice(wanted.voice)
    _require_known(service, caller, job, wanted.speaker)
    service.note_label("labelled", wanted.speaker)
    job.changes.append(Correction(_relabelled(job.moves, number, wanted), wanted.speaker))


def take_back(service: VoiceprintService, caller: Caller, job: Job) -> None:
    """Undo the last thing that was said, its enrollment included. Raises InputError (``nothing_to_undo``)."""
    if not job.changes:
        raise InputError("nothing_to_undo", "Nothing was said of the voices of this recording.")
    last = job.changes[-1]
    if last.enrollment_id is not None:
        caller.require("enroll")
        _take_out(service, last)
    else:
        service.note_label("label_undone", last.speaker_id)
    job.changes.pop().back()


def _require_known(service: VoiceprintService, caller: Caller, job: Job, speaker_id: str | None) -> None:
    """The name of an id, and whether there is one, is for callers who may list the speakers."""
    if speaker_id is not None:
        caller.require("enroll")
        service.speaker(speaker_id, job.account.within)


def _relabelled(labels: dict[int, Label], number: int, label: Label) -> Callable[[], object]:
    """The way back from the label that a voice or a turn gets."""
    before = {number: labels[number]} if number in labels else {}
    labels[number] = label
    return lambda: labels.update(before) if before else labels.pop(number, None)


def _learn(
    desk: Desk,
    caller: Caller,
    job: Job,
    voice: Voice,
    wanted: ThatWas,
    *,
    needs_consent: bool,
) -> None:
    if wanted.speaker is not None and wanted.speaker == _current(job, voice):
        raise InputError("already_named", "This voice has that name already; nothing was added.")
    desk.begin_enrollment(
        caller,
        name=wanted.name,
        speaker_id=wanted.speaker,
        consent=wanted.consent,
        needs_consent=needs_consent,
        groups=job.account.within,
        force=wanted.force,
    )
    enrollment = _enrollment(voice)
    enrolled = desk.enroll(
        caller,
        [enrollment],
        name=wanted.name,
        speaker_id=wanted.speaker,
        consent=wanted.consent,
        groups=job.account.within,
        force=wanted.force,
    )
    back = _relabelled(job.corrections, voice.number, enrolled.speaker.id)
    job.changes.append(Correction(back, enrolled.speaker.id, enrollment.id, created=wanted.name is not None))


def _enrollment(voice: Voice) -> Enrollment:
    """What can be enrolled of a voice: its quality is looked at as that of any recording. Raises SpeechError."""
    if voice.probe.embedding is None:
        raise InputError("not_kept", "This server keeps nothing of the voices of people who are not enrolled.")
    warnings = check_for_enrollment(voice.probe.utterance)
    if voice.probe.multiple_speakers:
        raise SpeechError("other_speaker", "More than one person seems to speak here; this voice cannot be enrolled.")
    return Enrollment.new(voice.probe.embedding, voice.probe.utterance.speech_seconds, "", warnings)


def _take_out(service: VoiceprintService, last: Correction) -> None:
    speaker = service.get(last.speaker_id or "")
    takes = [] if speaker is None else [take.id for take in (*speaker.enrollments, *speaker.pending_takes)]
    if speaker is None or last.enrollment_id is None or last.enrollment_id not in takes:
        return  # forgotten, or taken out, since then
    if last.created and len(takes) == 1:
        service.forget(speaker.id)
    else:
        service.remove_take(speaker.id, last.enrollment_id)


def _current(job: Job, voice: Voice) -> str | None:
    return job.corrections.get(voice.number, voice.answer.decision.speaker_id)
