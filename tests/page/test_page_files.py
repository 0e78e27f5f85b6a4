"""Recordings on the page: dropped, chosen, long ones with several people, folders of people."""

import base64
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from support.browser import CHROMIUM, PATIENCE_MS, Voices, drop_in, enroll, see, show, write_wav

from voiceprint.audio.decoding import SAMPLE_RATE

pytest_plugins = ["support.page_fixtures"]
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed (Debian package chromium)")

# A drop as a hand makes it. No script may make a folder to drop: its entry is played, with the same three methods.
_DROP = """([selector, name, people]) => {
    const recording = (name, base64) =>
        new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name, { type: "audio/wav" });
    const target = document.querySelector(selector);
    const drop = (dataTransfer) => {
        for (const kind of ["dragover", "drop"])
            target.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer }));
    };
    if (typeof people === "string") {
        const data = new DataTransfer();
        data.items.add(recording(name, people));
        return drop(data);
    }
    const file = (path, base64) => ({
        isFile: true, fullPath: path, file: (done) => done(recording(path.split("/").at(-1), base64)),
    });
    const folder = (path, children) => ({
        isFile: false,
        fullPath: path,
        createReader: () => ({ readEntries: (done) => done(children.splice(0, 2)) }), // a few at a time, as browsers do
    });
    const inside = Object.entries(people).map(([who, clips]) =>
        folder(`/${name}/${who}`, clips.map((clip, i) => file(`/${name}/${who}/${i}.wav`, clip))));
    const entry = folder(`/${name}`, inside);
    const data = { items: [{ webkitGetAsEntry: () => entry }], files: [] };
    const event = new Event("drop", { bubbles: true, cancelable: true });
    Object.defineProperty(event, "dataTransfer", { value: data });
    target.dispatchEvent(event);
}"""


def base64_of(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def test_a_recording_is_dropped_and_a_long_one_says_who_spoke_when(
    page: Page, page_folder: Path, voices: Voices
) -> None:
    for name in ("Ada", "Ben"):
        enroll(page, page_folder, name, voices[name][:3])
    write_wav(page_folder / "dropped.wav", voices["Ben"][4])
    page.evaluate(_DROP, ["#identify", "dropped.wav", base64_of(page_folder / "dropped.wav")])
    see(page.locator("#identify-result"), "Ben")
    expect(page.locator("#identify-orb")).to_have_attribute("data-state", "known")
    expect(page.locator("#room")).to_be_hidden()

    pause = np.zeros(SAMPLE_RATE, np.float32)
    parts = [voices["Ada"][3], pause, voices["Cleo"][0], pause, voices["Ben"][5], pause, voices["Ben"][3]]
    drop_in(page, page_folder, "meeting.wav", np.concatenate([*parts, pause, voices["Ada"][5]]))
    see(page.locator("#identify-answer"), "3 voices in")
    see(page.locator("#identify-result"), "Ada")
    see(page.locator("#identify-result"), "Ben")
    turns = page.locator(".turn-name").all_text_contents()
    named = [turn for turn in turns if turn != "Too short to tell"]
    assert named == ["Ada", "Somebody I do not know", "Ben", "Ada"]
    expect(page.locator(".room-bar")).to_have_count(len(turns))


def test_a_dropped_folder_enrolls_everybody_in_it(page: Page, page_folder: Path, voices: Voices) -> None:
    clips = {}
    for name in ("Ada", "Cleo"):
        paths = [page_folder / f"{name}{number}.wav" for number in range(3)]
        for path, samples in zip(paths, voices[name], strict=False):
            write_wav(path, samples)
        clips[name] = [base64_of(path) for path in paths]
    clips["Cleo"][2] = base64.b64encode(b"no recording at all").decode()
    show(page, "Enroll")
    page.evaluate(_DROP, ["#enroll", "family", clips])
    see(page.locator("#confirm-title"), "Enroll 2 people from 6 recordings?")
    page.get_by_role("button", name="They agreed: enroll").click()
    see(page.locator(".bulk-line"), "2 people enrolled from 5 recordings, 1 left out.")
    see(page.locator(".bulk-problems"), "Cleo, 2.wav: This is not a recording")
    expect(page.locator("#bulk progress")).to_have_js_property("value", 6, timeout=PATIENCE_MS)
    show(page, "People")
    see(page.locator(".person", has=page.locator(".person-name", has_text="Ada")), "3 takes")
