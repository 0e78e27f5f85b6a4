"""What is written within one transaction of a store, and everybody read at once.

Every change of a speaker raises their generation, is entered in the manifest and becomes a line of the audit log, all
in the same transaction. So rows that were put back or taken away as a whole do not add up, and the log says whose.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from voiceprint.domain.speaker import Enrollment, Profile, StoredSpeaker, new_id
from voiceprint.errors import StoreError
from voiceprint.storage.audit_lines import AuditLine, next_chain, seal_line
from voiceprint.storage.manifest import MISSING, Manifest, ManifestCache
from voiceprint.storage.sealing.seals import KeyRing, Row, Seals
from voiceprint.storage.sealing.vault import SealBrokenError
from voiceprint.storage.snapshot.generations import part_of
from voiceprint.storage.sqlite.database import rows_or_lost
from voiceprint.storage.sqlite.schema import require_own_schema
from voiceprint.storage.tables import KEY, KEYS, RECORD, RECORDS, Tables

__all__ = ["Loaded", "Rows"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """Everybody whose records open, and the opaque ids of those whose records do not (or are missing)."""

    speakers: tuple[StoredSpeaker, ...]
    damaged: tuple[str, ...]


class Rows(Tables):
    """One transaction over the tables, with the manifest."""

    def __init__(self, database: sqlite3.Connection, seals: Seals, remembered: ManifestCache) -> None:
        super().__init__(database, seals)
        self._saved = self.state
        self.manifest = Manifest(self, remembered)

    # Reading

    def load(self) -> Loaded:
        """Open everybody. Raises StoreError where the store as a whole does not add up."""
        generations, marks = self.generations(), self.marks()
        keys, lost = rows_or_lost(self.database, KEYS, KEY, generations)
        found, unread = rows_or_lost(self.database, RECORDS, RECORD, generations)
        rows: dict[str, list[Row]] = {}
        for speaker_id, *row in found:
            rows.setdefault(speaker_id, []).append(Row(*row))
        damaged = self.manifest.misplaced(generations) | lost | unread
        wrong = frozenset(damaged)
        damaged |= set(rows) - set(generations)
        speakers = []
        for speaker_id, generation, token in keys:
            if speaker_id in wrong:
                continue
            try:
                ring = self.seals.open_ring(speaker_id, generation, token)
                speaker = self.seals.open_speaker(speaker_id, ring, rows.get(speaker_id, []))
            except SealBrokenError:
                damaged.add(speaker_id)
                continue
            if marks and not marks.isdisjoint(self.seals.marks(speaker_id)):  # forgotten, and put back by somebody
                damaged.add(speaker_id)
            else:
                speakers.append(speaker)
        return Loaded(tuple(speakers), tuple(sorted(damaged)))

    # Writing

    def write(
        self,
        speaker_id: str,
        ring: KeyRing,
        profile: Profile | None,
        enrollments: Sequence[Enrollment],
        event: str,
        *,
        former: Sequence[Enrollment] = (),
    ) -> None:
        """Add or replace records of a speaker, and say so in the log."""
        after = self.insert(speaker_id, ring, profile, enrollments, former=former)
        self.manifest.move(speaker_id, ring.generation, after)
        self.note(event, speaker_id, generation=after, enrollments=len(enrollments))

    def drop(self, speaker_id: str, ring: KeyRing, enrollments: Sequence[Enrollment]) -> KeyRing:
        """Delete enrollments; the ring without them, which must be written in the same transaction."""
        ids = {one.id for one in enrollments}
        if ids:
            self.drop_part(speaker_id)
        self.database.executemany(
            "DELETE FROM records WHERE speaker_id = ? AND id = ?", [(speaker_id, record_id) for record_id in ids]
        )
        versions = {record_id: version for record_id, version in ring.versions.items() if record_id not in ids}
        return msgspec.structs.replace(ring, versions=versions)

    def insert(
        self,
        speaker_id: str,
        ring: KeyRing,
        profile: Profile | None,
        enrollments: Sequence[Enrollment],
        *,
        former: Sequence[Enrollment] = (),
    ) -> int:
        """The rows alone, for who sees to manifest and log. Returns the new generation."""
        rows = []
        before = ring.generation
        if profile is not None:
            row, ring = self.seals.seal_profile(speaker_id, ring, profile)
            rows.append(row)
        for enrollment in enrollments:
            row, ring = self.seals.seal_enrollment(speaker_id, ring, enrollment)
            rows.append(row)
        for enrollment in former:
            row, ring = self.seals.seal_enrollment(speaker_id, ring, enrollment, former=True)
            rows.append(row)
        ring = msgspec.structs.replace(ring, generation=before + 1)
        self.database.execute(
            "INSERT INTO keys VALUES (?, ?, ?) ON CONFLICT (speaker_id)"
            " DO UPDATE SET generation = excluded.generation, token = excluded.token",
            (speaker_id, ring.generation, self.seals.seal_ring(speaker_id, ring)),
        )
        self.database.executemany(
            "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?)",
            [(row.id, speaker_id, row.kind, row.version, row.token) for row in rows],
        )
        return ring.generation

    def erase(self, speaker_id: str, reason: str) -> int:
        """Delete key and records, leave a mark. Returns how many records there were. Raises StoreError (also
        ``schema_changed``, ``not_erased``: something of the speaker is still there).

        Also for what ``load`` calls damaged, ``missing-`` and a pseudonym included.
        """
        require_own_schema(self.database)
        pseudonym = self.manifest.take_out(speaker_id)
        self.drop_part(speaker_id)
        records = self.database.execute("DELETE FROM records WHERE speaker_id = ?", (speaker_id,)).rowcount
        self.database.execute("DELETE FROM keys WHERE speaker_id = ?", (speaker_id,))
        self._require_nothing_of(speaker_id)
        self.add_tombstone(self.seals.mark(speaker_id))
        self._note("erased", pseudonym, {"reason": reason, "records": records, "epoch": self.state.epoch})
        return records

    def make_room(self, speaker_id: str) -> None:
        """Take away what is left of a damaged or missing speaker, so that a sound copy can be put in its place."""
        pseudonym = self.manifest.take_out(speaker_id)
        self.drop_part(speaker_id)
        self.state = msgspec.structs.replace(self.state, lineage=new_id())
        self.database.execute("DELETE FROM records WHERE speaker_id = ?", (speaker_id,))
        self.database.execute("DELETE FROM keys WHERE speaker_id = ?", (speaker_id,))
        self._note("replaced", pseudonym, {})

    def drop_part(self, speaker_id: str) -> None:
        """Destroy the part that a speaker is in, key and block; all of them for whom only the pseudonym is known."""
        if speaker_id.startswith(MISSING):
            self.database.execute("DELETE FROM parts")
        else:
            self.database.execute("DELETE FROM parts WHERE part = ?", (part_of(speaker_id),))

    def add_tombstone(self, mark: str) -> None:
        """Remember that the speaker of this mark must not come back. The epoch counts the marks."""
        today = datetime.now(UTC).date().isoformat()
        if self.database.execute("INSERT OR IGNORE INTO tombstones VALUES (?, ?)", (mark, today)).rowcount:
            self.state = msgspec.structs.replace(self.state, epoch=self.state.epoch + 1)

    def note(self, event: str, speaker_id: str | None = None, **details: str | int | float) -> None:
        """One more line of the audit log: never a name, a vector or a recording."""
        self._note(event, self.seals.pseudonym(speaker_id) if speaker_id else None, details)

    def put_settings(self, seals: Seals) -> None:
        """Other settings (or the same under a newer key) from here on."""
        self.database.execute("INSERT OR REPLACE INTO meta VALUES ('settings', ?)", (seals.seal_settings(),))
        self.seals = seals

    def save_state(self) -> None:
        """The last statement of every transaction that writes."""
        if self.state is not self._saved:
            token = self.seals.seal_state(self.state)
            self.database.execute("INSERT OR REPLACE INTO meta VALUES ('state', ?)", (token,))

    # Inside

    def _require_nothing_of(self, speaker_id: str) -> None:
        """Look at the tables themselves, because an index can lie."""
        for table, column, value in (("keys", "speaker_id", speaker_id), ("parts", "part", part_of(speaker_id))):
            left = f"SELECT count(*) FROM {table} NOT INDEXED WHERE {column} = ?"  # noqa: S608 - our own names
            if self.database.execute(left, (value,)).fetchone()[0]:
                raise StoreError("not_erased", f"The table {table} still has the speaker; see 'voiceprint check'.")
        if self.has_records(speaker_id):
            raise StoreError("not_erased", "The table records still has the speaker; see 'voiceprint check'.")

    def _note(self, event: str, pseudonym: str | None, details: dict[str, str | int | float]) -> None:
        number = self.state.audit_number + 1
        token = seal_line(self.seals, AuditLine.now(number, event, pseudonym, details))
        chain = next_chain(self.seals, self.state.audit_chain, number, token)
        self.database.execute("INSERT INTO audit VALUES (?, ?, ?)", (number, token, chain))
        self.state = msgspec.structs.replace(self.state, audit_number=number, audit_chain=chain)
