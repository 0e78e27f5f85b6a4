"""Presentation of results as messages: names for ids, rounded seconds, the same everywhere."""

from collections.abc import Mapping

import msgspec

from voiceprint import __version__
from voiceprint.api.messages import Candidate, Enrolled, Error, Forgotten, Result, SpeakerInfo, SpeakerList, SpeakerRef
from voiceprint.audio.decoding import decoder_walls
from voiceprint.decision.threshold_note import ThresholdNote
from voiceprint.domain.caller import Caller
from voiceprint.domain.groups import Within
from voiceprint.domain.match import Match
from voiceprint.domain.moments import iso_moment
from voiceprint.domain.retention import kept_until
from voiceprint.domain.speaker import StoredSpeaker
from voiceprint.domain.vocabulary import Band, Status
from voiceprint.errors import VoiceprintError
from voiceprint.service.results import Answer, EnrollmentOutcome, Erasure
from voiceprint.service.scopes_on_demand import MEGABYTE
from voiceprint.service.service import VoiceprintService

__all__ = [
    "enrolled_message",
    "error_message",
    "forgotten_message",
    "migration_fields",
    "readiness",
    "result_message",
    "speaker_info",
    "speaker_list",
    "threshold_fields",
    "threshold_sentence",
]


_BANDS: Mapping[Status, Band | None] = {
    "identified": "above",
    "ambiguous": "above",
    "accepted": "above",
    "unknown": "below",
    "rejected": "below",
    "not_enrolled": "below",
    "not_enough_speech": None,
}


def result_message(
    answer: Answer, service: VoiceprintService, *, latency_ms: float, final: bool, announced: bool = False
) -> Result:
    """The message of an answer."""
    decision = answer.decision
    return Result(
        mode=answer.mode,
        status=decision.status,
        speaker=_reference(decision.speaker_id, service),
        claimed_speaker=_reference(answer.claimed_id, service),
        band=_BANDS[decision.status],
        score=_rounded(decision.score),
        threshold=round(decision.threshold, 4),
        margin=_rounded(decision.margin),
        probability=_rounded(decision.probability),
        rule=decision.rule,
        candidates=_candidates(answer.candidates, service),
        speech_seconds=round(answer.utterance.speech_seconds, 2),
        needed_speech_seconds=answer.needed_speech_seconds,
        audio_seconds=round(answer.utterance.audio_seconds, 2),
        latency_ms=round(latency_ms, 1),
        announced=announced,
        several_voices=answer.multiple_speakers,
        track=answer.utterance.origin.track,
        channel=answer.utterance.origin.channel,
        lost_seconds=round(answer.utterance.origin.lost_seconds, 2),
        warnings=answer.utterance.warnings,
        final=final,
    )


def enrolled_message(outcome: EnrollmentOutcome, service: VoiceprintService) -> Enrolled:
    """The message of an enrollment."""
    speaker = outcome.speaker
    return Enrolled(
        speaker=SpeakerRef(id=speaker.id, name=speaker.name),
        enrollments=len(speaker.enrollments),
        speech_seconds=round(outcome.speech_seconds, 2),
        speech_seconds_total=round(speaker.speech_seconds, 2),
        consistency=_rounded(outcome.consistency),
        similar_speakers=_candidates(outcome.similar, service),
        warnings=outcome.warnings,
        pending=len(speaker.profile.pending),
    )


def speaker_info(speaker: StoredSpeaker, service: VoiceprintService, within: Within = None) -> SpeakerInfo:
    """The message about an enrolled speaker. ``within``: the groups that the caller may know of."""
    until, because = kept_until(speaker, service.maintenance.retention)
    profile = speaker.profile
    return SpeakerInfo(
        id=speaker.id,
        name=speaker.name,
        enrollments=len(speaker.enrollments),
        speech_seconds_total=round(speaker.speech_seconds, 2),
        created_at=iso_moment(speaker.created_at),
        kept_until=until.isoformat(),
        kept_because=because,
        last_seen=profile.last_seen,
        consent=profile.consent,
        consent_at=None if profile.consent_at is None else iso_moment(profile.consent_at),
        waiting=speaker.pending_reenrollment,
        pending=len(profile.pending),
        groups=groups_told(profile.groups, within),
    )


def groups_told(groups: tuple[str, ...], within: Within) -> tuple[str, ...]:
    """Those of a speaker's groups that a caller who is confined to ``within`` may know of."""
    return groups if within is None else tuple(group for group in groups if group in within)


def speaker_list(service: VoiceprintService, within: Within = None, *, told: Within = None) -> SpeakerList:
    """The speakers within some groups. ``told``: the groups that the caller may know of."""
    return SpeakerList(speakers=tuple(speaker_info(speaker, service, told) for speaker in service.speakers(within)))


def migration_fields(service: VoiceprintService) -> dict[str, object]:
    """The previous encoder (None where there is none) and the number of pending reenrollments."""
    previous, (_, waiting) = service.previous_encoder, service.gallery_sizes
    return {"former_encoder": previous.id if previous else None, "waiting": waiting}


def readiness(service: VoiceprintService, caller: Caller) -> dict[str, object]:
    """Whether the server can answer; to callers with a token what they must know, to operators everything.

    The threshold follows the voices that are enrolled, and how alike they are: told to others it would tell, change by
    change, how alike a probe is to a speaker.
    """
    service.refresh()  # a database that is away is said to everyone: then this server gives no answer
    ready: dict[str, object] = {"ready": True, "version": __version__}
    if not caller.scopes:
        return ready
    speakers, policy = service.count(caller.groups), service.policy(caller.groups)
    ready |= {
        "encoder": service.encoder.id,
        "encoder_sha256": service.encoder.fingerprint,
        "speakers": speakers,
        "min_speech_seconds": service.settings.min_identify_speech_seconds,
        "target_fpir": policy.target_fpir if policy.calibrated else None,
    }
    if not caller.sees_scores:
        return ready
    return {
        **ready,
        "damaged": list(service.damaged),
        "store": service.store_engine,
        "decoder_walls": sorted(decoder_walls()),
        **migration_fields(service),
        **_scope_fields(service),
        **threshold_fields(policy.describe(speakers)),
    }


def _scope_fields(service: VoiceprintService) -> dict[str, object]:
    """Scopes in memory and the groups that there are, with a budget for the memory; else nothing."""
    memory = service.scope_memory
    if memory is None:
        return {}
    megabytes = {"used_megabytes": memory.bytes / MEGABYTE, "budget_megabytes": memory.budget / MEGABYTE}
    rounded = {name: round(value, 1) for name, value in megabytes.items()}
    return {"scopes": {"loaded": memory.loaded, "known": memory.known, **rounded}}


def threshold_fields(line: ThresholdNote) -> dict[str, object]:
    """The threshold for the current gallery, its FPIR (None without a calibration) and what it costs in FNIR."""
    cost = line.expected_fnir
    return {
        "threshold": round(line.threshold, 4),
        "target_fpir": None if cost is None else line.target_fpir,
        "expected_fnir": None if cost is None else {"value": cost.value, "low": cost.low, "high": cost.high},
        "threshold_supported": line.supported,
        "threshold_note": line.note,
    }


def threshold_sentence(line: ThresholdNote) -> str:
    """The same as a sentence for people."""
    said = f"threshold {line.threshold:.2f} for a typical voice"
    if (cost := line.expected_fnir) is not None:
        said += f": at most {line.target_fpir:.2%} of strangers get a name"
        said += f"; it misses {cost.value:.0%} of enrolled people ({cost.low:.0%} to {cost.high:.0%})"
    return f"{said}; {line.note}" if line.note else said


def forgotten_message(erasure: Erasure) -> Forgotten:
    """The message of an erasure, with the receipt."""
    speaker = erasure.speaker
    receipt = msgspec.to_builtins(erasure.receipt)
    return Forgotten(id=speaker.id, enrollments=len(speaker.enrollments), receipt=receipt)


def error_message(error: VoiceprintError) -> Error:
    return Error(code=error.code, message=error.told)


def _candidates(matches: tuple[Match, ...], service: VoiceprintService) -> tuple[Candidate, ...]:
    found = ((_reference(match.speaker_id, service), match.score) for match in matches)
    return tuple(Candidate(speaker=who, score=round(score, 4)) for who, score in found if who is not None)


def _reference(speaker_id: str | None, service: VoiceprintService) -> SpeakerRef | None:
    """The name for an id; None also for a speaker forgotten a moment ago."""
    speaker = service.get(speaker_id) if speaker_id is not None else None
    return SpeakerRef(id=speaker.id, name=speaker.name) if speaker is not None else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
