"""Recordings on the page: dropped, chosen, long ones with several people, folders of people."""

import base64
import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from support.browser import CHROMIUM, DROP, PATIENCE_MS, Voices, drop_in, enroll, in_turn, names, see, show, write_wav

from voiceprint.audio.decoding import SAMPLE_RATE

pytest_plugins = ["support.page_fixtures"]
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed (Debian package chromium)")


def base64_of(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def test_a_recording_is_dropped_and_a_long_one_says_who_spoke_when(
    page: Page, page_folder: Path, voices: Voices
) -> None:
    for name in ("Ada", "Ben"):
        enroll(page, page_folder, name, voices[name][:3])
    write_wav(page_folder / "dropped.wav", voices["Ben"][4])
    page.evaluate(DROP, ["#identify", "dropped.wav", base64_of(page_folder / "dropped.wav")])
    see(page.locator("#identify-result"), "Ben")
    expect(page.locator("#identify-orb")).to_have_attribute("data-state", "known")
    expect(page.locator("#bench")).to_be_hidden()

    pause = np.zeros(SAMPLE_RATE, np.float32)
    parts = [voices["Ada"][3], pause, voices["Cleo"][0], pause, voices["Ben"][5], pause, voices["Ben"][3]]
    drop_in(page, page_folder, "meeting.wav", np.concatenate([*parts, pause, voices["Ada"][5]]))
    see(page.locator("#bench-words"), re.compile(r"\d voices in 0:2"))
    for name in ("Ada", "Ben"):
        see(page.locator("#bench-voices"), name)
    told = [name for name in names(page) if name != "Too short to tell"]
    assert in_turn(told) == ["Ada", "Somebody I do not know", "Ben", "Ada"]
    see(page.locator("#bench-note"), "Unknown voices are not told apart on this server.")


def test_a_dropped_folder_enrolls_everybody_in_it(page: Page, page_folder: Path, voices: Voices) -> None:
    clips = {}
    for name in ("Ada", "Cleo"):
        paths = [page_folder / f"{name}{number}.wav" for number in range(3)]
        for path, samples in zip(paths, voices[name], strict=False):
            write_wav(path, samples)
        clips[name] = [base64_of(path) for path in paths]
    clips["Cleo"][2] = base64.b64encode(b"no recording at all").decode()
    show(page, "Enroll")
    page.evaluate(DROP, ["#enroll", "family", clips])
    see(page.locator("#confirm-title"), "Enroll 2 people from 6 recordings?")
    page.get_by_role("button", name="They agreed: enroll").click()
    see(page.locator(".bulk-line"), "2 people enrolled from 5 recordings, 1 left out.")
    see(page.locator(".bulk-problems"), "Cleo, 2.wav: This is not a recording")
    expect(page.locator("#bulk progress")).to_have_js_property("value", 6, timeout=PATIENCE_MS)
    show(page, "People")
    see(page.locator(".person", has=page.locator(".person-name", has_text="Ada")), "3 takes")
