"""Descriptions for programs, made from the table of operations and the types of the wire.

OpenAPI 3.1 for REST, AsyncAPI 3.0 for the WebSocket.
"""

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from voiceprint import __version__
from voiceprint.api.messages import CLIENT_MESSAGES, SERVER_MESSAGES
from voiceprint.server.auth_middleware import scope_of
from voiceprint.server.operations import OPERATIONS, Operation

__all__ = ["asyncapi", "openapi"]

Json = dict[str, Any]
_REF = "#/components/schemas/{name}"
_SOUND = {"type": "string", "contentMediaType": "audio/*", "description": "a recording in any common format"}
_REFUSAL: Json = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": {"type": "string", "description": "stable"},
                "message": {"type": "string", "description": "one sentence"},
            },
        }
    },
}
_TOKEN = {"type": "http", "scheme": "bearer", "description": "asked for as soon as the store has a token"}


def openapi() -> Json:
    """The description of REST."""
    used = {kind for one in OPERATIONS for kind in (one.answer, one.body, *one.fields.values()) if _is_struct(kind)}
    paths: Json = {}
    for one in OPERATIONS:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one)
    return {
        "openapi": "3.1.0",
        "info": {"title": "voiceprint", "version": __version__, "license": {"name": "Apache-2.0"}},
        "paths": paths,
        "components": {
            "schemas": {**_schemas(used), "Refusal": _REFUSAL},
            "securitySchemes": {"token": _TOKEN},
        },
    }


def asyncapi() -> Json:
    """The description of the WebSocket: binary frames of audio one way, JSON messages both ways."""
    kinds = (*CLIENT_MESSAGES, *SERVER_MESSAGES)
    messages = {kind.__name__: {"payload": {"$ref": _REF.format(name=kind.__name__)}} for kind in kinds}
    audio = {
        "contentType": "application/octet-stream",
        "summary": "PCM, signed 16 bit, little endian, mono, 16 kHz; between start and stop",
    }
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "voiceprint", "version": __version__, "license": {"name": "Apache-2.0"}},
        "defaultContentType": "application/json",
        "channels": {"stream": {"address": "/ws", "messages": {**_named(kinds), "Audio": _message("Audio")}}},
        "operations": {
            "said": _one_way("receive", [*(kind.__name__ for kind in CLIENT_MESSAGES), "Audio"]),
            "answered": _one_way("send", [kind.__name__ for kind in SERVER_MESSAGES]),
        },
        "components": {"messages": {**messages, "Audio": audio}, "schemas": _schemas(kinds)},
    }


def _operation(one: Operation) -> Json:
    scope = scope_of(one.method, one.path)
    names = re.findall(r"{(\w+)}", one.path)
    path = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
    query = [{"name": name, "in": "query", "schema": _schema(kind)} for name, kind in one.query.items()]
    answer = {"$ref": _REF.format(name=one.answer.__name__)} if one.answer else {"type": "object"}
    content = {one.media_type: {"schema": answer if one.media_type == "application/json" else {"type": "string"}}}
    said: Json = {
        "summary": one.summary,
        "operationId": f"{one.method} {one.path}",
        "responses": {
            str(one.status.value): {"description": one.summary, "content": content},
            "default": {"description": "a refusal", "content": _json(_REF.format(name="Refusal"))},
        },
    }
    if path or query:
        said["parameters"] = [*path, *query]
    if one.body or one.sound:
        said["requestBody"] = {"required": True, "content": _content(one)}
    if scope:
        said["security"] = [{"token": [scope]}]
        said["description"] = f"For tokens with the scope {scope}."
    return said


def _content(one: Operation) -> Json:
    if one.body:
        return _json(_REF.format(name=one.body.__name__))
    sound = {"type": "array", "items": _SOUND} if one.sound == "audios" else _SOUND
    parts = {
        "file" if one.sound == "file" else "audio": sound,
        **{name: _schema(kind) for name, kind in one.fields.items()},
    }
    form = {"multipart/form-data": {"schema": {"type": "object", "required": ["audio"], "properties": parts}}}
    # A raw body has no place for a field that must be given.
    return form if "name" in one.fields else {"*/*": {"schema": _SOUND}, **form}


def _json(reference: str) -> Json:
    return {"application/json": {"schema": {"$ref": reference}}}


def _schema(kind: type) -> Json:
    found: Json = {"$ref": _REF.format(name=kind.__name__)} if _is_struct(kind) else msgspec.json.schema(kind)
    return found


def _schemas(kinds: Iterable[Any]) -> Json:
    _, found = msgspec.json.schema_components(sorted(kinds, key=lambda kind: kind.__name__), ref_template=_REF)
    return dict(found)


def _is_struct(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _message(name: str) -> Json:
    return {"$ref": f"#/components/messages/{name}"}


def _named(kinds: Iterable[type]) -> Json:
    return {kind.__name__: _message(kind.__name__) for kind in kinds}


def _one_way(action: str, names: list[str]) -> Json:
    channel = "#/channels/stream"
    return {
        "action": action,
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/{name}"} for name in names],
    }
