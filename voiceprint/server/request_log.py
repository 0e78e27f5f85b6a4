"""One line in the log for each request and each connection."""

import logging
import secrets
import time

from aiohttp import hdrs, web

from voiceprint.logs import SESSION
from voiceprint.server.middleware import Handler

__all__ = ["log_requests"]

log = logging.getLogger(__name__)


@web.middleware
async def log_requests(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Log method, route, status and seconds; a connection is logged when it ends.

    The route is the pattern, not the path, which may hold an id.
    """
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
                "method": request.method if request.method in hdrs.METH_ALL else "other",
                "route": resource.canonical if resource is not None else None,
                "status": status,
                "seconds": round(time.monotonic() - started, 4),
            },
        )
