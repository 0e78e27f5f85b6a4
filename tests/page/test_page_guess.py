"""The first guess of the page: how soon it comes, that it grows surer, and that the answer stays."""

import statistics
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from support.browser import CHROMIUM, PATIENCE_MS, Voices, enroll, see, speak

pytest_plugins = ["support.page_fixtures"]
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed (Debian package chromium)")

FIRST_GUESS_SECONDS = 1.2
# Notes when the first loud sample was captured (the frame that carries it is sent as soon as it is full), and what the
# page shows from then on.
_WATCH = """() => {
    const box = document.querySelector("#identify-answer");
    const send = WebSocket.prototype.send;
    window.seen = null;
    WebSocket.prototype.send = function (data) {
        if (typeof data === "string" && data.includes('"start"')) window.seen = { onset: null, shown: [] };
        else if (data instanceof ArrayBuffer && window.seen?.onset === null) {
            const samples = new Int16Array(data), first = samples.findIndex((sample) => Math.abs(sample) > 1000);
            if (first >= 0) window.seen.onset = performance.now() - (samples.length - first) / 16;
        }
        return send.call(this, data);
    };
    new MutationObserver(() => {
        if (box.hidden || !window.seen || window.seen.onset === null) return;
        const text = (part) => box.querySelector(part).textContent;
        window.seen.shown.push([
            performance.now() - window.seen.onset, text(".answer-kicker"), text(".answer-title"), text(".sureness"),
        ]);
    }).observe(box, { subtree: true, childList: true, attributes: true });
}"""


def test_the_first_guess_comes_within_a_second_and_grows_into_the_answer(
    page: Page, page_folder: Path, microphone: Path, voices: Voices
) -> None:
    for name in voices:  # with fewer than three enrolled no probability is told
        enroll(page, page_folder, name, voices[name][:3])
    page.evaluate(_WATCH)
    waits = []
    for name, clip in (("Ada", 3), ("Ben", 3), ("Ada", 4), ("Ben", 4), ("Ada", 5)):
        speak(microphone, voices[name][clip])
        page.locator("#identify-orb button").click()
        see(page.locator("#identify-hint"), "I am listening")
        expect(page.locator("#identify-orb")).to_have_attribute("data-state", "known", timeout=PATIENCE_MS)
        shown = page.evaluate("window.seen.shown")
        waits.append(shown[0][0] / 1000)
        kickers = [kicker for _, kicker, _, _ in shown]
        assert kickers[0] in ("Listening", "Perhaps")
        assert kickers[-1] == "This is"
        assert {title for _, kicker, title, _ in shown if kicker == "This is"} == {name}
        assert "% sure" in shown[-1][3]
        expect(page.locator(".chart-line")).to_be_visible()
        expect(page.locator("#identify-result")).to_have_text(name)
    median = statistics.median(waits)
    print(f"first guess after onset: median {median:.2f} s of {[round(w, 2) for w in waits]}")  # noqa: T201
    assert median < FIRST_GUESS_SECONDS
