"""One query of a caller that was paid for: guesses during the speech, and one answer."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from voiceprint.api.budgets import Budgets, Claim
from voiceprint.api.disclosure import disclosed
from voiceprint.api.messages import Result
from voiceprint.api.presenters import result_message
from voiceprint.decision.early_decision import EarlyDecision
from voiceprint.domain.caller import Caller
from voiceprint.service.results import Answer, EncodedUtterance
from voiceprint.service.service import VoiceprintService

__all__ = ["Query", "Tell"]

Tell = Callable[[Answer], None]


@dataclass(slots=True)
class Query:
    """Made by the desk. Close it: a claim without an answer costs nothing.

    ``ask``: the service's answer about a probe. ``hold``: the voices asked for, which stay in memory until the answer.
    ``tell``: called with the final answer.
    """

    service: VoiceprintService
    budgets: Budgets
    caller: Caller
    clock: Callable[[], float]
    tell: Tell
    ask: Callable[[EncodedUtterance], Answer]
    hold: Callable[[], object]
    claim: Claim | None = None
    _answered: bool = False
    _held: object = None
    _early: EarlyDecision = field(default_factory=EarlyDecision)

    def may_guess(self) -> bool:
        """Whether a guess may be given now; if so, it is paid.

        A guess about a claim is one more try at it, so that only uncounted callers get some.
        """
        return (self.claim is None or self.caller.sees_scores) and self.budgets.may_guess(self.caller)

    def guess(self, probe: EncodedUtterance, *, since: float) -> Result:
        """The result so far. ``since``: when the last speech came in, by the clock of the desk."""
        self._held = self.hold()
        answer = self.ask(probe)
        if self.caller.sees_scores:  # an early decision tells of a second threshold, above the first
            answer = replace(answer, decision=self._early.guess(answer.decision, safe=not probe.multiple_speakers))
        return self._present(answer, since, final=False)

    def answer(self, probe: EncodedUtterance, *, since: float) -> Result:
        """The final result: it settles the claim, is noted in the audit log, and tells the webhook.

        Raises StoreError; then the result must not be given.
        """
        answer = self.ask(probe)
        self._answered = True
        if self.claim is not None:
            self.claim.settle(answer.decision.status)
        if self.caller.sees_scores:
            answer = replace(answer, decision=self._early.finish(answer.decision))
        self.service.conclude(answer)
        result = self._present(answer, since, final=True)
        self.tell(answer)
        return result

    def close(self) -> None:
        """No answer will be given: what was paid for one is given back."""
        if self._answered:
            return
        self._answered = True
        self.budgets.give_back(self.caller)
        if self.claim is not None:
            self.claim.close()

    def _present(self, answer: Answer, since: float, *, final: bool) -> Result:
        latency_ms, announced = (self.clock() - since) * 1000, self._early.announced is not None
        result = result_message(answer, self.service, latency_ms=latency_ms, final=final, announced=announced)
        return disclosed(result, self.caller)
