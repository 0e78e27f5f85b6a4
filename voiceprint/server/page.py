"""The page: every file of the web folder, by its own name."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from voiceprint.resources import shipped
from voiceprint.server import slow_readers

__all__ = ["routes"]


class _File(web.FileResponse):
    """Sent by the kernel, so that nothing but the time says that its reader takes none of it."""

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        try:
            async with asyncio.timeout(slow_readers.READ_SECONDS):
                return await super().prepare(request)
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()
            raise ConnectionResetError("the reader took nothing") from None


def routes() -> list[web.RouteDef]:
    """One route a file, so that no path can ever lead out of the folder."""
    root = shipped("web")
    files = {path.relative_to(root).as_posix(): path for path in sorted(root.rglob("*")) if path.is_file()}
    made = [web.get(f"/{name}", _sender(path)) for name, path in files.items()]
    if "index.html" in files:
        made.append(web.get("/", _sender(files["index.html"])))
    return made


def _sender(path: Path) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def send(_request: web.Request) -> web.StreamResponse:
        # Asked for again each time, so that an update of the server is an update of the page; unchanged files cost 304.
        return _File(path, headers={"Cache-Control": "no-cache"})

    return send
