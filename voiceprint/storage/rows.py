"""One transaction of a store: sealed rows, with state, manifest and audit log in step.

Every change of a speaker raises their generation, enters the manifest and becomes a line of the audit log, all in the
same transaction. So rows put back or removed as a whole do not add up, and the log names the speaker.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from voiceprint.domain.speaker import Enrollment, Profile, StoredSpeaker, new_id
from voiceprint.errors import StoreError
from voiceprint.storage import last_change
from voiceprint.storage.audit_lines import AuditLine, next_chain, open_lines, seal_line
from voiceprint.storage.manifest import MISSING, Manifest
from voiceprint.storage.manifest_cache import ManifestCache
from voiceprint.storage.sealing.seals import KeyRing, Row, Seals
from voiceprint.storage.sealing.settings import StoreState
from voiceprint.storage.sealing.vault import SealBrokenError
from voiceprint.storage.snapshot.generations import part_of
from voiceprint.storage.sqlite.parts import PartTable
from voiceprint.storage.sqlite.schema import require_own_schema
from voiceprint.storage.sqlite.tables import Tables

__all__ = ["Loaded", "Rows"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """All speakers whose records open, and the opaque ids of damaged or missing ones."""

    speakers: tuple[StoredSpeaker, ...]
    damaged: tuple[str, ...]


class Rows:
    """Tables, seals, state and manifest of one transaction.

    ``state`` is written by ``save_state``.
    """

    def __init__(self, database: sqlite3.Connection, seals: Seals, cache: ManifestCache) -> None:
        self.database = database
        self.tables = Tables(database)
        self.parts = PartTable(database)
        self.seals = seals
        self.state = self._saved = _read_state(self.tables, seals)
        self.manifest = Manifest(self.tables, seals, self.state, cache)

    # Reading

    def read(self, speaker_id: str) -> tuple[StoredSpeaker, KeyRing]:
        """A speaker and their key ring. Raises StoreError: ``speaker_gone``, ``record_damaged``."""
        key = self.tables.key(speaker_id)
        if key is None:
            raise StoreError("speaker_gone", "The speaker is not in the store any more.")
        records = [Row(*record) for record in self.tables.records(speaker_id)]
        try:
            ring = self.seals.open_ring(speaker_id, *key)
            return self.seals.open_speaker(speaker_id, ring, records), ring
        except SealBrokenError as error:
            raise StoreError("record_damaged", f"The record {speaker_id} is damaged; it was not changed.") from error

    def load(self) -> Loaded:
        """All speakers. Raises StoreError where the store as a whole does not add up."""
        generations, tombstones = self.tables.generations(), self.tables.tombstones()
        keys, lost = self.tables.sound_keys(generations)
        found, unread = self.tables.sound_records(generations)
        records: dict[str, list[Row]] = {}
        for speaker_id, record_id, kind, version, token in found:
            records.setdefault(speaker_id, []).append(Row(record_id, kind, version, token))
        damaged = self.manifest.misplaced(self.state, generations) | lost | unread
        wrong = frozenset(damaged)
        damaged |= set(records) - set(generations)
        speakers = []
        for speaker_id, generation, token in keys:
            if speaker_id in wrong:
                continue
            speaker = self._opened(speaker_id, generation, token, records.get(speaker_id, []), tombstones)
            if speaker is None:
                damaged.add(speaker_id)
            else:
                speakers.append(speaker)
        return Loaded(tuple(speakers), tuple(sorted(damaged)))

    def audit_lines(self, speaker_id: str) -> list[AuditLine]:
        """The lines of the audit log about a speaker, oldest first. Raises StoreError."""
        pseudonym = self.seals.pseudonym(speaker_id)
        return [line for line in open_lines(self.tables, self.seals) if line.subject == pseudonym]

    def verify_manifest(self) -> bool:
        """Whether all generations add up to the manifest; summed only where that is unknown.

        Raises StoreError (``store_damaged``).
        """
        return self.manifest.is_verified() or not self.manifest.misplaced(self.state, self.tables.generations())

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
        """Add or replace records of a speaker, with manifest and audit log. Raises StoreError."""
        after = self.insert(speaker_id, ring, profile, enrollments, former=former)
        self.state = self.manifest.move(self.state, speaker_id, ring.generation, after)
        self.note(event, speaker_id, generation=after, enrollments=len(enrollments))

    def drop(self, speaker_id: str, ring: KeyRing, enrollments: Sequence[Enrollment]) -> KeyRing:
        """The key ring without these enrollments, whose records are deleted.

        It must be written in the same transaction.
        """
        ids = {one.id for one in enrollments}
        if ids:
            self.drop_part(speaker_id)
        self.tables.delete_records(speaker_id, ids)
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
        """The new generation of a speaker whose rows are written without manifest and audit log."""
        rows = []
        before = ring.generation
        if profile is not None:
            row, ring = self.seals.seal_profile(speaker_id, ring, profile)
            rows.append(row)
        for enrollment, is_former in [*((one, False) for one in enrollments), *((one, True) for one in former)]:
            row, ring = self.seals.seal_enrollment(speaker_id, ring, enrollment, former=is_former)
            rows.append(row)
        ring = msgspec.structs.replace(ring, generation=before + 1)
        self.tables.put_key(speaker_id, ring.generation, self.seals.seal_ring(speaker_id, ring))
        self.tables.put_records(speaker_id, [(row.id, row.kind, row.version, row.token) for row in rows])
        return ring.generation

    def erase(self, speaker_id: str, reason: str) -> int:
        """The number of records deleted with a speaker's key; a tombstone is left.

        Raises StoreError (also ``schema_changed``, ``not_erased``: something of the speaker is still there).

        Takes what ``load`` calls damaged, too: ``missing-`` and a pseudonym included.
        """
        require_own_schema(self.database)
        pseudonym, records = self._remove(speaker_id)
        self._require_nothing_of(speaker_id)
        self.add_tombstone(self.seals.tombstone(speaker_id))
        self._note("erased", pseudonym, {"reason": reason, "records": records, "epoch": self.state.epoch})
        return records

    def make_room(self, speaker_id: str) -> None:
        """Delete the rest of a damaged or missing speaker, so that a sound copy can take its place."""
        pseudonym, _ = self._remove(speaker_id)
        self.state = msgspec.structs.replace(self.state, incarnation=new_id())
        self._note("replaced", pseudonym, {})

    def replace_all(self, speakers: Sequence[StoredSpeaker], seals: Seals) -> None:
        """Write all speakers anew, with new data keys, under other settings."""
        self.tables.delete_speakers()
        self.parts.delete_all()
        self.put_settings(seals)
        for speaker in speakers:
            former = speaker.former if seals.settings.previous_encoder else ()
            self.insert(speaker.id, KeyRing.new(), speaker.profile, speaker.enrollments, former=former)
        self.note("renewed", speakers=len(speakers), rotation=seals.settings.renewals)
        self.state = self.manifest.rebuilt(self.state)

    def drop_part(self, speaker_id: str) -> None:
        """Destroy the speaker's part of the snapshot; all parts where only the pseudonym is known."""
        if speaker_id.startswith(MISSING):
            self.parts.delete_all()
        else:
            self.parts.delete(part_of(speaker_id))

    def add_tombstone(self, tombstone: str) -> None:
        """Forbid the return of an erased speaker. The epoch counts the tombstones."""
        if self.tables.add_tombstone(tombstone, datetime.now(UTC).date().isoformat()):
            self.state = msgspec.structs.replace(self.state, epoch=self.state.epoch + 1)
            last_change.drop(self)

    def lift_tombstone(self, speaker_id: str) -> None:
        """Allow the return of a speaker merged into another one a moment ago; never of one that was erased."""
        lifted = self.tables.delete_tombstone(self.seals.tombstone(speaker_id))
        self.state = msgspec.structs.replace(self.state, epoch=self.state.epoch - lifted, incarnation=new_id())

    def note(self, event: str, speaker_id: str | None = None, **details: str | int | float) -> None:
        """Append a line to the audit log: never a name, a vector or a recording."""
        self._note(event, self.seals.pseudonym(speaker_id) if speaker_id else None, details)

    def put_settings(self, seals: Seals) -> None:
        """Use other settings, or the same under a newer key, from here on."""
        self.tables.put_meta("settings", seals.seal_settings())
        last_change.drop(self)
        self.seals = seals

    def save_state(self) -> None:
        """Write the state: the last statement of every transaction that writes."""
        if last_change.is_over(self):
            last_change.drop(self)
        if self.state is not self._saved:
            self.tables.put_meta("state", self.seals.seal_state(self.state))

    # Inside

    def _remove(self, speaker_id: str) -> tuple[str, int]:
        """The pseudonym of a speaker whose key and records are deleted, and the number of records."""
        pseudonym, self.state = self.manifest.remove(self.state, speaker_id)
        self.drop_part(speaker_id)
        last_change.drop(self)
        return pseudonym, self.tables.delete_speaker(speaker_id)

    def _opened(
        self, speaker_id: str, generation: int, token: bytes, records: list[Row], tombstones: set[str]
    ) -> StoredSpeaker | None:
        """The speaker of a key and its records; None if damaged, or put back after erasure."""
        try:
            ring = self.seals.open_ring(speaker_id, generation, token)
            speaker = self.seals.open_speaker(speaker_id, ring, records)
        except SealBrokenError:
            return None
        if tombstones and not tombstones.isdisjoint(self.seals.tombstones(speaker_id)):
            return None
        return speaker

    def _require_nothing_of(self, speaker_id: str) -> None:
        left = self.tables.tables_with(speaker_id, part_of(speaker_id))
        if left:
            raise StoreError("not_erased", f"The table {left[0]} still has the speaker; see 'voiceprint check'.")

    def _note(self, event: str, pseudonym: str | None, details: dict[str, str | int | float]) -> None:
        number = self.state.audit_number + 1
        token = seal_line(self.seals, AuditLine.now(number, event, pseudonym, details))
        chain = next_chain(self.seals, self.state.audit_chain, number, token)
        self.tables.add_audit_row((number, token, chain))
        self.state = msgspec.structs.replace(self.state, audit_number=number, audit_chain=chain)


def _read_state(tables: Tables, seals: Seals) -> StoreState:
    try:
        return seals.open_state(tables.meta("state") or b"")
    except SealBrokenError as error:
        raise StoreError(
            "store_damaged", "The state of the store is damaged; restore a bundle into another folder."
        ) from error
