"""Against a real voiceprint server, and Home Assistant's own wyoming entity against the real bridge before it.

The environment names them: the repository's tests/integrations/test_home_assistant.py starts both.
"""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_capture_events

from tests.conftest import SAID, Recogniser, spoken

FOLDER = os.environ.get("HOME_ASSISTANT_TEST_FOLDER")
pytestmark = pytest.mark.skipif(FOLDER is None, reason="no real server: run tests/integrations/test_home_assistant.py")


@pytest.fixture
def given() -> dict[str, Any]:
    """``url`` of a server that knows Ada, ``bridges`` by mode."""
    assert FOLDER is not None
    return dict(json.loads(Path(FOLDER, "given.json").read_text()))


def take(name: str) -> bytes:
    assert FOLDER is not None
    return Path(FOLDER, f"{name}.pcm").read_bytes()


async def test_a_real_server_names_ada_and_no_stranger(hass: HomeAssistant, load: Any, given: dict[str, Any]) -> None:
    await load(given["url"], patience=20)
    events = async_capture_events(hass, "voiceprint_speaker")
    for name in ("ada", "stranger"):
        assert (await spoken(hass, take(name))).text == SAID
    assert [(event.data["status"], event.data["name"]) for event in events] == [
        ("identified", "Ada"), ("unknown", None),
    ]  # fmt: skip


async def test_three_sentences_enroll_on_a_real_server(
    hass: HomeAssistant, load: Any, given: dict[str, Any], recogniser: Recogniser
) -> None:
    await load(given["url"], patience=20)
    call = {"name": "Ben", "purpose": "commands"}
    task = hass.async_create_task(
        hass.services.async_call("voiceprint", "enroll", call, blocking=True, return_response=True)
    )
    await asyncio.sleep(0.05)
    entity = hass.data["stt"].get_entity("stt.voiceprint_stub")
    for number in range(3):

        async def sentence(pcm: bytes = take(f"ben-{number}")) -> Any:
            yield pcm

        await entity.async_process_audio_stream(None, sentence())
    assert (await task)["name"] == "Ben"
    await spoken(hass, take("ben-3"))
    assert hass.states.get("sensor.voiceprint_speaker").state == "Ben"


@pytest.mark.parametrize(
    ("mode", "name", "text"),
    [
        ("context", "ada", SAID),
        ("context", "stranger", SAID),
        ("tag", "ada", f"[Ada] {SAID}"),
        ("tag", "stranger", SAID),
        ("gate", "ada", SAID),
        ("gate", "stranger", ""),
    ],
)
async def test_the_wyoming_entity_of_home_assistant_talks_to_the_bridge(
    hass: HomeAssistant, given: dict[str, Any], mode: str, name: str, text: str
) -> None:
    for component in ("homeassistant", "http", "stt"):
        assert await async_setup_component(hass, component, {})
    entry = MockConfigEntry(domain="wyoming", data={"host": "127.0.0.1", "port": given["bridges"][mode]})
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    (entity_id,) = hass.states.async_entity_ids("stt")
    assert (await spoken(hass, take(name), entity_id)).text == text
    assert await hass.config_entries.async_unload(entry.entry_id)
