"""Before the first take: which microphone, and whether it hears anything; after it: what may be thrown away."""

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from support.browser import CHROMIUM, PATIENCE_MS, Voices, see, show, speak

from voiceprint.audio.decoding import SAMPLE_RATE

pytest_plugins = ["support.page_fixtures"]
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed (Debian package chromium)")


def to_takes(page: Page, name: str) -> None:
    show(page, "Enroll")
    page.locator("#enroll-name").fill(name)
    page.locator("#enroll-consent").check()
    page.get_by_role("button", name="Go on and speak").click()
    see(page.locator("#enroll-title"), f"Hello, {name}")


@pytest.mark.parametrize(
    ("level", "words"), [(0.3, "Good, I hear you"), (0.012, "I hear you faintly"), (1.5, "Too loud"), (0.0, "silence")]
)
def test_the_level_is_tested_before_a_take(page: Page, microphone: Path, level: float, words: str) -> None:
    at = np.arange(20 * SAMPLE_RATE) / SAMPLE_RATE
    speak(microphone, np.clip(level * np.sin(2 * np.pi * 300 * at), -1, 1).astype(np.float32))
    to_takes(page, "Ada")
    bar = page.locator("#enroll-mic")
    bar.get_by_role("button", name="Test it").click()
    see(bar.locator(".mic-words"), words)
    see(page.locator("#live"), words)
    expect(bar.locator("meter")).to_be_visible()
    bar.get_by_role("button", name="Stop the test").click()
    expect(bar.locator("meter")).to_be_hidden()


def test_a_microphone_is_chosen_by_its_name_and_the_choice_is_kept(
    page: Page, microphone: Path, voices: Voices
) -> None:
    speak(microphone, voices["Ada"][0])
    page.locator("#identify-orb button").click()
    see(page.locator("#identify-hint"), "I am listening")
    page.keyboard.press("Escape")
    bar = page.locator("#identify-mic")
    bar.locator("summary").click()
    names = [name for name in bar.get_by_role("option").all_text_contents() if name.startswith("Fake Audio")]
    assert len(names) > 1
    bar.get_by_role("combobox").select_option(label=names[1])
    see(bar.locator("summary"), names[1])
    page.locator("#identify-orb button").click()
    see(page.locator("#identify-hint"), "I am listening")
    page.reload()
    page.locator("#identify-mic summary").click()
    expect(page.locator("#identify-mic").get_by_role("combobox")).not_to_have_value("", timeout=PATIENCE_MS)


def test_a_chosen_microphone_that_is_not_there_is_said_and_another_works(page: Page, microphone: Path) -> None:
    speak(microphone, np.full(SAMPLE_RATE, 0.1, np.float32))
    page.evaluate("localStorage.setItem('voiceprint-microphone', 'one that was lent away')")
    page.reload()
    page.locator("#identify-orb button").click()
    see(page.locator("#identify-result"), "The chosen microphone is not there")
    page.locator("#identify-mic summary").click()
    page.locator("#identify-mic").get_by_role("combobox").select_option(label="The browser's choice")
    page.locator("#identify-orb button").click()
    see(page.locator("#identify-hint"), "I am listening")
