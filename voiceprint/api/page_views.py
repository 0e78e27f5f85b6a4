"""What the page draws of a gallery, as typed structs: answers of REST only, beside those in ``messages``."""

from collections.abc import Sequence

import msgspec

from voiceprint.api.messages import SpeakerRef
from voiceprint.audio.recording import Recording
from voiceprint.decision.intervals import Interval
from voiceprint.decision.operating_curves import Separation, cost_by_fpir, cost_by_gallery, separation
from voiceprint.decision.policy import Policy
from voiceprint.domain.groups import Within
from voiceprint.domain.moments import iso_moment
from voiceprint.domain.speaker import StoredSpeaker
from voiceprint.domain.vocabulary import Notice, Status
from voiceprint.service.diarization import Turn, joined
from voiceprint.service.service import VoiceprintService
from voiceprint.service.voice_map import MappedSpeaker

__all__ = [
    "Evidence",
    "Health",
    "MapPlace",
    "Share",
    "Timeline",
    "TimelineTurn",
    "VoiceMap",
    "health",
    "timeline",
    "voice_map",
]

# More names than this nobody can read on one map.
MAP_SPEAKERS = 200


class _View(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class MapPlace(_View, frozen=True, kw_only=True):
    """``x``, ``y``: in [-1, 1], near means sounding alike; ``closest``: who sounds most like this; ``alike``: so much
    that the two may be taken for each other.
    """

    speaker: SpeakerRef
    x: float
    y: float
    closest: SpeakerRef | None
    alike: bool


class VoiceMap(_View, frozen=True, kw_only=True):
    """``left_out``: how many enrolled before those on the map, which shows the newest only where there are many."""

    places: tuple[MapPlace, ...]
    left_out: int


class Share(_View, frozen=True, kw_only=True):
    """Of enrolled people, the share that is missed, with its 95 % interval; ``at``: the FPIR or the gallery's size."""

    at: float
    missed: float
    low: float
    high: float


class Evidence(_View, frozen=True, kw_only=True):
    """What the calibration of this encoder was made from, and its curves for the gallery as it is now.

    ``separation``: shares of enrolled people and of strangers over a scale of evidence (llr, natural logarithm);
    ``cost``: at each FPIR; ``growth``: at each size of the gallery, up to the largest that was measured.
    """

    created: str
    people: int
    target_trials: int
    nontarget_trials: int
    separation: Separation
    cost: tuple[Share, ...]
    growth: tuple[Share, ...]


class Health(_View, frozen=True, kw_only=True):
    """``accuracy``: the line of the encoder's card; ``decisions``: how many of each were given since ``started_at``
    (ISO 8601, UTC), None for who is confined to groups; ``evidence``: None where nobody calibrated this encoder.
    """

    encoder: str
    accuracy: str
    speakers: int
    started_at: str
    decisions: dict[Status, int] | None
    evidence: Evidence | None


def health(service: VoiceprintService, within: Within = None) -> Health:
    """How it stands, for whoever looks after the server, or after these groups."""
    speakers = service.count(within)
    return Health(
        encoder=service.encoder.id,
        accuracy=service.encoder.accuracy,
        speakers=speakers,
        started_at=iso_moment(service.statistics.started_at),
        decisions=dict(service.statistics.counts()) if within is None else None,
        evidence=_evidence(service.policy(within), speakers),
    )


def _evidence(policy: Policy, gallery_size: int) -> Evidence | None:
    calibration, target = policy.calibration, policy.target_fpir
    if calibration is None:
        return None
    found = calibration.evidence
    return Evidence(
        created=calibration.created,
        people=found.speakers,
        target_trials=found.target_trials,
        nontarget_trials=found.nontarget_trials,
        separation=separation(calibration, gallery_size, target),
        cost=tuple(_share(at, missed) for at, missed in cost_by_fpir(calibration, gallery_size)),
        growth=tuple(
            _share(at, missed)
            for at, missed in cost_by_gallery(calibration, target, largest=max(found.largest_gallery, gallery_size))
        ),
    )


def _share(at: float, missed: Interval) -> Share:
    return Share(at=at, missed=round(missed.value, 4), low=round(missed.low, 4), high=round(missed.high, 4))


class TimelineTurn(_View, frozen=True, kw_only=True):
    """Somebody speaking. ``speaker``: None where the status is not ``identified``. ``channel``: counted from 1, where
    each person has a channel alone.
    """

    start_seconds: float
    end_seconds: float
    status: Status
    speaker: SpeakerRef | None
    channel: int | None = None


class Timeline(_View, frozen=True, kw_only=True):
    """Who spoke when, in order. ``lost_seconds``: what did not decode."""

    turns: tuple[TimelineTurn, ...]
    audio_seconds: float
    lost_seconds: float = 0.0
    warnings: tuple[Notice, ...] = ()


def timeline(service: VoiceprintService, turns: Sequence[Turn], recording: Recording) -> Timeline:
    """Turns that were found, for the page."""
    return Timeline(
        turns=tuple(_turn(service, turn) for turn in joined(turns)),
        audio_seconds=round(recording.seconds, 2),
        lost_seconds=round(recording.lost_seconds, 2),
        warnings=recording.warnings(),
    )


def _turn(service: VoiceprintService, turn: Turn) -> TimelineTurn:
    decision = turn.answer.decision
    speaker = service.get(decision.speaker_id) if decision.speaker_id is not None else None
    return TimelineTurn(
        start_seconds=turn.start,
        end_seconds=turn.end,
        status=decision.status,
        speaker=None if speaker is None else _reference(speaker),
        channel=turn.channel,
    )


def voice_map(service: VoiceprintService, within: Within = None) -> VoiceMap:
    """Where the voices of the newest speakers lie, of those in the groups."""
    found = service.speaker_map(within, most=MAP_SPEAKERS)
    return VoiceMap(places=tuple(map(_place, found.speakers)), left_out=found.left_out)


def _place(mapped: MappedSpeaker) -> MapPlace:
    return MapPlace(
        speaker=_reference(mapped.speaker),
        x=mapped.x,
        y=mapped.y,
        closest=None if mapped.closest is None else _reference(mapped.closest),
        alike=mapped.alike,
    )


def _reference(speaker: StoredSpeaker) -> SpeakerRef:
    return SpeakerRef(id=speaker.id, name=speaker.name)
