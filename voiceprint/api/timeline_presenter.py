"""Diarization -> the timeline of the wire, with what people said of its voices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from voiceprint.api.disclosure import rule_told
from voiceprint.api.recording_messages import MoveTurn
from voiceprint.api.speaker_messages import SpeakerRef
from voiceprint.api.timeline_messages import Timeline, TimelineTurn, TimelineVoice
from voiceprint.audio.recording import Recording
from voiceprint.domain.caller import Caller
from voiceprint.domain.speaker import StoredSpeaker
from voiceprint.service.diarization import Diarization, Turn, Voice
from voiceprint.service.results import Answer
from voiceprint.service.service import VoiceprintService

__all__ = ["TimelinePresenter", "speaker_ref", "timeline"]

Shown = TypeVar("Shown", TimelineTurn, TimelineVoice)


def timeline(service: VoiceprintService, found: Diarization, recording: Recording, caller: Caller) -> Timeline:
    """The timeline of a recording in memory, for a caller."""
    return TimelinePresenter(service, found, caller).timeline(recording, recording.seconds)


@dataclass(frozen=True, slots=True)
class TimelinePresenter:
    """``corrections``: the speaker's id that a person gave a voice, by the number of the voice; None: a stranger.
    ``moves``: whose single turns are, by their places, from 1. ``nameable``: whether voices can still be named.
    """

    service: VoiceprintService
    found: Diarization
    caller: Caller
    corrections: Mapping[int, str | None] = field(default_factory=dict)
    moves: Mapping[int, MoveTurn] = field(default_factory=dict)
    nameable: bool = False

    def timeline(self, about: Recording, seconds: float) -> Timeline:
        voices = tuple(map(self._voice, self.found.voices))
        turns = list(map(self._turn, self.found.turns))
        for number, move in self.moves.items():
            turns[number - 1] = self._moved(turns[number - 1], move, voices)
        return Timeline(
            turns=tuple(turns),
            audio_seconds=round(seconds, 2),
            lost_seconds=round(about.lost_seconds, 2),
            warnings=about.warnings(),
            segmented=self.found.segmented,
            voices=voices,
        )

    def _moved(self, turn: TimelineTurn, move: MoveTurn, voices: Sequence[TimelineVoice]) -> TimelineTurn:
        """As one of the voice, or of the speaker, that it was moved to."""
        speaker = None if move.speaker is None else self.service.get(move.speaker)
        own = None if speaker is None else speaker_ref(speaker)
        alone = TimelineTurn(
            start_seconds=turn.start_seconds,
            end_seconds=turn.end_seconds,
            status="unknown" if own is None else "identified",
            speaker=own,
            channel=turn.channel,
            label="Unknown" if own is None else own.name,
            corrected=True,
        )
        its = [voice for voice in voices if voice.voice == move.voice or (own and voice.speaker == own)]
        if not its:
            return alone
        status, reference, label, voice = its[0].status, its[0].speaker, its[0].label, its[0].voice
        return msgspec.structs.replace(alone, status=status, speaker=reference, label=label, voice=voice)

    def _turn(self, turn: Turn) -> TimelineTurn:
        two = turn.answer.candidates[:2] if turn.answer.decision.status == "ambiguous" else ()
        known = (self.service.get(match.speaker_id) for match in two) if self.caller.sees_scores else ()
        shown = TimelineTurn(
            start_seconds=turn.start,
            end_seconds=turn.end,
            status=turn.answer.decision.status,
            speaker=self._speaker(turn.answer),
            between=tuple(speaker_ref(one) for one in known if one is not None),
            channel=turn.channel,
            label=f"Unknown {turn.unnamed}" if turn.unnamed else "Unknown",
            voice=turn.voice,
        )
        return self._as_said(shown)

    def _voice(self, voice: Voice) -> TimelineVoice:
        decision = voice.answer.decision
        shown = TimelineVoice(
            voice=voice.number,
            label=f"Unknown {voice.unnamed}" if voice.unnamed else "Unknown",
            status=decision.status,
            speaker=self._speaker(voice.answer),
            speech_seconds=round(voice.probe.utterance.speech_seconds, 1),
            rule=rule_told(decision.status, decision.rule, self.caller),
            nameable=self.nameable and voice.probe.embedding is not None,
        )
        return self._as_said(shown)

    def _speaker(self, answer: Answer) -> SpeakerRef | None:
        speaker_id = answer.decision.speaker_id
        speaker = None if speaker_id is None else self.service.get(speaker_id)
        return None if speaker is None else speaker_ref(speaker)

    def _as_said(self, shown: Shown) -> Shown:
        """With the speaker that a person gave the voice, and the speaker's name as its label."""
        corrected = shown.voice in self.corrections
        if corrected:
            speaker_id = self.corrections[shown.voice]
            speaker = None if speaker_id is None else self.service.get(speaker_id)
            reference = None if speaker is None else speaker_ref(speaker)
            shown = msgspec.structs.replace(shown, speaker=reference, corrected=True)
        if shown.speaker is not None:
            return msgspec.structs.replace(shown, status="identified", label=shown.speaker.name)
        # A speaker who was forgotten since then, or corrected away.
        status = "unknown" if shown.status == "identified" or corrected else shown.status
        return msgspec.structs.replace(shown, status=status)


def speaker_ref(speaker: StoredSpeaker) -> SpeakerRef:
    """Id and name."""
    return SpeakerRef(id=speaker.id, name=speaker.name)
