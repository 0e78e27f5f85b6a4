"""The page in a real browser, before the real server: what people do, and what they meet when something is wrong."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import numpy as np
import pytest
from numpy.typing import NDArray

from voiceprint.audio import SAMPLE_RATE

try:
    from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright
except ImportError:
    pytest.skip("playwright is not installed", allow_module_level=True)

from browser import CHROMIUM, PATIENCE_MS, chromium, clip, enroll, opened, see, speak, write_wav
from serving import Server, serving

WEB = Path(__file__).resolve().parents[1] / "web"
MAX_PAGE_BYTES = 150_000
TAKE_SECONDS = 4.5

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed (Debian package chromium)")

Samples = NDArray[np.float32]
Voices = dict[str, list[Samples]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("page")


@pytest.fixture(scope="module")
def voices(speech_dev: Path) -> Voices:
    """Six clips of a few seconds for each of three speakers."""
    chosen = zip(("Ada", "Ben", "Cleo"), sorted((speech_dev / "librispeech").iterdir()), strict=False)
    length = round(TAKE_SECONDS * SAMPLE_RATE)
    return {name: [clip(path)[:length] for path in sorted(folder.iterdir())[:6]] for name, folder in chosen}


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with serving(folder / "server") as running:
        yield running


@pytest.fixture(scope="module")
def microphone(folder: Path) -> Path:
    return folder / "microphone.wav"


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def browser(playwright: Playwright, microphone: Path) -> Iterator[Browser]:
    speak(microphone, np.zeros(SAMPLE_RATE, np.float32))
    with chromium(playwright, microphone) as running:
        yield running


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    """The page, opened; at the end nothing may have left the origin and nothing may have gone wrong unseen."""
    with opened(browser, server.url) as (page, watch):
        yield page
    strangers = [url for url in watch.requests if urlsplit(url).netloc != urlsplit(server.url).netloc]
    assert strangers == []
    refusals = "status of 422"  # the browser's own note that the server refused a recording, as it should
    assert [complaint for complaint in watch.complaints if refusals not in complaint] == []


def show(page: Page, view: str) -> None:
    page.get_by_role("navigation").get_by_role("link", name=view).click()
    expect(page.locator(f"#{view.lower()}-title")).to_be_focused()


def drop_in(page: Page, folder: Path, name: str, samples: Samples) -> None:
    """Choose a recording on the first view."""
    write_wav(folder / name, samples)
    page.locator("#identify-files").set_input_files(folder / name)


def test_by_keyboard_alone_from_a_stranger_to_named_and_back(page: Page, microphone: Path, voices: Voices) -> None:
    """Enroll by three takes, be named, another speaker is not, delete, be a stranger: no mouse."""
    keys, ada = page.keyboard, voices["Ada"]
    page.get_by_role("link", name="Enroll").focus()
    keys.press("Enter")
    expect(page.locator("#enroll-title")).to_be_focused()
    keys.press("Tab")
    keys.type("Ada Lovelace")
    keys.press("Enter")
    see(page.locator("#enroll-consent-error"), "Without this")
    keys.press("Space")
    keys.press("Enter")
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
    see(page.locator(".person"), "3 takes")
    page.get_by_role("button", name="Delete: Ada Lovelace").focus()
    keys.press("Enter")
    keys.press("Tab")
    keys.press("Enter")
    see(page.locator("#toast"), "The voiceprint of Ada Lovelace was destroyed (3 takes)")
    page.get_by_role("link", name="Identify").focus()
    keys.press("Enter")
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


def test_recordings_are_identified_or_refused_in_plain_words(page: Page, folder: Path, voices: Voices) -> None:
    enroll(page, folder, "Ben", voices["Ben"][:3])
    drop_in(page, folder, "ben.wav", voices["Ben"][4])
    see(page.locator("#identify-result"), "Ben")
    expect(page.locator("#identify-orb")).to_have_attribute("data-state", "known")
    drop_in(page, folder, "short.wav", voices["Ben"][4][:8000])
    see(page.locator("#identify-result"), "too little speech")
    (folder / "letter.wav").write_text("<p>Dear Sir or Madam</p>")
    page.locator("#identify-files").set_input_files(folder / "letter.wav")
    see(page.locator("#identify-result"), "not a recording")
    page.locator("#identify-files").set_input_files([folder / "ben.wav", folder / "short.wav"])
    see(page.locator(".file").first, "Ben")
    see(page.locator(".file").last, "too little speech")


def test_a_folder_enrolls_one_person_for_each_folder_in_it(page: Page, folder: Path, voices: Voices) -> None:
    for number in range(2):
        for name in ("Cleo", "Dora"):
            (folder / "choir" / name).mkdir(parents=True, exist_ok=True)
            source = voices["Cleo" if name == "Cleo" else "Ada"]
            write_wav(folder / "choir" / name / f"{number}.wav", source[number])
    (folder / "choir" / "Cleo" / "notes.txt").write_text("not a recording")
    show(page, "Enroll")
    page.locator("#enroll-folder").set_input_files(folder / "choir")
    see(page.locator("#confirm-title"), "Enroll 2 people from 4 recordings?")
    page.get_by_role("button", name="They agreed: enroll").click()
    see(page.locator(".bulk-line"), "2 people enrolled from 4 recordings.")
    show(page, "People")
    see(page.locator(".person", has_text="Cleo"), "2 takes")
    page.locator("#people-search").fill("dor")
    expect(page.locator(".person")).to_have_count(1)


def test_names_are_text_wherever_they_come_from(page: Page, folder: Path, voices: Voices) -> None:
    enroll(page, folder, "Ben", voices["Ben"][:3])
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
    expect(page.locator(".person", has_text="Ben")).to_be_visible(timeout=PATIENCE_MS)


def test_a_lost_server_is_told_and_found_again(browser: Browser, folder: Path, voices: Voices) -> None:
    with serving(folder / "lost") as first, opened(browser, first.url) as (page, _watch):
        enroll(page, folder, "Ada", voices["Ada"][:3])
        page.reload()
        see(page.locator("#health"), "1 person")
        first.process.terminate()
        see(page.locator("#banner"), "The connection to the server is lost")
        first.process.wait()
        with serving(folder / "lost", port=first.port):
            see(page.locator("#banner"), "Connected again")
            drop_in(page, folder, "ada.wav", voices["Ada"][4])
            see(page.locator("#identify-result"), "Ada")


@pytest.mark.parametrize(
    ("microphone", "words"), [("refused", "I may not use the microphone"), ("missing", "I find no microphone")]
)
def test_no_permission_and_no_microphone_are_told_apart(
    playwright: Playwright, server: Server, microphone: Literal["refused", "missing"], words: str
) -> None:
    with chromium(playwright, microphone) as browser, opened(browser, server.url) as (page, watch):
        page.context.grant_permissions([])
        page.locator("#identify-orb button").click()
        see(page.locator("#identify-result"), words)
        assert watch.complaints == []


def test_where_the_browser_keeps_the_microphone_shut_the_page_says_why(browser: Browser, server: Server) -> None:
    context = browser.new_context()
    context.add_init_script("Object.defineProperty(window, 'isSecureContext', { value: false })")
    page = context.new_page()
    page.goto(server.url)
    page.locator("#identify-orb button").click()
    see(page.locator("#identify-answer"), "only to pages from this computer or over https")
    context.close()


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_other_rates_are_resampled_without_aliases(page: Page, rate: int) -> None:
    """1 kHz passes unchanged; 10 kHz, which would come back as 6 kHz, is gone; any chunking gives the same samples."""
    measured = page.evaluate(
        """async (rate) => {
            const { Resampler } = await import("/pcm-worklet.js");
            const wave = (hertz) => (_, i) => Math.sin((2 * Math.PI * hertz * i) / rate);
            const tone = (hertz) => Float32Array.from({ length: rate }, wave(hertz));
            const run = (input, step) => {
                const resampler = new Resampler(rate), output = [];
                for (let at = 0; at < input.length; at += step)
                    output.push(...resampler.push(input.slice(at, at + step)));
                return output;
            };
            const rms = (samples) => Math.hypot(...samples.slice(500, -500)) / Math.sqrt(samples.length - 1000);
            const kept = run(tone(1000), 128), whole = run(tone(1000), rate);
            return { count: kept.length, kept: rms(kept), alias: rms(run(tone(10000), 128)),
                     same: kept.every((sample, i) => sample === whole[i]) };
        }""",
        rate,
    )
    assert abs(measured["count"] - SAMPLE_RATE) <= 40
    assert measured["kept"] == pytest.approx(np.sqrt(0.5), rel=1e-3)
    assert measured["alias"] < 1e-3
    assert measured["same"]


def test_the_page_is_light_and_holds_nothing_inline() -> None:
    files = [path for path in WEB.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < MAX_PAGE_BYTES
    html = (WEB / "index.html").read_text()
    assert re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", html) is None
    for path in files:
        foreign = re.findall(r"https?://[^\s\"'`)]+", path.read_text())
        assert [url for url in foreign if not url.startswith(("http://www.w3.org/", "http://localhost"))] == [], path
