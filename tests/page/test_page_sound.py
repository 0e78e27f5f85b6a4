"""Sound that stops, or never starts: the page says so within 5 s and works again without a reload, in two browsers."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytest
from playwright.sync_api import Browser, Page
from support.browser import CHROMIUM, opened, speak
from support.firefox import FIREFOX, PULSEAUDIO, Firefox, firefox
from support.serving import Server

from voiceprint.audio.decoding import SAMPLE_RATE

pytest_plugins = ["support.page_fixtures"]

SAYS_SECONDS = 5.0
WORKS_SECONDS = 30.0
BUTTON, HINT, ANSWER = "#identify-orb button", "#identify-hint", "#identify-answer"
LISTENING, PROMPT = "I am listening", "May I use the microphone?"
needs_chromium = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed (Debian's chromium)")
needs_firefox = pytest.mark.skipif(
    not (FIREFOX.exists() and PULSEAUDIO.exists()),
    reason=f"{FIREFOX} or {PULSEAUDIO} is not installed (Debian's firefox-esr and pulseaudio)",
)

# Keeps what the page opens in sight, so that a fault can be made in it; counts the frames that the page sends.
_SCRIPT = """() => {
    const faults = (window.faults = { muted: false, frames: 0 });
    const media = navigator.mediaDevices, ask = media.getUserMedia.bind(media);
    media.getUserMedia = async (wish) => {
        if (faults.prompt) await new Promise((answer) => (faults.answer = answer));
        const stream = await ask(wish);
        faults.track = stream.getAudioTracks()[0];
        Object.defineProperty(faults.track, "muted", { get: () => faults.muted });
        return stream;
    };
    const never = () => new Promise(() => {});
    const { createMediaStreamSource: join, resume } = AudioContext.prototype;
    AudioContext.prototype.createMediaStreamSource = function (stream) {
        faults.context = this;
        if (faults.born) this.suspend();
        return join.call(this, stream);
    };
    AudioContext.prototype.resume = function () { return faults.resume ? never() : resume.call(this); };
    const { addModule } = AudioWorklet.prototype;
    AudioWorklet.prototype.addModule = function (url) { return faults.module ? never() : addModule.call(this, url); };
    const { send } = WebSocket.prototype;
    WebSocket.prototype.send = function (data) {
        faults.frames += data instanceof ArrayBuffer;
        return send.call(this, data);
    };
}"""

# The fault, what is said of it, how it is mended: before the take, then in the midst of one.
NEVER_STARTS = {
    "suspended, and resume() never settles": ("faults.born = faults.resume = true", "No sound arrives"),
    "the audio thread never starts": ("faults.module = true", "No sound arrives"),
}
ENDS_THE_TAKE = {
    "suspended, and resume() never settles": ("faults.resume = true; faults.context.suspend()", "No sound arrives"),
    "no more sound": ("faults.track.stop()", "No sound arrives"),
}
PASSES = {
    "digital zeros": ("faults.track.enabled = false", "faults.track.enabled = true", "nothing but silence"),
    "muted": ("faults.muted = true", "faults.muted = false", "The microphone is muted"),
}
MENDED = "faults.born = faults.resume = faults.module = false"


class Driven(Protocol):
    """A browser with the page open in it."""

    def evaluate(self, expression: str) -> Any: ...
    def click(self, selector: str) -> None: ...


@pytest.fixture(scope="module")
def humming(microphone: Path) -> None:
    """A microphone that hums for as long as any test here listens."""
    at = np.arange(120 * SAMPLE_RATE) / SAMPLE_RATE
    speak(microphone, (0.1 * np.sin(2 * np.pi * 440 * at)).astype(np.float32))


@pytest.fixture(params=[pytest.param("chromium", marks=needs_chromium), pytest.param("firefox", marks=needs_firefox)])
def driven(request: pytest.FixtureRequest, server: Server, tmp_path: Path) -> Iterator[Driven]:
    if request.param == "chromium":
        yield from _chromium(request.getfixturevalue("browser"), server, request)
    else:
        yield from _firefox(server, tmp_path / "profile")


def _chromium(browser: Browser, server: Server, request: pytest.FixtureRequest) -> Iterator[Page]:
    request.getfixturevalue("humming")
    with opened(browser, server.url, script=_SCRIPT) as (page, watch):
        yield page
    assert watch.complaints == []


def _firefox(server: Server, profile: Path) -> Iterator[Driven]:
    with firefox(profile) as tab:
        tab.open(server.url, script=_SCRIPT)
        until(lambda: "Encoder" in text(tab, "#about"), "the page is as it stays", limit=WORKS_SECONDS)
        yield tab


def text(driven: Driven, selector: str) -> str:
    """The words at that place, empty where it is not shown."""
    shown: str = driven.evaluate(f"document.querySelector('{selector}').innerText ?? ''")
    return shown


def seconds_until(driven: Driven, words: str, *, limit: float) -> float:
    """How long it took until the words were shown. Raises AssertionError after ``limit``."""
    return until(lambda: words in text(driven, HINT) + text(driven, ANSWER), words, limit=limit)


def until(holds: Callable[[], bool], what: str, *, limit: float) -> float:
    started = time.monotonic()
    while not holds():
        assert time.monotonic() - started < limit, f"not within {limit} s: {what}"
        time.sleep(0.05)
    return time.monotonic() - started


def listens(driven: Driven) -> None:
    """A take runs: the page says so, and sound goes out."""
    seconds_until(driven, LISTENING, limit=WORKS_SECONDS)
    before = driven.evaluate("faults.frames")
    until(lambda: driven.evaluate("faults.frames") > before + 5, "frames go out", limit=WORKS_SECONDS)


@pytest.mark.parametrize("fault", NEVER_STARTS)
def test_sound_that_never_starts_is_told_and_the_next_press_works(driven: Driven, fault: str) -> None:
    make, words = NEVER_STARTS[fault]
    driven.evaluate(make)
    driven.click(BUTTON)
    assert seconds_until(driven, words, limit=SAYS_SECONDS) > 1
    driven.evaluate(MENDED)
    driven.click(BUTTON)
    listens(driven)


@pytest.mark.parametrize("fault", ENDS_THE_TAKE)
def test_sound_that_stops_is_told_and_the_next_press_works(driven: Driven, fault: str) -> None:
    make, words = ENDS_THE_TAKE[fault]
    driven.click(BUTTON)
    listens(driven)
    driven.evaluate(make)
    seconds_until(driven, words, limit=SAYS_SECONDS)
    driven.evaluate(MENDED)
    driven.click(BUTTON)
    listens(driven)


def test_a_microphone_that_is_unplugged_is_missed_and_found_again(driven: Driven) -> None:
    driven.click(BUTTON)
    listens(driven)
    if isinstance(driven, Firefox):
        driven.unplug()
    else:  # Chromium plays a file as its microphone, which stays
        driven.evaluate("faults.track.dispatchEvent(new Event('ended'))")
    seconds_until(driven, "The microphone went away", limit=SAYS_SECONDS)
    if isinstance(driven, Firefox):
        driven.plug()
    driven.click(BUTTON)
    listens(driven)


@pytest.mark.parametrize("fault", PASSES)
def test_silence_that_is_none_of_a_room_is_told_while_it_lasts(driven: Driven, fault: str) -> None:
    make, mend, words = PASSES[fault]
    driven.click(BUTTON)
    listens(driven)
    driven.evaluate(make)
    seconds_until(driven, words, limit=SAYS_SECONDS)
    driven.evaluate(mend)
    listens(driven)


def test_sound_that_a_browser_paused_is_woken(driven: Driven) -> None:
    driven.click(BUTTON)
    listens(driven)
    driven.evaluate("faults.context.suspend().then(() => 0)")
    listens(driven)


def test_a_prompt_left_open_is_told_and_can_be_answered_late(driven: Driven) -> None:
    driven.evaluate("faults.prompt = true")
    driven.click(BUTTON)
    seconds_until(driven, PROMPT, limit=SAYS_SECONDS)
    driven.evaluate("faults.answer()")
    listens(driven)


def test_a_prompt_left_open_can_be_given_up(driven: Driven) -> None:
    driven.evaluate("faults.prompt = true")
    driven.click(BUTTON)
    seconds_until(driven, PROMPT, limit=SAYS_SECONDS)
    assert "Cancel" in text(driven, BUTTON)
    driven.click(BUTTON)
    seconds_until(driven, "Press the button", limit=SAYS_SECONDS)
    driven.evaluate("faults.prompt = false; faults.answer()")
    until(lambda: driven.evaluate("faults.track?.readyState") == "ended", "the late microphone is let go", limit=5)
    driven.click(BUTTON)
    listens(driven)


@needs_firefox
def test_a_real_prompt_that_nobody_answers_is_told_as_often_as_it_is_given_up(server: Server, tmp_path: Path) -> None:
    with firefox(tmp_path / "profile", prompt=True) as tab:
        tab.open(server.url, script=_SCRIPT)
        until(lambda: "Encoder" in text(tab, "#about"), "the page is as it stays", limit=WORKS_SECONDS)
        for _ in range(2):
            tab.click(BUTTON)
            seconds_until(tab, PROMPT, limit=SAYS_SECONDS)
            tab.click(BUTTON)
            seconds_until(tab, "Press the button", limit=SAYS_SECONDS)
