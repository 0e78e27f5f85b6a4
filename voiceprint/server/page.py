"""The page: every file of the web folder, by its own name."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

from voiceprint.resources import shipped

__all__ = ["routes"]


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
        return web.FileResponse(path, headers={"Cache-Control": "no-cache"})

    return send
