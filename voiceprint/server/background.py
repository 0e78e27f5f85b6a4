"""Tasks beside the requests, for as long as a context lasts."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress

from aiohttp import web

from voiceprint.server.context import CONTEXT, Context

__all__ = ["in_background", "repeated"]


@asynccontextmanager
async def in_background(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """A context during which ``work`` runs as a task, cancelled at its end."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def repeated(
    visit: Callable[[Context], Awaitable[None]], *, seconds: float
) -> Callable[[web.Application], AsyncIterator[None]]:
    """For ``cleanup_ctx``: ``visit`` at the start, and again ``seconds`` after it ended."""

    async def for_ever(context: Context) -> None:
        while True:
            await visit(context)
            await asyncio.sleep(seconds)

    async def run(app: web.Application) -> AsyncIterator[None]:
        async with in_background(for_ever(app[CONTEXT])):
            yield

    return run
