"""What a timeline that is heard over time may ask for, once the caller was let in: answers, and that they are noted."""

from collections.abc import Callable
from dataclasses import dataclass

from voiceprint.domain.groups import Within
from voiceprint.service.results import Answer

__all__ = ["TimelineAccount"]


@dataclass(frozen=True, slots=True)
class TimelineAccount:
    """``within``: the groups searched; ``pay``: for so many more answers, raises LimitError (``too_many_answers``);
    ``conclude``: notes a final answer and tells the webhook, raises StoreError.
    """

    within: Within
    pay: Callable[[int], None]
    conclude: Callable[[Answer], None]
