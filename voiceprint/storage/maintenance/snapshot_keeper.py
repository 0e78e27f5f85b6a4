"""Keep the parts in step with the rows, a little at a time; on the way everybody's rows are examined."""

from voiceprint.domain.speaker import StoredSpeaker
from voiceprint.storage.rows import Rows
from voiceprint.storage.snapshot.generations import PARTS
from voiceprint.storage.snapshot.snapshot import Basis, has_part, in_part, open_part, open_speakers, put_part
from voiceprint.storage.store import Store

__all__ = ["FROM_SPEAKERS", "SnapshotKeeper"]

# Fewer open in less than a second anyway.
FROM_SPEAKERS = 5_000
# Speakers opened at a time: nobody waits longer for the store.
_BATCH = 100
# A part is sealed again when more than this share of it has changed; that little is quickly opened from the rows.
_CHANGED = 1 / 16


class SnapshotKeeper:
    """For one process that runs for long, the server."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._examined: dict[str, dict[str, int]] = {}

    def is_needed(self) -> bool:
        """Whether there are enough speakers, or parts already. Raises StoreError."""
        with self._store.reading() as rows:
            (speakers,) = rows.database.execute("SELECT count(*) FROM keys").fetchone()
            (parts,) = rows.database.execute("SELECT count(*) FROM parts").fetchone()
        return bool(parts or speakers >= FROM_SPEAKERS)

    def visit_all(self) -> tuple[str, ...]:
        """``visit`` every part."""
        return tuple(speaker_id for name in PARTS for speaker_id in self.visit(name))

    def visit(self, name: str) -> tuple[str, ...]:
        """Examine the rows of one part, if that was not done before, and seal it again where too much has changed.

        Returns the ids of whoever is damaged. Raises StoreError; then the part is as it was.
        """
        with self._store.reading() as rows:
            there, basis = in_part(rows, name), Basis.of(rows)
            if name in self._examined and has_part(rows, name) and _is_near(self._examined[name], there):
                return ()
            part = open_part(rows, name)
        sealed = part.listed().unfold() if part else {}
        people, damaged = self._open(there)
        if there and (part is None or not _is_near(sealed, there) or not damaged.isdisjoint(sealed)):
            with self._store.writing() as rows:
                # What changed meanwhile, or does not add up, is left to the next visit.
                if (in_part(rows, name), Basis.of(rows)) != (there, basis) or not _is_believed(rows, there):
                    return tuple(damaged)
                put_part(rows, name, people)
            sealed = there
        self._examined[name] = sealed
        return tuple(damaged)

    def _open(self, there: dict[str, int]) -> tuple[dict[str, tuple[StoredSpeaker, int]], set[str]]:
        ids, people, damaged = list(there), dict[str, tuple[StoredSpeaker, int]](), set[str]()
        for start in range(0, len(ids), _BATCH):
            with self._store.reading() as rows:
                loaded = open_speakers(rows, ids[start : start + _BATCH], rows.marks())
            people.update({who.id: (who, there[who.id]) for who in loaded.speakers})
            damaged.update(loaded.damaged)
        return people, damaged


def _is_near(sealed: dict[str, int], there: dict[str, int]) -> bool:
    changed = sum(sealed.get(speaker_id) != generation for speaker_id, generation in there.items())
    return changed <= len(there) * _CHANGED


def _is_believed(rows: Rows, there: dict[str, int]) -> bool:
    return all(rows.manifest.believed(speaker_id) == generation for speaker_id, generation in there.items())
