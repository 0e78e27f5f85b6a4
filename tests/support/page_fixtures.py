"""A browser, a microphone, a server and voices for tests of the page; a module names this file in pytest_plugins."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from support.browser import Samples, Voices, chromium, opened, speak
from support.serving import Server, serving
from voiceprint.audio.decoding import SAMPLE_RATE, read_file

# Three who do not sound alike (centroids below 0.4): what the page does is tested here. How often a stranger gets a
# name is measured over hundreds of people, in test_accuracy.py and docs/decisions.md.
PEOPLE = {"Ada": "librispeech-1089", "Ben": "librispeech-121", "Cleo": "librispeech-1221"}
CLIPS = 6
CLIP_SECONDS = 4.5


@pytest.fixture(scope="module")
def page_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("page")


@pytest.fixture(scope="module")
def voices(speech_dev: Path) -> Voices:
    """Six clips of a few seconds for each of three people; real ones, since synthesised ones are too much alike."""
    return {
        name: [_clip(path) for path in sorted((speech_dev / "librispeech" / person).iterdir())[:CLIPS]]
        for name, person in PEOPLE.items()
    }


def _clip(path: Path) -> Samples:
    samples: Samples = read_file(path, max_seconds=60.0, max_bytes=2**24).first.samples[
        : round(CLIP_SECONDS * SAMPLE_RATE)
    ]
    return samples


@pytest.fixture(scope="module")
def server(page_folder: Path) -> Iterator[Server]:
    with serving(page_folder / "server") as running:
        yield running


@pytest.fixture(scope="module")
def microphone(page_folder: Path) -> Path:
    return page_folder / "microphone.wav"


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
    """The page, opened, with nobody enrolled; at the end nothing may have left the origin or gone wrong unseen."""
    with opened(browser, server.url) as (page, watch):
        for speaker in page.request.get("/v1/speakers").json()["speakers"]:
            page.request.delete(f"/v1/speakers/{speaker['id']}")
        yield page
    # blob: is a recording in the browser's own memory.
    asked = [url for url in watch.requests if not url.startswith(f"blob:{server.url}/")]
    strangers = [url for url in asked if urlsplit(url).netloc != urlsplit(server.url).netloc]
    assert strangers == []
    # The browser's own note that the server refused a recording or a name, as it should.
    refusals = re.compile("status of (400|404|409|422)")
    assert [complaint for complaint in watch.complaints if not refusals.search(complaint)] == []
