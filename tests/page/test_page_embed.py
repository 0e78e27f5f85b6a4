"""The element and the module of web/embed, in a page of another origin, in real Chromium."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect
from support.browser import CHROMIUM, PATIENCE_MS, Voices, opened, see, speak, write_wav
from support.serving import Server, make_token, serving

from voiceprint.client import SyncVoiceprintClient

pytest_plugins = ["support.page_fixtures"]
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed (Debian package chromium)")

# What a site writes into its own page; the token is the site's to give.
EMBEDDING = """<!doctype html><meta charset="utf-8"><title>intranet</title>
<script type="module" src="{server}/embed/voice-print.js"></script>
<voice-print seconds="3"></voice-print>
<script>
  window.said = [];
  for (const kind of ["result", "error"])
    document.addEventListener(`voiceprint-${{kind}}`, ({{ detail }}) => said.push(detail));
  document.querySelector("voice-print").token = "{token}";
</script>
"""
# The module alone, asked for a file as the site's own code would.
ASKED = """async ([server, token, base64, call]) => {
  const { VoiceprintClient } = await import(`${server}/embed/client.js`);
  const recording = new Blob([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))]);
  const client = new VoiceprintClient({ token });
  try {
    if (call === "speakers") return (await client.speakers()).map((one) => one.name);
    if (call === "timeline") return (await client.timeline(recording)).turns.map((turn) => turn.speaker?.name);
    if (call === "elsewhere") return await client.identify(recording, { groups: ["nobody"] });
    return await client.identify(recording);
  } catch (error) { return { code: error.code, message: error.message }; }
}"""


@contextmanager
def site() -> Iterator[tuple[str, dict[str, str]]]:
    """The origin of another web server, and its pages by path."""
    pages: dict[str, str] = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = pages.get(self.path, "").encode()
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        try:
            yield f"http://localhost:{running.server_port}", pages
        finally:
            running.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def embedding() -> Iterator[tuple[str, dict[str, str]]]:
    with site() as found:
        yield found


@pytest.fixture(scope="module")
def server(page_folder: Path, embedding: tuple[str, dict[str, str]]) -> Iterator[Server]:
    with serving(page_folder / "server", environ={"VOICEPRINT_EMBED_ORIGINS": embedding[0]}) as running:
        yield running


@pytest.fixture(scope="module")
def token(server: Server, page_folder: Path, voices: Voices) -> str:
    """A token for the site, of a server that knows Ada."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VOICEPRINT_KEY_FILE", str(page_folder / "server" / "master.key"))
        operator = make_token(page_folder / "server", "operator", "operate")
        made = make_token(page_folder / "server", "site", "identify")
    clip = page_folder / "ada.wav"
    write_wav(clip, np.concatenate(voices["Ada"][:3]))
    with SyncVoiceprintClient(server.url, token=operator) as client:
        client.enroll("Ada", [clip.read_bytes()])
    return made


@contextmanager
def embedded(browser: Browser, server: Server, site: tuple[str, dict[str, str]], token: str) -> Iterator[Page]:
    """The site's page with the element in it."""
    origin, pages = site
    pages["/"] = EMBEDDING.format(server=server.url, token=token)
    with opened(browser, f"{origin}/") as (page, _):
        yield page


def said(page: Page) -> dict[str, object]:
    """The detail of the next event."""
    page.wait_for_function("said.length > 0", timeout=PATIENCE_MS)
    found: dict[str, object] = page.evaluate("said.shift()")
    return found


def test_the_element_names_ada_and_no_stranger(
    browser: Browser,
    server: Server,
    embedding: tuple[str, dict[str, str]],
    token: str,
    voices: Voices,
    microphone: Path,
) -> None:
    with embedded(browser, server, embedding, token) as page:
        speak(microphone, voices["Ada"][4])
        page.get_by_role("button", name="Speak").click()
        see(page.get_by_role("status"), "Ada")
        result = said(page)
        assert (result["status"], result["score"], result["final"]) == ("identified", None, True)
        expect(page.get_by_role("button", name="Speak")).to_be_visible()
        speak(microphone, voices["Cleo"][1])
        page.get_by_role("button", name="Speak").click()
        see(page.get_by_role("status"), "I do not know this voice.")
        assert said(page)["speaker"] is None


def test_it_says_what_hinders_it_and_a_removed_one_lets_the_microphone_go(
    browser: Browser,
    server: Server,
    embedding: tuple[str, dict[str, str]],
    token: str,
    voices: Voices,
    microphone: Path,
) -> None:
    with embedded(browser, server, embedding, "vp_wrong") as page:
        page.get_by_role("button", name="Speak").click()
        see(page.get_by_role("status"), "not valid")
        assert said(page)["code"] == "token_not_valid"
        speak(microphone, np.zeros(16_000 * 20, np.float32))
        page.evaluate("(token) => { document.querySelector('voice-print').token = token; }", token)
        page.evaluate(
            """() => {
                const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
                navigator.mediaDevices.getUserMedia = async (...given) => (window.stream = await ask(...given));
            }"""
        )
        page.get_by_role("button", name="Speak").click()
        page.wait_for_function("window.stream?.active", timeout=PATIENCE_MS)
        page.evaluate("document.querySelector('voice-print').remove()")
        page.wait_for_function("!window.stream.active", timeout=PATIENCE_MS)


@pytest.mark.parametrize("call", ["identify", "elsewhere", "timeline", "speakers"])
def test_the_module_asks_about_recordings(
    browser: Browser, server: Server, embedding: tuple[str, dict[str, str]], token: str, voices: Voices, tmp_path: Path,
    call: str,
) -> None:  # fmt: skip
    import base64

    write_wav(tmp_path / "asked.wav", voices["Ada"][5])
    recording = base64.b64encode((tmp_path / "asked.wav").read_bytes()).decode()
    with embedded(browser, server, embedding, token) as page:
        answer = page.evaluate(ASKED, [server.url, token, recording, call])
        if call == "speakers":
            assert answer["code"] == "wrong_scope"
        elif call == "timeline":
            assert answer == ["Ada"]
        else:
            assert answer["status"] == ("identified" if call == "identify" else "unknown")
        nothing = page.evaluate(ASKED, [server.url, "", recording, "identify"])
        assert nothing["code"] == "token_needed"
        assert page.evaluate(ASKED, [server.url, token, "AAAA", "identify"])["code"] == "not_audio"


def test_a_site_that_is_not_on_the_list_gets_nothing(browser: Browser, server: Server, token: str) -> None:
    with site() as other, embedded(browser, server, other, token) as page:
        assert (
            page.evaluate("(url) => import(url).then(() => 'loaded', () => 'refused')", f"{server.url}/embed/client.js")
            == "refused"
        )
        asked = "([url, headers]) => fetch(url, { headers }).then(() => 'answered', () => 'refused')"
        assert page.evaluate(asked, [f"{server.url}/v1/speakers", {"Authorization": f"Bearer {token}"}]) == "refused"
        opened = """(url) => new Promise((done) => {
            const socket = new WebSocket(url);
            socket.onopen = () => done("opened");
            socket.onerror = () => done("refused");
        })"""
        assert page.evaluate(opened, server.url.replace("http", "ws") + "/ws") == "refused"


def test_a_server_that_goes_away_is_said(
    browser: Browser, embedding: tuple[str, dict[str, str]], tmp_path: Path, microphone: Path
) -> None:
    folder = tmp_path / "other"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VOICEPRINT_KEY_FILE", str(folder / "master.key"))
        token = make_token(folder, "site", "identify")
    with serving(folder, environ={"VOICEPRINT_EMBED_ORIGINS": embedding[0]}) as going:
        speak(microphone, np.zeros(16_000 * 30, np.float32))
        with embedded(browser, going, embedding, token) as page:
            page.get_by_role("button", name="Speak").click()
            page.wait_for_timeout(1500)
            going.process.terminate()
            assert said(page)["code"] in ("connection_lost", "stopping")
            going.process.wait(60)
            page.get_by_role("button", name="Speak").click()
            assert said(page)["code"] == "connection_lost"
