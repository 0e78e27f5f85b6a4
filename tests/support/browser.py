"""Real Chromium for tests of the page: a microphone that plays a WAV file, which a test may change between takes."""

import re
import wave
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Browser, FilePayload, Locator, Page, Playwright, expect

from voiceprint.audio.decoding import SAMPLE_RATE

__all__ = [
    "CHROMIUM",
    "DROP",
    "PATIENCE_MS",
    "Samples",
    "Voices",
    "Watch",
    "chromium",
    "drop_in",
    "enroll",
    "in_turn",
    "names",
    "opened",
    "see",
    "show",
    "speak",
    "write_wav",
]

CHROMIUM = Path("/usr/bin/chromium")
# Browser starts are slow on a machine that does other things too; nothing waits this long when all is well.
PATIENCE_MS = 60_000

# A drop as a hand makes it. No script may make a folder to drop: its entry is played, with the same three methods.
DROP = """([selector, name, people]) => {
    const recording = (name, base64) =>
        new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name, { type: "audio/wav" });
    const target = document.querySelector(selector);
    const drop = (dataTransfer) => {
        for (const kind of ["dragover", "drop"])
            target.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer }));
    };
    if (typeof people === "string") {
        const data = new DataTransfer();
        data.items.add(recording(name, people));
        return drop(data);
    }
    const file = (path, base64) => ({
        isFile: true, fullPath: path, file: (done) => done(recording(path.split("/").at(-1), base64)),
    });
    const folder = (path, children) => ({
        isFile: false,
        fullPath: path,
        createReader: () => ({ readEntries: (done) => done(children.splice(0, 2)) }), // a few at a time, as browsers do
    });
    const inside = Object.entries(people).map(([who, clips]) =>
        folder(`/${name}/${who}`, clips.map((clip, i) => file(`/${name}/${who}/${i}.wav`, clip))));
    const entry = folder(`/${name}`, inside);
    const data = { items: [{ webkitGetAsEntry: () => entry }], files: [] };
    const event = new Event("drop", { bubbles: true, cancelable: true });
    Object.defineProperty(event, "dataTransfer", { value: data });
    target.dispatchEvent(event);
}"""

Samples = NDArray[np.float32]
Voices = dict[str, list[Samples]]

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
def chromium(playwright: Playwright, microphone: Path | Literal["refused", "missing"]) -> Iterator[Browser]:
    """The full headless browser. ``microphone``: the WAV file that plays once at each opening.

    The file is read anew whenever the page opens the microphone. ``refused``: pages may not use it (where none is
    granted to their context); ``missing``: there is none.
    """
    flags = list(_FLAGS)
    if microphone != "missing":
        flags.append("--use-fake-device-for-media-stream")
    if isinstance(microphone, Path):
        flags += ["--use-fake-ui-for-media-stream", f"--use-file-for-fake-audio-capture={microphone}%noloop"]
    # Playwright's own --headless would be the old shell; ours comes with the flags.
    browser = playwright.chromium.launch(
        executable_path=CHROMIUM, args=flags, ignore_default_args=["--headless", "--mute-audio"]
    )
    try:
        yield browser
    finally:
        browser.close()


@dataclass(slots=True)
class Watch:
    """What the page asked for, and what it complained about."""

    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@contextmanager
def opened(browser: Browser, url: str, *, script: str = "") -> Iterator[tuple[Page, Watch]]:
    """A fresh page at that address, and a watch on it. ``script``: a function that runs in it first."""
    watch = Watch()
    context = browser.new_context(base_url=url, viewport={"width": 1100, "height": 900}, locale="en-GB")
    try:
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("request", lambda request: watch.requests.append(request.url))
        page.on("websocket", lambda socket: watch.requests.append(socket.url))
        page.on("pageerror", lambda error: watch.complaints.append(str(error)))
        page.on("console", lambda said: watch.complaints.append(said.text) if said.type == "error" else None)
        if script:
            page.add_init_script(f"({script})()")
        page.goto(url)
        yield page, watch
    finally:
        context.close()


def see(locator: Locator, text: str | re.Pattern[str]) -> None:
    """Wait until those words are there."""
    expect(locator).to_contain_text(text, timeout=PATIENCE_MS)


def enroll(page: Page, folder: Path, name: str, clips: list[Samples]) -> None:
    """Enroll by REST, as a start for tests of something else; nothing happens when the name is there already."""
    path = folder / "enroll.wav"
    write_wav(path, np.concatenate(clips))
    audio: FilePayload = {"name": path.name, "mimeType": "audio/wav", "buffer": path.read_bytes()}
    answer = page.request.post("/v1/speakers", multipart={"name": name, "audio": audio})
    assert answer.status in (201, 409), answer.text()


def show(page: Page, view: str) -> None:
    page.get_by_role("navigation").get_by_role("link", name=view).click()
    expect(page.locator(f"#{view.lower()}-title")).to_be_focused()


def drop_in(page: Page, folder: Path, name: str, samples: Samples) -> None:
    """Choose a recording on the first view."""
    write_wav(folder / name, samples)
    page.locator("#identify-files").set_input_files(folder / name)


def speak(microphone: Path, samples: Samples, *, lead_seconds: float = 0.3) -> None:
    """What the microphone hears from its next opening on: a little silence, the samples, then silence for ever."""
    silence = np.zeros(round(lead_seconds * SAMPLE_RATE), np.float32)
    write_wav(microphone, np.concatenate([silence, samples, np.zeros(SAMPLE_RATE, np.float32)]))


def write_wav(path: Path, samples: Samples) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(np.round(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


def names(page: Page) -> list[str]:
    """The name of each turn on the workbench."""
    return page.locator(".bench-row .turn-name").all_text_contents()


def in_turn(told: Sequence[str]) -> list[str]:
    """Names of turns, each once where it follows itself: a pause may cut a turn in two."""
    return [name for name, _ in groupby(told)]
