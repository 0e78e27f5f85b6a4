"""Early answers: only when safe, once, and taken back only with a reason."""

from voiceprint.decision.early_decision import GUESSES, SAFE_ABOVE, EarlyDecision
from voiceprint.decision.outcome import Decision

LINE = 0.4


def guess(speaker: str | None, above: float) -> Decision:
    return Decision("identified" if speaker else "unknown", speaker, LINE + above, LINE, 0.3, 0.9, "because")


SURE, UNSURE, NOBODY = guess("ann", SAFE_ABOVE + 0.01), guess("ann", SAFE_ABOVE - 0.01), guess(None, -0.1)


def test_a_name_is_announced_once_it_was_safe_often_enough() -> None:
    announcer = EarlyDecision()
    said = [announcer.hear(SURE) for _ in range(GUESSES + 3)]
    assert [answer is not None for answer in said] == [False] * (GUESSES - 1) + [True] + [False] * 3
    assert announcer.announced == SURE


def test_doubt_starts_the_count_again() -> None:
    for doubt in (UNSURE, NOBODY, guess("bob", 0.2)):
        announcer = EarlyDecision()
        assert [announcer.hear(each) for each in (SURE, doubt, SURE)] == [None, None, None]


def test_nobody_is_announced_as_unknown_before_the_end() -> None:
    announcer = EarlyDecision()
    assert [announcer.hear(NOBODY) for _ in range(5)] == [None] * 5
    assert announcer.finish(NOBODY) == NOBODY


def test_nothing_is_announced_while_something_else_speaks_against_it() -> None:
    announcer = EarlyDecision()
    assert [announcer.hear(SURE, safe=False) for _ in range(GUESSES + 1)] == [None] * (GUESSES + 1)
    assert announcer.guess(SURE) == SURE
    assert announcer.announced is None, "the count starts when nothing speaks against it any more"


def test_what_was_announced_is_taken_back_only_with_the_reason() -> None:
    announcer = EarlyDecision()
    for _ in range(GUESSES):
        announcer.hear(SURE)
    assert announcer.finish(UNSURE) == UNSURE
    back = announcer.finish(NOBODY)
    assert (back.status, back.speaker_id) == ("unknown", None)
    assert "against the name that was announced" in back.rule


def test_what_is_shown_stays_once_it_was_announced() -> None:
    announcer = EarlyDecision()
    assert announcer.guess(NOBODY) == NOBODY
    for _ in range(GUESSES):
        assert announcer.guess(SURE) == SURE
    assert announcer.guess(NOBODY) == SURE
    assert announcer.guess(guess("bob", 0.3)) == SURE
    assert announcer.guess(UNSURE) == UNSURE  # the same name, with the numbers of now
