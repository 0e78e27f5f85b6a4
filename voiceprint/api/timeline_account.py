"""What a timeline that is heard over time costs its caller, who was let in: answers, decoding, and who is told."""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field

from voiceprint.api.budgets import Budgets
from voiceprint.domain.caller import Caller
from voiceprint.domain.groups import Within
from voiceprint.domain.vocabulary import Notice
from voiceprint.errors import LimitError
from voiceprint.service.results import Answer

__all__ = ["TimelineAccount"]

# A wait is looked at again after so long at most: the recording may have been cancelled.
STEP_SECONDS = 1.0


@dataclass(slots=True)
class TimelineAccount:
    """One timeline, whose first answer is paid. Steps yield the seconds to wait before the next one.

    ``within``: the groups searched; ``conclude``: notes a final answer and tells the webhook, raises StoreError.
    ``patience``: seconds that it waits in all where a budget is used up; then it goes on with less, which ``notices``
    say, by their codes; None: LimitError at once.
    """

    budgets: Budgets
    caller: Caller
    within: Within
    conclude: Callable[[Answer], None]
    patience: float | None = None
    notices: dict[str, Notice] = field(default_factory=dict)
    _prepaid: int = 1
    _decoded: float = 0.0

    def pay(self, answers: int) -> Generator[float, None, int]:
        """How many of so many more answers may be given. Raises LimitError (``too_many_answers``)."""
        self.notices.pop("too_many_answers", None)
        for number in range(answers):
            if self._prepaid:
                self._prepaid -= 1
            elif not (yield from self._allowed(self.budgets.ask, "the turns of some voices are left out")):
                return number
        return answers

    def decode(self, seconds: float, *, more: bool) -> Generator[float, None, bool]:
        """Whether decoding, which took ``seconds`` so far, may go on; ``more``: whether there is anything left.

        Raises LimitError (``too_much_decoding``).
        """
        self.budgets.decoded(self.caller, seconds - self._decoded)
        self._decoded = seconds
        short = "the recording was not heard to its end"
        return not more or (yield from self._allowed(self.budgets.may_decode, short))

    def _allowed(self, ask: Callable[[Caller], None], otherwise: str) -> Generator[float, None, bool]:
        while True:
            try:
                ask(self.caller)
            except LimitError as error:
                if self.patience is None:
                    raise
                wait = error.retry_seconds or STEP_SECONDS
                if wait > self.patience:
                    said = f"What this token may ask for in an hour was used up: {otherwise}."
                    self.notices[error.code] = Notice(code=error.code, message=said)
                    return False
                self.patience -= min(wait, STEP_SECONDS)
                yield min(wait, STEP_SECONDS)
            else:
                return True
