"""The diarization of a recording that is decoded as it is read."""

from collections.abc import Generator, Iterator, Sequence

import numpy as np

from voiceprint.audio.channels import ANY, Choice
from voiceprint.audio.recording import SAMPLE_RATE, Recording, Waveform
from voiceprint.audio.recording_stream import RecordingStream, SoundPiece
from voiceprint.domain.groups import Within
from voiceprint.service.diarization import Diarization, Diarizer, Pay, Steps, free, last_of
from voiceprint.service.service import VoiceprintService

__all__ = ["StreamDiarizer", "diarize_stream"]

# Sound is handed on in pieces as long as this.
_PIECE_SAMPLES = 30 * SAMPLE_RATE


class StreamDiarizer:
    """``begin``, ``hear`` each piece, ``finish``, ask; steps as those of Diarizer. ``seconds``: heard so far."""

    def __init__(
        self,
        service: VoiceprintService,
        choice: Choice = ANY,
        *,
        within: Within = None,
        pay: Pay = free,
        live: bool = False,
    ) -> None:
        """``live``: sound is looked at as soon as it comes, and all that is known is asked for then."""
        self.seconds = 0.0
        self._live = live
        self._service, self._choice, self._within, self._pay = service, choice, within, pay
        self._track = 1
        self._diarizer: Diarizer | None = None
        self._waiting: list[list[Waveform]] = []

    @property
    def known(self) -> int:
        """How much there is to be found: it grows with what is heard."""
        return 0 if self._diarizer is None else self._diarizer.known

    def begin(self, head: Recording) -> Generator[float | None, None, None]:
        """Choose by the beginning which track and channels are heard, and hear it. Raises InputError."""
        parties = self._service.parties(head, self._choice)
        self._track = parties[0].utterance.origin.track or head.tracks[0].number
        self._diarizer = Diarizer(self._service, parties, within=self._within, pay=self._pay, live=self._live)
        yield None
        sounds = [party.waveform for party in parties]
        for at in range(0, max(len(sound.samples) for sound in sounds), _PIECE_SAMPLES):
            yield from self._hear([Waveform(sound.samples[at : at + _PIECE_SAMPLES]) for sound in sounds])

    def hear(self, piece: SoundPiece) -> Generator[float | None, None, None]:
        """The next of its sound."""
        if piece.track != self._track or self._diarizer is None:
            return
        self._waiting.append([piece.channel(channel) for channel in self._diarizer.channels])
        if self._live or sum(len(sounds[0].samples) for sounds in self._waiting) >= _PIECE_SAMPLES:
            yield from self._hear(self._gathered())

    def finish(self) -> Generator[float | None, None, None]:
        """The end of it."""
        if self._waiting:
            yield from self._hear(self._gathered())
        if self._diarizer is not None:
            yield from self._diarizer.finish()

    def found(self) -> Steps:
        """What is known so far."""
        assert self._diarizer is not None
        return (yield from self._diarizer.found())

    def _hear(self, sounds: Sequence[Waveform]) -> Generator[float | None, None, None]:
        assert self._diarizer is not None
        yield from self._diarizer.hear(sounds)
        self.seconds += max(sound.seconds for sound in sounds)

    def _gathered(self) -> list[Waveform]:
        parts, self._waiting = self._waiting, []
        return [Waveform(np.concatenate([part.samples for part in channel])) for channel in zip(*parts, strict=True)]


def diarize_stream(service: VoiceprintService, stream: RecordingStream) -> tuple[Diarization, float]:
    """The diarization of a whole recording, and its seconds. Raises InputError."""
    diarizer = StreamDiarizer(service)
    _run(diarizer.begin(stream.head()))
    while (piece := stream.read()) is not None:
        _run(diarizer.hear(piece))
    _run(diarizer.finish())
    return last_of(diarizer.found()), diarizer.seconds


def _run(steps: Iterator[float | None]) -> None:
    for _ in steps:
        pass
