"""The file: written, read back, and refused where it does not fit."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from support.calibration_fixtures import CALIBRATION, COHORT

from voiceprint.config import Settings
from voiceprint.decision.calibration import SHIPPED, load_calibration, shipped_calibration
from voiceprint.encoding.catalog import find_encoder
from voiceprint.encoding.model_folder import fingerprint_of
from voiceprint.encoding.published import BUNDLED, CAMPPLUS, CATALOG
from voiceprint.errors import ConfigError

FINGERPRINT = CALIBRATION.encoder_sha256


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return CALIBRATION.save(tmp_path / "new", COHORT)


def refusal(path: Path, fingerprint: str = FINGERPRINT) -> str:
    with pytest.raises(ConfigError) as caught:
        load_calibration(path, "made-up", fingerprint)
    return caught.value.code


def test_what_is_saved_is_read_back(saved: Path) -> None:
    calibration, cohort = load_calibration(saved, "made-up", FINGERPRINT)
    assert calibration == CALIBRATION
    assert cohort is not None
    assert np.array_equal(cohort.vectors, COHORT.vectors)


def test_another_encoder_is_refused(saved: Path) -> None:
    assert refusal(saved, "1" * 64) == "calibration_of_other_encoder"


def test_damage_is_refused(saved: Path, tmp_path: Path) -> None:
    assert refusal(tmp_path / "nothing.json") == "calibration_missing"
    cohort = saved.with_suffix(".cohort")
    data = bytearray(cohort.read_bytes())
    data[10] ^= 1
    cohort.write_bytes(data)
    assert refusal(saved) == "calibration_damaged"
    cohort.unlink()
    assert refusal(saved) == "calibration_missing"
    saved.write_text("{}")
    assert refusal(saved) == "calibration_damaged"
    saved.write_bytes(msgspec.json.encode(msgspec.structs.replace(CALIBRATION, version=99)))
    assert refusal(saved) == "calibration_damaged"


def test_the_level_is_the_mean_of_the_closest() -> None:
    voice = COHORT.vectors[0]
    assert COHORT.level(voice) == pytest.approx(np.sort(COHORT.vectors @ voice)[-5:].mean(), abs=1e-6)


def test_seconds_beyond_what_was_measured_count_as_the_border() -> None:
    def offset(seconds: float) -> float:
        return CALIBRATION.llr_offset(impostor=0.3, speech_seconds=seconds, enrolled_seconds=10)

    assert offset(1000) == offset(30) < offset(2)


def test_people_who_sound_more_alike_than_usual_raise_the_line() -> None:
    nearest = CALIBRATION.nearest
    assert nearest is not None
    usual = nearest.location + nearest.per_log_speaker * np.log(10)

    def score_shift(*over: float) -> float:
        return nearest.score_shift(usual + np.array(over), 10)

    assert score_shift(0.0, 0.0, 0.0) == 0
    assert 0 < score_shift(1.0, 1.0) < score_shift(*[1.0] * 10) < 1.0, "few people show less than many"
    assert score_shift(-2.0, -2.0, 1.0) == 0, "never more lenient than promised"
    assert score_shift(100.0, 0.0, 0.0) == score_shift(5.0, 0.0, 0.0), (
        "two enrollments of one person do not count for everything"
    )
    assert nearest.score_shift(np.array([50.0]), 1) == 0, "nobody to compare with"


def test_the_bundled_encoder_has_a_calibration() -> None:
    folder = find_encoder(BUNDLED, Settings())
    found = shipped_calibration(folder.id, folder.fingerprint)
    assert found is not None, f"voiceprint calibrate must be run for {folder.id} (see {SHIPPED})"
    calibration, cohort = found
    assert cohort is not None
    assert np.linalg.norm(cohort.vectors, axis=1) == pytest.approx(np.ones(len(cohort.vectors)), abs=1e-2)
    assert calibration.evidence.cllr <= 1.15 * calibration.evidence.cllr_min
    assert shipped_calibration(folder.id, "0" * 64) is None


def test_cam_has_a_calibration_that_fits_what_the_fetch_lays_out() -> None:
    found = shipped_calibration(CAMPPLUS, fingerprint_of(CATALOG[CAMPPLUS].pins))
    assert found is not None, "the pins or the hyperparams changed: calibrate it anew"
    calibration, cohort = found
    assert cohort is not None
    assert calibration.one_voice is not None
    assert calibration.evidence.cllr <= 1.15 * calibration.evidence.cllr_min
