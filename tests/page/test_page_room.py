"""A room on the page, from the microphone of a real browser to the saved list; voices are tones, so it costs little."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect
from support.browser import CHROMIUM, PATIENCE_MS, opened, see, speak
from support.loudness import LoudnessSegmentation
from support.talking import serving_url
from support.toys import heard, tone, toy_service

from voiceprint.domain.speaker import Enrollment
from voiceprint.service.service import VoiceprintService

pytest_plugins = ["support.page_fixtures"]
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed (Debian package chromium)")

ADA, STRANGER = 200, 600
ROWS, NAMES = ".bench-row", ".bench-row .turn-name"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[VoiceprintService]:
    """Ada is enrolled."""
    with toy_service(tmp_path) as opened_service:
        embedding = heard(opened_service, ADA).embedding
        assert embedding is not None
        opened_service.enroll_new("Ada", [Enrollment.new(embedding, 4.0, "")])
        yield opened_service


@pytest.fixture
def page(browser: Browser, service: VoiceprintService, microphone: Path) -> Iterator[Page]:
    speak(microphone, np.concatenate([tone(pitch, 4.0).samples for pitch in (ADA, STRANGER, ADA, STRANGER)]))
    with serving_url(service) as url, opened(browser, url.rstrip("/")) as (page, watch):
        yield page
        assert [complaint for complaint in watch.complaints if "status of 4" not in complaint] == []


def listen(page: Page) -> None:
    page.get_by_role("switch").check(force=True)
    page.locator("#identify-orb button").click()
    expect(page.get_by_role("button", name="Stop")).to_be_visible(timeout=PATIENCE_MS)


def test_turns_come_while_they_are_said_and_a_stranger_is_named_and_saved(
    page: Page, service: VoiceprintService
) -> None:
    service.segmentation = LoudnessSegmentation()  # type: ignore[assignment]  # the same question
    listen(page)
    expect(page.locator(NAMES).first).to_have_text("Ada", timeout=PATIENCE_MS)
    see(page.locator("#bench-words"), "Heard 0:0")  # of some seconds, not at the end
    expect(page.locator("#bench-close")).to_be_hidden()
    expect(page.locator(NAMES).nth(1)).to_have_text("Unknown 1", timeout=PATIENCE_MS)
    see(page.locator("#identify-result"), "Unknown 1")
    expect(page.locator(NAMES).nth(3)).to_have_text("Unknown 1", timeout=PATIENCE_MS)
    page.keyboard.press("Space")
    see(page.locator("#bench-words"), "2 voices in 0:")
    expect(page.locator("#identify-orb")).to_be_hidden()
    see(page.locator("#bench-note"), "The sound of a room is not kept, so it cannot be played.")
    assert page.locator(NAMES).all_text_contents() == ["Ada", "Unknown 1", "Ada", "Unknown 1"]

    page.locator(ROWS).nth(1).click()
    page.get_by_role("button", name="That was").click()
    page.locator("#naming-name").fill("Ben")
    page.locator("#naming-consent").check()
    page.locator("dialog[open] button[type=submit]").click()
    expect(page.locator(NAMES).nth(1)).to_have_text("Ben", timeout=PATIENCE_MS)
    assert sorted(one.name for one in service.speakers()) == ["Ada", "Ben"]
    page.get_by_label("This turn alone was").select_option(label="Ada")
    page.get_by_role("button", name="Move it").click()
    see(page.locator("#toast"), "Moved.")
    assert page.locator(NAMES).all_text_contents() == ["Ada", "Ada", "Ada", "Ben"]
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save", exact=True).click()
    assert saved.value.suggested_filename == "Room.srt"
    assert saved.value.path().read_text().count("Ada") == 3
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy as text").click()
    see(page.locator("#toast"), "Copied.")
    lines = page.evaluate("navigator.clipboard.readText()").splitlines()
    assert [line.split("  ")[1] for line in lines] == ["Ada", "Ada", "Ada", "Ben"]
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#identify-orb")).to_be_visible()


def test_without_the_segmentation_windows_answer_and_the_page_says_so(page: Page) -> None:
    listen(page)
    expect(page.locator(NAMES).first).to_have_text("Ada", timeout=PATIENCE_MS)
    see(page.locator("#bench-note"), "Unknown voices are not told apart on this server.")
    page.locator("#identify-orb button").click()
    see(page.locator("#bench-words"), " in 0:")
    expect(page.get_by_role("button", name="Close")).to_be_visible()


def test_a_lost_connection_leaves_what_was_heard(page: Page, service: VoiceprintService) -> None:
    service.segmentation = LoudnessSegmentation()  # type: ignore[assignment]  # the same question
    page.evaluate(
        """() => {
            const send = WebSocket.prototype.send;
            WebSocket.prototype.send = function (data) { globalThis.socket = this; return send.call(this, data); };
        }"""
    )
    listen(page)
    expect(page.locator(NAMES).first).to_have_text("Ada", timeout=PATIENCE_MS)
    page.evaluate("socket.close()")
    see(page.locator("#bench-words"), " in 0:")
    assert page.locator(NAMES).first.text_content() == "Ada"
    expect(page.get_by_role("button", name="Close")).to_be_visible()
