"""The workbench in states that a real server seldom shows: much to list, a restart, a file no browser opens."""

import base64
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from support.browser import CHROMIUM, PATIENCE_MS, drop_in, see, write_wav
from support.recording_stub import JobStub, conversation

from voiceprint.audio.decoding import SAMPLE_RATE

pytest_plugins = ["support.page_fixtures"]
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed (Debian package chromium)")

MINUTE = np.random.default_rng(19).normal(scale=0.1, size=60 * SAMPLE_RATE).astype(np.float32)
ROWS = ".bench-row"


def test_it_fills_in_while_it_is_heard_and_can_be_cancelled(page: Page, page_folder: Path) -> None:
    stub = JobStub(page, conversation(3, 20.0), state="running", heard=20.0)
    drop_in(page, page_folder, "minute.wav", MINUTE)
    expect(page.locator(ROWS)).to_have_count(3, timeout=PATIENCE_MS)
    stub.job |= {"timeline": conversation(6, 40.0), "heard_seconds": 40.0, "audio_seconds": 60.0}
    expect(page.locator(ROWS)).to_have_count(6, timeout=PATIENCE_MS)
    see(page.locator("#bench-words"), "Heard 0:40 of 1:00")
    expect(page.locator("#bench-progress")).to_have_js_property("value", 40 / 60)
    page.locator(ROWS).first.click()
    see(page.locator("#bench-panel"), "Names can be set right when all of it is heard.")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#identify-orb")).to_be_visible()
    assert stub.asked[:2] == ["POST ", f"PUT /{stub.job['id']}/audio"]
    assert stub.asked[-1] == f"DELETE /{stub.job['id']}"


def test_of_thousands_of_turns_only_those_in_sight_are_rows(page: Page, page_folder: Path) -> None:
    JobStub(page, conversation(2000, 7200.0))
    drop_in(page, page_folder, "minute.wav", MINUTE)
    see(page.locator("#bench-words"), "4 voices in 2:00:00")
    page.locator("#bench-turns").focus()
    page.keyboard.press("End")
    expect(page.locator(f"{ROWS}[aria-selected=true]")).to_have_attribute("aria-posinset", "2000")
    expect(page.locator(f"{ROWS}[aria-selected=true]")).to_be_in_viewport()
    assert page.locator(ROWS).count() < 40
    chosen = page.locator("#bench-turns").get_attribute("aria-activedescendant")
    expect(page.locator(f"#{chosen}")).to_have_attribute("aria-selected", "true")


def test_a_turn_is_moved_to_another_voice_a_stranger_or_somebody_else(page: Page, page_folder: Path) -> None:
    stub = JobStub(page, conversation(6, 60.0))
    drop_in(page, page_folder, "minute.wav", MINUTE)
    page.locator(ROWS).nth(1).click()
    own = page.locator("#bench-panel h3").text_content()
    choice = page.get_by_label("This turn alone was")
    names = choice.locator("option").all_text_contents()
    assert own not in names
    assert names[-2:] == ["A stranger", "Somebody else …"]
    voice = choice.locator("option").first.get_attribute("value")
    for value, told in ((voice, {"voice": int(voice or 0)}), ("0", {})):
        choice.select_option(value=value)
        page.get_by_role("button", name="Move it").click()
        see(page.locator("#toast"), "Moved. Undo takes it back.")
        assert stub.asked[-1] == f"POST /{stub.job['id']}/turns/2"
        assert stub.told == told
    choice.select_option(label="Somebody else …")
    page.get_by_role("button", name="Move it").click()
    page.locator("#naming-name").fill("Zoe")
    see(page.locator("dialog[open]"), "A single turn enrolls nobody. Choose a person who is enrolled.")


def test_a_server_started_anew_has_lost_the_recording_and_says_so(page: Page, page_folder: Path) -> None:
    stub = JobStub(page, conversation(3, 20.0), state="running", heard=20.0)
    drop_in(page, page_folder, "minute.wav", MINUTE)
    expect(page.locator(ROWS)).to_have_count(3, timeout=PATIENCE_MS)
    stub.refusal = (404, "unknown_recording", "There is no such recording here. No audio is kept, so send it again.")
    see(page.locator("#bench-words"), "No audio is kept, so send it again.")
    expect(page.get_by_role("button", name="Close")).to_be_visible()
    expect(page.locator(ROWS)).to_have_count(3)


def test_a_file_that_no_browser_opens_has_turns_without_a_waveform(page: Page, page_folder: Path) -> None:
    JobStub(page, conversation(6, 60.0))
    (page_folder / "film.avi").write_bytes(bytes(2_100_000))
    page.locator("#identify-files").set_input_files(page_folder / "film.avi")
    expect(page.locator(ROWS)).to_have_count(6, timeout=PATIENCE_MS)
    see(page.locator("#bench-note"), "cannot play the file. No waveform: this browser cannot open the file.")
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_disabled()


def test_a_turn_is_played_from_its_start_and_the_position_moves_by_keys(page: Page, page_folder: Path) -> None:
    JobStub(page, conversation(6, 60.0))
    drop_in(page, page_folder, "minute.wav", MINUTE)
    expect(page.locator(ROWS)).to_have_count(6, timeout=PATIENCE_MS)
    page.locator("#bench-turns").focus()
    for key in ("Home", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    expect(page.locator("#bench-play")).to_have_text("Pause")
    see(page.locator("#bench-time"), "0:11 of 1:00")
    page.locator("#bench-play").click()
    expect(page.locator("#bench-play")).to_have_text("Play")
    page.locator("#bench-scroll").focus()
    page.keyboard.press("End")
    expect(page.locator("#bench-scroll")).to_have_attribute("aria-valuetext", "1:00 of 1:00")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#bench-scroll")).to_have_attribute("aria-valuetext", "0:55 of 1:00")
    page.keyboard.press("+")
    assert page.locator("#bench-scroll").evaluate("(box) => box.scrollWidth > 1.9 * box.clientWidth")


def test_the_waveform_follows_the_sound_and_is_left_out_where_a_long_one_cannot_be_cut(
    page: Page, page_folder: Path
) -> None:
    sound = np.concatenate([np.zeros(SAMPLE_RATE, np.float32), MINUTE[:SAMPLE_RATE], np.zeros(SAMPLE_RATE, np.float32)])
    write_wav(page_folder / "burst.wav", sound)
    script = """async ([base64, seconds]) => {
        const { waveform } = await import("/waveform.js");
        const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
        let drawn = null;
        const why = await waveform(new File([bytes], "burst"), seconds, ({ values, filled, loudest }) => {
            drawn = [...values.slice(0, filled)].map((value) => (255 * value) / loudest);
            return true;
        });
        return { drawn, why };
    }"""
    burst = base64.b64encode((page_folder / "burst.wav").read_bytes()).decode()
    found = page.evaluate(script, [burst, 3.0])
    assert found["why"] == ""
    seconds = np.array(found["drawn"]).reshape(3, -1)
    assert seconds.shape == (3, 50)
    assert seconds[[0, 2], 3:-3].max() <= 2
    assert seconds[1, 3:-3].min() > 60
    assert page.evaluate(script, [burst, 3600.0])["drawn"] == found["drawn"]  # a long one of a kind that can be cut
    ogg = base64.b64encode(b"OggS" + bytes(1000)).decode()
    why = "No waveform: this kind of recording is drawn only up to half an hour."
    assert page.evaluate(script, [ogg, 3600.0]) == {"drawn": None, "why": why}
