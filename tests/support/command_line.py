"""The command line in this process, over an encoder that is loaded already."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from voiceprint.audio.vad import VoiceActivity
from voiceprint.cli import main
from voiceprint.config import Settings
from voiceprint.encoding.encoder import Encoder
from voiceprint.service import factory

__all__ = ["Command", "command_over"]

Command = Callable[..., int]


def command_over(
    folder: Path, encoder: Encoder, activity: VoiceActivity, monkeypatch: pytest.MonkeyPatch, **environ: str
) -> Command:
    """``voiceprint`` with its store and key in ``folder``; called with the arguments, it gives the exit code."""
    opening = factory.open_service
    monkeypatch.setenv("VOICEPRINT_DATA", str(folder / "index"))
    monkeypatch.setenv("VOICEPRINT_KEY_FILE", str(folder / "master.key"))
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    def opened(settings: Settings, **more: Any) -> object:
        return opening(settings, **{"encoder": encoder, "activity": activity, **more})

    monkeypatch.setattr(factory, "open_service", opened)
    return lambda *arguments: main([str(argument) for argument in arguments])
