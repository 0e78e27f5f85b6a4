"""A stream of Wyoming events whose length a client cannot choose freely."""

import asyncio

__all__ = ["MAX_BYTES", "BoundedReader"]

# Half a minute of audio in one event; satellites send a few hundredths of a second.
MAX_BYTES = 2**20


class BoundedReader(asyncio.StreamReader):
    """The reader behind it, which waits for at most MAX_BYTES at once."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._behind = reader

    async def readline(self) -> bytes:
        return await self._behind.readline()

    async def readexactly(self, n: int) -> bytes:
        """Raises ValueError for more than MAX_BYTES: the wyoming package then ends the connection."""
        if n > MAX_BYTES:
            raise ValueError(f"An event of {n} bytes is too long.")
        return await self._behind.readexactly(n)

    def feed_eof(self) -> None:
        self._behind.feed_eof()
