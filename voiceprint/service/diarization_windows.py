"""Diarization without a segmentation: the turns of a recording by sliding windows, each with an answer.

Speech is split into stretches without a long pause. Within a stretch a window slides over the speech; a turn ends where
the identified speaker changes. Each turn is then identified as a whole, because longer speech is more certain.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from heapq import merge
from itertools import groupby, pairwise

import numpy as np

from voiceprint.audio.channels import Party
from voiceprint.audio.recording import SAMPLE_RATE, Recording, Waveform
from voiceprint.audio.segmenter import Segment
from voiceprint.audio.vad import Utterance
from voiceprint.domain.groups import Within
from voiceprint.service.results import Answer
from voiceprint.service.service import VoiceprintService

__all__ = ["Pay", "Turn", "WindowedTurns", "free", "joined", "turns_of"]

# A pause as long as this ends a stretch: another speaker may go on.
PAUSE_SECONDS = 0.6
WINDOW_SECONDS, HOP_SECONDS = 3.0, 1.0
# A turn is at least as long: borders between shorter ones are mostly chance.
LEAST_TURN_SECONDS = 2.0
# A named speaker who pauses for less than this is still in the same turn.
BREATH_SECONDS = 2.0
# A stretch as long as this ends at the next short pause: between two of them other requests are served.
STRETCH_SECONDS = 20.0
# What is longer is cut here, so that memory stays bounded.
MOST_SECONDS, LIVE_SECONDS = 600.0, 10.0

Ask = Callable[[Sequence[Waveform]], list[Answer]]
# How many of so many more answers may be given; its steps yield the seconds to wait before the next one.
Pay = Callable[[int], Generator[float, None, int]]


def free(answers: int) -> Generator[float, None, int]:
    """All of them."""
    return answers
    yield  # a step that there never is


@dataclass(frozen=True, slots=True)
class Turn:
    """One speaker's turn. ``start``, ``end``: seconds from the beginning of the recording.

    ``channel``: where each person has one alone. ``unnamed``: the number of an unnamed voice in its recording, from 1;
    None for a named one, and where unnamed voices are not told apart; ``voice``: its number among all, 0 where
    voices are not told apart.
    """

    start: float
    end: float
    answer: Answer
    channel: int | None = None
    unnamed: int | None = None
    voice: int = 0


class WindowedTurns:
    """The turns of a party, a few minutes at a time; ``turns``: so far.

    ``channel``: where each person has one alone; ``within``: the groups searched.
    """

    def __init__(
        self,
        service: VoiceprintService,
        channel: int | None,
        within: Within,
        pay: Pay = free,
        *,
        live: bool = False,
    ) -> None:
        self.turns: list[Turn] = []
        self._most_seconds = LIVE_SECONDS if live else MOST_SECONDS
        self._service, self._channel, self._within, self._pay = service, channel, within, pay
        self._waiting: list[Waveform] = []
        self._begin = 0.0

    @property
    def known(self) -> int:
        """How many turns are known."""
        return len(self.turns)

    def hear(self, sound: Waveform) -> Iterator[float | None]:
        """Take the next sound in."""
        self._waiting.append(sound)
        if sum(one.seconds for one in self._waiting) >= self._most_seconds:
            yield from self.finish()

    def finish(self) -> Iterator[float | None]:
        """Take the end in."""
        whole = Waveform(np.concatenate([one.samples for one in self._waiting] or [np.zeros(0, np.float32)]))
        self._waiting = []
        for turn in turns_of(self._service, whole, within=self._within) if len(whole.samples) else ():
            if not (yield from self._pay(1)):
                break
            start, end = (round(at + self._begin, 2) for at in (turn.start, turn.end))
            self.turns.append(replace(turn, start=start, end=end, channel=self._channel))
            yield None
        self._begin += whole.seconds


def turns_of(service: VoiceprintService, sound: Recording | Waveform, *, within: Within = None) -> Iterator[Turn]:
    """The turns of a recording in order, each as soon as it is decided.

    Where each person has a channel alone, each is listened to apart. ``within``: the groups searched.
    """
    found = [_turns(service, party, within) for party in service.parties(sound)]
    return merge(*found, key=lambda turn: turn.start)


def _turns(service: VoiceprintService, party: Party, within: Within) -> Iterator[Turn]:
    heard, waveform = party.utterance, party.waveform
    channel = party.channel if heard.origin.parties else None

    def ask(pieces: Sequence[Waveform]) -> list[Answer]:
        probes = [service.encode(_piece(heard, speech)) for speech in pieces]
        return service.identify_all(probes, top_k=2, within=within)

    for stretch in _stretches(heard.segments, waveform):
        spans = list(
            pairwise(_borders(stretch, ask, max(LEAST_TURN_SECONDS, service.settings.min_identify_speech_seconds)))
        )
        for (start, end), answer in zip(spans, ask([stretch.cut(*span) for span in spans]), strict=True):
            yield Turn(round(stretch.moment(start, opening=True), 2), round(stretch.moment(end), 2), answer, channel)


def joined(turns: Sequence[Turn]) -> list[Turn]:
    """The turns, with those of a named speaker joined across short pauses.

    The answer of a joined turn is that of its longest part.
    """
    channels = dict.fromkeys(turn.channel for turn in turns)
    apart = [_joined([turn for turn in turns if turn.channel == channel]) for channel in channels]
    return list(merge(*apart, key=lambda turn: turn.start))


def _joined(turns: Sequence[Turn]) -> list[Turn]:
    """The joined turns of one channel."""
    kept: list[Turn] = []
    for turn in turns:
        last = kept[-1] if kept else None
        speaker_id = turn.answer.decision.speaker_id
        same = last and speaker_id and last.answer.decision.speaker_id == speaker_id
        if last and same and turn.start - last.end < BREATH_SECONDS:
            longer = max(last.answer, turn.answer, key=lambda answer: answer.utterance.speech_seconds)
            kept[-1] = replace(last, end=turn.end, answer=longer)
        else:
            kept.append(turn)
    return kept


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Segments of speech close to each other, and their sound without the pauses.

    Positions are seconds of that sound.
    """

    segments: tuple[Segment, ...]
    speech: Waveform

    def moment(self, position: float, *, opening: bool = False) -> float:
        """Seconds in the recording of a position.

        At a pause: its beginning, or its end where ``opening``.
        """
        for segment in self.segments:
            if position < segment.seconds or (position == segment.seconds and not opening):
                return segment.start + position
            position -= segment.seconds
        return self.segments[-1].end

    def cut(self, start: float, end: float) -> Waveform:
        return Waveform(self.speech.samples[int(start * SAMPLE_RATE) : int(end * SAMPLE_RATE)])


def _stretches(segments: Sequence[Segment], waveform: Waveform) -> Iterator[_Stretch]:
    groups: list[list[Segment]] = []
    for segment in segments:
        goes_on = groups and segment.start - groups[-1][-1].end < PAUSE_SECONDS
        if goes_on and segment.end - groups[-1][0].start < STRETCH_SECONDS:
            groups[-1].append(segment)
        else:
            groups.append([segment])
    for group in groups:
        pieces = [waveform.samples[int(one.start * SAMPLE_RATE) : int(one.end * SAMPLE_RATE)] for one in group]
        yield _Stretch(tuple(group), Waveform(np.concatenate(pieces)))


def _borders(stretch: _Stretch, ask: Ask, needed_seconds: float) -> list[float]:
    """Positions of the borders of turns, the ends of the stretch included."""
    window = max(WINDOW_SECONDS, needed_seconds)
    whole = stretch.speech.seconds
    starts = np.arange(0.0, whole - window + 1e-6, HOP_SECONDS).tolist()
    found = [answer.decision.speaker_id for answer in ask([stretch.cut(at, at + window) for at in starts])]
    runs = _settled([(speaker_id, len(list(run))) for speaker_id, run in groupby(found)], round(window / HOP_SECONDS))
    inner = [
        # Half way between the middle of the last window of one and that of the first window of the next.
        (starts[last] + starts[first] + window) / 2
        for (_, _, last), (_, first, _) in pairwise(runs)
    ]
    return [0.0, *inner, whole]


def _settled(runs: Sequence[tuple[str | None, int]], window: int) -> list[tuple[str | None, int, int]]:
    """Runs of windows as (speaker id, first, last), neighbours different.

    Unknown windows between two named runs, too few to be a turn, only straddle the border and are dropped.
    """
    kept: list[tuple[str | None, int, int]] = []
    at = 0
    for number, (speaker_id, count) in enumerate(runs):
        straddles = speaker_id is None and 0 < number < len(runs) - 1 and count <= window
        if not straddles:
            if kept and kept[-1][0] == speaker_id:
                kept[-1] = (speaker_id, kept[-1][1], at + count - 1)
            else:
                kept.append((speaker_id, at, at + count - 1))
        at += count
    return kept


def _piece(heard: Utterance, speech: Waveform) -> Utterance:
    return replace(heard, speech=speech, segments=(), speech_seconds=speech.seconds, audio_seconds=speech.seconds)
