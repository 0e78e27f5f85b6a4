"""The file: written, read back, and refused where it does not fit."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from support.calibration_fixtures import CALIBRATION, TELEPHONE

from voiceprint.config import Settings
from voiceprint.decision.calibration import SHIPPED, load_calibration, shipped_calibration
from voiceprint.encoding.catalog import find_encoder
from voiceprint.encoding.model_folder import fingerprint_of
from voiceprint.encoding.published import BUNDLED, CAMPPLUS, CATALOG, OFFICIAL
from voiceprint.errors import ConfigError

FINGERPRINT = CALIBRATION.encoder_sha256


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return CALIBRATION.save(tmp_path / "new")


def refusal(path: Path, fingerprint: str = FINGERPRINT) -> str:
    with pytest.raises(ConfigError) as caught:
        load_calibration(path, "made-up", fingerprint)
    return caught.value.code


def test_what_is_saved_is_read_back(saved: Path) -> None:
    assert load_calibration(saved, "made-up", FINGERPRINT) == CALIBRATION


def test_another_encoder_is_refused(saved: Path) -> None:
    assert refusal(saved, "1" * 64) == "calibration_of_other_encoder"


def test_damage_is_refused(saved: Path, tmp_path: Path) -> None:
    assert refusal(tmp_path / "nothing.json") == "calibration_missing"
    saved.write_text("{}")
    assert refusal(saved) == "calibration_damaged"
    saved.write_bytes(msgspec.json.encode(msgspec.structs.replace(CALIBRATION, version=99)))
    assert refusal(saved) == "calibration_damaged"


def test_seconds_beyond_what_was_measured_count_as_the_border() -> None:
    def offset(seconds: float) -> float:
        return CALIBRATION.llr_offset(speech_seconds=seconds, enrolled_seconds=10)

    assert offset(1000) == offset(30) < offset(2)


def test_an_old_calibration_says_what_to_do(saved: Path) -> None:
    saved.write_bytes(msgspec.json.encode(msgspec.structs.replace(CALIBRATION, version=1)))
    with pytest.raises(ConfigError, match="voiceprint calibrate"):
        load_calibration(saved, "made-up", FINGERPRINT)


def test_a_channel_runs_from_wide_band_to_the_telephone() -> None:
    channel = CALIBRATION.channel
    assert channel is not None
    ends = np.array([-TELEPHONE, 0 * TELEPHONE, 0.25 * TELEPHONE, TELEPHONE])
    assert channel.telephone(ends) == pytest.approx([0, 0, 0.5, 1], abs=1e-6)


def test_the_bundled_encoder_has_a_calibration() -> None:
    folder = find_encoder(BUNDLED, Settings())
    found = shipped_calibration(folder.id, folder.fingerprint)
    assert found is not None, f"voiceprint calibrate must be run for {folder.id} (see {SHIPPED})"
    assert found.evidence.cllr <= 1.15 * found.evidence.cllr_min
    assert shipped_calibration(folder.id, "0" * 64) is None


@pytest.mark.parametrize("encoder", [CAMPPLUS, OFFICIAL])
def test_fetched_encoders_have_a_calibration_that_fits_what_the_fetch_lays_out(encoder: str) -> None:
    found = shipped_calibration(encoder, fingerprint_of(CATALOG[encoder].pins))
    assert found is not None, "the pins or the hyperparams changed: calibrate it anew"
    assert found.one_voice is not None
    assert found.place is not None
    assert found.channel is not None
    assert found.evidence.cllr <= 1.15 * found.evidence.cllr_min
