"""The waveform comes in pieces from kinds that can be cut, and two hours with 2,000 turns stay smooth."""

import base64
import logging
import wave
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from playwright.sync_api import Page, expect
from support.browser import CHROMIUM, PATIENCE_MS, Samples, see
from support.recording_stub import JobStub, conversation

from voiceprint.audio.decoding import SAMPLE_RATE

pytest_plugins = ["support.page_fixtures"]
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed (Debian package chromium)")

log = logging.getLogger(__name__)
PEAKS_A_SECOND = 50
LOUDNESS = np.linspace(0.05, 0.9, 90)  # louder each second: three pieces of a WAV file

_PEAKS = """async ([base64, seconds]) => {
    const { waveform } = await import("/waveform.js");
    const file = new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], "a");
    let values = [], pieces = 0;
    const why = await waveform(file, seconds, (peaks) => {
        pieces++;
        values = [...peaks.values.slice(0, peaks.filled)];
        return true;
    });
    return { values, pieces, why };
}"""

# How long each frame took while ``act`` was called before each, for that many frames.
_FRAMES = """async ([act, frames]) => {
    const step = new Function("i", act), times = [];
    let last = performance.now();
    for (let i = 0; i < frames; i++) {
        step(i);
        await new Promise(requestAnimationFrame);
        const now = performance.now();
        times.push(now - last);
        last = now;
    }
    return times;
}"""


def tone(seconds: float, rate: int = SAMPLE_RATE) -> Samples:
    """A hum that gets louder each second."""
    at = np.arange(round(seconds * rate)) / rate
    return (np.interp(at, np.arange(len(LOUDNESS)), LOUDNESS) * np.sin(2 * np.pi * 300 * at)).astype(np.float32)


def encode(path: Path, codec: str, samples: Samples, bit_rate: int | None = None) -> None:
    """Write the samples in that form."""
    with av.open(str(path), "w") as container:
        rate = 48_000 if codec == "libopus" else SAMPLE_RATE
        stream: Any = container.add_stream(codec, rate=rate, layout="mono")
        if bit_rate:
            stream.bit_rate = bit_rate
        frame = av.AudioFrame.from_ndarray((samples * 32767).astype(np.int16)[None, :], format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        size = stream.frame_size or None
        resampler = av.AudioResampler(format=stream.format, layout="mono", rate=rate, frame_size=size)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))


def base64_of(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


@pytest.mark.parametrize(("form", "codec"), [("wav", "pcm_s16le"), ("mp3", "libmp3lame"), ("ogg", "libopus")])
def test_how_loud_it_is_comes_from_pieces(page: Page, tmp_path: Path, form: str, codec: str) -> None:
    path = tmp_path / f"tone.{form}"
    encode(path, codec, tone(90))
    found = page.evaluate(_PEAKS, [base64_of(path), 90])
    peaks = np.array(found["values"])
    assert (found["why"], found["pieces"]) == ("", 3 if form == "wav" else 1)
    assert len(peaks) / PEAKS_A_SECOND == pytest.approx(90, abs=0.3)
    wanted = np.interp(np.arange(len(peaks)) / PEAKS_A_SECOND, np.arange(len(LOUDNESS)), LOUDNESS)
    assert np.median(np.abs(peaks - wanted)) < 0.03


def test_an_mp3_is_cut_between_its_frames(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "tone.mp3"
    encode(path, "libmp3lame", np.tile(tone(90), 3), bit_rate=256_000)
    found = page.evaluate(_PEAKS, [base64_of(path), 270])
    peaks = np.array(found["values"])
    assert found["pieces"] == -(-path.stat().st_size // 2**20) > 1
    assert len(peaks) / PEAKS_A_SECOND == pytest.approx(270, abs=1)
    falls = [i for i, (a, b) in enumerate(pairwise(peaks[::10])) if b < a - 0.3]  # where the loudest is over
    assert [round(fall / 5) for fall in falls] == pytest.approx([90, 180], abs=1)


def test_two_hours_with_two_thousand_turns_stay_smooth(page: Page, page_folder: Path) -> None:
    """Frames while it scrolls, chooses, zooms and plays; ``--log-cli-level=INFO`` shows the figures."""
    seconds, rate = 7200, 8000
    with wave.open(str(page_folder / "long.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(rate)
        minute = np.round(tone(60, rate) * 127 + 128).astype(np.uint8).tobytes()
        for _ in range(seconds // 60):
            file.writeframes(minute)
    JobStub(page, conversation(2000, float(seconds)))
    page.locator("#identify-files").set_input_files(page_folder / "long.wav")
    see(page.locator("#bench-words"), "4 voices in 2:00:00")
    expect(page.locator("#bench-play")).to_be_enabled(timeout=PATIENCE_MS)
    expect(page.locator("#bench-note")).to_have_text("")
    key = "document.querySelector('#bench-turns').dispatchEvent("
    acts = {
        "scroll": "document.querySelector('#bench-turns').scrollTop = i * 310",
        "choose": f"{key}new KeyboardEvent('keydown', {{ key: 'ArrowDown', bubbles: true, cancelable: true }}))",
        "zoom": "document.querySelectorAll('#bench-zoom button')[i % 12 < 6 ? 1 : 0].click()",
        "play": "if (!i) document.querySelector('#bench-play').click()",
    }
    for name, act in acts.items():
        median, p95, most = np.percentile(page.evaluate(_FRAMES, [act, 120]), [50, 95, 100])
        log.info("%s: median %.1f ms, p95 %.1f ms, longest %.1f ms", name, median, p95, most)
        assert median < 34, name
    expect(page.locator("#bench-note")).to_have_text("")
