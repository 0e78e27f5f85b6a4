"""An honest client beside an attack: how long each answer took, and what was refused."""

import asyncio
import time
from dataclasses import dataclass, field

import aiohttp

__all__ = ["Beside", "Honest", "p95"]


def p95(seconds: list[float]) -> float:
    """Of all of them, the slowest but one in twenty."""
    return sorted(seconds)[int(0.95 * len(seconds))]


@dataclass
class Beside:
    """What honest clients were told in several rounds together: of few answers a percentile says little."""

    requests: list[float] = field(default_factory=list)
    streams: list[float] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def add(self, client: "Honest") -> None:
        """One round more."""
        self.requests += client.requests
        self.streams += client.streams
        self.refused += client.refused

    def over(self, idle: "Beside") -> dict[str, float]:
        """The 95th percentile of each kind of answer over the one of idle rounds."""
        pairs = {"requests": (self.requests, idle.requests), "streams": (self.streams, idle.streams)}
        return {kind: round(p95(under) / p95(alone), 2) for kind, (under, alone) in pairs.items()}


@dataclass
class Honest:
    """``requests``: seconds from asking to the answer, over a connection that is kept; ``streams``: the same for a
    connection that is made anew, from connecting to the last word.
    """

    url: str
    token: str
    recording: bytes
    pcm: bytes
    requests: list[float] = field(default_factory=list)
    streams: list[float] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def ask(self, seconds: float) -> "Honest":
        """For so long, requests and streams in turn."""
        asyncio.run(self._ask(time.monotonic() + seconds))
        return self

    async def _ask(self, until: float) -> None:
        headers = {"Authorization": f"Bearer {self.token}"}
        async with aiohttp.ClientSession(self.url, headers=headers, timeout=aiohttp.ClientTimeout(30)) as session:
            while time.monotonic() < until:
                for kind, times in ((self._request, self.requests), (self._stream, self.streams)):
                    began = time.monotonic()
                    try:
                        await kind(session)
                    except (aiohttp.ClientError, OSError, TimeoutError, RuntimeError, TypeError) as error:
                        self.refused.append(repr(error))
                    times.append(time.monotonic() - began)
                    await asyncio.sleep(0.02)

    async def _request(self, session: aiohttp.ClientSession) -> None:
        async with session.post("/v1/identify", data=self.recording) as answer:
            said = await answer.text()
            if answer.status != 200:
                raise RuntimeError(said)

    async def _stream(self, session: aiohttp.ClientSession) -> None:
        async with session.ws_connect("/ws") as socket:
            await socket.send_json({"type": "hello", "version": 1, "token": self.token})
            await socket.receive_json()
            start = {"type": "start", "mode": "identify", "encoding": "pcm_s16le", "sample_rate": 16_000}
            await socket.send_json(start)
            for at in range(0, len(self.pcm), 6400):
                await socket.send_bytes(self.pcm[at : at + 6400])
            await socket.send_json({"type": "stop"})
            while True:
                said = await socket.receive_json()
                if said["type"] == "error":
                    raise RuntimeError(str(said))
                if said["type"] == "result" and said["final"]:
                    return
