"""Takes, mergers and undoable changes as they go over the wire."""

from typing import cast

from voiceprint.api.messages import ChangeInfo, GivenConsent, Merged, SpeakerRef, Take, Takes
from voiceprint.api.presenters import speaker_info
from voiceprint.api.speaker_messages import ChangeEvent
from voiceprint.domain.moments import iso_moment
from voiceprint.domain.speaker import StoredSpeaker
from voiceprint.service.results import MergeOutcome, UndoableChange
from voiceprint.service.service import VoiceprintService
from voiceprint.service.take_check import TakeFit

__all__ = ["change_info", "merged_message", "takes_message"]


def takes_message(service: VoiceprintService, speaker_id: str) -> Takes:
    """The takes of a speaker, and how each fits the others. Raises SpeakerError (``unknown_speaker``)."""
    decide, wait = service.takes(speaker_id), service.pending.fits(speaker_id)
    takes = (*map(_take, decide), *(_take(one, pending=True) for one in wait))
    return Takes(speaker=_reference(service.speaker(speaker_id)), takes=takes)


def merged_message(outcome: MergeOutcome, service: VoiceprintService) -> Merged:
    """The speaker as it is now, and what was agreed to under both entries."""
    info = speaker_info(outcome.speaker, service)
    return Merged(speaker=info, consents=(_given(outcome.kept), _given(outcome.other)))


def change_info(change: UndoableChange) -> ChangeInfo:
    """What can be undone, or was."""
    return ChangeInfo(
        id=change.id,
        event=cast(ChangeEvent, change.event),
        speakers=tuple(SpeakerRef(id=speaker_id, name=name) for speaker_id, name in change.speakers),
        takes=change.takes,
        at=iso_moment(change.at),
        until=iso_moment(change.until),
    )


def _take(one: TakeFit, *, pending: bool = False) -> Take:
    return Take(
        id=one.take.id,
        enrolled_at=iso_moment(one.take.enrolled_at),
        speech_seconds=round(one.take.speech_seconds, 2),
        consistency=None if one.consistency is None else round(one.consistency, 4),
        fit=one.fit,
        pending=pending,
    )


def _given(speaker: StoredSpeaker) -> GivenConsent:
    profile = speaker.profile
    at = None if profile.consent_at is None else iso_moment(profile.consent_at)
    return GivenConsent(speaker=_reference(speaker), consent=profile.consent, consent_at=at)


def _reference(speaker: StoredSpeaker) -> SpeakerRef:
    return SpeakerRef(id=speaker.id, name=speaker.name)
