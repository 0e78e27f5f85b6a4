"""A link with a name filled in, as assistants give it: a person confirms it on the page, or nothing happens."""

import pytest
from playwright.sync_api import Page, expect
from support.browser import CHROMIUM, see

pytest_plugins = ["support.page_fixtures"]
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed (Debian package chromium)")


@pytest.mark.parametrize(
    ("link", "name"), [("name=Ben%20K%2FO", "Ben K/O"), ("name=%3Cb%3EBen", "<b>Ben"), ("name=%E0", "\ufffd")]
)
def test_a_suggested_name_waits_for_a_person(page: Page, link: str, name: str) -> None:
    page.evaluate("(link) => { location.hash = `#enroll/${link}`; }", link)
    expect(page.locator("#enroll-name")).to_have_value(name)
    expect(page.locator("#enroll-consent")).not_to_be_checked()
    page.locator("#enroll-name").press("Enter")
    see(page.locator("#enroll-consent-error"), "Without this I keep no voice.")
    assert page.request.get("/v1/speakers").json()["speakers"] == []
