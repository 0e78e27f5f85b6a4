"""What an ordinary caller learns: the decision, and nothing from which a template could be climbed to.

The attack is on synthetic embeddings, with a probe of the attacker's choice for each question and no budget in the way:
more than anybody has who must send speech.
"""

from collections.abc import Callable

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.store_fixtures import unit

from voiceprint.api.disclosure import disclosed
from voiceprint.api.messages import Candidate, Enrolled, Result, SpeakerRef
from voiceprint.decision.policy import Policy
from voiceprint.domain.caller import OPERATOR, Caller
from voiceprint.domain.match import Match
from voiceprint.domain.vocabulary import Status

Vectors = NDArray[np.float64]
Tell = Callable[[Vectors], list[Result]]
DOOR = Caller("door", frozenset({"identify"}))
ENROLLER = Caller("desk", frozenset({"enroll"}))
ADA = SpeakerRef(id="a" * 32, name="Ada")
PROBES = 5000
DIMENSION = 192

STATUSES: tuple[Status, ...] = (
    "identified",
    "unknown",
    "ambiguous",
    "not_enough_speech",
    "accepted",
    "rejected",
    "not_enrolled",
)


def result(status: Status, score: float, threshold: float, *, announced: bool = False) -> Result:
    named = status in ("identified", "accepted")
    return Result(
        mode="identify",
        status=status,
        speaker=ADA if named else None,
        claimed_speaker=ADA,
        band="above" if named else "below",
        score=score,
        threshold=threshold,
        margin=score - 0.1,
        probability=abs(score),
        rule=f"the closest speaker is {score:.2f} away",
        candidates=(Candidate(speaker=ADA, score=score),),
        speech_seconds=3.0,
        needed_speech_seconds=2.0,
        audio_seconds=4.0,
        latency_ms=5.0,
        announced=announced,
        final=True,
    )


cosines = st.floats(-1, 1)


@given(st.sampled_from(STATUSES), cosines, cosines, cosines, cosines, st.booleans())
def test_equal_decisions_look_alike_whatever_the_scores(
    status: Status, one: float, other: float, threshold: float, another: float, announced: bool
) -> None:
    first = disclosed(result(status, one, threshold, announced=announced), DOOR)
    second = disclosed(result(status, other, another), DOOR)
    assert msgspec.json.encode(first) == msgspec.json.encode(second)


def test_operators_see_it_all() -> None:
    for status in STATUSES:
        told = result(status, 0.7, 0.4, announced=True)
        assert disclosed(told, OPERATOR) is told


def test_a_claim_of_nobody_looks_like_a_rejected_one() -> None:
    nobody = msgspec.structs.replace(result("not_enrolled", 0.1, 0.4), claimed_speaker=None)
    assert disclosed(nobody, DOOR) == disclosed(result("rejected", 0.3, 0.4), DOOR)


def test_an_enroller_hears_who_sounds_alike_and_not_how_much() -> None:
    told = Enrolled(
        speaker=ADA,
        enrollments=2,
        speech_seconds=3.0,
        speech_seconds_total=6.0,
        consistency=0.71,
        similar_speakers=(Candidate(speaker=ADA, score=0.8),),
    )
    seen = disclosed(told, ENROLLER)
    assert (seen.consistency, seen.similar_speakers) == (None, (Candidate(speaker=ADA, score=None),))


# The attack


def oracle(template: Vectors, caller: Caller) -> Tell:
    """Answers about probes (n, d) as this caller gets them, from a gallery of one under the bare policy."""
    policy = Policy(min_speech_seconds=2.0)

    def tell(probes: Vectors) -> list[Result]:
        said = []
        for score in (probes @ template).tolist():
            decision = policy.identify([Match(ADA.id, score)], embedding=None, speech_seconds=3.0, gallery_size=1)
            whole = result(decision.status, score, decision.threshold)
            said.append(disclosed(msgspec.structs.replace(whole, rule=decision.rule), caller))
        return said

    return tell


def numbers(said: list[Result]) -> dict[str, Vectors]:
    """Every part of the answers that varies, as numbers; for a part of few values, whether each of them was there."""
    columns: dict[str, Vectors] = {}
    for name in Result.__struct_fields__:
        values = [getattr(message, name) for message in said]
        kinds = set(map(repr, values))
        if len(kinds) > 1 and all(isinstance(value, float | int) for value in values):
            columns[name] = np.array(values, dtype=np.float64)
        elif 1 < len(kinds) <= 20:
            columns |= {f"{name}={kind}": np.array([float(repr(value) == kind) for value in values]) for kind in kinds}
    return columns


def recovered(template: Vectors, probes: Vectors, columns: dict[str, Vectors]) -> float:
    """The cosine of the template with the best estimate from any one column by least squares, exact for scores."""
    if not columns:
        return 0.0
    wanted = np.stack([column - column.mean() for column in columns.values()], axis=1)
    estimates = np.linalg.lstsq(probes - probes.mean(axis=0), wanted, rcond=None)[0]
    return float(np.max(np.abs(template @ estimates) / np.linalg.norm(estimates, axis=0)))


def around(seed: Vectors, random: np.random.Generator) -> Vectors:
    """Unit probes scattered around a seed; around nothing for a seed of zeros."""
    noise = random.normal(size=(PROBES, DIMENSION)) / np.sqrt(DIMENSION)
    probes: Vectors = 0.9 * seed + 0.9 * noise
    probes /= np.linalg.norm(probes, axis=1, keepdims=True)
    return probes


# What the attacker begins with: no voice at all; a voice not unlike; a recording that is accepted about half the time.
@pytest.mark.parametrize("likeness", [0.0, 0.4, 0.65])
def test_climbing_by_answers_gets_no_further_than_the_decision_alone(likeness: float) -> None:
    random = np.random.default_rng(7)
    template = unit(1).astype(np.float64)
    aside = unit(2) - (unit(2) @ template) * template
    seed = likeness * template + np.sqrt(1 - likeness**2) * aside / np.linalg.norm(aside)
    probes = around(seed if likeness else np.zeros(DIMENSION), random)

    exact = recovered(template, probes, numbers(oracle(template, OPERATOR)(probes)))
    ordinary = numbers(oracle(template, DOOR)(probes))
    decision = {key: column for key, column in ordinary.items() if key.startswith("status=")}
    assert exact > 0.999  # the attack works where scores are told
    assert recovered(template, probes, ordinary) <= recovered(template, probes, decision) + 1e-9
    if likeness == 0.0:
        assert ordinary == {}  # not even one answer differs from another
