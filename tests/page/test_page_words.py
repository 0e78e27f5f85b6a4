"""What the page says: nothing twice, no number that contradicts the one beside it, and who was meant."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from support.browser import CHROMIUM, PATIENCE_MS, Voices, drop_in, enroll, see, show, write_wav

from voiceprint.audio.decoding import SAMPLE_RATE

pytest_plugins = ["support.page_fixtures"]
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed (Debian package chromium)")

ADA, BEN = {"id": "a", "name": "Ada"}, {"id": "b", "name": "Ben"}
RESULT: dict[str, Any] = {
    "final": True, "mode": "identify", "rule": "", "speaker": None, "probability": None, "announced": False,
    "threshold": 0.5, "score": 0.4, "margin": 0.04, "speech_seconds": 3.0, "needed_speech_seconds": 2.0,
    "several_voices": False, "candidates": [{"speaker": ADA, "score": 0.4}, {"speaker": BEN, "score": 0.3}],
}  # fmt: skip


def words(page: Page, module: str, function: str, argument: object) -> Any:
    script = f"async (argument) => (await import('/{module}.js')).{function}(argument)"
    return page.evaluate(script, argument)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"status": "not_enough_speech", "speech_seconds": 1.98}, "I heard 1.98 s of speech. I need 2.00 s to answer."),
        ({"status": "not_enough_speech", "speech_seconds": 1.2}, "I heard 1.2 s of speech. I need 2.0 s to answer."),
        (
            {"status": "unknown", "threshold": 0.4012, "candidates": [{"speaker": ADA, "score": 0.3988}]},
            "The closest is Ada with 0.399; this voice would need 0.401 to get that name.",
        ),
        (
            {"status": "unknown", "warnings": [{"code": "part_lost", "message": "2.0 s of it were lost."}]},
            "I heard 3.0 s of speech. 2.0 s of it were lost.",
        ),
        ({"status": "ambiguous", "margin": 0.04}, "Beside other voices, these two are too close to choose."),
    ],
)
def test_numbers_beside_each_other_do_not_contradict(page: Page, change: dict[str, object], said: str) -> None:
    assert said in words(page, "words", "resultWords", RESULT | change)["detail"]


@pytest.mark.parametrize(
    ("code", "message", "said"),
    [
        ("audio_damaged", "The recording is damaged.", "The recording is damaged."),
        ("not_audio", "This is not a recording that can be read.", "This is not a recording."),
        ("audio_unsupported", "Recordings in qdm2 are not supported.", "Recordings in qdm2 are not supported."),
        ("name_taken", "Somebody is enrolled under this name already.", "Somebody has this name already. Add takes to"),
        (
            "other_speaker",
            "More than one voice seems to speak; one at a time.",
            "I hear another voice. Only one",
        ),
        ("bad_name", "The name is empty.", "This name does not work. The name is empty."),
        ("new_code", "What an older page has no words for.", "What an older page has no words for."),
        ("mic_prompt", "", "May I use the microphone? The browser is asking"),
    ],
)
def test_a_refusal_is_said_once(page: Page, code: str, message: str, said: str) -> None:
    text = words(page, "refusals", "refusalText", {"code": code, "message": message})
    assert text.startswith(said)
    assert message in ("", text) or message not in text or code == "bad_name"


@pytest.mark.parametrize(
    ("status", "between", "label", "said"),
    [
        ("ambiguous", [ADA, BEN], "Unknown 1", "Ada or Ben, too close to tell"),
        ("ambiguous", [], "", "Too close to tell apart"),
        ("unknown", [], "", "Somebody I do not know"),
        ("unknown", [], "Unknown 2", "Unknown 2"),
    ],
)
def test_a_turn_without_a_name_says_what_is_known(
    page: Page, status: str, between: list[object], label: str, said: str
) -> None:
    turn = {"speaker": None, "status": status, "between": between, "label": label}
    assert words(page, "turns", "turnName", turn) == said


def test_with_nobody_enrolled_the_page_invites_to_enroll(page: Page, page_folder: Path, voices: Voices) -> None:
    page.reload()
    expect(page.locator("#identify-first")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("#identify-lede")).to_be_hidden()
    page.get_by_role("link", name="Enroll the first person").click()
    expect(page.locator("#enroll-title")).to_be_focused()
    enroll(page, page_folder, "Ada", voices["Ada"][:3])
    page.goto("/")
    expect(page.locator("#identify-lede")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("#identify-first")).to_be_hidden()


def test_a_long_recording_of_one_person_ends_with_the_name(page: Page, page_folder: Path, voices: Voices) -> None:
    enroll(page, page_folder, "Ada", voices["Ada"][:1])
    drop_in(page, page_folder, "long.wav", np.concatenate(voices["Ada"][1:6]))
    see(page.locator("#bench-words"), "1 voice in")
    assert set(page.locator(".bench-voice > [dir]").all_text_contents()) == {"Ada"}


def test_health_speaks_of_the_calibration_where_it_shows_one(page: Page) -> None:
    show(page, "Health")
    expect(page.locator("#health-title")).to_have_text("Status")
    see(page.locator("#health-plots"), "not with those enrolled here")
    expect(page.locator("#health")).not_to_contain_text("people I know")


def test_clips_too_short_alone_enroll_together_and_who_has_no_voiceprint_is_named(
    page: Page, page_folder: Path, voices: Voices
) -> None:
    for name, seconds in (("Cleo", 1.2), ("Dora", 0.6)):
        (page_folder / "commands" / name).mkdir(parents=True, exist_ok=True)
        for number in range(5 if name == "Cleo" else 1):
            samples = voices["Cleo" if name == "Cleo" else "Ben"][number][SAMPLE_RATE:]
            clip = samples[: round(seconds * SAMPLE_RATE)]
            write_wav(page_folder / "commands" / name / f"{number}.wav", clip)
    show(page, "Enroll")
    page.locator("#enroll-folder").set_input_files(page_folder / "commands")
    page.get_by_role("button", name="They agreed: enroll").click()
    see(page.locator(".bulk-line"), "1 person enrolled from 5 recordings, 1 left out.")
    see(page.locator(".bulk-problems"), "Dora has no voiceprint.")
    see(page.locator(".bulk-problems"), "Dora, 0.wav: That was too short.")
