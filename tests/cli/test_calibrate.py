"""voiceprint calibrate, as a person runs it, on enrolled voices of people who are clearly different."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from voiceprint.cli import main
from voiceprint.decision.calibration import load_calibration, shipped_calibration
from voiceprint.domain.speaker import EncoderIdentity, Enrollment
from voiceprint.domain.vocabulary import Consent
from voiceprint.encoding.encoder import Encoder
from voiceprint.storage.sealing.key_file import MasterKeys
from voiceprint.storage.store import Store

PEOPLE, TAKES = 40, 6


def takes_of(person: int) -> list[Enrollment]:
    """A random direction for the person, every take somewhere near it."""
    rng = np.random.default_rng(person)
    voice = rng.normal(size=192)
    return [Enrollment.new(_unit(voice + rng.normal(size=192)), 6.0) for _ in range(TAKES)]


def _unit(row: NDArray[np.float64]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = (row / np.linalg.norm(row)).astype(np.float32)
    return unit


@pytest.fixture
def enrolled(monkeypatch: pytest.MonkeyPatch, folder: Path, keys: MasterKeys, encoder: Encoder) -> str:
    """Everybody consented, but the last two."""
    monkeypatch.setenv("VOICEPRINT_KEY_FILE", str(keys.path))
    store = Store.open(folder, keys, EncoderIdentity(encoder.id, encoder.fingerprint, encoder.dimension))
    for person in range(PEOPLE):
        consent = Consent(purpose="the door") if person < PEOPLE - 2 else None
        store.add_speaker(f"Person {person}", takes_of(person), consent=consent)
    store.close()
    return str(folder)


def test_enrolled_voices_make_a_calibration_that_the_service_takes(
    tmp_path: Path, enrolled: str, encoder: Encoder, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "calibration"
    assert main(["calibrate", "--enrolled", "--data", enrolled, "--out", str(out), "--json"]) == 0
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert said["evidence"]["speakers"] == PEOPLE - 2
    calibration = load_calibration(out / f"{encoder.id}.json", encoder.id, encoder.fingerprint)
    shipped = shipped_calibration(encoder.id, encoder.fingerprint)
    assert shipped is not None
    assert calibration.one_voice == shipped.one_voice, "takes cannot show how two voices in one recording sound"
    assert b"Person" not in (out / f"{encoder.id}.json").read_bytes()


def test_a_calibration_needs_something_to_learn_from(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["calibrate", "--out", str(tmp_path / "out")]) == 2
    assert "Give a folder of speakers" in capsys.readouterr().err
    assert main(["calibrate", "--enrolled", "--data", str(folder), "--out", str(tmp_path / "out")]) == 4
    assert "There is no store" in capsys.readouterr().err
    assert not folder.exists()
