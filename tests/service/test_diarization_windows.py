"""Who spoke when: real voices one after another, with and without a pause."""

from itertools import groupby, pairwise

import numpy as np
import pytest

from voiceprint.audio.decoding import SAMPLE_RATE, Waveform
from voiceprint.service.diarization_windows import Turn, _settled, joined, turns_of
from voiceprint.service.service import VoiceprintService

Takes = dict[str, list[Waveform]]
TOLERANCE_SECONDS = 1.5


def names(service: VoiceprintService, turns: list[Turn]) -> list[str]:
    found = (service.get(turn.answer.decision.speaker_id or "") for turn in turns)
    return [
        speaker.name if speaker else turn.answer.decision.status for speaker, turn in zip(found, turns, strict=True)
    ]


@pytest.fixture
def known(service: VoiceprintService, takes: Takes, speech_dev: object) -> VoiceprintService:
    """Two of three voices are enrolled."""
    for name, voice in zip(("Ada", "Ben"), list(takes)[::2], strict=True):
        service.enroll_new(name, [service.admit(service.listen(take)) for take in takes[voice][:2]])
    return service


@pytest.mark.parametrize("pause", [0.0, 1.0])
def test_every_change_of_voice_begins_a_turn(known: VoiceprintService, takes: Takes, pause: float) -> None:
    ada, stranger, ben = (takes[voice] for voice in takes)
    order = [ada[2], ben[2], stranger[1], ada[3]]
    pieces, spans, at = [], [], 0.0
    for take in order:
        sound = take.samples[: 5 * SAMPLE_RATE]
        spans.append((at, at + len(sound) / SAMPLE_RATE))
        pieces += [sound, np.zeros(int(pause * SAMPLE_RATE), np.float32)]
        at += len(sound) / SAMPLE_RATE + pause
    turns = joined(list(turns_of(known, Waveform(np.concatenate(pieces)))))
    longer = [turn for turn in turns if turn.end - turn.start > 2]
    # The bundled encoder leaves short pieces without a name; under a wrong one it puts none.
    said = names(known, longer)
    assert [name for name, _ in groupby(name for name in said if name != "unknown")] == ["Ada", "Ben", "Ada"]
    assert "unknown" in said
    spoken = list(zip(("Ada", "Ben", "unknown", "Ada"), spans, strict=True))
    for name, turn in zip(said, longer, strict=True):
        if name != "unknown":
            assert any(
                begin - TOLERANCE_SECONDS < turn.start < turn.end < end + TOLERANCE_SECONDS
                for speaker, (begin, end) in spoken
                if speaker == name
            )
    assert all(before.end <= after.start for before, after in pairwise(turns))


def test_silence_has_no_turns(known: VoiceprintService) -> None:
    assert list(turns_of(known, Waveform(np.zeros(10 * SAMPLE_RATE, np.float32)))) == []


def test_few_windows_between_two_names_only_straddle_the_border() -> None:
    assert _settled([("a", 4), (None, 2), ("b", 3)], window=3) == [("a", 0, 3), ("b", 6, 8)]
    assert _settled([("a", 4), (None, 3), ("a", 3)], window=3) == [("a", 0, 9)]
    assert _settled([("a", 4), (None, 4), ("b", 3)], window=3) == [("a", 0, 3), (None, 4, 7), ("b", 8, 10)]
    assert _settled([(None, 1), ("a", 4), (None, 1)], window=3) == [(None, 0, 0), ("a", 1, 4), (None, 5, 5)]
    assert _settled([], window=3) == []


def test_several_voices_at_once_are_answered_as_one_by_one(known: VoiceprintService, takes: Takes) -> None:
    voices = [known.hear(take) for several in takes.values() for take in several]
    voices.append(known.hear(Waveform(np.zeros(SAMPLE_RATE, np.float32))))
    for some in (voices[:-1], voices):
        together, alone = known.identify_all(some, top_k=2), [known.identify(voice, top_k=2) for voice in some]
        for one, other in zip(together, alone, strict=True):
            assert (one.decision.status, one.decision.speaker_id) == (other.decision.status, other.decision.speaker_id)
            assert one.decision.score == pytest.approx(other.decision.score, abs=1e-5)
            assert [match.speaker_id for match in one.candidates] == [match.speaker_id for match in other.candidates]
    assert {"identified", "unknown"} <= {answer.decision.status for answer in together}
    assert known.identify_all([]) == []
