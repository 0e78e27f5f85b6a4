"""A Home Assistant, a recogniser that knows what it will hear, and servers that behave in every way."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable

import custom_components.voiceprint  # noqa: F401 - before Home Assistant puts the test folder's own first
import pytest
from aiohttp import web
from homeassistant.components import stt
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry

SAID = "turn on the light"
ADA = {"id": "a1", "name": "Ada"}
READY = {"type": "ready", "version": 1}
RESULT = {"type": "result", "final": True, "status": "identified", "speaker": ADA, "band": "above", "score": 0.9}
Converse = Callable[[web.WebSocketResponse], Awaitable[None]]


class Recogniser(stt.SpeechToTextEntity):
    """Returns ``said`` for everything; keeps the audio."""

    _attr_name = "stub"
    said: str | None = SAID
    ends = stt.SpeechResultState.SUCCESS

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.entity_id = "stt.stub"

    supported_languages = ["en", "de"]
    supported_formats = list(stt.AudioFormats)
    supported_codecs = list(stt.AudioCodecs)
    supported_bit_rates = list(stt.AudioBitRates)
    supported_sample_rates = list(stt.AudioSampleRates)
    supported_channels = list(stt.AudioChannels)

    async def async_process_audio_stream(
        self, metadata: stt.SpeechMetadata, stream: AsyncIterable[bytes]
    ) -> stt.SpeechResult:
        self.heard.append(b"".join([pcm async for pcm in stream]))
        return stt.SpeechResult(self.said, self.ends)


@pytest.fixture(autouse=True)
def sockets(socket_enabled: None, enable_custom_integrations: None) -> None:
    """Servers on this machine are really asked."""


@pytest.fixture
async def recogniser(hass: HomeAssistant) -> Recogniser:
    for component in ("homeassistant", "http", "stt", "conversation"):
        assert await async_setup_component(hass, component, {})
    entity = Recogniser()
    await hass.data["stt"].async_add_entities([entity])
    return entity


class FakeServer:
    """A voiceprint server that does as it is told. ``token``: the only one that it takes."""

    def __init__(self) -> None:
        self.url = ""
        self.token: str | None = None
        self.audio = b""
        self.forms: list[dict[str, list[bytes]]] = []
        self.refuses: dict[str, str] | None = None
        self.converse: Converse = self.answer

    async def websocket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        hello = await socket.receive_json()
        if hello["token"] != self.token:
            await socket.send_json({"type": "error", "code": "token_not_valid", "message": "No."})
        else:
            await socket.send_json(READY)
            await self.converse(socket)
        return socket

    async def answer(self, socket: web.WebSocketResponse, **result: object) -> None:
        """What a server says about an utterance, at its end."""
        async for message in socket:
            if message.type is web.WSMsgType.BINARY:
                self.audio += message.data
                await socket.send_json({"type": "progress", "percent": 50})
            elif '"stop"' in message.data:
                await socket.send_json({**RESULT, "final": False, "speaker": None})
                await socket.send_json({**RESULT, **result})

    async def enroll(self, request: web.Request) -> web.Response:
        form: dict[str, list[bytes]] = {}
        for name, value in (await request.post()).items():
            form.setdefault(name, []).append(
                value.file.read() if isinstance(value, web.FileField) else str(value).encode()
            )
        self.forms.append(form)
        if self.refuses is not None:
            return web.json_response({"error": self.refuses}, status=422)
        return web.json_response({"type": "enrolled", "speaker": {"id": "b2", "name": form["name"][0].decode()}})

    async def speakers(self, request: web.Request) -> web.Response:
        return web.json_response({"type": "speakers", "speakers": [ADA]})


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    fake = FakeServer()
    app = web.Application(client_max_size=2**24)
    app.router.add_get("/ws", fake.websocket)
    app.router.add_get("/v1/speakers", fake.speakers)
    app.router.add_post("/v1/speakers", fake.enroll)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield fake
    await runner.cleanup()


@pytest.fixture
def load(hass: HomeAssistant, recogniser: Recogniser) -> Callable[..., Awaitable[MockConfigEntry]]:
    """Loads an entry for a server, with these options."""

    async def made(url: str, *, token: str | None = None, **options: object) -> MockConfigEntry:
        data = {"url": url, "stt_entity": recogniser.entity_id, **({"token": token} if token else {})}
        entry = MockConfigEntry(domain="voiceprint", title="Voiceprint", data=data, options=options)
        entry.add_to_hass(hass)
        assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()
        return entry

    return made


async def chunks(audio: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(audio), 2048):
        await asyncio.sleep(0)
        yield audio[at : at + 2048]


async def spoken(hass: HomeAssistant, audio: bytes, entity_id: str = "stt.voiceprint_stub") -> stt.SpeechResult:
    """The text of one utterance, asked for as a pipeline does."""
    entity = stt.async_get_speech_to_text_entity(hass, entity_id)
    assert entity is not None
    metadata = stt.SpeechMetadata("en", stt.AudioFormats.WAV, stt.AudioCodecs.PCM, 16, 16000, 1)
    assert entity.check_metadata(metadata)
    result: stt.SpeechResult = await entity.async_process_audio_stream(metadata, chunks(audio))
    await hass.async_block_till_done()
    return result
