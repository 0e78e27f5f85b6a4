"""Real Chromium for tests of the page: a microphone that plays a WAV file, which a test may change between takes."""

import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Browser, sync_playwright

from voiceprint.audio import SAMPLE_RATE, read_file

__all__ = ["CHROMIUM", "chromium", "clip", "speak", "write_wav"]

CHROMIUM = Path("/usr/bin/chromium")
# Browser starts are slow on a machine that does other things too; nothing waits this long when all is well.
PATIENCE_MS = 60_000

_FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-gpu",
]


@contextmanager
def chromium(microphone: Path | None) -> Iterator[Browser]:
    """The full headless browser. ``microphone``: the WAV file that plays once at each opening; None: permission denied.

    The file is read anew whenever the page opens the microphone.
    """
    flags = [*_FLAGS, "--use-fake-device-for-media-stream"]
    if microphone is None:
        flags.append("--deny-permission-prompts")
    else:
        flags += ["--use-fake-ui-for-media-stream", f"--use-file-for-fake-audio-capture={microphone}%noloop"]
    with sync_playwright() as playwright:
        # Playwright's own --headless would be the old shell; ours comes with the flags.
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=flags, ignore_default_args=["--headless", "--mute-audio"]
        )
        try:
            yield browser
        finally:
            browser.close()


def clip(path: Path) -> NDArray[np.float32]:
    """Samples (num_samples,) of a recording, 16 kHz mono."""
    return read_file(path, max_seconds=60.0, max_bytes=2**24).samples


def speak(microphone: Path, samples: NDArray[np.float32], *, lead_seconds: float = 0.3) -> None:
    """What the microphone hears from its next opening on: a little silence, the samples, then silence for ever."""
    silence = np.zeros(round(lead_seconds * SAMPLE_RATE), np.float32)
    write_wav(microphone, np.concatenate([silence, samples, np.zeros(SAMPLE_RATE, np.float32)]))


def write_wav(path: Path, samples: NDArray[np.float32]) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(np.round(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
