"""Accessibility: axe looks at every view as it is in use, by day and by night, wide and on a phone."""

import re
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from support.browser import CHROMIUM, PATIENCE_MS, Voices, drop_in, enroll, see, show

pytest_plugins = ["support.page_fixtures"]
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed (Debian package chromium)")

VIEWPORTS = ({"width": 1100, "height": 900}, {"width": 390, "height": 844})
GRAVE = {"serious", "critical"}


def complaints(page: Page, view: str) -> list[str]:
    """What axe finds grave in the view as it stands, in both schemes and widths."""
    found = []
    for scheme in ("light", "dark"):
        for viewport in VIEWPORTS:
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.set_viewport_size(viewport)  # type: ignore[arg-type]
            violations = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
            found += [
                f"{view}, {scheme}, {viewport['width']}: {each['id']} at {node['target']}"
                for each in violations
                if each["impact"] in GRAVE
                for node in each["nodes"]
            ]
    return found


def test_axe_finds_nothing_serious_in_any_view(page: Page, page_folder: Path, voices: Voices) -> None:
    found = complaints(page, "identify, empty")
    show(page, "Enroll")
    page.get_by_role("button", name="Go on and speak").click()
    see(page.locator("#enroll-name-error"), "Please say who this is")
    found += complaints(page, "enroll, refused")
    page.locator("#enroll-name").fill("Zoe")
    page.locator("#enroll-consent").check()
    page.get_by_role("button", name="Go on and speak").click()
    see(page.locator("#enroll-title"), "Hello, Zoe")
    found += complaints(page, "enroll, reading")

    for name in ("Ada", "Ben"):
        enroll(page, page_folder, name, voices[name][:3])
    enroll(page, page_folder, "Benedict", voices["Ben"][3:5])
    show(page, "People")
    expect(page.locator(".map-name").first).to_be_visible(timeout=PATIENCE_MS)
    page.locator(".person").first.get_by_text("Details").click()
    page.get_by_role("button", name=re.compile("^Merge with another entry")).first.click()
    expect(page.locator("#merge-with")).to_be_visible()
    found += complaints(page, "people, merging")
    page.locator("dialog[open]").get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Delete: Benedict").click()
    found += complaints(page, "people, asking")
    page.locator("#confirm-yes").click()
    see(page.locator("#people-receipt"), "was destroyed")
    found += complaints(page, "people")

    show(page, "Identify")
    drop_in(page, page_folder, "ada.wav", voices["Ada"][4])
    see(page.locator("#identify-result"), "Ada")
    found += complaints(page, "identify, named")
    drop_in(page, page_folder, "meeting.wav", np.concatenate([*voices["Cleo"][:3], *voices["Ada"][3:5]]))
    see(page.locator("#bench-words"), "voices in")
    page.locator(".bench-row").first.click()
    found += complaints(page, "identify, who when")
    show(page, "Health")
    expect(page.locator(".plots svg").first).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_text("What that means").click()
    found += complaints(page, "health")
    assert found == []
    page.locator("#health-title").evaluate("(title) => title.append(document.createElement('button'))")
    assert any("button-name" in complaint for complaint in complaints(page, "health, broken"))  # axe does look


def test_health_says_what_is_served_and_counts_what_was_decided(page: Page, page_folder: Path, voices: Voices) -> None:
    show(page, "Health")
    see(page.locator("#health-facts"), "of strangers get a name")
    expect(page.locator(".plots svg")).to_have_count(3, timeout=PATIENCE_MS)
    counted = page.request.get("/v1/health").json()["decisions"].get("unknown", 0)
    show(page, "Identify")
    drop_in(page, page_folder, "ada.wav", voices["Ada"][4])
    see(page.locator("#identify-result"), "I do not know this voice")
    show(page, "Health")
    see(page.locator("#health-decisions li", has_text="Not known"), str(counted + 1))
