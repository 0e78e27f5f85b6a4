"""The page in a real browser, before the real server: what people do with it."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from support.browser import CHROMIUM, PATIENCE_MS, Voices, drop_in, enroll, see, show, speak, write_wav

pytest_plugins = ["support.page_fixtures"]
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed (Debian package chromium)")


def person(page: Page, name: str) -> Locator:
    """Somebody's row under People."""
    return page.locator(".person", has=page.locator(".person-name", has_text=name))


def test_by_keyboard_alone_from_a_stranger_to_named_and_back(page: Page, microphone: Path, voices: Voices) -> None:
    """Enroll by three takes, be named, another speaker is not, delete, be a stranger: no mouse."""
    keys, ada = page.keyboard, voices["Ada"]
    page.get_by_role("link", name="Enroll", exact=True).focus()
    keys.press("Enter")
    expect(page.locator("#enroll-title")).to_be_focused()
    keys.press("Tab")
    keys.type("Ada Lovelace")
    keys.press("Enter")
    see(page.locator("#enroll-consent-error"), "Without this")
    keys.press("Space")
    keys.press("Enter")
    see(page.locator("#enroll-title"), "Hello, Ada Lovelace")
    expect(page.locator("#enroll-title")).to_be_focused()  # until then the space bar belongs to the form
    for number, words in enumerate(("2 more", "One more", "I know Ada Lovelace now")):
        expect(page.locator("#enroll-orb")).to_have_attribute("data-state", "idle", timeout=PATIENCE_MS)
        speak(microphone, ada[number])
        keys.press("Space")
        see(page.locator("#enroll"), words)

    speak(microphone, ada[3])
    keys.press("Space")
    see(page.locator("#check-answer"), "Yes, this is")
    see(page.locator("#check-answer .answer-title"), "Ada Lovelace")

    page.get_by_role("link", name="Identify").focus()
    keys.press("Enter")
    expect(page.locator("#identify-title")).to_be_focused()  # until then the space bar belongs to the link
    for name, samples, words in (
        ("known", ada[4], "Ada Lovelace"),
        ("unknown", voices["Ben"][0], "I do not know this voice"),
    ):
        speak(microphone, samples)
        keys.press("Space")
        see(page.locator("#identify-hint"), "I am listening")
        expect(page.locator("#identify-orb")).to_have_attribute("data-state", name, timeout=PATIENCE_MS)
        see(page.locator("#identify-result"), words)
        see(page.locator("#live"), words)
        expect(page.locator("#identify-evidence")).to_be_visible()
    expect(page.get_by_role("link", name="Enroll this voice")).to_be_visible()

    page.get_by_role("link", name="People").focus()
    keys.press("Enter")
    expect(page.locator("#people-title")).to_be_focused()
    see(page.locator(".person"), "3 takes")
    page.get_by_role("button", name="Delete: Ada Lovelace").focus()
    keys.press("Enter")
    keys.press("Tab")
    keys.press("Enter")
    see(page.locator("#people-receipt"), "The voiceprint of Ada Lovelace was destroyed (3 takes)")
    page.get_by_role("link", name="Identify").focus()
    keys.press("Enter")
    expect(page.locator("#identify-title")).to_be_focused()  # until then the space bar belongs to the link
    speak(microphone, ada[4])
    keys.press("Space")
    see(page.locator("#identify-result"), "I do not know this voice")


def test_a_take_ends_by_itself_and_the_microphone_is_released(page: Page, microphone: Path, voices: Voices) -> None:
    page.evaluate(
        """() => {
            const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
            window.tracks = [];
            navigator.mediaDevices.getUserMedia = async (wish) => {
                window.wish = wish;
                const stream = await ask(wish);
                window.tracks.push(...stream.getTracks());
                return stream;
            };
        }"""
    )
    speak(microphone, voices["Cleo"][0])
    page.locator("#identify-orb button").click()
    expect(page.locator("#identify-orb")).to_have_attribute("data-state", "unknown", timeout=PATIENCE_MS)
    assert page.evaluate("window.tracks.map((track) => track.readyState)") == ["ended"]
    assert page.evaluate("window.wish.audio.noiseSuppression") is False
    page.locator("#identify-orb button").click()
    see(page.locator("#identify-hint"), "I am listening")
    page.keyboard.press("Escape")
    expect(page.locator("#identify-orb")).to_have_attribute("data-state", "idle", timeout=PATIENCE_MS)
    assert page.evaluate("window.tracks.map((track) => track.readyState)") == ["ended", "ended"]


def test_recordings_are_identified_or_refused_in_plain_words(page: Page, page_folder: Path, voices: Voices) -> None:
    enroll(page, page_folder, "Ben", voices["Ben"][:3])
    drop_in(page, page_folder, "ben.wav", voices["Ben"][4])
    see(page.locator("#identify-result"), "Ben")
    expect(page.locator("#identify-orb")).to_have_attribute("data-state", "known")
    drop_in(page, page_folder, "short.wav", voices["Ben"][4][:8000])
    see(page.locator("#identify-result"), "too little speech")
    (page_folder / "letter.wav").write_text("<p>Dear Sir or Madam</p>")
    page.locator("#identify-files").set_input_files(page_folder / "letter.wav")
    see(page.locator("#identify-result"), "not a recording")
    page.locator("#identify-files").set_input_files([page_folder / "ben.wav", page_folder / "short.wav"])
    see(page.locator(".file").first, "Ben")
    see(page.locator(".file").last, "too little speech")


def test_a_folder_enrolls_one_person_for_each_folder_in_it(page: Page, page_folder: Path, voices: Voices) -> None:
    for number in range(2):
        for name in ("Cleo", "Dora"):
            (page_folder / "choir" / name).mkdir(parents=True, exist_ok=True)
            source = voices["Cleo" if name == "Cleo" else "Ada"]
            write_wav(page_folder / "choir" / name / f"{number}.wav", source[number])
    (page_folder / "choir" / "Cleo" / "notes.txt").write_text("not a recording")
    show(page, "Enroll")
    page.locator("#enroll-folder").set_input_files(page_folder / "choir")
    see(page.locator("#confirm-title"), "Enroll 2 people from 4 recordings?")
    page.get_by_role("button", name="They agreed: enroll").click()
    see(page.locator(".bulk-line"), "2 people enrolled from 4 recordings.")
    show(page, "People")
    see(person(page, "Cleo"), "2 takes")
    page.locator("#people-search").fill("dor")
    expect(page.locator(".person")).to_have_count(1)


def test_a_voice_that_is_known_already_is_asked_about_kindly(
    page: Page, page_folder: Path, microphone: Path, voices: Voices
) -> None:
    enroll(page, page_folder, "Ben", voices["Ben"][:3])
    show(page, "Enroll")
    page.locator("#enroll-name").fill("ben")
    page.locator("#enroll-consent").check()
    page.get_by_role("button", name="Go on and speak").click()
    see(page.locator("#enroll-name-error"), "Somebody has this name already")
    page.locator("#enroll-name").fill("Bernard")
    page.get_by_role("button", name="Go on and speak").click()
    speak(microphone, voices["Ben"][3])
    page.locator("#enroll-orb button").click()
    see(page.locator("#enroll-similar"), "This voice sounds much like Ben")
    page.get_by_role("button", name="It is Ben").click()
    see(page.locator("#enroll-title"), "More takes for Ben")
    speak(microphone, voices["Ben"][4])
    page.locator("#enroll-orb button").click()
    see(page.locator("#enroll-title"), "I know Ben now")
    show(page, "People")
    see(person(page, "Ben"), "2 takes")
    expect(person(page, "Bernard")).to_have_count(0)


def test_people_are_on_a_map_and_what_is_known_of_them_can_be_saved(
    page: Page, page_folder: Path, voices: Voices
) -> None:
    for name in ("Ben", "Cleo"):
        enroll(page, page_folder, name, voices[name][:3])
    enroll(page, page_folder, "Benedict", voices["Ben"][1:4])  # partly the same clips: alike by any threshold
    show(page, "People")
    expect(page.locator(".map-name")).to_have_count(3, timeout=PATIENCE_MS)
    see(page.locator(".map-words"), "1 pair sounds so much alike")
    page.locator(".map-person", has_text="Cleo").click()
    row = person(page, "Cleo")
    expect(row).to_be_focused()
    row.get_by_text("Details").click()
    see(row, "Kept until")
    see(row, "Sounds most like")
    with page.expect_download() as saved:
        row.get_by_role("button", name="Save what is known").click()
    assert json.loads(saved.value.path().read_text())["name"] == "Cleo"
    row.get_by_role("button", name="Unlock claims").click()
    see(page.locator("#toast"), "No wrong claims to be Cleo are counted")
    row.get_by_role("button", name="Delete").click()
    page.locator("#confirm-yes").click()
    see(page.locator("#people-receipt"), "The voiceprint of Cleo was destroyed (1 take)")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save the receipt").click()
    assert json.loads(saved.value.path().read_text())["signature"]
    expect(page.locator(".map-name")).to_have_count(2, timeout=PATIENCE_MS)


def test_names_are_text_wherever_they_come_from(page: Page, page_folder: Path, voices: Voices) -> None:
    enroll(page, page_folder, "Ben", voices["Ben"][:3])
    show(page, "People")
    page.get_by_role("button", name="Rename: Ben").click()
    page.locator("#rename").fill("<img src=x onerror=alert(1)>")
    page.keyboard.press("Enter")
    row = page.locator(".person", has_text="<img src=x onerror=alert(1)>")
    expect(row).to_be_visible(timeout=PATIENCE_MS)
    assert page.locator("main img").count() == 0
    row.get_by_role("button", name="Rename").click()
    page.locator("#rename").fill("Ben")
    page.keyboard.press("Enter")
    expect(person(page, "Ben")).to_be_visible(timeout=PATIENCE_MS)
