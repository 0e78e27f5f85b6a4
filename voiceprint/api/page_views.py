"""Views of the gallery for the page, as typed structs: answers of REST beside ``messages``."""

import msgspec

from voiceprint.api.messages import SpeakerRef
from voiceprint.api.timeline_messages import Timeline, TimelineTurn, TimelineVoice
from voiceprint.api.timeline_presenter import speaker_ref, timeline
from voiceprint.decision.intervals import Interval
from voiceprint.decision.operating_curves import Separation, cost_by_fpir, cost_by_gallery, separation
from voiceprint.decision.policy import Policy
from voiceprint.domain.groups import Within
from voiceprint.domain.moments import iso_moment
from voiceprint.domain.vocabulary import Status
from voiceprint.encoding.published import moving_advice
from voiceprint.service.service import VoiceprintService
from voiceprint.service.voice_map import MappedSpeaker

__all__ = [
    "Evidence",
    "Health",
    "MapPlace",
    "Share",
    "Timeline",
    "TimelineTurn",
    "TimelineVoice",
    "VoiceMap",
    "health",
    "timeline",
    "voice_map",
]

# More names than this cannot be read on one map.
MAP_SPEAKERS = 200


class _View(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class MapPlace(_View, frozen=True, kw_only=True):
    """A place on the map: ``x``, ``y`` in [-1, 1]; near means sounding alike.

    ``closest``: the most similar speaker; ``alike``: whether the two may be taken for each other.
    """

    speaker: SpeakerRef
    x: float
    y: float
    closest: SpeakerRef | None
    alike: bool


class VoiceMap(_View, frozen=True, kw_only=True):
    """The newest speakers as places on a plane.

    ``left_out``: number of speakers enrolled before those on the map.
    """

    places: tuple[MapPlace, ...]
    left_out: int


class Share(_View, frozen=True, kw_only=True):
    """The share of enrolled speakers that is missed (FNIR), with its 95 % interval.

    ``at``: the FPIR, or the size of the gallery.
    """

    at: float
    missed: float
    low: float
    high: float


class Evidence(_View, frozen=True, kw_only=True):
    """The evidence of the encoder's calibration, and its curves for the current gallery.

    ``separation``: shares of enrolled speakers and of impostors over a scale of evidence (llr, natural logarithm);
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
    """The state of the server for its operator.

    ``accuracy``: from the encoder's card; ``decisions``: count of each status since ``started_at`` (ISO 8601, UTC),
    None for callers confined to groups; ``evidence``: None for an encoder without calibration; ``advice``: what the
    store would gain with another encoder, where it would.
    """

    encoder: str
    accuracy: str
    speakers: int
    started_at: str
    decisions: dict[Status, int] | None
    evidence: Evidence | None
    advice: str | None


def health(service: VoiceprintService, within: Within = None) -> Health:
    """The state of the server, or of these groups."""
    speakers = service.count(within)
    return Health(
        encoder=service.encoder.id,
        accuracy=service.encoder.accuracy,
        speakers=speakers,
        started_at=iso_moment(service.statistics.started_at),
        decisions=dict(service.statistics.counts()) if within is None else None,
        evidence=_evidence(service.policy(within), speakers),
        advice=moving_advice(service.encoder.id),
    )


def _evidence(policy: Policy, gallery_size: int) -> Evidence | None:
    calibration, target = policy.calibration, policy.target_fpir
    if calibration is None:
        return None
    found = calibration.evidence
    largest = max(found.largest_gallery, gallery_size)
    growth = cost_by_gallery(calibration, target, policy.score_shift, largest=largest)
    return Evidence(
        created=calibration.created,
        people=found.speakers,
        target_trials=found.target_trials,
        nontarget_trials=found.nontarget_trials,
        separation=separation(calibration, gallery_size, target, policy.score_shift),
        cost=tuple(_share(at, missed) for at, missed in cost_by_fpir(calibration, gallery_size, policy.score_shift)),
        growth=tuple(_share(at, missed) for at, missed in growth),
    )


def _share(at: float, missed: Interval) -> Share:
    return Share(at=at, missed=round(missed.value, 4), low=round(missed.low, 4), high=round(missed.high, 4))


def voice_map(service: VoiceprintService, within: Within = None) -> VoiceMap:
    """The map of the newest speakers of the groups."""
    found = service.speaker_map(within, most=MAP_SPEAKERS)
    return VoiceMap(places=tuple(map(_place, found.speakers)), left_out=found.left_out)


def _place(mapped: MappedSpeaker) -> MapPlace:
    return MapPlace(
        speaker=speaker_ref(mapped.speaker),
        x=mapped.x,
        y=mapped.y,
        closest=None if mapped.closest is None else speaker_ref(mapped.closest),
        alike=mapped.alike,
    )
