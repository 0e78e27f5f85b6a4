"""A speaker and a score, as the gallery finds them."""

from dataclasses import dataclass

from voiceprint.errors import InputError

__all__ = ["MAX_TOP_K", "Match", "check_top_k"]

MAX_TOP_K = 100


def check_top_k(top_k: int, *, called: str = "top_k") -> int:
    """The number of candidates, checked. ``called``: its name in the message. Raises InputError."""
    if not 1 <= top_k <= MAX_TOP_K:
        raise InputError("bad_top_k", f"{called} must lie between 1 and {MAX_TOP_K}, not {top_k}.")
    return top_k


@dataclass(frozen=True, slots=True)
class Match:
    """A speaker id and the cosine score of that template with the probe, in [-1, 1]."""

    speaker_id: str
    score: float
