"""Answers of the desk as JSON, asked for off the event loop."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Protocol, TypeVar

import msgspec
from aiohttp import web

from voiceprint.domain.caller import Caller
from voiceprint.errors import InputError
from voiceprint.server.auth_middleware import caller_of, groups_of
from voiceprint.server.context import CONTEXT

__all__ = ["answer_about_speaker", "answer_within_groups", "json_answer", "parsed"]

Body = TypeVar("Body")


class AskWithinGroups(Protocol):
    """A method of the desk about the speakers of some groups."""

    def __call__(self, caller: Caller, *, groups: list[str]) -> msgspec.Struct: ...


def json_answer(message: msgspec.Struct, status: int = HTTPStatus.OK) -> web.Response:
    """A struct of the wire as a response."""
    return web.Response(status=status, text=msgspec.json.encode(message).decode(), content_type="application/json")


def parsed(body: bytes, kind: type[Body], called: str = "The JSON") -> Body:
    """A body as a struct. ``called``: its name in the message. Raises InputError (``bad_json``)."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise InputError("bad_json", f"{called} cannot be used: {error}.") from error


async def answer_about_speaker(request: web.Request, ask: Callable[[Caller, str], msgspec.Struct]) -> web.Response:
    """The answer of the desk about the speaker in the path."""
    return json_answer(await request.app[CONTEXT].work(ask, caller_of(request), request.match_info["id"]))


async def answer_within_groups(request: web.Request, ask: AskWithinGroups) -> web.Response:
    """The answer of the desk about the speakers of the groups in the query."""
    return json_answer(await request.app[CONTEXT].work(ask, caller_of(request), groups=groups_of(request)))
