"""The workbench in Firefox: a recording is dropped, a stranger named by keys alone, subtitles saved, all undone."""

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.browser import DROP, Samples, Voices, write_wav
from support.firefox import FIREFOX, PULSEAUDIO, Firefox, firefox
from support.paths import FETCHED
from support.serving import Server
from test_page_sound import until
from test_page_workbench import meeting, server

from voiceprint.encoding.segmentation import SEGMENTATION

__all__ = ["meeting", "server"]  # fixtures

pytest_plugins = ["support.page_fixtures"]
pytestmark = [
    pytest.mark.skipif(not (FIREFOX.exists() and PULSEAUDIO.exists()), reason="firefox-esr or pulseaudio is missing"),
    pytest.mark.skipif(not (FETCHED / SEGMENTATION).exists(), reason=f"{SEGMENTATION} is not in {FETCHED}"),
]

# What is saved is kept in sight: a browser without a window has nowhere to ask for a place.
_SCRIPT = """() => {
    const make = URL.createObjectURL;
    let made;
    URL.createObjectURL = (blob) => make.call(URL, (made = blob));
    HTMLAnchorElement.prototype.click = async function () {
        window.saved = [this.download, await made.text()].join("\\n");
    };
}"""
PATIENCE_SECONDS = 90.0


@pytest.fixture
def tab(server: Server, tmp_path: Path) -> Iterator[Firefox]:
    with firefox(tmp_path / "profile") as running:
        running.open(server.url, script=_SCRIPT)
        yield running


def reads(tab: Firefox, selector: str, words: str) -> Callable[[], bool]:
    return lambda: words in (tab.evaluate(f"document.querySelector({json.dumps(selector)})?.textContent") or "")


def sees(tab: Firefox, selector: str, words: str) -> None:
    until(reads(tab, selector, words), f"{words} in {selector}", limit=PATIENCE_SECONDS)


def test_a_recording_is_dropped_a_stranger_named_saved_and_undone(
    tab: Firefox, tmp_path: Path, voices: Voices, meeting: Samples
) -> None:
    write_wav(tmp_path / "meeting.wav", meeting)
    sound = base64.b64encode((tmp_path / "meeting.wav").read_bytes()).decode()
    tab.evaluate(f"({DROP})({json.dumps(['#identify', 'meeting.wav', sound])})")
    sees(tab, "#bench-words", "3 voices in 0:3")
    assert tab.evaluate("document.querySelector('#bench-note').textContent") == ""  # it is played and has a waveform
    tab.evaluate("document.querySelector('#bench-turns').focus()")
    tab.press("Home", "Tab", "Tab", "Enter")
    sees(tab, "#naming-title", "Unknown 1 was")
    tab.press(*"Ada", "Enter")
    sees(tab, "dialog[open] .field-error", "Without this I keep no voice")
    tab.press("Space", "Enter")
    sees(tab, "#bench-voices", "Ada")
    tab.evaluate("document.querySelector('#bench-export select').focus()")
    tab.press("Tab", "Enter")
    until(lambda: tab.evaluate("(window.saved ?? '').startsWith('meeting.srt\\n1\\n')"), "it is saved", limit=10)
    assert tab.evaluate("saved.includes('Ada')")
    tab.evaluate("document.querySelector('#bench-undo').focus()")
    tab.press("Enter")
    sees(tab, "#bench-voices", "Unknown 1")
