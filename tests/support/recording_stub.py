"""A server's recordings as a page sees them, played by the browser's test driver: for what a real one does seldom."""

import re
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from playwright.sync_api import Page, Request, Route

__all__ = ["JobStub", "conversation"]

ADA, BEN = {"id": "a1", "name": "Ada"}, {"id": "b2", "name": "Ben"}
GAP = {"identified": "0.21 above", "unknown": "0.12 below"}


def conversation(turns: int, seconds: float, *, voices: int = 4) -> dict[str, Any]:
    """A timeline: Ada, Ben and strangers take turns, now and then two at once."""
    random = np.random.default_rng(turns)
    at, step = 0.0, seconds / turns
    said = []
    for _ in range(turns):
        voice = int(random.integers(voices)) + 1
        overlap = float(random.random() < 0.1) * 0.4
        said.append(_turn(voice, at, min(seconds, at + step * (0.9 + overlap))))
        at += step
    spoken = {voice: sum(each["end_seconds"] - each["start_seconds"] for each in said if each["voice"] == voice)
              for voice in range(1, voices + 1)}  # fmt: skip
    return {
        "turns": said,
        "voices": [_voice(voice, total) for voice, total in spoken.items()],
        "audio_seconds": seconds,
        "lost_seconds": 0.0,
        "warnings": [],
        "segmented": True,
    }


def _speaker(voice: int) -> dict[str, str] | None:
    return {1: ADA, 2: BEN}.get(voice)


def _turn(voice: int, start: float, end: float) -> dict[str, Any]:
    speaker = _speaker(voice)
    return {
        "start_seconds": round(start, 2), "end_seconds": round(end, 2), "voice": voice, "speaker": speaker,
        "status": "identified" if speaker else "unknown", "between": [], "channel": None, "corrected": False,
        "label": speaker["name"] if speaker else f"Unknown {voice - 2}",
    }  # fmt: skip


def _voice(voice: int, seconds: float) -> dict[str, Any]:
    speaker = _speaker(voice)
    status = "identified" if speaker else "unknown"
    return {
        "voice": voice, "label": speaker["name"] if speaker else f"Unknown {voice - 2}", "status": status,
        "speaker": speaker, "speech_seconds": seconds, "nameable": True, "corrected": False,
        "rule": f"the closest speaker is {GAP[status]} the threshold",
    }  # fmt: skip


class JobStub:
    """One recording whose state a test sets: ``job`` is what the next question is answered with.

    ``told``: the last JSON that came.
    """

    def __init__(
        self, page: Page, timeline: dict[str, Any], *, state: str = "done", heard: float | None = None
    ) -> None:
        total = timeline["audio_seconds"]
        self.job: dict[str, Any] = {
            "id": "0" * 32, "state": state, "heard_seconds": total if heard is None else heard, "audio_seconds": total,
            "received_bytes": 1, "size_bytes": 1, "created_at": "2026-01-01T00:00:00Z", "expires_at": None,
            "timeline": timeline, "error": None, "changes": 0,
        }  # fmt: skip
        self.refusal: tuple[int, str, str] | None = None
        self.asked: list[str] = []
        self.told: dict[str, Any] = {}
        page.route(re.compile(r"/v1/recordings\b"), self._answer)

    def _answer(self, route: Route, request: Request) -> None:
        self.asked.append(f"{request.method} {urlsplit(request.url).path.removeprefix('/v1/recordings')}")
        if request.method == "POST" and request.post_data:
            self.told = request.post_data_json or {}
        if self.refusal:
            status, code, message = self.refusal
            route.fulfill(status=status, json={"error": {"code": code, "message": message}})
        else:
            route.fulfill(json=self.job)
