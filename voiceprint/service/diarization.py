"""Who spoke when in a recording: the turns of enrolled speakers by name, those of others numbered.

With the segmentation speakers who talk at once are told apart, and each voice of the recording is decided on once, by
the same policy as any other speech. Without it: sliding windows, see ``diarization_windows``.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count

from voiceprint.audio.channels import Party
from voiceprint.audio.recording import SAMPLE_RATE, Recording, Waveform
from voiceprint.domain.groups import Within
from voiceprint.encoding.segmentation import Segmentation
from voiceprint.service.diarization_spans import PAUSE_SECONDS, Span
from voiceprint.service.diarization_voices import Voices
from voiceprint.service.diarization_windows import Turn, joined, turns_of
from voiceprint.service.results import Answer
from voiceprint.service.service import VoiceprintService

__all__ = ["Diarization", "Turn", "diarize", "finished"]

# A recording is looked at piece by piece.
_CHUNK_SAMPLES = 30 * SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Diarization:
    """``turns``: by their start; ``answers``: all that were decided.

    ``segmented``: whether speakers who talk at once, and unnamed voices, are told apart.
    """

    turns: tuple[Turn, ...]
    answers: tuple[Answer, ...]
    segmented: bool


def diarize(
    service: VoiceprintService, sound: Recording | Waveform, *, within: Within = None
) -> Generator[Answer | None, None, Diarization]:
    """The diarization of a recording; stops after each piece of work, for others to be served.

    It stops with each answer, and with None. ``within``: the groups searched.
    """
    turns: list[Turn] = []
    answers: list[Answer] = []
    if service.segmentation is None:
        for turn in turns_of(service, sound, within=within):
            turns.append(turn)
            answers.append(turn.answer)
            yield turn.answer
        return Diarization(tuple(joined(turns)), tuple(answers), False)
    numbers = count(1)
    for party in service.parties(sound):
        spans, decided = yield from _voices(service, service.segmentation, party, within)
        answers += decided
        turns += _turns(spans, decided, party.channel if party.utterance.origin.parties else None, numbers)
    return Diarization(tuple(sorted(turns, key=lambda turn: turn.start)), tuple(answers), True)


def finished(service: VoiceprintService, sound: Recording | Waveform, *, within: Within = None) -> Diarization:
    """The diarization of a recording, all at once."""
    steps = diarize(service, sound, within=within)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            found: Diarization = done.value
            return found


def _voices(
    service: VoiceprintService, segmentation: Segmentation, party: Party, within: Within
) -> Generator[Answer | None, None, tuple[list[Span], list[Answer]]]:
    """The spans of a party's voices, and the answer to each voice."""
    voices = Voices(service, segmentation, service.policy(within))
    for _ in voices.add(_chunks(party.waveform)):
        yield None
    spans, probes = voices.found()
    # A timeline decides; it enrolls nothing.
    answers = [replace(answer, enrolls=False) for answer in service.identify_all(probes, top_k=2, within=within)]
    yield from answers
    return spans, answers


def _chunks(waveform: Waveform) -> Iterator[Waveform]:
    for at in range(0, len(waveform.samples), _CHUNK_SAMPLES):
        yield Waveform(waveform.samples[at : at + _CHUNK_SAMPLES])


def _turns(spans: Sequence[Span], answers: Sequence[Answer], channel: int | None, numbers: Iterator[int]) -> list[Turn]:
    """The spans with their answers; the spans of one speaker in two clusters become one speaker's."""
    unnamed: dict[int, int] = {}
    last: dict[str | int, int] = {}
    turns: list[Turn] = []
    for span in spans:
        answer = answers[span.cluster]
        voice = answer.decision.speaker_id or span.cluster
        if answer.decision.speaker_id is None and span.cluster not in unnamed:
            unnamed[span.cluster] = next(numbers)
        before = turns[last[voice]] if voice in last else None
        if before and span.start - before.end < PAUSE_SECONDS:
            turns[last[voice]] = replace(before, end=max(before.end, span.end))
        else:
            last[voice] = len(turns)
            turns.append(Turn(span.start, span.end, answer, channel, unnamed.get(span.cluster)))
    return turns
