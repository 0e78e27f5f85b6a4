"""The servers over one store: each says, sealed, up to which revision it has taken the store's changes in.

A receipt names those that took an erasure in, and those that did not say so in time. Such a server tells no more of who
was forgotten than any other, because each looks at the store before it answers, and answers nothing where it cannot. A
server that is not heard from for a while counts as down.
"""

import time

import msgspec

from voiceprint.errors import StoreError
from voiceprint.storage.sealing.vault import Context, SealBrokenError, open_sealed, seal
from voiceprint.storage.transactions import Transactions

__all__ = ["WAIT_SECONDS", "ServerMark", "leave", "say", "wait_for_servers"]

WAIT_SECONDS = 1.0
_LOOK_SECONDS = 0.02


class ServerMark(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a server says of itself."""

    name: str
    revision: int


def say(store: Transactions, server_id: str, mark: ServerMark) -> None:
    """Say that a server lives and has taken in a revision. Raises StoreError."""
    token = seal(store.purposes.state, _context(store, server_id), msgspec.json.encode(mark))
    with store.servers() as rows:
        rows.put(server_id, token)


def leave(store: Transactions, server_id: str) -> None:
    """Take a server out that stops. Raises StoreError."""
    with store.servers() as rows:
        rows.remove(server_id)


def wait_for_servers(store: Transactions, revision: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the live servers that take a revision in within ``WAIT_SECONDS``, and of those that do not."""
    until, marks = time.monotonic() + WAIT_SECONDS, list[ServerMark]()
    while True:
        try:
            marks = _marks(store)
        except StoreError:  # the erasure stands; of the servers nothing newer is known
            marks = [ServerMark(mark.name, -1) for mark in marks]
        late = {mark.name for mark in marks if mark.revision < revision}
        if not late or time.monotonic() > until:
            return tuple(sorted({mark.name for mark in marks} - late)), tuple(sorted(late))
        time.sleep(_LOOK_SECONDS)


def _marks(store: Transactions) -> list[ServerMark]:
    with store.servers() as rows:
        return [_opened(store, server_id, token) for server_id, token in rows.live()]


def _opened(store: Transactions, server_id: str, token: bytes) -> ServerMark:
    try:
        return _decoder.decode(open_sealed(store.purposes.state, _context(store, server_id), token))
    except (SealBrokenError, msgspec.DecodeError, UnicodeError):
        return ServerMark(f"unreadable {server_id:.8}", -1)


def _context(store: Transactions, server_id: str) -> Context:
    return {"type": "server", "store": store.id, "server": server_id}


_decoder = msgspec.json.Decoder(ServerMark)
