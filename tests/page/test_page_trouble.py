"""The page when something is wrong, and what it may never do: real browser, real server."""

import re
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Playwright, expect
from support.browser import CHROMIUM, Voices, chromium, drop_in, enroll, opened, see, show
from support.paths import WEB
from support.serving import Server, serving

from voiceprint.audio.decoding import SAMPLE_RATE

MAX_PAGE_BYTES = 260_000  # types as comments and the workbench included

pytest_plugins = ["support.page_fixtures"]
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed (Debian package chromium)")


def test_a_lost_server_is_told_and_found_again(browser: Browser, page_folder: Path, voices: Voices) -> None:
    with serving(page_folder / "lost") as first, opened(browser, first.url) as (page, _watch):
        enroll(page, page_folder, "Ada", voices["Ada"][:3])
        page.reload()
        see(page.locator("#about"), "1 person")
        first.process.terminate()
        see(page.locator("#banner"), "The connection to the server is lost")
        first.process.wait()
        show(page, "People")
        see(page.locator("#people-empty"), "The connection was lost")
        with serving(page_folder / "lost", port=first.port):
            see(page.locator("#banner"), "Connected again")
            see(page.locator(".person"), "Ada")
            expect(page.locator("#people-empty")).to_be_hidden()
            show(page, "Identify")
            drop_in(page, page_folder, "ada.wav", voices["Ada"][4])
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
    assert sum(path.stat().st_size for path in files if path.parent == WEB) < MAX_PAGE_BYTES  # embed/ is for others
    html = (WEB / "index.html").read_text()
    assert re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", html) is None
    for path in files:
        foreign = re.findall(r"https?://[^\s\"'`)]+", path.read_text())
        assert [url for url in foreign if not url.startswith(("http://www.w3.org/", "http://localhost"))] == [], path
