"""The voiceprint server, as this component sees it: aiohttp and nothing else."""

import io
import json
import wave
from collections.abc import Sequence
from typing import Any

import aiohttp

__all__ = ["AUTH_CODES", "RATE", "Server", "ServerError"]

RATE = 16_000
CONNECT = aiohttp.ClientTimeout(total=60, sock_connect=10)
PROTOCOL_VERSION = 1
# TypeError: aiohttp's, where something else than text came, such as the end.
_FAILURES = (aiohttp.ClientError, OSError, TimeoutError, TypeError, ValueError)
AUTH_CODES = frozenset({"token_needed", "token_not_valid", "wrong_scope"})


class ServerError(Exception):
    """A refusal of the server, or that there is none. ``code``: stable; its text is one sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Server:
    """A server at an address. ``fingerprint``: the SHA-256 of its certificate, in hexadecimal digits.

    Every method raises ServerError.
    """

    def __init__(
        self, session: aiohttp.ClientSession, url: str, *, token: str | None = None, fingerprint: str | None = None
    ) -> None:
        self._session = session
        self._url = url.rstrip("/")
        self._token = token
        self._tls = aiohttp.Fingerprint(bytes.fromhex(fingerprint.replace(":", ""))) if fingerprint else True

    async def check(self) -> None:
        """Nothing, where the server answers and takes the token."""
        socket = await self.connect()
        await socket.close()

    async def connect(self) -> aiohttp.ClientWebSocketResponse:
        """A connection whose hello was accepted."""
        try:
            socket = await self._session.ws_connect(f"{self._url}/ws", ssl=self._tls, heartbeat=20)
        except _FAILURES as error:
            raise _unreachable(error) from error
        try:
            await socket.send_json({"type": "hello", "version": PROTOCOL_VERSION, "token": self._token})
            await heard(socket, "ready")
        except (*_FAILURES, ServerError) as error:
            await socket.close()
            raise error if isinstance(error, ServerError) else _unreachable(error) from error
        return socket

    async def speakers(self) -> dict[str, str]:
        """Names by id; for tokens with the scope ``enroll``."""
        return {one["id"]: one["name"] for one in (await self._ask("GET", "/v1/speakers"))["speakers"]}

    async def enroll(self, name: str, purpose: str, sentences: Sequence[bytes]) -> dict[str, Any]:
        """The enrolled speaker, ``id`` and ``name``. ``sentences``: PCM, 16 bit, mono, at RATE."""
        form = aiohttp.FormData({"name": name, "consent": json.dumps({"purpose": purpose})})
        for number, pcm in enumerate(sentences):
            form.add_field("audio", _wav(pcm), filename=f"{number}.wav")
        return dict((await self._ask("POST", "/v1/speakers", data=form))["speaker"])

    async def _ask(self, method: str, path: str, data: aiohttp.FormData | None = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        try:
            async with self._session.request(
                method, f"{self._url}{path}", data=data, headers=headers, ssl=self._tls, timeout=CONNECT
            ) as response:
                answer = await response.json(content_type=None)
        except _FAILURES as error:
            raise _unreachable(error) from error
        return _checked(answer, failed=response.status >= 400)


async def heard(socket: aiohttp.ClientWebSocketResponse, kind: str) -> dict[str, Any]:
    """The next message of this type that is final; others are skipped. Raises ServerError, TypeError, ValueError."""
    while True:
        message = _checked(await socket.receive_json(timeout=60))
        if message.get("type") == kind and message.get("final", True):
            return message


def _checked(message: Any, *, failed: bool = False) -> dict[str, Any]:  # noqa: ANN401 - whatever JSON brings
    """The message, unless it is a refusal."""
    if not isinstance(message, dict):
        raise ServerError("not_voiceprint", "This is not a voiceprint server.")
    refusal = message.get("error", message if message.get("type") == "error" else None)
    if failed or refusal is not None:
        said = refusal if isinstance(refusal, dict) else {}
        raise ServerError(str(said.get("code", "not_voiceprint")), str(said.get("message", "There was no reason.")))
    return message


def _unreachable(error: Exception) -> ServerError:
    if isinstance(error, aiohttp.ServerFingerprintMismatch):
        return ServerError("wrong_fingerprint", "The certificate has another fingerprint.")
    if isinstance(error, aiohttp.ClientSSLError):
        return ServerError("bad_certificate", "The certificate is not trusted: give its fingerprint.")
    if isinstance(error, aiohttp.WSServerHandshakeError | ValueError | TypeError):
        return ServerError("not_voiceprint", "This is not a voiceprint server.")
    return ServerError("cannot_connect", "The server cannot be reached.")


def _wav(pcm: bytes) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(RATE)
        wav.writeframes(pcm)
    return file.getvalue()
