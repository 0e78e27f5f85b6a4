"""Real people: the accuracy that this project states must not get lost on the way.

Speakers of dev/librispeech on whom nothing was calibrated. The bounds stand outside of the 95 % interval of what was
measured (18 people are few), so that only a real loss fails here.
"""

from pathlib import Path

import pytest

from voiceprint.audio.vad import VoiceActivity
from voiceprint.decision.policy import BARE_THRESHOLD, Policy
from voiceprint.encoding.encoder import Encoder
from voiceprint.evaluation.rates import Report, evaluate
from voiceprint.evaluation.samples import ClipEncoder, collect

TEST_HALF = 1


@pytest.fixture(scope="module")
def report(speech_dev: Path, encoder: Encoder, voice_activity: VoiceActivity) -> Report:
    policy = Policy.for_encoder(encoder.id, encoder.fingerprint, min_speech_seconds=2.0)
    refused: list[Path] = []
    samples = collect(
        [speech_dev / "librispeech"],
        ClipEncoder(encoder, voice_activity, max_seconds=60, max_bytes=2**24),
        half=TEST_HALF,
        cut=False,
        clips=5,
        on_refusal=lambda path, error: refused.append(path),
    )
    assert refused == []
    return evaluate(
        samples,
        encoder=encoder.id,
        calibration=policy.calibration,
        bare_threshold=BARE_THRESHOLD,
        target_fpir=0.01,
    )


def test_the_right_person_comes_first(report: Report) -> None:
    assert (report.speakers, report.utterances) == (18, 90)
    assert report.rank1 >= 0.95
    assert report.eer.value <= 0.08


def test_strangers_stay_strangers(report: Report) -> None:
    """Hard ones: a gallery of one kind of people (read English, studio), and all strangers of the same kind."""
    assert report.fpir_actual.low <= 0.01
    assert report.fpir_actual.value <= 0.03


def test_friends_are_named(report: Report) -> None:
    assert report.fnir_actual.value <= 0.15


def test_evidence_means_what_it_says(report: Report) -> None:
    assert report.cllr is not None
    assert report.cllr <= 0.35
