"""The descriptions and the server cannot drift apart."""

import asyncio
import json
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from voiceprint.api.messages import CLIENT_MESSAGES, SERVER_MESSAGES
from voiceprint.resources import shipped
from voiceprint.server import create_app
from voiceprint.server.auth_middleware import scope_of
from voiceprint.server.openapi import asyncapi, openapi
from voiceprint.server.operations import OPERATIONS
from voiceprint.service.service import VoiceprintService

WEB = shipped("web")
FILES = {f"/{path.relative_to(WEB).as_posix()}" for path in WEB.rglob("*")} | {"/"}


def references(part: object) -> set[str]:
    """Every $ref in a document."""
    if isinstance(part, dict):
        own = {part["$ref"]} if isinstance(part.get("$ref"), str) else set()
        return own.union(*(references(value) for value in part.values()))
    return set().union(*map(references, part)) if isinstance(part, list | tuple) else set()


def resolve(document: dict[str, Any], reference: str) -> object:
    found: Any = document
    for key in reference.removeprefix("#/").split("/"):
        found = found[key.replace("~1", "/").replace("~0", "~")]
    return found


def test_every_route_is_described_and_every_description_is_a_route(service: VoiceprintService) -> None:
    routes = {
        (route.method, route.resource.canonical)
        for route in create_app(service, service.settings).router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    served = {(method, path) for method, path in routes if path not in FILES}
    assert served == {(one.method, one.path) for one in OPERATIONS} | {("GET", "/ws")}


@pytest.mark.parametrize("document", [openapi(), asyncapi()], ids=["openapi", "asyncapi"])
def test_every_reference_leads_somewhere_and_nothing_is_left_over(document: dict[str, Any]) -> None:
    found = references(document)
    assert all(resolve(document, reference) for reference in found)
    schemas = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert schemas <= found


def test_the_description_tells_scopes_bodies_and_answers() -> None:
    paths = openapi()["paths"]
    for one in OPERATIONS:
        said = paths[one.path][one.method.lower()]
        scope = scope_of(one.method, one.path)
        assert said.get("security", []) == ([{"token": [scope]}] if scope else [])
        assert ("requestBody" in said) == bool(one.body or one.sound)
    identify = paths["/v1/identify"]["post"]
    assert set(identify["requestBody"]["content"]) == {"*/*", "multipart/form-data"}
    assert identify["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].endswith("/Result")
    assert [one["name"] for one in identify["parameters"]] == ["top_k", "group", "track", "channel"]


def test_the_websocket_description_names_every_message() -> None:
    names = {kind.__name__ for kind in (*CLIENT_MESSAGES, *SERVER_MESSAGES)} | {"Audio"}
    assert set(asyncapi()["channels"]["stream"]["messages"]) == names


def test_programs_and_people_get_them(service: VoiceprintService) -> None:
    async def run() -> None:
        async with TestClient(TestServer(create_app(service, service.settings))) as client:
            assert await (await client.get("/openapi.json")).json() == json.loads(json.dumps(openapi()))
            assert await (await client.get("/asyncapi.json")).json() == json.loads(json.dumps(asyncapi()))
            page = await client.get("/docs")
            text = await page.text()
            assert page.content_type == "text/html"
            assert all(f"<code>{one.path}</code>" in text for one in OPERATIONS)
            assert (await client.get("/docs.css")).status == 200

    asyncio.run(run())
