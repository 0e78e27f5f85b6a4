"""The open WebSockets: who makes room for another one, and who may hear at once."""

from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from voiceprint.errors import MessageError
from voiceprint.server.live_socket import LiveSocket

__all__ = ["Sockets", "StreamPlaces", "share_of"]


def share_of(total: int) -> int:
    """How many of so many places one token may take: the others always find some."""
    return max(1, total * 3 // 4)


class StreamPlaces:
    """Places for takes: one is held from ``start`` to the answer. Safe to use from several threads."""

    def __init__(self, total: int) -> None:
        self.total = total
        self._lock = Lock()
        self._held: Counter[str | None] = Counter()

    def take(self, token_id: str | None) -> None:
        """One place more. Raises MessageError (``too_many_streams``)."""
        with self._lock:
            if self._held.total() >= self.total:
                raise MessageError("too_many_streams", f"All {self.total} streams are taken; try again later.")
            if token_id is not None and self._held[token_id] >= share_of(self.total):
                raise MessageError(
                    "too_many_streams", f"This token has {share_of(self.total)} streams already; try again later."
                )
            self._held[token_id] += 1

    def give_back(self, token_id: str | None) -> None:
        with self._lock:
            self._held[token_id] -= 1
            self._held += Counter()  # those that hold none are forgotten

    def __len__(self) -> int:
        return self._held.total()


class Sockets:
    """Connections, oldest first. ``most``: how many there may be."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._silent: OrderedDict[LiveSocket, None] = OrderedDict()
        self._idle: OrderedDict[LiveSocket, str | None] = OrderedDict()
        self._taking: dict[LiveSocket, str | None] = {}

    def __len__(self) -> int:
        return len(self._silent) + len(self._idle) + len(self._taking)

    def __iter__(self) -> Iterator[LiveSocket]:
        return iter([*self._silent, *self._idle, *self._taking])

    @contextmanager
    def admitted(self, socket: LiveSocket) -> Iterator[bool]:
        """For the time of a connection; False where all others are taking and none can make room."""
        room = len(self) < self._most or self._make_room()
        if room:
            self._silent[socket] = None
        try:
            yield room
        finally:
            self.forget(socket)

    def greeted(self, socket: LiveSocket, token_id: str | None, *, taking: bool) -> None:
        """Its hello was accepted; ``taking``: whether a take is under way on it now."""
        known = self._taking if taking else self._idle
        if socket not in known:
            self.forget(socket)
            known[socket] = token_id

    def forget(self, socket: LiveSocket) -> None:
        """It is closing, or closed."""
        for known in (self._silent, self._idle, self._taking):
            known.pop(socket, None)

    def _make_room(self) -> bool:
        """Cut the oldest that said no hello, else the oldest idle one of the token that has most of them."""
        if self._silent:
            victim = next(iter(self._silent))
        elif self._idle:
            ((most, _),) = Counter(self._idle.values()).most_common(1)
            victim = next(socket for socket, token_id in self._idle.items() if token_id == most)
        else:
            return False
        self.forget(victim)
        victim.cut()
        return True
