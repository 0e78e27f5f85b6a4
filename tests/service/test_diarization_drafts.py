"""What is told of a recording before its first block is whole; voices are tones."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from support.toys import ADA, STRANGER, service_of_ada, tone

from voiceprint.audio.recording import Waveform
from voiceprint.service.diarization import Diarizer, last_of
from voiceprint.service.service import VoiceprintService


@pytest.fixture
def service(tmp_path: Path) -> Iterator[VoiceprintService]:
    with service_of_ada(tmp_path) as opened:
        yield opened


@pytest.mark.parametrize("windows", [8, 96])
def test_turns_are_told_from_the_first_windows_on_and_stay(
    service: VoiceprintService, monkeypatch: pytest.MonkeyPatch, windows: int
) -> None:
    monkeypatch.setattr("voiceprint.service.diarization_voices.BLOCK_WINDOWS", windows)
    sound = Waveform(np.concatenate([tone(pitch, 6.0).samples for pitch in (ADA, STRANGER) * 4]))
    diarizer = Diarizer(service, service.parties(sound))
    told: list[list[tuple[int, int | None]]] = []
    ends: list[float] = []
    for _ in diarizer.hear([sound]):
        found = last_of(diarizer.found())
        told.append([(round(turn.start), turn.unnamed) for turn in found.turns])
        ends.append(max(turn.end for turn in found.turns))
    assert ends[0] < 20
    assert len(ends) > 3
    assert ends == sorted(ends)
    for _ in diarizer.finish():
        pass
    found = last_of(diarizer.found())
    final = [(round(turn.start), turn.unnamed) for turn in found.turns]
    assert [unnamed for _, unnamed in final] == [None, 1] * 4
    for early in told:
        assert early == final[: len(early)]
    assert all(turn.answer.decision.speaker_id for turn in found.turns if turn.unnamed is None)
