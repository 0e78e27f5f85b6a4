"""Firefox for tests of the page, by WebDriver BiDi alone: Playwright drives only a Firefox of its own."""

import asyncio
import itertools
import json
import os
import re
import subprocess
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import aiohttp

__all__ = ["FIREFOX", "PULSEAUDIO", "Firefox", "firefox"]

Process = subprocess.Popen[str]
Run = Callable[[Coroutine[Any, Any, Any]], Any]
FIREFOX = Path("/usr/bin/firefox-esr")
# Without a sound card, of which a server has none, Firefox never starts the clock of its audio.
PULSEAUDIO, PACTL = Path("/usr/bin/pulseaudio"), Path("/usr/bin/pactl")
_MICROPHONE = "module-sine-source"
_NO_PROMPT = {"media.navigator.permission.disabled": True}


class Firefox:
    """One tab. Its methods raise AssertionError where the browser refuses."""

    def __init__(self, run: Run, socket: aiohttp.ClientWebSocketResponse, environ: dict[str, str]) -> None:
        self._run = run
        self._environ = environ
        self._socket = socket
        self._numbers = itertools.count(1)
        self._ask("session.new", capabilities={})
        self._tab = self._ask("browsingContext.create", type="tab")["context"]

    def open(self, url: str, *, script: str) -> None:
        """Open the page; ``script``, a function, runs in it before anything of its own."""
        self._ask("script.addPreloadScript", functionDeclaration=script)
        self._ask("browsingContext.navigate", context=self._tab, url=url, wait="complete")

    def evaluate(self, expression: str) -> Any:
        """The value of a string, number or truth value in the page."""
        answer = self._ask("script.evaluate", expression=expression, target={"context": self._tab}, awaitPromise=True)
        assert answer["type"] == "success", answer
        return answer["result"].get("value")

    def click(self, selector: str) -> None:
        """Press the element with the mouse, as a person would, so that it counts as a gesture."""
        middle = f"""(() => {{
            const element = document.querySelector({json.dumps(selector)});
            element.scrollIntoView({{ block: "center", behavior: "instant" }});
            const box = element.getBoundingClientRect();
            return `${{Math.round(box.x + box.width / 2)}} ${{Math.round(box.y + box.height / 2)}}`;
        }})()"""
        x, y = map(int, self.evaluate(middle).split())
        steps = [{"type": "pointerMove", "x": x, "y": y}, *({"type": f"pointer{way}", "button": 0} for way in _PRESS)]
        mouse = {"type": "pointer", "id": "mouse", "actions": steps}
        self._ask("input.performActions", context=self._tab, actions=[mouse])

    def press(self, *keys: str) -> None:
        """Press keys one after another: characters, or the names of those in ``_KEYS``."""
        steps = [{"type": f"key{way}", "value": _KEYS.get(key, key)} for key in keys for way in _PRESS]
        board = {"type": "key", "id": "board", "actions": steps}
        self._ask("input.performActions", context=self._tab, actions=[board])

    def unplug(self) -> None:
        """Take the microphone away."""
        subprocess.run([PACTL, "unload-module", _MICROPHONE], env=self._environ, check=True)

    def plug(self) -> None:
        subprocess.run([PACTL, "load-module", _MICROPHONE], env=self._environ, check=True, stdout=subprocess.DEVNULL)

    def _ask(self, method: str, **params: object) -> Any:
        return self._run(self._answer(next(self._numbers), method, params))

    async def _answer(self, number: int, method: str, params: dict[str, object]) -> Any:
        await self._socket.send_json({"id": number, "method": method, "params": params})
        async with asyncio.timeout(60):
            while (answer := await self._socket.receive_json()).get("id") != number:
                continue  # an event
        assert "result" in answer, answer
        return answer["result"]


_PRESS = ("Down", "Up")
_KEYS = {"Tab": "\ue004", "Enter": "\ue007", "Space": " ", "Home": "\ue011", "ArrowDown": "\ue015"}


@contextmanager
def firefox(folder: Path, *, prompt: bool = False) -> Iterator[Firefox]:
    """Firefox without a window, whose microphone hums. ``prompt``: it asks before it opens it, and nobody answers."""
    folder.mkdir()
    preferences = {} if prompt else _NO_PROMPT
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in preferences.items()]
    (folder / "user.js").write_text("\n".join(lines))
    command = [str(FIREFOX), "--headless", "--no-remote", "--profile", str(folder), "--remote-debugging-port", "0"]
    with _sound_card(folder) as environ, _running(command, environ, stderr=subprocess.PIPE) as process, _loop() as run:
        assert process.stderr is not None
        with process.stderr as stderr:
            session = run(_session())
            socket = run(_connect(session, f"{_address(stderr)}/session"))
            yield Firefox(run, socket, environ)
            run(session.close())


@contextmanager
def _sound_card(folder: Path) -> Iterator[dict[str, str]]:
    """The environment for clients of a sound server: a loudspeaker that nobody hears, a microphone that hums."""
    socket = folder / "sound"
    modules = (f"module-native-protocol-unix socket={socket} auth-anonymous=1", "module-null-sink", _MICROPHONE)
    loads = itertools.chain.from_iterable(("-L", module) for module in modules)
    own = {**os.environ, "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)}
    command = [str(PULSEAUDIO), "-n", "--daemonize=no", "--exit-idle-time=-1", "--disable-shm=true", *loads]
    with _running(command, own):
        until = time.monotonic() + 30
        while not socket.exists():
            assert time.monotonic() < until, "The sound server did not start."
            time.sleep(0.05)
        yield {**os.environ, "PULSE_SERVER": f"unix:{socket}"}


@contextmanager
def _running(command: list[str], environ: dict[str, str], stderr: int = subprocess.DEVNULL) -> Iterator[Process]:
    process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=stderr, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def _loop() -> Iterator[Run]:
    """Runs coroutines in a loop of its own thread: Playwright's occupies this one."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield lambda work: asyncio.run_coroutine_threadsafe(work, loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession()


async def _connect(session: aiohttp.ClientSession, url: str) -> aiohttp.ClientWebSocketResponse:
    return await session.ws_connect(url, max_msg_size=2**24)


def _address(stderr: IO[str]) -> str:
    for line in stderr:
        if found := re.search(r"WebDriver BiDi listening on (ws://\S+)", line):
            return found[1]
    raise AssertionError("Firefox ended before it listened.")
