"""Who spoke when in a recording: the turns of enrolled speakers by name, those of others numbered.

With the segmentation speakers who talk at once are told apart, and each voice of the recording is decided on once, by
the same policy as any other speech. Without it: sliding windows, see ``diarization_windows``. Memory does not grow
with the recording but by what is known of its voices and turns.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, count

from voiceprint.audio.channels import ANY, Choice, Party
from voiceprint.audio.recording import SAMPLE_RATE, Recording, Waveform
from voiceprint.domain.groups import Within
from voiceprint.service.diarization_spans import PAUSE_SECONDS, Span
from voiceprint.service.diarization_voices import Voices
from voiceprint.service.diarization_windows import Pay, Turn, WindowedTurns, free, joined
from voiceprint.service.results import Answer, EncodedUtterance
from voiceprint.service.service import VoiceprintService

__all__ = ["Diarization", "Diarizer", "Pay", "Turn", "Voice", "diarize", "finished", "free", "last_of"]

Heard = tuple[list[Span], list[EncodedUtterance]]

# A recording is looked at piece by piece.
_CHUNK_SAMPLES = 30 * SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Voice:
    """One voice of a recording. ``number``: from 1, in order of appearance; ``unnamed``: its number among the unnamed,
    None for a named one; ``probe``: what it sounds like.
    """

    number: int
    answer: Answer
    probe: EncodedUtterance
    unnamed: int | None


@dataclass(frozen=True, slots=True)
class Diarization:
    """``turns``: by their start; ``answers``: all that were decided; ``voices``: in order of their numbers.

    ``segmented``: whether speakers who talk at once, and unnamed voices, are told apart; else there are no ``voices``.
    """

    turns: tuple[Turn, ...]
    answers: tuple[Answer, ...]
    segmented: bool
    voices: tuple[Voice, ...] = ()


# Each ends with the seconds to wait before the next one, None for none.
Steps = Generator[float | None, None, Diarization]


class Diarizer:
    """The diarization of a recording that comes piece by piece; not to be shared between threads.

    Everything that works does so step by step, for others to be served in between.
    """

    def __init__(
        self,
        service: VoiceprintService,
        parties: Sequence[Party],
        *,
        within: Within = None,
        pay: Pay = free,
        live: bool = False,
    ) -> None:
        """``parties``: as heard in the beginning of the recording; ``within``: the groups searched; ``live``: what is
        known is asked for after each few seconds.
        """
        self._service, self._within, self._pay = service, within, pay
        self._paid = 0
        self.channels = [party.channel for party in parties]
        self._told = [party.channel if party.utterance.origin.parties else None for party in parties]
        self._voices: list[Voices] = []
        self._windows: list[WindowedTurns] = []
        if service.segmentation is None:
            self._windows = [WindowedTurns(service, channel, within, pay, live=live) for channel in self._told]
        else:
            policy = service.policy(within)
            self._voices = [Voices(service, service.segmentation, policy, live=live) for _ in parties]
        self._parts: Sequence[Voices | WindowedTurns] = self._voices or self._windows

    def hear(self, sounds: Sequence[Waveform]) -> Iterator[float | None]:
        """Take the next sound in, one of each party."""
        for part, sound in zip(self._parts, sounds, strict=True):
            yield from part.hear(sound)

    def finish(self) -> Iterator[float | None]:
        """Take the end in."""
        for part in self._parts:
            yield from part.finish()

    @property
    def known(self) -> int:
        """How much there is to be found: it grows with what is heard."""
        return sum(part.known for part in self._parts)

    def found(self) -> Steps:
        """What is known so far. Before ``finish`` it may still change."""
        if self._windows:
            turns = [turn for part in self._windows for turn in part.turns]
            in_order = joined(sorted(turns, key=lambda turn: turn.start))
            return Diarization(tuple(in_order), tuple(turn.answer for turn in turns), False)
        turns, voices, every = list[Turn](), list[Voice](), list[Answer]()
        unnamed = count(1)
        heard = []
        for part in self._voices:
            heard.append(part.found())
            yield None
        for (spans, probes), channel in zip((yield from self._afforded(heard)), self._told, strict=True):
            # A timeline decides; it enrolls nothing.
            found = self._service.identify_all(probes, top_k=2, within=self._within)
            answers = [replace(answer, enrolls=False) for answer in found]
            every += answers
            _add(spans, answers, probes, channel, unnamed, turns, voices)
            yield None
        return Diarization(tuple(sorted(turns, key=lambda turn: turn.start)), tuple(every), True, tuple(voices))

    def _afforded(self, heard: Sequence[Heard]) -> Generator[float | None, None, list[Heard]]:
        """Of each party what may be decided on: all, or else the voices that speak most."""
        speech = [probe.utterance.speech_seconds for _, probes in heard for probe in probes]
        self._paid += yield from self._pay(max(0, len(speech) - self._paid))
        kept = set(sorted(range(len(speech)), key=lambda number: -speech[number])[: self._paid])
        ends = list(accumulate(len(probes) for _, probes in heard))
        return [
            _only(one, sorted(number - end + len(one[1]) for number in kept if end - len(one[1]) <= number < end))
            for one, end in zip(heard, ends, strict=True)
        ]


def diarize(
    service: VoiceprintService,
    sound: Recording | Waveform,
    choice: Choice = ANY,
    *,
    within: Within = None,
    pay: Pay = free,
) -> Steps:
    """The diarization of a recording in memory: a step for each piece of work."""
    parties = service.parties(sound, choice)
    diarizer = Diarizer(service, parties, within=within, pay=pay)
    for at in range(0, max(len(party.waveform.samples) for party in parties), _CHUNK_SAMPLES):
        yield from diarizer.hear([Waveform(party.waveform.samples[at : at + _CHUNK_SAMPLES]) for party in parties])
    yield from diarizer.finish()
    return (yield from diarizer.found())


def finished(service: VoiceprintService, sound: Recording | Waveform, *, within: Within = None) -> Diarization:
    """The diarization of a recording, all at once."""
    return last_of(diarize(service, sound, within=within))


def last_of(steps: Steps) -> Diarization:
    """What all steps come to."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            found: Diarization = done.value
            return found


def _only(heard: Heard, kept: Sequence[int]) -> Heard:
    """The spans and probes of these clusters alone."""
    spans, probes = heard
    place = {cluster: at for at, cluster in enumerate(kept)}
    spans = [replace(span, cluster=place[span.cluster]) for span in spans if span.cluster in place]
    return spans, [probes[cluster] for cluster in kept]


def _add(
    spans: Sequence[Span],
    answers: Sequence[Answer],
    probes: Sequence[EncodedUtterance],
    channel: int | None,
    unnamed: Iterator[int],
    turns: list[Turn],
    voices: list[Voice],
) -> None:
    """Add the turns and the voices of one party; two clusters of one speaker become one voice."""
    known: dict[str | int, int] = {}
    last: dict[int, int] = {}
    for span in spans:
        answer = answers[span.cluster]
        person = answer.decision.speaker_id or span.cluster
        if person not in known:
            known[person] = len(voices)
            number = next(unnamed) if answer.decision.speaker_id is None else None
            voices.append(Voice(len(voices) + 1, answer, probes[span.cluster], number))
        voice = voices[known[person]]
        if probes[span.cluster].utterance.speech_seconds > voice.probe.utterance.speech_seconds:
            voice = voices[known[person]] = replace(voice, answer=answer, probe=probes[span.cluster])
        before = turns[last[voice.number]] if voice.number in last else None
        if before and span.start - before.end < PAUSE_SECONDS:
            turns[last[voice.number]] = replace(before, end=max(before.end, span.end))
        else:
            last[voice.number] = len(turns)
            turns.append(Turn(span.start, span.end, answer, channel, voice.unnamed, voice.number))
