"""The workbench of a recording before the real server: it fills in, a stranger is named, corrected, undone, saved."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect
from support.browser import CHROMIUM, PATIENCE_MS, Samples, Voices, drop_in, enroll, in_turn, names, see, show, speak
from support.paths import FETCHED
from support.serving import Server, serving
from test_page_axe import complaints

from voiceprint.audio.decoding import SAMPLE_RATE
from voiceprint.encoding.segmentation import SEGMENTATION

pytest_plugins = ["support.page_fixtures"]
pytestmark = [
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed (Debian package chromium)"),
    pytest.mark.skipif(not (FETCHED / SEGMENTATION).exists(), reason=f"{SEGMENTATION} is not in {FETCHED}"),
]


@pytest.fixture(scope="module")
def server(page_folder: Path) -> Iterator[Server]:
    """One that tells unnamed voices apart."""
    with serving(page_folder / "server", environ={"VOICEPRINT_MODELS": str(FETCHED)}) as running:
        yield running


@pytest.fixture(scope="module")
def meeting(voices: Voices) -> Samples:
    """Half a minute and a little: Ada, a stranger, Ada, another stranger, the first one again."""
    pause = np.zeros(SAMPLE_RATE // 2, np.float32)
    parts = [voices["Ada"][3], voices["Cleo"][0], voices["Ada"][4], voices["Ben"][0], voices["Cleo"][1]]
    parts += [voices["Ada"][5], voices["Cleo"][2]]
    return np.concatenate([piece for part in parts for piece in (part, pause)])


def voice(page: Page, name: str) -> Locator:
    return page.locator(".bench-voice", has_text=name)


def heard(page: Page, folder: Path, meeting: Samples) -> None:
    drop_in(page, folder, "meeting.wav", meeting)
    see(page.locator("#bench-words"), "3 voices in 0:3")


def test_a_stranger_is_named_by_keyboard_alone_and_undone_and_saved(
    page: Page, page_folder: Path, voices: Voices, meeting: Samples
) -> None:
    enroll(page, page_folder, "Ada", voices["Ada"][:3])
    keys = page.keyboard
    heard(page, page_folder, meeting)
    see(page.locator("#live"), "3 voices")
    expect(page.locator("#bench-title")).to_be_focused()
    before = names(page)
    assert before[:3] == ["Ada", "Unknown 1", "Ada"]
    assert set(before) == {"Ada", "Unknown 1", "Unknown 2"}

    page.locator("#bench-turns").focus()
    keys.press("Home")
    keys.press("ArrowDown")
    see(page.locator("#bench-panel"), "No voice that I know is close enough")
    for _ in range(2):
        keys.press("Tab")
    keys.press("Enter")
    see(page.locator("#naming-title"), "Unknown 1 was")
    keys.type("Cleo")
    keys.press("Enter")
    see(page.locator("dialog[open] .field-error"), "Without this I keep no voice")
    keys.press("Space")
    keys.press("Enter")
    expect(voice(page, "Cleo")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("#bench-turns")).to_be_focused()
    assert names(page) == [{"Unknown 1": "Cleo"}.get(name, name) for name in before]
    see(page.locator("#bench-panel"), "A person here said so")

    page.get_by_label("Save as").focus()
    keys.press("Tab")
    with page.expect_download() as saved:
        keys.press("Enter")
    assert saved.value.suggested_filename == "meeting.srt"
    assert "Cleo" in saved.value.path().read_text()

    page.get_by_role("button", name="Undo").focus()
    keys.press("Enter")
    expect(voice(page, "Unknown 1")).to_be_visible(timeout=PATIENCE_MS)
    assert names(page) == before
    assert [one["name"] for one in page.request.get("/v1/speakers").json()["speakers"]] == ["Ada"]


def test_a_wrong_name_is_taken_away_and_an_enrolled_person_set(
    page: Page, page_folder: Path, voices: Voices, meeting: Samples
) -> None:
    for name in ("Ada", "Cleo"):
        enroll(page, page_folder, name, voices[name][3:6])
    heard(page, page_folder, meeting)
    voice(page, "Ada").click()
    see(page.locator("#bench-panel"), "This voice is close to the one of Ada")
    page.get_by_role("button", name="Not Ada").click()
    expect(voice(page, "Ada")).to_have_count(0, timeout=PATIENCE_MS)
    page.get_by_role("button", name="That was").click()
    page.locator("#naming-name").fill("cleo")
    see(page.locator("dialog[open]"), "Cleo is enrolled; this voice is added.")
    save = page.locator("dialog[open] button[type=submit]")
    save.click()
    see(page.locator("dialog[open] .field-error"), "Consent is missing")  # it was enrolled without
    page.locator("#naming-consent").check()
    save.click()
    see(page.locator("dialog[open] .field-error"), "This is another person's voice")
    expect(save).to_have_text("It is them all the same: save")
    page.get_by_label("Learn from this recording").uncheck()
    see(page.locator("dialog[open]"), "Only this recording is changed.")
    save.click()
    see(page.locator("#bench-voices"), "Cleo")
    expect(page.locator("dialog[open]")).to_have_count(0)
    for _ in range(2):
        page.get_by_role("button", name="Undo").click()
        see(page.locator("#toast"), "Undone")
    expect(voice(page, "Ada")).to_have_count(1, timeout=PATIENCE_MS)
    expect(page.get_by_role("button", name="Undo")).to_be_hidden(timeout=PATIENCE_MS)


def test_a_turn_alone_is_moved_and_goes_back(page: Page, page_folder: Path, voices: Voices, meeting: Samples) -> None:
    enroll(page, page_folder, "Ada", voices["Ada"][:3])
    heard(page, page_folder, meeting)
    before = names(page)
    page.locator(".bench-row").nth(1).click()
    page.get_by_label("This turn alone was").select_option(label="Ada")
    page.get_by_role("button", name="Move it").click()
    expect(page.locator(".bench-row .turn-name").nth(1)).to_have_text("Ada", timeout=PATIENCE_MS)
    assert names(page) == [before[0], "Ada", *before[2:]]
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".bench-row .turn-name").nth(1)).to_have_text("Unknown 1", timeout=PATIENCE_MS)
    assert names(page) == before


def test_a_room_fills_in_while_it_is_said_and_a_stranger_in_it_is_named(
    page: Page, page_folder: Path, microphone: Path, voices: Voices, meeting: Samples
) -> None:
    enroll(page, page_folder, "Ada", voices["Ada"][:3])
    speak(microphone, meeting)
    page.get_by_role("switch").check(force=True)
    page.locator("#identify-orb button").click()
    expect(page.locator(".bench-row .turn-name").first).to_have_text("Ada", timeout=PATIENCE_MS)
    see(page.locator("#bench-words"), "Heard 0:")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    expect(page.locator("#bench-close")).to_be_hidden()
    see(page.locator("#bench-words"), re.compile(r"Heard 0:3\d · 3 voices so far"))
    page.keyboard.press("Space")
    see(page.locator("#bench-words"), "3 voices in 0:")
    see(page.locator("#bench-note"), "The sound of a room is not kept")
    before = names(page)
    assert in_turn(before)[:3] == ["Ada", "Unknown 1", "Ada"]
    page.locator(".bench-row", has_text="Unknown 1").first.click()
    page.get_by_role("button", name="That was").click()
    page.locator("#naming-name").fill("Cleo")
    page.locator("#naming-consent").check()
    page.locator("dialog[open] button[type=submit]").click()
    expect(voice(page, "Cleo")).to_be_visible(timeout=PATIENCE_MS)
    assert names(page) == [{"Unknown 1": "Cleo"}.get(name, name) for name in before]
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save", exact=True).click()
    assert saved.value.suggested_filename == "Room.srt"
    assert "Cleo" in saved.value.path().read_text()
    assert complaints(page, "room") == []


def test_axe_finds_nothing_serious_in_the_workbench(page: Page, page_folder: Path, meeting: Samples) -> None:
    heard(page, page_folder, meeting)
    page.locator(".bench-row").nth(1).click()
    found = complaints(page, "workbench")
    page.get_by_role("button", name="That was").click()
    page.locator("#naming-name").fill("Zoe")
    found += complaints(page, "workbench, naming")
    assert found == []


def test_a_closed_recording_is_forgotten_and_another_waits_for_a_yes(
    page: Page, page_folder: Path, meeting: Samples
) -> None:
    heard(page, page_folder, meeting)
    drop_in(page, page_folder, "next.wav", meeting)
    see(page.locator("#confirm-title"), "Close meeting.wav?")
    page.locator("#confirm").get_by_role("button", name="Cancel").click()
    see(page.locator("#bench-title"), "meeting.wav")
    kept = len(page.request.get("/v1/recordings").json()["recordings"])
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#identify-title")).to_be_focused()
    expect(page.locator("#identify-orb")).to_be_visible()
    assert len(page.request.get("/v1/recordings").json()["recordings"]) == kept - 1
    show(page, "People")
