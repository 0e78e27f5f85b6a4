"""Routes of the descriptions and the metrics. They hold nothing about a person."""

from functools import cache
from html import escape

import msgspec
from aiohttp import web

from voiceprint.server.auth_middleware import scope_of
from voiceprint.server.context import CONTEXT
from voiceprint.server.metrics import METRICS_TYPE
from voiceprint.server.openapi import asyncapi, openapi
from voiceprint.server.operations import OPERATIONS, Operation

__all__ = ["routes"]

routes = web.RouteTableDef()

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>voiceprint: for programs</title>
<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/docs.css"></head>
<body><main><h1>For programs</h1>
<p>The same for machines: <a href="/openapi.json">OpenAPI</a> for REST and <a href="/asyncapi.json">AsyncAPI</a> for the
WebSocket at <code>/ws</code>. A refusal is <code>{{"error": {{"code", "message"}}}}</code>.</p>
<table><thead>
<tr><th>Method</th><th>Path</th><th>What it does</th><th>Body</th><th>Answer</th><th>Scope</th></tr>
</thead><tbody>
{rows}
</tbody></table></main></body></html>
"""


@routes.get("/openapi.json")
async def show_openapi(_request: web.Request) -> web.Response:
    return web.Response(body=_openapi(), content_type="application/json")


@routes.get("/asyncapi.json")
async def show_asyncapi(_request: web.Request) -> web.Response:
    return web.Response(body=_asyncapi(), content_type="application/json")


@routes.get("/metrics")
async def show_metrics(request: web.Request) -> web.Response:
    """For operators, once the store has tokens."""
    text = request.app[CONTEXT].metrics.text()
    return web.Response(body=text, headers={"Content-Type": METRICS_TYPE})


@routes.get("/docs")
async def show_page(_request: web.Request) -> web.Response:
    """Every operation, one row each."""
    return web.Response(text=_page(), content_type="text/html")


# What never changes is made once, not for each of a thousand requests.


@cache
def _openapi() -> bytes:
    return msgspec.json.encode(openapi())


@cache
def _asyncapi() -> bytes:
    return msgspec.json.encode(asyncapi())


@cache
def _page() -> str:
    return _PAGE.format(rows="\n".join(map(_row, OPERATIONS)))


def _row(one: Operation) -> str:
    parts = [*(["audio"] if one.sound else []), *one.fields, *(f"?{name}" for name in one.query)]
    body = one.body.__name__ if one.body else ", ".join(parts)
    answer = one.answer.__name__ if one.answer else ""
    cells = [one.summary, body, answer, scope_of(one.method, one.path) or ""]
    texts = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
    return f"<tr><td>{one.method}</td><td><code>{escape(one.path)}</code></td>{texts}</tr>"
