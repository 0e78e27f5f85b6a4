"""The aiohttp application: page, REST and WebSocket. The only package that knows HTTP."""

from voiceprint.server.app import create_app
from voiceprint.server.run import check_binding, serve

__all__ = ["check_binding", "create_app", "serve"]
