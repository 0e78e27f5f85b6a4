"""The store: speakers, settings, tokens and audit log, sealed in one SQLite file or PostgreSQL database.

A change is acknowledged only after COMMIT. A record that does not open, does not fit its place, or was put back or
removed as a whole is reported as damaged and left out; so is a speaker put back after erasure. Not detected: the whole
file put back to an older state (note the audit log's last chain value elsewhere to detect that too).
"""

import time
from collections.abc import Callable, Sequence
from typing import Self

import msgspec

from voiceprint.domain.consent import check_consent
from voiceprint.domain.speaker import EncoderIdentity, Enrollment, Profile, StoredSpeaker, new_id
from voiceprint.domain.vocabulary import Consent
from voiceprint.errors import ModelError, StoreError
from voiceprint.storage import last_change
from voiceprint.storage.engine import Place, create, exists, open_engine
from voiceprint.storage.last_change import SpeakerChange
from voiceprint.storage.manifest import Verified
from voiceprint.storage.receipts import Receipt, draft_receipt, sign_receipt
from voiceprint.storage.rows import Loaded, Mark, Rows
from voiceprint.storage.sealing.master_keys import MasterKeys
from voiceprint.storage.sealing.seals import Seals
from voiceprint.storage.sealing.settings import StoreSettings, StoreState
from voiceprint.storage.sealing.vault import Vault
from voiceprint.storage.servers import wait_for_servers
from voiceprint.storage.tables import Tables
from voiceprint.storage.transactions import Transactions

__all__ = ["Loaded", "Mark", "Store", "check_encoder", "has_store"]


def has_store(place: Place) -> bool:
    """Whether there is a store at a place, so that a key must exist. Raises StoreError."""
    return exists(place)


class Store(Transactions):
    """An open store, made by ``Store.open``. Thread-safe; several processes may open one place."""

    @classmethod
    def open(cls, place: Place, keys: MasterKeys, encoder: EncoderIdentity) -> Self:
        """The store of a place, created where there is none.

        Raises StoreError, KeyFileError (``key_wrong``), ModelError (``encoder_mismatch``).
        """
        if not has_store(place):
            cls.create(place, keys, StoreSettings.new(encoder))
        store = cls.open_existing(place, keys)
        try:
            check_encoder(store.name, store.encoder, encoder)
        except ModelError:
            store.close()
            raise
        return store

    @staticmethod
    def create(place: Place, keys: MasterKeys, settings: StoreSettings, *, store_id: str | None = None) -> None:
        """Create an empty store. ``store_id``: that of a store to restore. Raises StoreError."""
        store_id = store_id or new_id()
        seals = Seals(store_id, Vault(keys, store_id), settings)
        create(place, lambda tables: _fill(tables, seals))

    @classmethod
    def open_existing(cls, place: Place, keys: MasterKeys) -> Self:
        """The store of a place, whatever its encoder: for maintenance, not for recognition.

        Raises StoreError (also ``store_missing``), KeyFileError (``key_wrong``).
        """
        engine = open_engine(place)
        try:
            return cls(engine, keys)
        except BaseException:
            engine.close()
            raise

    @staticmethod
    def encoder_of(place: Place, keys: MasterKeys) -> EncoderIdentity | None:
        """The encoder of the store of a place; None without a store. Raises as ``open_existing``."""
        if not has_store(place):
            return None
        store = Store.open_existing(place, keys)
        store.close()
        return store.encoder

    # Reading

    def load(self, since: Mark | None = None, *, into: Callable[[StoredSpeaker], None] | None = None) -> Loaded:
        """All speakers, or those who changed since a mark; damaged ones are named and left out. Raises StoreError.

        ``into``: called with each, and none of them is kept in memory here.
        """
        with self.reading() as rows:
            return rows.load(since, into=into)

    def some(self, speaker_ids: Sequence[str], since: Mark) -> list[StoredSpeaker]:
        """Those of some speakers (at most 1,000) whose rows are sound, and not older than a mark. Raises StoreError."""
        with self.reading() as rows:
            return rows.some(speaker_ids, since)

    def content_hash(self, data: bytes) -> str:
        """Keyed hash of a recording, which recognises a repetition without storing the recording."""
        with self._lock:
            assert self._seals is not None
            return self._seals.content_hash(data)

    # Writing

    def add_speaker(
        self,
        name: str,
        enrollments: Sequence[Enrollment],
        *,
        consent: Consent | None = None,
        groups: tuple[str, ...] = (),
        enrolled_by: str | None = None,
    ) -> StoredSpeaker:
        """A new speaker, with a data key of their own.

        Raises StoreError, InputError (``bad_consent``).
        """
        check_consent(consent)
        profile = Profile(name=name, created_at=time.time(), groups=groups, enrolled_by=enrolled_by).agreed(consent)
        speaker = StoredSpeaker(new_id(), profile, tuple(enrollments))
        with self.writing() as rows:
            rows.write(speaker, 0, "enrolled", enrollments=len(enrollments))
            last_change.keep(rows, "enrolled", SpeakerChange.of(speaker.id, None, added=enrollments))
        return speaker

    def add_enrollments(
        self, speaker_id: str, enrollments: Sequence[Enrollment], *, consent: Consent | None = None
    ) -> StoredSpeaker:
        """The speaker with more enrollments and a new consent, if given; former ones are deleted.

        Raises StoreError: ``record_damaged``, ``speaker_gone``; InputError (``bad_consent``).
        """
        check_consent(consent)
        with self.writing() as rows:
            speaker, before = rows.read(speaker_id)
            profile = speaker.profile.agreed(consent) if consent else speaker.profile
            more = (*speaker.enrollments, *enrollments)
            changed = StoredSpeaker(speaker_id, profile, more)
            rows.write(changed, before, "updated", enrollments=len(enrollments))
            change = SpeakerChange.of(speaker_id, speaker.profile, added=enrollments, former=speaker.former)
            last_change.keep(rows, "updated", change)
        return changed

    def rename(self, speaker_id: str, name: str) -> StoredSpeaker:
        """The speaker under another name. Raises StoreError: ``record_damaged``, ``speaker_gone``."""
        return self._change(speaker_id, "renamed", lambda profile: msgspec.structs.replace(profile, name=name))

    def set_groups(self, speaker_id: str, groups: tuple[str, ...]) -> StoredSpeaker:
        """The speaker in other groups. Raises StoreError: ``record_damaged``, ``speaker_gone``."""
        return self._change(speaker_id, "grouped", lambda profile: msgspec.structs.replace(profile, groups=groups))

    def set_consent(self, speaker_id: str, consent: Consent | None) -> StoredSpeaker:
        """The speaker with another consent. Raises StoreError, InputError (``bad_consent``)."""
        check_consent(consent)
        return self._change(speaker_id, "consent", lambda profile: profile.agreed(consent))

    def touch(self, speaker_id: str, day: str) -> StoredSpeaker:
        """The speaker, last recognised on this day (YYYY-MM-DD); written once a day.

        Raises StoreError.
        """
        with self.reading() as rows:
            speaker, _ = rows.read(speaker_id)
        if speaker.profile.last_seen == day:
            return speaker
        return self._change(speaker_id, "seen", lambda profile: msgspec.structs.replace(profile, last_seen=day))

    def note(self, event: str, speaker_id: str | None = None, **details: str | int | float) -> None:
        """Append a line to the audit log, never with a name. Raises StoreError."""
        with self.writing() as rows:
            rows.note(event, speaker_id, **details)

    def forget(self, speaker_id: str, *, reason: str = "asked") -> Receipt:
        """The receipt of an erasure. Raises as ``erase``."""
        return self.receipts(self.erase(speaker_id, reason=reason))[0]

    def erase(self, speaker_id: str, *, reason: str) -> Receipt:
        """The draft of a receipt: the speaker's row destroyed, a tombstone left, the log cleared.

        Takes damaged speakers, too, and works on a full disk. Raises StoreError (``speaker_gone``).
        """
        try:
            return self._erase(speaker_id, reason)
        except StoreError as error:
            if error.code != "store_full" or not self._engine.give_room():
                raise
        return self._erase(speaker_id, reason)

    def receipts(self, *drafts: Receipt) -> tuple[Receipt, ...]:
        """The signed receipts of erasures, once the servers have confirmed them, or did not within a second."""
        if not drafts:
            return ()
        revision = max(draft.revision or 0 for draft in drafts)
        confirmed_by, unconfirmed = wait_for_servers(self, revision)
        return tuple(sign_receipt(draft, self, confirmed_by, unconfirmed) for draft in drafts)

    # Inside

    def _erase(self, speaker_id: str, reason: str) -> Receipt:
        with self.writing() as rows:
            records = rows.erase(speaker_id, reason)
        return draft_receipt(rows, speaker_id, reason=reason, records=records, log_cleared=self.clear_log())

    def _change(self, speaker_id: str, event: str, change: Callable[[Profile], Profile]) -> StoredSpeaker:
        with self.writing() as rows:
            speaker, before = rows.read(speaker_id)
            changed = msgspec.structs.replace(speaker, profile=change(speaker.profile))
            rows.write(changed, before, event)
            if event != "seen":
                last_change.keep(rows, event, SpeakerChange.of(speaker_id, speaker.profile))
        return changed


def _fill(tables: Tables, seals: Seals) -> None:
    tables.put_meta("store", seals.store_id.encode())
    tables.put_meta("settings", seals.seal_settings())
    tables.put_meta("state", seals.seal_state(StoreState(incarnation=new_id())))
    rows = Rows(tables, seals, Verified())
    rows.note("created")
    rows.save_state()


def check_encoder(name: str, belongs: EncoderIdentity, given: EncoderIdentity) -> None:
    """Refuse another encoder than the store's. Raises ModelError (``encoder_mismatch``)."""
    if belongs == given:
        return
    if belongs.id == given.id:
        raise ModelError(
            "encoder_mismatch",
            f"The store {name} belongs to another copy of the encoder {belongs.id} ({belongs.fingerprint[:12]}, not "
            f"{given.fingerprint[:12]}); bring that copy back, or use another --data folder.",
        )
    raise ModelError(
        "encoder_mismatch",
        f"The store {name} belongs to the encoder {belongs.id}, not to {given.id}; start with --encoder {belongs.id}, "
        "or use another --data folder.",
    )
