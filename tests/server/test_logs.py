"""The log: every request once, nobody in it."""

import asyncio
import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest
from aiohttp.test_utils import TestClient, TestServer

from voiceprint.api.messages import Hello, encode
from voiceprint.logs import JsonLogFormatter
from voiceprint.server import create_app
from voiceprint.service.service import VoiceprintService


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What the server logs, as JSON."""
    written = io.StringIO()
    handler, logger = logging.StreamHandler(written), logging.getLogger("voiceprint")
    handler.setFormatter(JsonLogFormatter())
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield written
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


def test_every_request_and_connection_is_one_line_without_ids(service: VoiceprintService, lines: io.StringIO) -> None:
    secret = "5ecret" * 5

    async def run() -> None:
        async with TestClient(TestServer(create_app(service, service.settings))) as client:
            await client.get(f"/v1/speakers/{secret}?name={secret}")
            await client.get(f"/{secret}")
            async with client.ws_connect("/ws") as socket:
                await socket.send_str(encode(Hello(version=1)))
                await socket.receive_str()

    asyncio.run(run())
    told = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert [(one["method"], one["route"], one["status"]) for one in told] == [
        ("GET", "/v1/speakers/{id}", 404),
        ("GET", None, 404),
        ("GET", "/ws", 101),
    ]
    assert len({one["session"] for one in told}) == 3
    assert all(one["seconds"] >= 0 and one["level"] == "info" for one in told)
    assert secret not in lines.getvalue()


def test_what_nobody_foresaw_is_one_line_with_its_trace(lines: io.StringIO) -> None:
    try:
        int("odd")
    except ValueError:
        logging.getLogger("voiceprint.test").exception("A request failed")
    (told,) = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert (told["level"], told["message"]) == ("error", "A request failed")
    assert told["trace"].endswith("ValueError")
    assert "int(" in told["trace"]
    assert "session" not in told


def test_a_library_that_sets_its_own_level_tells_no_more_than_its_warnings() -> None:
    code = (
        "import logging; from voiceprint.logs import set_up_logs; set_up_logs(as_json=False);"
        "talker = logging.getLogger('talker'); talker.setLevel(logging.DEBUG);"
        "talker.info('chatter'); talker.warning('secret')"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stderr == "talker: warning in <string>.<module>\n"
