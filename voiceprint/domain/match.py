"""A speaker and a score."""

from dataclasses import dataclass

__all__ = ["Match"]


@dataclass(frozen=True, slots=True)
class Match:
    """One speaker and the cosine of their template with what was heard, in [-1, 1]."""

    speaker_id: str
    score: float
