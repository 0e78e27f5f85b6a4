"""One transaction of a store: sealed rows, with state, manifest and audit log in step.

Every change of a speaker raises their generation, enters the manifest and becomes a line of the audit log, all in the
same transaction. So rows put back or removed as a whole do not add up, and the log names the speaker.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from voiceprint.domain.speaker import StoredSpeaker, new_id
from voiceprint.errors import StoreError
from voiceprint.storage import last_change
from voiceprint.storage.audit_lines import AuditLine, next_chain, open_lines, seal_line
from voiceprint.storage.manifest import Manifest, Verified
from voiceprint.storage.sealing.seals import Seals
from voiceprint.storage.sealing.settings import StoreState
from voiceprint.storage.sealing.vault import SealBrokenError
from voiceprint.storage.tables import SpeakerRow, Tables

__all__ = ["Loaded", "Mark", "Rows"]


@dataclass(frozen=True, slots=True)
class Mark:
    """The speakers and their generations at one moment. ``era``: another one when generations begin anew."""

    era: tuple[str, ...] = ()
    generations: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Loaded:
    """Speakers whose rows open, and the opaque ids of damaged or missing ones.

    ``mark``: of all sound speakers. ``whole``: whether they were all loaded, and not those who changed since a mark.
    """

    speakers: tuple[StoredSpeaker, ...]
    damaged: tuple[str, ...]
    mark: Mark = Mark()
    whole: bool = True


class Rows:
    """Tables, seals, state and manifest of one transaction.

    ``state`` is written by ``save_state``.
    """

    def __init__(self, tables: Tables, seals: Seals, verified: Verified) -> None:
        self.tables = tables
        self.seals = seals
        self.state = self._saved = _read_state(self.tables, seals)
        self.manifest = Manifest(self.tables, seals, self.state, verified)

    # Reading

    def read(self, speaker_id: str) -> tuple[StoredSpeaker, int]:
        """A speaker and their generation. Raises StoreError: ``speaker_gone``, ``record_damaged``."""
        row = self.tables.speaker(speaker_id)
        if row is None:
            raise StoreError("speaker_gone", "The speaker is not in the store any more.")
        try:
            return self.seals.open_speaker(*row), row[1]
        except SealBrokenError as error:
            raise StoreError("record_damaged", f"The record {speaker_id} is damaged; it was not changed.") from error

    def load(self, since: Mark | None = None, *, into: Callable[[StoredSpeaker], None] | None = None) -> Loaded:
        """All speakers, or those who changed since a mark. Raises StoreError where the store does not add up.

        ``into``: called with each, and none of them is kept here.
        """
        settings = self.seals.settings
        era = (self.state.incarnation, str(settings.renewals), *(one.fingerprint for one in self.seals.encoders))
        generations, tombstones = self.tables.generations(), self.tables.tombstones()
        misplaced = self.manifest.misplaced(self.state, generations)
        known = since.generations if since and since.era == era else {}
        changed = {one for one, number in generations.items() if known.get(one) != number} if known else generations
        wanted = changed if not misplaced else set(changed) - misplaced
        speakers: list[StoredSpeaker] = []
        take, opened = into or speakers.append, set[str]()
        for row in self.tables.speakers() if not known else filter(None, map(self.tables.speaker, wanted)):
            if row[0] in wanted and generations[row[0]] == row[1]:
                speaker = self._opened(row, tombstones)
                if speaker is not None:
                    take(speaker)
                    opened.add(row[0])
        damaged = misplaced.union(one for one in wanted if one not in opened)
        sound = {one: number for one, number in generations.items() if one not in damaged} if damaged else generations
        return Loaded(tuple(speakers), tuple(sorted(damaged)), Mark(era, sound), whole=not known)

    def some(self, speaker_ids: Sequence[str], since: Mark) -> list[StoredSpeaker]:
        """Those of some speakers whose rows are sound: not older than in the mark, nor than was verified since."""
        found = []
        for row in self.tables.some(speaker_ids):
            believed = self.manifest.believed(row[0])
            if row[1] >= (since.generations.get(row[0], 0) if believed is None else max(believed, 1)):
                found.append(self._opened(row, set()))
        return [speaker for speaker in found if speaker is not None]

    def audit_lines(self, speaker_id: str) -> list[AuditLine]:
        """The lines of the audit log about a speaker, oldest first. Raises StoreError."""
        pseudonym = self.seals.pseudonym(speaker_id)
        return [line for line in open_lines(self.tables, self.seals) if line.subject == pseudonym]

    # Writing

    def write(self, speaker: StoredSpeaker, before: int, event: str, *, enrollments: int = 0) -> None:
        """Put a speaker in place of generation ``before`` (0: a new one), with manifest and audit log.

        ``enrollments``: number of those that are new. Raises StoreError.
        """
        after = before + 1
        self.state = self.manifest.move(self.state, speaker.id, before, after)
        self._put(speaker, after)
        self.note(event, speaker.id, generation=after, enrollments=enrollments)

    def erase(self, speaker_id: str, reason: str) -> int:
        """The number of rows deleted; a tombstone is left.

        Raises StoreError (also ``schema_changed``, ``not_erased``: something of the speaker is still there).

        Takes what ``load`` calls damaged, too: ``missing-`` and a pseudonym included.
        """
        self.tables.require_own_schema()
        pseudonym, records = self._remove(speaker_id)
        if self.tables.still_has(speaker_id):
            raise StoreError("not_erased", "The database still has the speaker; see 'voiceprint check'.")
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
        self.put_settings(seals)
        for speaker in speakers:
            kept = speaker if seals.settings.previous_encoder else msgspec.structs.replace(speaker, former=())
            self._put(kept, 1)
        self.note("renewed", speakers=len(speakers), rotation=seals.settings.renewals)
        self.state = self.manifest.rebuilt(self.state)

    def add_tombstone(self, tombstone: str) -> None:
        """Forbid the return of an erased speaker. The epoch counts the tombstones."""
        if self.tables.add_tombstone(tombstone):
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
        """The pseudonym of a speaker whose row is deleted, and the number of rows."""
        pseudonym, self.state = self.manifest.remove(self.state, speaker_id)
        last_change.drop(self)
        return pseudonym, self.tables.delete_speaker(speaker_id)

    def _put(self, speaker: StoredSpeaker, generation: int) -> None:
        self.tables.put_speaker((speaker.id, generation, *self.seals.seal_speaker(speaker, generation)))

    def _opened(self, row: SpeakerRow, tombstones: set[str]) -> StoredSpeaker | None:
        """The speaker of a row; None if damaged, or put back after erasure."""
        if tombstones and not tombstones.isdisjoint(self.seals.tombstones(row[0])):
            return None
        try:
            return self.seals.open_speaker(*row)
        except SealBrokenError:
            return None

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
