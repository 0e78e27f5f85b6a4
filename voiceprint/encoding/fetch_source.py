"""What a place is that an encoder's files can be fetched from. Their pins decide, wherever they come from."""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Protocol

__all__ = ["Progress", "Source"]

# Called with a file's name, the bytes that just came, and its size where that is known.
Progress = Callable[[str, int, int | None], None]


class Source(Protocol):
    """A hub, a package index, a file of the user's."""

    def take(self, names: Collection[str], folder: Path, progress: Progress) -> None:
        """Put these files into ``folder``, which is new; what else is put there is removed with it.

        Raises ModelError (``fetch_failed``; its message is half a sentence), OSError where ``folder`` takes no more.
        """
