"""Trials, fits and reports on made-up embeddings, where it is known what must come out."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import msgspec
import numpy as np
import pytest
from msgspec import structs

from voiceprint.decision.calibration import Calibration, Weights
from voiceprint.decision.intervals import share
from voiceprint.domain.speaker import Enrollment, Profile, StoredSpeaker
from voiceprint.domain.vocabulary import Consent
from voiceprint.errors import InputError
from voiceprint.evaluation.enrolled import enrolled_samples
from voiceprint.evaluation.fitting import fit
from voiceprint.evaluation.impostor_tail import WORST, fit_tail
from voiceprint.evaluation.places import ScoredPlace
from voiceprint.evaluation.plots import draw
from voiceprint.evaluation.rates import Report, evaluate
from voiceprint.evaluation.report import markdown
from voiceprint.evaluation.samples import WHOLE, Sample, half_of
from voiceprint.evaluation.trials import find_duplicate_speakers, make_trials

DIMENSION = 32
CLIPS = 6


def made_up(people: int, *, seed: int, spread: float = 0.8, alike: float = 0.0, corpus: str = "made") -> list[Sample]:
    """Everybody is a random direction, every recording one near it; pieces are further away. ``alike``: how much all
    have in common.
    """
    rng = np.random.default_rng(seed)
    common = rng.normal(size=DIMENSION) if alike else 0.0
    found = []
    for person in range(people):
        voice = rng.normal(size=DIMENSION) + alike * common
        for clip in range(CLIPS):
            for condition, seconds, noise in ((WHOLE, 6.0, spread), ("2 s", 2.0, 1.3 * spread)):
                row = voice + noise * rng.normal(size=DIMENSION)
                unit = (row / np.linalg.norm(row)).astype(np.float32)
                found.append(Sample(corpus, f"{corpus}/{seed}-{person}", (clip,), seconds, condition, unit))
    return found


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return fit(made_up(80, seed=1), encoder="made-up", fingerprint="0" * 64)


@pytest.fixture(scope="module")
def report(calibration: Calibration) -> Report:
    """Of other people than those of the calibration."""
    return judged(made_up(80, seed=3), calibration)


def judged(samples: Sequence[Sample], calibration: Calibration | None, target: float = 0.1) -> Report:
    return evaluate(
        samples,
        encoder="made-up",
        calibration=calibration,
        bare_threshold=0.5,
        target_fpir=target,
        fixed_thresholds=(0.25, 0.99),
    )


def test_trials_share_no_recording() -> None:
    trials = make_trials(made_up(5, seed=2), None)
    for row, probe in enumerate(trials.probes):
        for column, who in enumerate(trials.enrolled):
            mine = probe.speaker == who.speaker
            assert trials.same[row, column] == mine
            assert trials.fair[row, column] == (not mine or min(probe.clips) >= who.clips)


def test_the_fit_is_calibrated_and_keeps_its_promise_on_other_people(report: Report) -> None:
    assert report.cllr is not None
    assert report.cllr_min is not None
    assert report.cllr <= 1.15 * report.cllr_min
    assert report.fpir_actual.value <= 0.15
    assert all(row.fpir.value <= 0.2 for row in report.by_condition)


def test_the_threshold_comes_down_where_people_sound_less_alike_than_in_the_worst_place() -> None:
    """Fitted to a studio where all sound alike and to homes; judged on others of both kinds."""
    fitted = fit(
        made_up(60, seed=1, corpus="home") + made_up(60, seed=6, alike=0.7, corpus="studio"),
        encoder="made-up",
        fingerprint="0" * 64,
    )
    home, studio = made_up(60, seed=3, corpus="home"), made_up(60, seed=5, alike=0.7, corpus="studio")
    start = structs.replace(fitted, place=None)
    assert judged(studio, fitted).fpir_actual.value <= 0.15
    here, strict = (judged(home, calibration) for calibration in (fitted, start))
    assert here.fpir_actual.value <= 0.15
    assert here.fnir_actual.value < strict.fnir_actual.value


def test_the_place_whose_strangers_come_highest_sets_the_threshold() -> None:
    weights = Weights(**dict.fromkeys(Weights.__struct_fields__, 0.0) | {"cosine": 10.0})
    places = [
        ScoredPlace.of(corpus, make_trials(made_up(60, seed=seed, corpus=corpus), None), weights)
        for seed, corpus in ((1, "home"), (6, "studio"))
    ]
    usual, _, locations = fit_tail(places)
    assert usual.location == pytest.approx(max(locations) - usual.scale * np.log(WORST))
    raised, _, higher = fit_tail([places[0], replace(places[1], llr=places[1].llr + 3)])
    assert higher[1] - higher[0] > locations[1] - locations[0]
    assert raised.location > usual.location


def test_recordings_that_were_not_heard_count_as_missed(calibration: Calibration) -> None:
    samples = made_up(40, seed=3)
    whole = judged(samples, calibration)
    nothing = np.zeros(DIMENSION, np.float32)
    speakers = {sample.speaker for sample in samples}
    unheard = [Sample("made", speaker, (12 + clip,), 0.0, WHOLE, nothing) for speaker in speakers for clip in range(3)]
    lost = judged([*samples, *unheard], calibration)
    assert (lost.refused.recordings, lost.refused.of_recordings) == (120, 360)
    before, after = ({(r.size, r.clips): r.fnir for r in found.homes} for found in (whole, lost))
    assert before.keys() == after.keys()
    # Three of six that are asked with are missed on top; with one recording enrolled three of eight.
    assert after[5, 3] == pytest.approx(0.5 + 0.5 * before[5, 3], abs=0.01)
    assert after[5, 1] == pytest.approx(0.375 + 0.625 * before[5, 1], abs=0.01)


def test_less_speech_is_weaker_evidence(report: Report) -> None:
    short, whole = report.by_condition
    assert (short.name, whole.name) == ("2 s", WHOLE)
    assert short.fnir.value > whole.fnir.value


def test_a_larger_gallery_needs_a_higher_line(calibration: Calibration, report: Report) -> None:
    lines = [calibration.threshold(size, 0.01) for size in (1, 10, 100, 1000)]
    assert lines == sorted(lines)
    assert all(row.fpir.value <= 0.2 for row in report.by_gallery)


def test_a_fixed_threshold_names_everybody_or_nobody(report: Report) -> None:
    low, high = report.fixed_thresholds
    assert low.fpir.value > 0.5
    assert (high.fpir.value, high.fnir.value) == (0, 1)
    # Nothing seen is not nothing there.
    assert high.fpir.high == pytest.approx(min(1, 3 / high.fpir.speakers))


def test_one_person_under_two_names_is_found_and_kept_out_of_the_fit() -> None:
    samples = made_up(60, seed=4, spread=0.6)
    first = samples[0].speaker
    # The odd recordings of the first person appear under another name.
    moved = [
        replace(s, speaker="made/twin", clips=(s.clips[0] // 2,)) if s.speaker == first and s.clips[0] % 2 else s
        for s in samples
    ]
    pairs = [set(pair[:2]) for pair in find_duplicate_speakers(moved)]
    assert {first, "made/twin"} in pairs
    assert find_duplicate_speakers(samples) == []


def test_without_a_calibration_nothing_is_claimed() -> None:
    report = judged(made_up(20, seed=5), None)
    assert (report.cllr, report.act_dcf) == (None, None)
    assert report.eer.low <= report.eer.value <= report.eer.high


def test_too_few_people_are_refused() -> None:
    with pytest.raises(InputError, match="20 speakers"):
        fit(made_up(10, seed=6), encoder="e", fingerprint="f")
    with pytest.raises(InputError, match="4 speakers"):
        judged(made_up(3, seed=6), None)


def test_the_report_has_the_keys_that_programs_read(report: Report) -> None:
    keys = msgspec.json.decode(msgspec.json.encode(report)).keys()
    assert {
        *("speakers", "utterances", "trials", "eer", "min_dcf", "act_dcf", "cllr", "rank1"),
        *("fnir_at_fpir", "threshold", "fpir_actual", "encoder"),
    } <= keys
    text = markdown(report)
    assert "| 2 s |" in text
    assert "nan" not in text


def test_halves_are_fixed_and_about_even() -> None:
    halves = [half_of(f"corpus/{number}") for number in range(2000)]
    assert share(sum(halves), len(halves)).low < 0.5 < share(sum(halves), len(halves)).high
    assert half_of("librispeech/librispeech-1188") == half_of("librispeech/librispeech-1188")


def test_diagrams_are_drawn(tmp_path: Path, calibration: Calibration, report: Report) -> None:
    pytest.importorskip("matplotlib", reason="the extra 'plots' is not installed")
    drawn = draw(tmp_path, report, made_up(80, seed=3), calibration)
    assert [path.name for path in drawn] == ["det.png", "scores.png", "gallery.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in drawn)


def test_enrolled_voices_calibrate_where_people_consented() -> None:
    """The same people as stored speakers give the same fit as their recordings; without consent nobody takes part."""
    whole = [sample for sample in made_up(60, seed=4) if sample.condition == WHOLE]
    speakers = [stored(person, takes) for person, takes in groupby(whole, key=lambda sample: sample.speaker)]
    assert list(enrolled_samples(speakers)) == []
    agreed = [structs.replace(s, profile=structs.replace(s.profile, consent=Consent(purpose="door"))) for s in speakers]
    samples = list(enrolled_samples(agreed[:-1] + speakers[-1:]))
    assert len({sample.speaker for sample in samples}) == 59
    found = fit(samples, encoder="made-up", fingerprint="0" * 64)
    assert found.evidence.speakers == 59
    direct = fit([s for s in whole if s.speaker != whole[-1].speaker], encoder="", fingerprint="0" * 64)
    assert found.weights == direct.weights


def stored(name: str, takes: Iterable[Sample]) -> StoredSpeaker:
    enrollments = tuple(Enrollment.new(take.embedding, take.seconds) for take in takes)
    return StoredSpeaker(name.replace("made/", ""), Profile(name=name, created_at=0.0), enrollments)


def test_a_second_of_speech_asks_and_two_enroll() -> None:
    row = np.eye(DIMENSION, dtype=np.float32)[0]
    said = [Sample("made", "made/a", (clip,), 0.8 + 0.2 * clip, WHOLE, row) for clip in range(4)]
    trials = make_trials(said, None)
    assert [round(probe.seconds, 1) for probe in trials.probes] == [1.0, 1.2, 1.4]
    assert [(one.clips, round(one.seconds, 1)) for one in trials.enrolled] == [(3, 3.0)], "0.8 s alone enroll nobody"
