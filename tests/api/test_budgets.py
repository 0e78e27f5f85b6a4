"""How often somebody may ask, and how often a claim may be wrong."""

from collections.abc import Callable
from contextlib import closing

import pytest

from voiceprint.api.budgets import LOCK_SECONDS, MAX_KEYS, REJECTIONS, REJECTIONS_IN_ALL, Budgets
from voiceprint.config import Settings
from voiceprint.domain.caller import OPERATOR, Caller
from voiceprint.domain.vocabulary import Status
from voiceprint.errors import LimitError

ADA = "a" * 32
DOOR = Caller("door", frozenset({"identify"}))
GATE = Caller("gate", frozenset({"identify"}))


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def budgets(clock: Clock) -> Budgets:
    return Budgets(Settings(max_answers_per_hour=60, max_claims_per_hour=1000), clock=clock)


def refusal(asking: Callable[[], object]) -> LimitError:
    with pytest.raises(LimitError) as caught:
        asking()
    return caught.value


def claim(budgets: Budgets, status: Status, caller: Caller = DOOR, speaker: str = ADA) -> None:
    with closing(budgets.claim(caller, speaker)) as under_way:
        under_way.settle(status)


def test_a_token_has_the_answers_of_an_hour_and_they_come_back(budgets: Budgets, clock: Clock) -> None:
    for _ in range(59):
        budgets.ask(DOOR)
    assert budgets.may_guess(DOOR)
    assert not budgets.may_guess(DOOR)
    error = refusal(lambda: budgets.ask(DOOR))
    assert (error.code, error.retry_seconds) == ("too_many_answers", 60.0)
    budgets.ask(GATE)
    clock.now += 60
    budgets.ask(DOOR)
    assert refusal(lambda: budgets.ask(DOOR)).code == "too_many_answers"
    clock.now += 1_000_000
    assert sum(budgets.may_guess(DOOR) for _ in range(100)) == 60


def test_several_answers_are_paid_together_or_not_at_all(budgets: Budgets, clock: Clock) -> None:
    budgets.ask(DOOR, 50)
    error = refusal(lambda: budgets.ask(DOOR, 20))
    assert (error.code, error.retry_seconds) == ("too_many_answers", 600.0)
    budgets.ask(DOOR, 10)
    assert not budgets.may_guess(DOOR)
    clock.now += 3600
    budgets.ask(DOOR, 61)
    assert not budgets.may_guess(DOOR)


def test_operators_are_not_counted(budgets: Budgets) -> None:
    for _ in range(200):
        budgets.ask(OPERATOR)
        claim(budgets, "rejected", OPERATOR)


def test_five_rejections_lock_a_claim_for_half_a_minute(budgets: Budgets, clock: Clock) -> None:
    for _ in range(REJECTIONS):
        claim(budgets, "rejected")
    error = refusal(lambda: claim(budgets, "accepted"))
    assert (error.code, error.retry_seconds) == ("claim_locked", LOCK_SECONDS)
    claim(budgets, "rejected", GATE)
    claim(budgets, "rejected", DOOR, "somebody else")
    clock.now += LOCK_SECONDS
    claim(budgets, "rejected")
    assert refusal(lambda: claim(budgets, "accepted")).code == "claim_locked"


def test_an_accepted_claim_begins_anew(budgets: Budgets, clock: Clock) -> None:
    for _ in range(10):
        for _ in range(REJECTIONS - 1):
            claim(budgets, "rejected")
        claim(budgets, "accepted")


def test_fifty_rejections_end_it(budgets: Budgets, clock: Clock) -> None:
    for _ in range(REJECTIONS_IN_ALL):
        clock.now += LOCK_SECONDS
        claim(budgets, "rejected")
    error = refusal(lambda: claim(budgets, "accepted"))
    assert (error.code, error.retry_seconds) == ("claim_locked", None)
    assert "operator" in error.message
    claim(budgets, "rejected", GATE)
    assert budgets.unlock("somebody else") == 0
    assert budgets.unlock(ADA) == REJECTIONS_IN_ALL + 1
    assert budgets.unlock(ADA) == 0
    claim(budgets, "accepted")


def test_a_lock_may_be_taken_away_while_a_claim_is_under_way(budgets: Budgets) -> None:
    with closing(budgets.claim(DOOR, ADA)) as under_way:
        assert budgets.unlock(ADA) == 1
        under_way.settle("rejected")
    for _ in range(REJECTIONS):
        claim(budgets, "rejected")
    assert refusal(lambda: claim(budgets, "accepted")).code == "claim_locked"


def test_too_little_speech_and_no_answer_cost_nothing(budgets: Budgets) -> None:
    for _ in range(REJECTIONS * 3):
        claim(budgets, "not_enough_speech")
        with closing(budgets.claim(DOOR, ADA)):
            pass


def test_many_claims_at_once_count_while_they_are_under_way(budgets: Budgets) -> None:
    under_way = [budgets.claim(DOOR, ADA) for _ in range(REJECTIONS_IN_ALL)]
    assert refusal(lambda: budgets.claim(DOOR, ADA)).code == "claim_locked"
    for one in under_way:
        one.close()
        one.close()
    claim(budgets, "accepted")


def test_a_speaker_is_claimed_so_often_an_hour_whoever_asks(clock: Clock) -> None:
    budgets = Budgets(Settings(max_claims_per_hour=3), clock=clock)
    for caller in (DOOR, GATE, DOOR):
        claim(budgets, "accepted", caller)
    error = refusal(lambda: claim(budgets, "accepted", GATE))
    assert (error.code, error.retry_seconds) == ("too_many_claims", 1200.0)
    clock.now += 1200
    claim(budgets, "accepted", GATE)


def test_one_token_leaves_claims_to_the_others_and_cancelled_ones_are_given_back(clock: Clock) -> None:
    budgets = Budgets(Settings(max_claims_per_hour=4), clock=clock)
    for _ in range(10):
        with closing(budgets.claim(DOOR, ADA)):
            pass
    for _ in range(3):
        claim(budgets, "accepted", DOOR)
    assert refusal(lambda: claim(budgets, "accepted", DOOR)).code == "too_many_claims"
    claim(budgets, "accepted", GATE)


def test_long_ids_are_kept_short_and_counted_all_the_same(clock: Clock) -> None:
    budgets, long = Budgets(Settings(), clock=clock), "x" * 16_000
    for _ in range(REJECTIONS):
        claim(budgets, "rejected", DOOR, long)
    assert refusal(lambda: claim(budgets, "rejected", DOOR, long)).code == "claim_locked"
    kept = [part for key in (*budgets._records, *budgets._buckets) for part in key if part is not None]
    assert max(map(len, kept)) <= 100
    assert budgets.unlock(long) == REJECTIONS


def test_made_up_ids_do_not_fill_the_memory(clock: Clock) -> None:
    budgets = Budgets(Settings(), clock=clock)
    for number in range(MAX_KEYS + 100):
        claim(budgets, "rejected", DOOR, str(number))
    assert len(budgets._records) == len(budgets._buckets) == MAX_KEYS
