"""Signing in on the page: real browser, real server."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from support.browser import CHROMIUM, Voices, drop_in, enroll, opened, see, show
from support.oidc import OidcProvider, providing, write_oidc
from support.serving import serving

from voiceprint.service.authenticator import LOOK_AGAIN_SECONDS

pytest_plugins = ["support.page_fixtures"]
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed (Debian package chromium)")


def token_command(folder: Path, *words: str) -> str:
    command = [sys.executable, "-m", "voiceprint", "token", *words, "--data", str(folder / "index")]
    environ = {**os.environ, "VOICEPRINT_KEY_FILE": str(folder / "master.key")}
    return subprocess.run(command, env=environ, check=True, capture_output=True, text=True).stdout


def test_a_person_signs_in_once_and_is_let_go_when_the_token_is_revoked(browser: Browser, tmp_path: Path) -> None:
    folder = tmp_path / "server"
    token = json.loads(token_command(folder, "add", "phone", "--scope", "operate", "--json"))["token"]
    with serving(folder) as server, opened(browser, server.url) as (page, watch):
        field = page.get_by_label("The token that you were given")
        field.press("Escape")
        field.fill("vp_nonsense")
        page.get_by_role("button", name="Sign in").click()
        see(page.get_by_role("alert").filter(has_text="not valid"), "The token is not valid here")
        field.fill(token)
        page.get_by_role("button", name="Sign in").click()
        see(page.locator("#about"), "0 people")
        expect(page.locator("#sign-in")).to_have_count(0)
        page.reload()
        see(page.locator("#about"), "0 people")
        expect(page.locator("#sign-in")).to_have_count(0)
        assert page.evaluate("document.cookie") == ""
        assert not [url for url in watch.requests if token in url]

        token_command(folder, "revoke", "phone")
        page.wait_for_timeout(1000 * LOOK_AGAIN_SECONDS)  # a server's tokens are so old at most
        page.reload()
        expect(field).to_be_visible()
        assert [said for said in watch.complaints if "401" not in said] == []


def test_what_a_token_does_not_open_is_not_offered(browser: Browser, tmp_path: Path, voices: Voices) -> None:
    folder = tmp_path / "server"
    tokens = {
        scope: json.loads(token_command(folder, "add", scope, "--scope", scope, "--json"))["token"]
        for scope in ("identify", "enroll")
    }
    offered = {"identify": ["Identify"], "enroll": ["Identify", "Enroll", "People"]}
    with serving(folder) as server:
        for scope, token in tokens.items():
            with opened(browser, server.url) as (page, _watch):
                page.get_by_label("The token that you were given").fill(token)
                page.get_by_role("button", name="Sign in").click()
                expect(page.get_by_role("navigation").get_by_role("link")).to_have_text(offered[scope])
                expect(page.get_by_role("button", name="Sign out")).to_be_visible()
                if scope == "enroll":
                    enroll(page, tmp_path, "Ada", voices["Ada"][:3])
                    show(page, "People")
                    expect(page.get_by_role("link", name="Add takes: Ada")).to_be_visible()
                    expect(page.get_by_role("button", name="Delete: Ada")).to_be_hidden()
                else:
                    drop_in(page, tmp_path, "ben.wav", voices["Ben"][0])
                    see(page.locator("#identify-result"), "I do not know this voice")
                    expect(page.get_by_role("link", name="Enroll this voice")).to_be_hidden()


def test_a_person_signs_in_with_another_service(browser: Browser, tmp_path: Path) -> None:
    folder = tmp_path / "server"
    rule = {"claim": "email", "value": "ann@example.org", "scope": "enroll"}
    with providing(OidcProvider()) as provider:
        oidc = write_oidc(folder, provider, rule, name="Example")
        with serving(folder, options=("--oidc", str(oidc))) as server, opened(browser, server.url) as (page, _watch):
            expect(page.get_by_label("The token that you were given")).to_be_visible()
            page.get_by_role("link", name="Sign in with Example").click()
            see(page.locator("#about"), "0 people")
            expect(page.get_by_role("navigation").get_by_role("link")).to_have_text(["Identify", "Enroll", "People"])
            assert page.evaluate("document.cookie") == ""
            page.get_by_role("button", name="Sign out").click()
            expect(page.get_by_role("link", name="Sign in with Example")).to_be_visible(timeout=30_000)
