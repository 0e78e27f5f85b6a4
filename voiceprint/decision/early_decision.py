"""Answers before the end of speech: when one is safe.

Every guess along the way uses all speech so far, so that evidence adds up over the whole utterance; nothing is counted
by votes. A name is announced early only when it stands well above the line twice in a row, and stays: it is taken back
only if the whole utterance says otherwise, with that reason.
"""

from dataclasses import dataclass, replace

from voiceprint.decision.outcome import Decision

__all__ = ["EarlyDecision"]

# How far above the line (cosine) is safe, and how often in a row; from streams of real speech.
SAFE_ABOVE = 0.05
GUESSES = 2


@dataclass(slots=True)
class EarlyDecision:
    """One utterance. Feed it each guess in turn; ``announced`` is what has been said for good."""

    announced: Decision | None = None
    _last: str | None = None
    _times: int = 0

    def hear(self, guess: Decision, *, safe: bool = True) -> Decision | None:
        """The decision to announce now, or None. At most one is announced before the end, and none while something else
        than the score speaks against it (``safe``).
        """
        if self.announced is not None:
            return None
        if not safe or not _is_safe(guess):
            self._last, self._times = None, 0
            return None
        self._times = self._times + 1 if guess.speaker_id == self._last else 1
        self._last = guess.speaker_id
        if self._times < GUESSES:
            return None
        self.announced = guess
        return guess

    def guess(self, guess: Decision, *, safe: bool = True) -> Decision:
        """Hear a guess; what to show for it. Once a name is announced it stays, whatever comes next."""
        self.hear(guess, safe=safe)
        if self.announced is None or guess.speaker_id == self.announced.speaker_id:
            return guess
        return self.announced

    def finish(self, final: Decision) -> Decision:
        """The last word. Where it takes back what was announced, its rule says so."""
        if self.announced is None or final.speaker_id == self.announced.speaker_id:
            return final
        return replace(final, rule=f"{final.rule}; the whole utterance speaks against the name that was announced")


def _is_safe(guess: Decision) -> bool:
    return (
        guess.status in ("identified", "accepted")
        and guess.score is not None
        and guess.score - guess.threshold >= SAFE_ABOVE
    )
