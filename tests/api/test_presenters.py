"""What is said of a threshold, with a promise behind it and without."""

import pytest

from voiceprint.api.presenters import threshold_fields, threshold_sentence
from voiceprint.decision.policy import Policy


@pytest.mark.parametrize("speakers", [0, 1, 1000])
def test_no_promise_is_printed_for_an_encoder_without_a_calibration(speakers: int) -> None:
    line = Policy.for_encoder("mine", "0" * 64, min_speech_seconds=2.0).describe(speakers)
    said = threshold_sentence(line)
    assert "%" not in said
    assert "no promise" in said
    fields = threshold_fields(line)
    assert (fields["target_fpir"], fields["expected_fnir"], fields["threshold_supported"]) == (None, None, False)
