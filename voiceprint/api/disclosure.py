"""Disclosure of answers: exact scores to operators, to other callers the decision alone.

Scores reveal a template: 192 exact ones solve for it, and even a second threshold beside the first speeds up a search.
What an ordinary caller gets follows from the decision and from the caller's own audio, and from nothing else.
"""

from collections.abc import Mapping
from typing import overload

import msgspec

from voiceprint.api.messages import Candidate, Enrolled, Result, Takes
from voiceprint.domain.caller import Caller
from voiceprint.domain.vocabulary import Status

__all__ = ["disclosed", "rule_told"]

_RULES: Mapping[Status, str] = {
    "identified": "the voice is close enough to one enrolled speaker",
    "unknown": "the voice is not close enough to any enrolled speaker",
    "ambiguous": "the voice is too close to two enrolled speakers to choose",
    "not_enough_speech": "too little speech was heard",
    "accepted": "the voice is close enough to the claimed speaker",
    "rejected": "the voice is not close enough to the claimed speaker",
    "not_enrolled": "the voice is not close enough to the claimed speaker",
}


@overload
def disclosed(message: Result, caller: Caller) -> Result: ...
@overload
def disclosed(message: Enrolled, caller: Caller) -> Enrolled: ...
@overload
def disclosed(message: Takes, caller: Caller) -> Takes: ...
def disclosed(message: Result | Enrolled | Takes, caller: Caller) -> Result | Enrolled | Takes:
    """The part of a message that the caller may have."""
    if caller.sees_scores:
        return message
    match message:
        case Result():
            return _decision_only(message)
        case Enrolled():
            return _without_scores(message)
        case Takes():
            takes = tuple(msgspec.structs.replace(take, consistency=None) for take in message.takes)
            return msgspec.structs.replace(message, takes=takes)


def rule_told(status: Status, rule: str, caller: Caller) -> str:
    """The rule of a decision as the caller may have it."""
    return rule if caller.sees_scores else _RULES[status]


def _decision_only(result: Result) -> Result:
    return msgspec.structs.replace(
        result,
        status="rejected" if result.status == "not_enrolled" else result.status,
        # A claim that was not accepted is answered alike for ids of no speaker.
        claimed_speaker=result.claimed_speaker if result.status == "accepted" else None,
        score=None,
        threshold=None,
        margin=None,
        probability=None,
        rule=_RULES[result.status],
        candidates=(),
        announced=False,
        latency_ms=round(result.latency_ms, -1),
    )


def _without_scores(enrolled: Enrolled) -> Enrolled:
    similar = tuple(Candidate(speaker=candidate.speaker, score=None) for candidate in enrolled.similar_speakers)
    return msgspec.structs.replace(enrolled, consistency=None, similar_speakers=similar)
