"""What a webhook is told: opaque ids and decisions, and neither a name nor a score."""

import secrets
import time
from collections.abc import Collection, Iterator

import msgspec

from voiceprint.api.recording_messages import JobState
from voiceprint.domain.moments import iso_moment
from voiceprint.domain.vocabulary import Mode, Status
from voiceprint.service.results import Answer
from voiceprint.service.service import VoiceprintService

__all__ = ["Decided", "RecordingEnded", "WatchlistHit", "WebhookEvent", "events_of"]


def _new_id() -> str:
    return secrets.token_hex(16)


def _now() -> str:
    return iso_moment(time.time())


class WatchlistHit(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="watchlist_hit"):
    """A speaker of the watched group was named. ``at``: ISO 8601, UTC."""

    id: str = msgspec.field(default_factory=_new_id)
    at: str = msgspec.field(default_factory=_now)
    group: str
    speaker_id: str


class Decided(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="decision"):
    """A final answer. ``speaker_id``: of the speaker named; ``claimed_speaker_id``: of a claim, if enrolled."""

    id: str = msgspec.field(default_factory=_new_id)
    at: str = msgspec.field(default_factory=_now)
    mode: Mode
    status: Status
    speaker_id: str | None
    claimed_speaker_id: str | None


class RecordingEnded(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="recording"):
    """A recording was heard, or could not be. ``recording_id``: as its token asks for it."""

    id: str = msgspec.field(default_factory=_new_id)
    at: str = msgspec.field(default_factory=_now)
    recording_id: str
    state: JobState


WebhookEvent = WatchlistHit | Decided | RecordingEnded


def events_of(
    answer: Answer, service: VoiceprintService, *, wanted: Collection[str], group: str
) -> Iterator[WebhookEvent]:
    """The events of the wanted types that follow from a final answer. ``group``: the watched one."""
    named, claimed = answer.decision.speaker_id, answer.claimed_id
    if "decision" in wanted:
        enrolled = claimed is not None and service.get(claimed) is not None
        yield Decided(
            mode=answer.mode,
            status=answer.decision.status,
            speaker_id=named,
            claimed_speaker_id=claimed if enrolled else None,
        )
    speaker = service.get(named) if named is not None and "watchlist_hit" in wanted else None
    if speaker is not None and group in speaker.profile.groups:
        yield WatchlistHit(group=group, speaker_id=speaker.id)
