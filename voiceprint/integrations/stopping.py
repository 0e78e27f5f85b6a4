"""The end of a server of ours."""

import asyncio
import signal

__all__ = ["stop_signal"]


def stop_signal() -> asyncio.Event:
    """An event that SIGINT and SIGTERM set from now on; made before the server says that it is ready."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop
