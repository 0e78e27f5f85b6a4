"""A refusal of the server, as both clients raise it."""

import json

import aiohttp

__all__ = ["RefusedError", "refused"]


class RefusedError(Exception):
    """A refusal of the server. ``code``: stable; ``status``: of HTTP, None on the WebSocket."""

    def __init__(self, code: str, message: str, status: int | None = None, retry_seconds: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.retry_seconds = retry_seconds


def refused(body: bytes, response: aiohttp.ClientResponse) -> RefusedError:
    """The refusal in an answer of REST; ``not_voiceprint`` where there is none to read."""
    retry = response.headers.get("Retry-After")
    try:
        said = json.loads(body)["error"]
        code, message = str(said["code"]), str(said["message"])
    except (ValueError, KeyError, TypeError):
        code, message = "not_voiceprint", f"The server answered {response.status} without a reason."
    return RefusedError(code, message, response.status, float(retry) if retry and retry.isdigit() else None)
