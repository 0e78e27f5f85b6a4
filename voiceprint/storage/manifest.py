"""The manifest: the speakers that a store must hold, and the generation of each.

It detects rows put back or removed as a whole. The sealed state holds the sum over all speakers of a keyed hash of
(pseudonym, generation), and the audit log names the speaker of each change. Where the rows do not make that sum, the
log tells which speakers are wrong.

Summing 100,000 speakers takes a second. So a verified sum is cached in memory with its revision: while the sealed state
is at that revision, a change checks one speaker only, against the cache and not against the row.
"""

from dataclasses import dataclass, field

import msgspec

from voiceprint.errors import StoreError
from voiceprint.storage.audit_lines import expected_generations
from voiceprint.storage.sealing.seals import Seals
from voiceprint.storage.sealing.settings import StoreState
from voiceprint.storage.sealing.vault import SealBrokenError
from voiceprint.storage.tables import Tables

__all__ = ["MISSING", "Manifest", "Verified"]

_MODULUS = 1 << 256
# Before the pseudonym of a speaker without any row.
MISSING = "missing-"


@dataclass(slots=True)
class Verified:
    """The generation of every speaker id, as summed up to the manifest ``at`` a revision; nothing before."""

    at: tuple[int, bytes] | None = None
    generations: dict[str, int] = field(default_factory=dict)


class Manifest:
    """The manifest within one transaction.

    Changes return the state that follows; their caller keeps it.
    """

    def __init__(self, tables: Tables, seals: Seals, began: StoreState, verified: Verified) -> None:
        self._tables = tables
        self._seals = seals
        self._began = began
        self._verified = verified
        self._changed: dict[str, int] = {}
        self._all_changed = False

    # Reading

    def misplaced(self, state: StoreState, generations: dict[str, int]) -> set[str]:
        """Speakers put back or removed as a whole: ids, or ``missing-`` and a pseudonym.

        Raises StoreError (``store_damaged``) where the audit log does not tell either.
        """
        if self._total(generations) == state.manifest:
            if not self._changed and not self._all_changed:
                self._verified.at, self._verified.generations = _mark(self._began), dict(generations)
            return set()
        expected = expected_generations(self._tables, self._seals)
        if self._sum(expected) != state.manifest:
            raise StoreError(
                "store_damaged",
                "The store does not add up: rows were taken away or put back, and the audit log does not say which; "
                "restore a bundle into another folder.",
            )
        self._refuse_older_state(expected)
        there = {speaker_id: self._seals.pseudonym(speaker_id) for speaker_id in generations}
        wrong = {speaker_id for speaker_id, name in there.items() if expected.get(name) != generations.get(speaker_id)}
        return wrong | {MISSING + name for name in set(expected) - set(there.values())}

    def missing_name(self, speaker_id: str) -> str:
        """The name that ``misplaced`` gives a speaker without any row."""
        return MISSING + self._seals.pseudonym(speaker_id)

    def believed(self, speaker_id: str) -> int | None:
        """The verified generation of a speaker, 0 for an unknown id; None where nothing is verified."""
        if speaker_id in self._changed:
            return self._changed[speaker_id]
        return self._verified.generations.get(speaker_id, 0) if self.is_verified() else None

    def is_verified(self) -> bool:
        """Whether all generations were summed up at the state that the transaction began with."""
        return self._verified.at == _mark(self._began) and not self._all_changed

    # Writing

    def move(self, state: StoreState, speaker_id: str, before: int, after: int) -> StoreState:
        """The state after a speaker's change.

        Raises StoreError (``record_damaged``) for a row put back.
        """
        believed = self.believed(speaker_id)
        if believed is not None and believed != before:
            raise StoreError("record_damaged", f"The record {speaker_id} was put back; it was not changed.")
        self._changed[speaker_id] = after
        return self._shifted(state, self._seals.pseudonym(speaker_id), before, after)

    def remove(self, state: StoreState, speaker_id: str) -> tuple[str, StoreState]:
        """The pseudonym of a speaker, also of a damaged or missing one, and the state without them.

        Raises StoreError: ``speaker_gone``, ``store_damaged``.
        """
        pseudonym = self._seals.pseudonym(speaker_id)
        believed = self.believed(speaker_id)
        if believed:
            return pseudonym, self.move(state, speaker_id, believed, 0)
        generations = self._tables.generations()
        wrong = self.misplaced(state, generations)
        if speaker_id not in generations and speaker_id not in wrong:
            raise StoreError("speaker_gone", "The speaker is not in the store any more.")
        if speaker_id.startswith(MISSING):
            pseudonym = speaker_id.removeprefix(MISSING)
        # Where something is wrong the row may lie; the log does not.
        expected = expected_generations(self._tables, self._seals) if wrong else {}
        before = expected.get(pseudonym, 0) if wrong else generations.get(speaker_id, 0)
        self._all_changed |= bool(wrong)  # nothing is cached of a store that did not add up
        self._changed[speaker_id] = 0
        return pseudonym, self._shifted(state, pseudonym, before, 0)

    def rebuilt(self, state: StoreState) -> StoreState:
        """The state after all speakers were replaced."""
        self._all_changed = True
        return _with_manifest(state, self._total(self._tables.generations()))

    def settle(self, state: StoreState) -> None:
        """Cache the changes of a transaction that was committed with this state."""
        if self._all_changed:
            self._verified.at, self._verified.generations = None, {}
        elif self.is_verified():
            self._verified.at = _mark(state)
            self._verified.generations |= self._changed
            for speaker_id in [one for one, generation in self._changed.items() if not generation]:
                del self._verified.generations[speaker_id]

    # Inside

    def _refuse_older_state(self, expected: dict[str, int]) -> None:
        """Refuse a genuine key newer than the log: then state and log are the ones put back."""
        for speaker_id, generation, key, _ in self._tables.speakers():
            if generation > expected.get(self._seals.pseudonym(speaker_id), generation):
                try:
                    self._seals.open_key(speaker_id, generation, key)
                except SealBrokenError:
                    continue
                raise StoreError(
                    "store_damaged",
                    "The store's log was put back to an earlier state than its speakers; restore a bundle into "
                    "another folder.",
                )

    def _shifted(self, state: StoreState, pseudonym: str, before: int, after: int) -> StoreState:
        total = int.from_bytes(state.manifest, "big")
        total += self._seals.manifest_part(pseudonym, after) if after else 0
        total -= self._seals.manifest_part(pseudonym, before) if before else 0
        return _with_manifest(state, (total % _MODULUS).to_bytes(32, "big"))

    def _total(self, generations: dict[str, int]) -> bytes:
        """The sum over all speakers, by way of the verified one and what differs from it."""
        verified = self._verified.generations
        total = int.from_bytes(self._verified.at[1] if self._verified.at else b"", "big")
        for speaker_id, generation in (generations.items() ^ verified.items()) if verified else generations.items():
            part = self._seals.manifest_part(self._seals.pseudonym(speaker_id), generation)
            total += part if generations.get(speaker_id) == generation else -part
        return (total % _MODULUS).to_bytes(32, "big")

    def _sum(self, by_pseudonym: dict[str, int]) -> bytes:
        total = sum(self._seals.manifest_part(name, number) for name, number in by_pseudonym.items())
        return (total % _MODULUS).to_bytes(32, "big")


def _mark(state: StoreState) -> tuple[int, bytes]:
    return state.revision, state.manifest


def _with_manifest(state: StoreState, manifest: bytes) -> StoreState:
    return msgspec.structs.replace(state, manifest=manifest, revision=state.revision + 1)
