"""One line in the log for every request and every connection."""

import logging
import secrets
import time

from aiohttp import web

from voiceprint.logs import SESSION
from voiceprint.server.middleware import Handler

__all__ = ["keep_journal"]

log = logging.getLogger(__name__)


@web.middleware
async def keep_journal(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The pattern of the route is told, not the path: that may hold an id. A connection is told when it ends."""
    SESSION.set(secrets.token_hex(4))
    started, status = time.monotonic(), 500
    try:
        response = await handler(request)
        status = response.status
        return response
    finally:
        resource = request.match_info.route.resource
        log.info(
            "answered",
            extra={
                "method": request.method,
                "route": resource.canonical if resource is not None else None,
                "status": status,
                "seconds": round(time.monotonic() - started, 4),
            },
        )
