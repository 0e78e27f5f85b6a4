"""What is read and written within one transaction of a store. Knows SQL; what is inside a seal is for ``seals``.

Every change of a speaker raises their generation, is entered in the manifest and becomes a line of the audit log, all
in the same transaction. So rows that were put back or taken away as a whole do not add up, and the log says whose.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from voiceprint.errors import StoreError
from voiceprint.storage.audit_lines import AuditLine, next_chain, open_line, read_base, seal_line
from voiceprint.storage.database import rows_or_lost, typed_rows
from voiceprint.storage.manifest import MISSING, Manifest, Remembered, follow
from voiceprint.storage.records import Enrollment, Profile, StoredSpeaker, new_id
from voiceprint.storage.seals import KeyRing, Row, Seals
from voiceprint.storage.settings import StoreState
from voiceprint.storage.vault import SealBrokenError

__all__ = ["Loaded", "Rows", "gone", "part_of"]

_KEYS = "SELECT speaker_id, generation, token FROM keys"
_RECORDS = "SELECT speaker_id, id, type, version, token FROM records"
_KEY = (str, int, bytes)
_RECORD = (str, str, str, int, bytes)


@dataclass(frozen=True, slots=True)
class Loaded:
    """Everybody whose records open, and the opaque ids of those whose records do not (or are missing)."""

    speakers: tuple[StoredSpeaker, ...]
    damaged: tuple[str, ...]


class Rows:
    """One transaction over the tables."""

    def __init__(self, database: sqlite3.Connection, seals: Seals, remembered: Remembered) -> None:
        self.database = database
        self.seals = seals
        self.state = self._read_state()
        self._saved = self.state
        self.manifest = Manifest(self, remembered)

    # Reading

    def load(self) -> Loaded:
        """Open everybody. Raises StoreError where the store as a whole does not add up."""
        generations, marks = self.generations(), self.marks()
        keys, lost = rows_or_lost(self.database, _KEYS, _KEY, generations)
        found, unread = rows_or_lost(self.database, _RECORDS, _RECORD, generations)
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

    def read(self, speaker_id: str) -> tuple[StoredSpeaker, KeyRing]:
        """One speaker. Raises StoreError: ``speaker_gone``, ``record_damaged``."""
        query = "SELECT generation, token FROM keys WHERE speaker_id = ?"
        found = typed_rows(self.database, query, (int, bytes), speaker_id)
        if not found:
            raise gone()
        query = "SELECT id, type, version, token FROM records WHERE speaker_id = ? ORDER BY rowid"
        rows = typed_rows(self.database, query, _RECORD[1:], speaker_id)
        try:
            ring = self.seals.open_ring(speaker_id, *found[0])
            return self.seals.open_speaker(speaker_id, ring, [Row(*row) for row in rows]), ring
        except SealBrokenError as error:
            raise StoreError("record_damaged", f"The record {speaker_id} is damaged; it was not changed.") from error

    def keys(self) -> list[tuple[str, int, bytes]]:
        """Speaker id, generation and sealed key ring of everybody, in the order of their enrollment."""
        return typed_rows(self.database, f"{_KEYS} ORDER BY rowid", _KEY)

    def generations(self) -> dict[str, int]:
        """How often each speaker was changed, as the rows say."""
        sql = "SELECT speaker_id, generation FROM keys"
        try:
            return dict(typed_rows(self.database, f"{sql} INDEXED BY generations", _KEY[:2]))
        except sqlite3.DatabaseError:  # a lost page of the index; the table may be whole
            return dict(typed_rows(self.database, f"{sql} NOT INDEXED", _KEY[:2]))

    def marks(self) -> set[str]:
        """The marks of everybody who was forgotten."""
        return {mark for (mark,) in typed_rows(self.database, "SELECT mark FROM tombstones", (str,))}

    def speakers_with_records(self) -> set[str]:
        """The ids of everybody of whom a record is there, with or without a key."""
        return {who for (who,) in typed_rows(self.database, "SELECT DISTINCT speaker_id FROM records", (str,))}

    def has_records(self, speaker_id: str) -> bool:
        """Whether any record of that speaker is there, with or without a key."""
        query = "SELECT count(*) FROM records WHERE speaker_id = ?"
        return bool(self.database.execute(query, (speaker_id,)).fetchone()[0])

    def expected_generations(self) -> dict[str, int]:
        """The last generation of each pseudonym, from the audit log; lines that do not open are passed over."""
        expected = dict(read_base(self.database, self.seals).generations)
        for line in self.audit_lines():
            if line is not None:
                expected = follow(expected, line)
        return expected

    def audit_lines(self) -> Iterator[AuditLine | None]:
        """The log from its beginning; None for a line that does not open."""
        for number, token in typed_rows(self.database, "SELECT number, token FROM audit ORDER BY number", (int, bytes)):
            try:
                yield open_line(self.seals, number, token)
            except SealBrokenError:
                yield None

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
        """Delete key and records, leave a mark. Returns how many records there were. Raises StoreError.

        Also for what ``load`` calls damaged, ``missing-`` and a pseudonym included.
        """
        pseudonym = self.manifest.take_out(speaker_id)
        self.drop_part(speaker_id)
        records = self.database.execute("DELETE FROM records WHERE speaker_id = ?", (speaker_id,)).rowcount
        self.database.execute("DELETE FROM keys WHERE speaker_id = ?", (speaker_id,))
        self.bury(self.seals.mark(speaker_id))
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

    def bury(self, mark: str) -> None:
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

    def _note(self, event: str, pseudonym: str | None, details: dict[str, str | int | float]) -> None:
        number = self.state.audit_number + 1
        token = seal_line(self.seals, AuditLine.now(number, event, pseudonym, details))
        chain = next_chain(self.seals, self.state.audit_chain, number, token)
        self.database.execute("INSERT INTO audit VALUES (?, ?, ?)", (number, token, chain))
        self.state = msgspec.structs.replace(self.state, audit_number=number, audit_chain=chain)

    def _read_state(self) -> StoreState:
        found = typed_rows(self.database, "SELECT value FROM meta WHERE key = 'state'", (bytes,))
        try:
            return self.seals.open_state(found[0][0] if found else b"")
        except SealBrokenError as error:
            raise StoreError(
                "store_damaged", "The state of the store is damaged; restore a bundle into another folder."
            ) from error


def part_of(speaker_id: str) -> str:
    """Which part a speaker is in: ids are random, so that all parts are about as large."""
    return speaker_id[:2]


def gone() -> StoreError:
    return StoreError("speaker_gone", "The speaker is not in the store any more.")
