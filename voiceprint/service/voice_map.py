"""Map of the gallery on a plane, without templates or scores."""

from dataclasses import dataclass
from functools import partial

from voiceprint.decision.policy import Policy
from voiceprint.domain.groups import Within
from voiceprint.domain.match import Match
from voiceprint.domain.speaker import StoredSpeaker
from voiceprint.gallery.projection import map_voices
from voiceprint.service.enrolled import EnrolledSpeakers
from voiceprint.service.scope import Scope

__all__ = ["MappedSpeaker", "SpeakerMap", "speaker_map"]


@dataclass(frozen=True, slots=True)
class MappedSpeaker:
    """A place on the map: ``x``, ``y`` in [-1, 1].

    ``alike``: whether ``closest`` would be reported as similar if this speaker enrolled now.
    """

    speaker: StoredSpeaker
    x: float
    y: float
    closest: StoredSpeaker | None
    alike: bool


@dataclass(frozen=True, slots=True)
class SpeakerMap:
    """``left_out``: how many enrolled before those that are shown."""

    speakers: tuple[MappedSpeaker, ...]
    left_out: int


def speaker_map(enrolled: EnrolledSpeakers, policy: Policy, within: Within, *, most: int) -> SpeakerMap:
    """The newest speakers of the groups, at most ``most``, each with its place and neighbour."""
    scope = enrolled.scope(within)
    gallery = scope.gallery
    met = [one for one in scope.all(within) if one.id in gallery]
    newest = {one.id: one for one in sorted(met, key=lambda one: one.created_at)[-most:]}
    places = map_voices({speaker_id: gallery.template(speaker_id) for speaker_id in newest})
    size, speakers = scope.count(within), []
    for place in places:
        speaker, closest = newest[place.speaker_id], newest.get(place.closest_id or "")
        alike = closest is not None and _are_alike(scope, policy, speaker, closest, gallery_size=size)
        speakers.append(MappedSpeaker(speaker, place.x, place.y, closest, alike))
    return SpeakerMap(tuple(speakers), len(met) - len(newest))


def _are_alike(
    scope: Scope, policy: Policy, speaker: StoredSpeaker, other: StoredSpeaker, *, gallery_size: int
) -> bool:
    template = scope.gallery.template(speaker.id)
    return bool(
        policy.similar(
            [Match(other.id, scope.gallery.score(other.id, template))],
            embedding=template,
            speech_seconds=speaker.speech_seconds,
            gallery_size=gallery_size,
            enrolled=partial(scope.voices, scope.gallery),
        )
    )
