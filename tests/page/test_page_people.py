"""People on the page: a stranger's takes are refused, single ones go, two entries become one, and all is undone."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Locator, Page, expect
from support.browser import CHROMIUM, PATIENCE_MS, Samples, Voices, enroll, see, show, speak, write_wav

pytest_plugins = ["support.page_fixtures"]
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed (Debian package chromium)")


def person(page: Page, name: str) -> Locator:
    """Somebody's row under People."""
    return page.locator(".person", has=page.locator(".person-name", has_text=re.compile(f"^{name}$")))


def take(page: Page, microphone: Path, samples: Samples) -> None:
    expect(page.locator("#enroll-orb")).to_have_attribute("data-state", re.compile("idle|refused"), timeout=PATIENCE_MS)
    speak(microphone, samples)
    page.locator("#enroll-orb button").click()


def test_a_strangers_take_is_refused_taken_on_an_operators_word_and_undone(
    page: Page, page_folder: Path, microphone: Path, voices: Voices
) -> None:
    for name in ("Ada", "Ben"):
        enroll(page, page_folder, name, voices[name][:3])
    show(page, "People")
    page.get_by_role("link", name="Add takes: Ada").click()
    page.locator("#enroll-consent").check()
    page.get_by_role("button", name="Go on and speak").click()
    take(page, microphone, voices["Ben"][4])
    see(page.locator("#enroll-feedback"), "This is another person's voice. This recording does not sound like Ada but")
    see(page.locator("#enroll-feedback"), "like Ben")
    page.get_by_role("button", name="It is Ada: take the next one as it is").click()
    see(page.locator("#enroll-feedback"), "I take it as Ada")
    take(page, microphone, voices["Ben"][5])
    see(page.locator("#enroll"), re.compile("unlike the others|I know Ada now"))
    show(page, "People")
    see(person(page, "Ada"), "2 takes")
    see(page.locator("#people-undo"), "Last change: Consent of Ada renewed, 1 take added.")
    page.get_by_role("button", name="Undo: Last change").click()
    see(page.locator("#toast"), "Undone")
    see(person(page, "Ada"), "1 take")


def test_a_single_take_is_listed_removed_and_brought_back(page: Page, page_folder: Path, voices: Voices) -> None:
    enroll(page, page_folder, "Ada", voices["Ada"][:2])
    row = person(page, "Ada")
    show(page, "People")
    row.get_by_text("Details").click()
    expect(row.locator(".take-list li")).to_have_count(1, timeout=PATIENCE_MS)
    see(row.locator(".take-list"), "the only one")
    expect(row.get_by_role("button", name="Remove take")).to_have_count(0)
    speaker = page.request.get("/v1/speakers").json()["speakers"][0]["id"]
    write_wav(page_folder / "more.wav", voices["Ada"][3])
    more = (page_folder / "more.wav").read_bytes()
    audio: FilePayload = {"name": "a.wav", "mimeType": "audio/wav", "buffer": more}
    assert page.request.post(f"/v1/speakers/{speaker}/enrollments", multipart={"audio": audio}).status == 201
    page.reload()
    row.get_by_text("Details").click()
    expect(row.locator(".take-list li")).to_have_count(2, timeout=PATIENCE_MS)
    see(row.locator(".take-list li").last, re.compile(r"\d{4} · \d\.\d s · fits.* \(0\.\d\d\)"))
    row.get_by_role("button", name="Remove take 2 of Ada").click()
    page.locator("#confirm-yes").click()
    see(row, "1 take")
    expect(row.locator(".take-list li")).to_have_count(1, timeout=PATIENCE_MS)
    page.get_by_role("button", name="Undo: Last change: 1 take of Ada removed").click()
    see(row, "2 takes")


def test_two_entries_of_one_person_become_one_and_of_two_only_on_an_operators_word(
    page: Page, page_folder: Path, voices: Voices
) -> None:
    enroll(page, page_folder, "Ben", voices["Ben"][:3])
    enroll(page, page_folder, "Benedict", voices["Ben"][3:5])
    enroll(page, page_folder, "Cleo", voices["Cleo"][:3])
    show(page, "People")
    expect(page.locator(".map-name")).to_have_count(3, timeout=PATIENCE_MS)
    row = person(page, "Ben")
    row.get_by_text("Details").click()
    row.get_by_role("button", name="Merge with another entry: Ben").click()
    dialog = page.locator("dialog[open]")
    expect(dialog.get_by_role("combobox")).to_have_text(re.compile("Benedict"))
    assert dialog.locator("#merge-with option:checked").text_content() == "Benedict"  # who sounds most like Ben
    expect(dialog.locator("dd")).to_have_text(["No consent is on record."] * 2)
    dialog.get_by_role("button", name="Merge", exact=True).click()
    see(row, "2 takes")
    expect(person(page, "Benedict")).to_have_count(0)
    see(page.locator("#people-undo"), "Benedict merged into Ben")
    page.get_by_role("button", name="Undo: Last change").click()
    expect(person(page, "Benedict")).to_have_count(1, timeout=PATIENCE_MS)
    row.get_by_role("button", name="Merge with another entry: Ben").click()
    dialog.get_by_role("combobox").select_option(label="Cleo")
    dialog.get_by_role("button", name="Merge", exact=True).click()
    see(dialog.get_by_role("alert"), "Cleo does not sound like Ben")
    dialog.get_by_role("button", name="They are one person: merge").click()
    expect(person(page, "Cleo")).to_have_count(0, timeout=PATIENCE_MS)
    page.get_by_role("button", name="Undo: Last change").click()
    expect(person(page, "Cleo")).to_have_count(1, timeout=PATIENCE_MS)


def test_cancel_keeps_nothing_of_the_sitting(page: Page, page_folder: Path, microphone: Path, voices: Voices) -> None:
    show(page, "Enroll")
    page.locator("#enroll-name").fill("Cleo")
    page.locator("#enroll-consent").check()
    page.get_by_role("button", name="Go on and speak").click()
    take(page, microphone, voices["Cleo"][0])
    see(page.locator("#enroll-feedback"), "2 more")
    page.get_by_role("button", name="Cancel, keep nothing").click()
    see(page.locator("#confirm-text"), "The 1 take of Cleo just made will be destroyed")
    page.locator("#confirm-yes").click()
    see(page.locator("#toast"), "Nothing of this was kept of Cleo")
    expect(page.locator("#enroll-form")).to_be_visible()
    assert page.request.get("/v1/speakers").json()["speakers"] == []
    # Of somebody who was enrolled before, only the takes of this sitting go.
    enroll(page, page_folder, "Ada", voices["Ada"][:2])
    show(page, "People")
    page.get_by_role("link", name="Add takes: Ada").click()
    page.locator("#enroll-consent").check()
    page.get_by_role("button", name="Go on and speak").click()
    take(page, microphone, voices["Ada"][3])
    see(page.locator("#enroll-title"), "I know Ada now")
    page.get_by_role("button", name="Add another take").click()
    page.get_by_role("button", name="Cancel, keep nothing").click()
    page.locator("#confirm-yes").click()
    see(person(page, "Ada"), "1 take")


def speakers(number: int) -> list[dict[str, object]]:
    """As the server lists them: every third in a group, every fifth newly enrolled."""
    return [
        {
            "type": "speaker",
            "id": f"{at:032x}",
            "name": f"Person {at:03}",
            "enrollments": 1 + at % 4,
            "speech_seconds_total": 12.0,
            "created_at": f"2026-0{1 + at % 5}-11T10:00:00Z",
            "kept_until": "2036-01-01",
            "kept_because": "not_seen",
            "last_seen": f"2026-02-{1 + at % 28:02}" if at % 2 else None,
            "consent": {"purpose": "test", "reference": None, "expires": None},
            "consent_at": "2026-01-01T00:00:00Z",
            "waiting": at == 0,
            "groups": ["nightshift"] if at % 3 == 0 else [],
        }
        for at in range(number)
    ]


def test_three_hundred_people_are_listed_by_pages_sorted_and_by_group(page: Page) -> None:
    page.route("/v1/speakers", lambda route: route.fulfill(json={"type": "speakers", "speakers": speakers(300)}))
    places = [{"speaker": {"id": f"{at:032x}", "name": f"Person {at:03}"}, "x": at, "y": at} for at in range(2)]
    map_ = {"places": [place | {"closest": None, "alike": False} for place in places], "left_out": 298}
    page.route("/v1/map", lambda route: route.fulfill(json=map_))
    show(page, "People")
    names = page.locator(".person-name")
    see(page.locator("#people-lede"), "300 voiceprints, sealed")
    expect(names).to_have_count(50)
    expect(names.first).to_have_text("Person 000")
    see(page.locator(".person").first.locator(".labels"), "nightshift")
    see(page.locator(".person").first.locator(".labels"), "must be enrolled again")
    page.get_by_role("button", name="Show 50 more of 250").click()
    expect(names).to_have_count(100)
    expect(page.locator(f"#person-{50:032x}")).to_be_focused()
    page.get_by_label("Sort by").select_option(label="Newest")
    expect(names).to_have_count(50)
    expect(names.first).to_have_text("Person 004")
    page.get_by_label("Show").select_option(label="Group nightshift")
    see(page.locator("#people-lede"), "100 of them listed")
    page.get_by_label("Show").select_option(label="Needs attention")
    expect(names).to_have_text(["Person 000"])
    page.locator("#people-search").fill("nobody at all")
    see(page.locator("#people-empty"), "Nobody here fits that")


def test_people_that_cannot_be_read_are_asked_for_again(page: Page) -> None:
    lost = {"error": {"code": "connection_lost", "message": ""}}
    page.route("/v1/speakers", lambda route: route.fulfill(status=422, json=lost))
    show(page, "People")
    see(page.locator("#people-empty"), "The connection was lost")
    page.unroute("/v1/speakers")
    page.get_by_role("button", name="Try again").click()
    see(page.locator("#people-lede"), "I know nobody yet")
    expect(page.locator("#people-empty")).to_be_hidden()
