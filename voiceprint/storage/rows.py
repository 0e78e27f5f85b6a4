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
from voiceprint.storage.audit import AuditLine, next_chain, open_line, seal_line
from voiceprint.storage.database import typed_rows
from voiceprint.storage.records import Enrollment, Profile, StoredSpeaker
from voiceprint.storage.seals import KeyRing, Row, Seals
from voiceprint.storage.settings import StoreState
from voiceprint.storage.vault import SealBrokenError

__all__ = ["Loaded", "Rows", "gone"]

_MODULUS = 1 << 256
_MISSING = "missing-"
_KEY = (str, int, bytes)
_RECORD = (str, str, str, int, bytes)


@dataclass(frozen=True, slots=True)
class Loaded:
    """Everybody whose records open, and the opaque ids of those whose records do not (or are missing)."""

    speakers: tuple[StoredSpeaker, ...]
    damaged: tuple[str, ...]


class Rows:
    """One transaction over the tables."""

    def __init__(self, database: sqlite3.Connection, seals: Seals) -> None:
        self.database = database
        self.seals = seals
        self.state = self._read_state()
        self._saved = self.state

    # Reading

    def load(self) -> Loaded:
        """Open everybody. Raises StoreError where the store as a whole does not add up."""
        keys = self.keys()
        marks = self.marks()
        rows: dict[str, list[Row]] = {}
        sql = "SELECT speaker_id, id, type, version, token FROM records ORDER BY rowid"
        for speaker_id, *row in typed_rows(self.database, sql, _RECORD):
            rows.setdefault(speaker_id, []).append(Row(*row))
        wrong = self.misplaced({speaker_id: generation for speaker_id, generation, _ in keys})
        damaged = wrong | (set(rows) - {speaker_id for speaker_id, _, _ in keys})
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
        return typed_rows(self.database, "SELECT speaker_id, generation, token FROM keys ORDER BY rowid", _KEY)

    def generations(self) -> dict[str, int]:
        """How often each speaker was changed, as the rows say."""
        return dict(typed_rows(self.database, "SELECT speaker_id, generation FROM keys", _KEY[:2]))

    def marks(self) -> set[str]:
        """The marks of everybody who was forgotten."""
        return {mark for (mark,) in typed_rows(self.database, "SELECT mark FROM tombstones", (str,))}

    def missing_name(self, speaker_id: str) -> str:
        """What ``load`` calls a speaker of whom nothing is left."""
        return _MISSING + self.seals.pseudonym(speaker_id)

    def has_records(self, speaker_id: str) -> bool:
        """Whether any record of that speaker is there, with or without a key."""
        query = "SELECT count(*) FROM records WHERE speaker_id = ?"
        return bool(self.database.execute(query, (speaker_id,)).fetchone()[0])

    def misplaced(self, generations: dict[str, int]) -> set[str]:
        """Who was put back, rolled back or taken away as a whole: ids, or ``missing-`` and a pseudonym.

        Raises StoreError (``store_damaged``) where the audit log does not say either what should be there.
        """
        if self._manifest_of(self._named(generations)) == self.state.manifest:
            return set()
        expected = self.expected_generations()
        if self._manifest_of(expected) != self.state.manifest:
            raise StoreError(
                "store_damaged",
                "The store does not add up: rows were taken away or put back, and the audit log does not say which; "
                "restore a bundle into another folder.",
            )
        self._refuse_older_state(expected)
        orphans = {who for (who,) in typed_rows(self.database, "SELECT DISTINCT speaker_id FROM records", (str,))}
        there = {who: self.seals.pseudonym(who) for who in orphans | set(generations)}
        wrong = {who for who, name in there.items() if expected.get(name) != generations.get(who)}
        return wrong | {_MISSING + name for name in set(expected) - set(there.values())}

    def expected_generations(self) -> dict[str, int]:
        """The last generation of each pseudonym, from the audit log; lines that do not open are passed over."""
        expected: dict[str, int] = {}
        for line in self.audit_lines():
            if line is None:
                continue
            if line.event == "renewed":
                expected = dict.fromkeys(expected, 1)
            elif line.event in ("erased", "replaced") and line.subject:
                expected.pop(line.subject, None)
            elif line.subject and "generation" in line.details:
                expected[line.subject] = int(line.details["generation"])
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
        self, speaker_id: str, ring: KeyRing, profile: Profile | None, enrollments: Sequence[Enrollment], event: str
    ) -> None:
        """Add or replace records of a speaker, and say so in the log."""
        after = self.insert(speaker_id, ring, profile, enrollments)
        self._move_manifest(self.seals.pseudonym(speaker_id), ring.generation, after)
        self.note(event, speaker_id, generation=after, enrollments=len(enrollments))

    def insert(self, speaker_id: str, ring: KeyRing, profile: Profile | None, enrollments: Sequence[Enrollment]) -> int:
        """The rows alone, for who sees to manifest and log. Returns the new generation."""
        rows = []
        before = ring.generation
        if profile is not None:
            row, ring = self.seals.seal_profile(speaker_id, ring, profile)
            rows.append(row)
        for enrollment in enrollments:
            row, ring = self.seals.seal_enrollment(speaker_id, ring, enrollment)
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
        pseudonym = self._take_out(speaker_id)
        records = self.database.execute("DELETE FROM records WHERE speaker_id = ?", (speaker_id,)).rowcount
        self.database.execute("DELETE FROM keys WHERE speaker_id = ?", (speaker_id,))
        self.bury(self.seals.mark(speaker_id))
        self._note("erased", pseudonym, {"reason": reason, "records": records, "epoch": self.state.epoch})
        return records

    def make_room(self, speaker_id: str) -> None:
        """Take away what is left of a damaged or missing speaker, so that a sound copy can be put in its place."""
        pseudonym = self._take_out(speaker_id)
        self.database.execute("DELETE FROM records WHERE speaker_id = ?", (speaker_id,))
        self.database.execute("DELETE FROM keys WHERE speaker_id = ?", (speaker_id,))
        self._note("replaced", pseudonym, {})

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

    def reset_manifest(self) -> None:
        """After everybody was changed at once."""
        manifest = self._manifest_of(self._named(self.generations()))
        self.state = msgspec.structs.replace(self.state, manifest=manifest, revision=self.state.revision + 1)

    # Inside

    def _note(self, event: str, pseudonym: str | None, details: dict[str, str | int | float]) -> None:
        number = self.state.audit_number + 1
        token = seal_line(self.seals, AuditLine.now(number, event, pseudonym, details))
        chain = next_chain(self.seals, self.state.audit_chain, number, token)
        self.database.execute("INSERT INTO audit VALUES (?, ?, ?)", (number, token, chain))
        self.state = msgspec.structs.replace(self.state, audit_number=number, audit_chain=chain)

    def _take_out(self, speaker_id: str) -> str:
        """Take a speaker out of the manifest, and return the pseudonym. Raises StoreError (``speaker_gone``)."""
        generations = self.generations()
        wrong = self.misplaced(generations)
        if speaker_id not in generations and speaker_id not in wrong and not self.has_records(speaker_id):
            raise gone()
        missing = speaker_id.startswith(_MISSING)
        pseudonym = speaker_id.removeprefix(_MISSING) if missing else self.seals.pseudonym(speaker_id)
        # Where something is wrong the row may lie; the log does not.
        believed = self.expected_generations().get(pseudonym, 0) if wrong else generations.get(speaker_id, 0)
        self._move_manifest(pseudonym, believed, 0)
        return pseudonym

    def _refuse_older_state(self, expected: dict[str, int]) -> None:
        """A genuine key ring that is newer than what the log knows: state and log are the ones that were put back."""
        for speaker_id, generation, token in self.keys():
            if generation > expected.get(self.seals.pseudonym(speaker_id), generation):
                try:
                    self.seals.open_ring(speaker_id, generation, token)
                except SealBrokenError:
                    continue
                raise StoreError(
                    "store_damaged",
                    "The store's log was put back to an earlier state than its speakers; restore a bundle into "
                    "another folder.",
                )

    def _move_manifest(self, pseudonym: str, before: int, after: int) -> None:
        total = int.from_bytes(self.state.manifest, "big")
        total += self.seals.manifest_part(pseudonym, after) if after else 0
        total -= self.seals.manifest_part(pseudonym, before) if before else 0
        self.state = msgspec.structs.replace(
            self.state, manifest=(total % _MODULUS).to_bytes(32, "big"), revision=self.state.revision + 1
        )

    def _named(self, generations: dict[str, int]) -> dict[str, int]:
        return {self.seals.pseudonym(speaker_id): number for speaker_id, number in generations.items()}

    def _manifest_of(self, named: dict[str, int]) -> bytes:
        total = sum(self.seals.manifest_part(name, number) for name, number in named.items())
        return (total % _MODULUS).to_bytes(32, "big")

    def _read_state(self) -> StoreState:
        found = typed_rows(self.database, "SELECT value FROM meta WHERE key = 'state'", (bytes,))
        try:
            return self.seals.open_state(found[0][0] if found else b"")
        except SealBrokenError as error:
            raise StoreError(
                "store_damaged", "The state of the store is damaged; restore a bundle into another folder."
            ) from error


def gone() -> StoreError:
    return StoreError("speaker_gone", "The speaker is not in the store any more.")
