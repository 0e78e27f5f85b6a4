"""Upkeep of the snapshot, one part at a time, with an examination of all speakers' rows."""

from voiceprint.domain.speaker import StoredSpeaker
from voiceprint.storage.rows import Rows
from voiceprint.storage.snapshot.generations import PARTS
from voiceprint.storage.snapshot.snapshot import Basis, open_part, open_speakers, put_part
from voiceprint.storage.store import Store

__all__ = ["FROM_SPEAKERS", "SnapshotKeeper"]

# A smaller store opens from its rows in less than a second.
FROM_SPEAKERS = 5_000
# Speakers opened in one transaction: the longest wait for the store.
_BATCH = 100
# A part is sealed again when more than this share of it has changed; the rest is quickly opened from the rows.
_CHANGED = 1 / 16


class SnapshotKeeper:
    """Keeper of one store's snapshot, in a process that runs for long."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._examined: dict[str, dict[str, int]] = {}
        # State at which the generations did not add up: no part is sealed, and they are not summed again.
        self._unsound: bytes | None = None

    def is_needed(self) -> bool:
        """Whether the store is large, or has parts already. Raises StoreError."""
        with self._store.reading() as rows:
            return bool(rows.parts.names()) or rows.tables.count_speakers() >= FROM_SPEAKERS

    def visit_all(self) -> tuple[str, ...]:
        """Ids of the damaged speakers after a ``visit`` of every part. Raises StoreError."""
        return tuple(speaker_id for name in PARTS for speaker_id in self.visit(name))

    def visit(self, name: str) -> tuple[str, ...]:
        """Ids of the damaged speakers of a part, which is sealed again after enough changes.

        Raises StoreError; then the part is unchanged.
        """
        with self._store.reading() as rows:
            there, basis = rows.parts.members(name), Basis.of(rows)
            if name in self._examined and name in rows.parts and _is_near(self._examined[name], there):
                return ()
            part = open_part(rows, name)
        sealed = part.listed().unfold() if part else {}
        speakers, damaged = self._open(there)
        if there and (part is None or not _is_near(sealed, there) or not damaged.isdisjoint(sealed)):
            if not self._seal(name, there, basis, speakers):
                return tuple(damaged)
            sealed = there
        self._examined[name] = sealed
        return tuple(damaged)

    def _open(self, there: dict[str, int]) -> tuple[dict[str, tuple[StoredSpeaker, int]], set[str]]:
        ids, speakers, damaged = list(there), dict[str, tuple[StoredSpeaker, int]](), set[str]()
        for start in range(0, len(ids), _BATCH):
            with self._store.reading() as rows:
                loaded = open_speakers(rows, ids[start : start + _BATCH], rows.tables.tombstones())
            speakers.update({speaker.id: (speaker, there[speaker.id]) for speaker in loaded.speakers})
            damaged.update(loaded.damaged)
        return speakers, damaged

    def _seal(
        self, name: str, there: dict[str, int], basis: Basis, speakers: dict[str, tuple[StoredSpeaker, int]]
    ) -> bool:
        """Whether the part was sealed; False where speakers changed meanwhile, or are unverified."""
        with self._store.writing() as rows:
            if (rows.parts.members(name), Basis.of(rows)) != (there, basis) or not self._is_verified(rows, there):
                return False
            put_part(rows, name, speakers)
        return True

    def _is_verified(self, rows: Rows, there: dict[str, int]) -> bool:
        """Whether the manifest confirms these generations."""
        if rows.state.manifest == self._unsound:
            return False
        if not rows.verify_manifest():
            self._unsound = rows.state.manifest
            return False
        return all(rows.manifest.believed(speaker_id) == generation for speaker_id, generation in there.items())


def _is_near(sealed: dict[str, int], there: dict[str, int]) -> bool:
    changed = sum(sealed.get(speaker_id) != generation for speaker_id, generation in there.items())
    return changed <= len(there) * _CHANGED
