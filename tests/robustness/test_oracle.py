"""Readiness as an oracle: a threshold that follows the voices enrolled tells how alike a probe is to a victim."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from support.toys import ToyEncoder, toy_service

from robustness.sizes import size
from voiceprint.api.desk import Desk
from voiceprint.api.messages import Enrolled
from voiceprint.api.presenters import readiness
from voiceprint.config import Settings
from voiceprint.domain.caller import OPERATOR, Caller, Scope
from voiceprint.domain.speaker import Enrollment
from voiceprint.encoding.catalog import find_encoder
from voiceprint.encoding.published import BUNDLED
from voiceprint.errors import InputError

READINGS = size(300, 5000)
CALLERS: tuple[tuple[Scope, ...], ...] = (("identify",), ("enroll",), ("identify", "enroll"))
# Below what is accepted, and below what is said to be similar.
LOWEST, HIGHEST = 0.0, 0.35


def unit(vector: NDArray[np.float64]) -> NDArray[np.float32]:
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def probe(victim: NDArray[np.float32], cosine: float, dice: np.random.Generator) -> NDArray[np.float32]:
    """A unit vector at that cosine to the victim's, in a random direction."""
    aside = dice.normal(size=len(victim))
    aside -= victim * float(aside @ victim)
    return unit(cosine * victim + np.sqrt(1 - cosine**2) * unit(aside))


def numbers(told: object) -> list[float]:
    """Everything in an answer that could carry a number, ids and times of enrolling aside."""
    if isinstance(told, dict):
        return [number for key, value in sorted(told.items()) if key != "id" for number in numbers(value)]
    if isinstance(told, list | tuple):
        return [float(len(told)), *(number for value in told for number in numbers(value))]
    if isinstance(told, bool | int | float):
        return [float(told)]
    return [float(len(str(told)))]


def rank_correlation(told: NDArray[np.float64], cosines: NDArray[np.float64]) -> float:
    """Spearman's; 0 where nothing but one value was told."""
    if np.ptp(told) == 0:
        return 0.0
    ranks = [np.unique(values, return_inverse=True)[1].astype(float) for values in (told, cosines)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


class Shipped(ToyEncoder):
    """By its name and fingerprint the bundled encoder, whose calibration and cohort make the threshold."""

    def __init__(self) -> None:
        super().__init__()
        self.id = "ecapa-compact"
        self.fingerprint = find_encoder(BUNDLED, Settings()).fingerprint


def test_nothing_told_follows_the_cosine_of_a_probe_to_a_victim(tmp_path: Path) -> None:
    dice = np.random.default_rng(0)
    victim = unit(dice.normal(size=192))
    cosines = dice.uniform(LOWEST, HIGHEST, READINGS)
    readings, thresholds = list[list[float]](), list[float]()
    with toy_service(tmp_path, Shipped(), max_answers_per_hour=10_000_000) as service:
        desk = Desk(service, clock=lambda: 0.0)
        desk.enroll(OPERATOR, [Enrollment.new(victim, 60.0, "")], name="Victim")
        for number, cosine in enumerate(cosines):
            take = Enrollment.new(probe(victim, cosine, dice), 60.0, "")
            said = enrolled(desk, f"Probe {number}", take)
            told = [readiness(service, Caller("weak", frozenset(scopes))) for scopes in CALLERS]
            readings.append(numbers(json.loads(json.dumps([said, told]))))
            thresholds.append(float(str(readiness(service, OPERATOR)["threshold"])))
            found = service.enrolled.find(f"Probe {number}")
            assert found is not None
            service.forget(found.id)
    worst = max(abs(rank_correlation(column, cosines)) for column in np.array(readings).T)
    operators = rank_correlation(np.array(thresholds), cosines)
    print(f"{READINGS} readings: worst rank correlation {worst:.3f}; of what operators read {operators:.3f}")
    assert worst <= 0.1
    assert operators > 0.5  # there was something to be told


def enrolled(desk: Desk, name: str, take: Enrollment) -> object:
    """What an enroller reads of it, or the refusal."""
    caller = Caller("weak", frozenset({"enroll"}))
    try:
        desk.begin_enrollment(caller, name=name)
        answer = desk.enroll(caller, [take], name=name)
    except InputError as error:
        return {"refused": error.message}
    assert isinstance(answer, Enrolled)
    return {"similar": len(answer.similar_speakers), "consistency": answer.consistency}
