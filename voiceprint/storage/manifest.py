"""Who should be in a store, and at which generation: rows put back or taken away as a whole do not add up.

The store's sealed state holds the sum over all speakers of a keyed hash of (pseudonym, generation); the audit log says
of every change whose it was. Where the rows do not make that sum, the log says who is wrong.

Adding up everybody takes a second for 100,000 speakers. So what added up is remembered in memory, with the revision at
which it did: as long as the sealed state is at that revision, a change needs to look at one speaker only, and believes
what is remembered and not what the row says.
"""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from voiceprint.errors import StoreError
from voiceprint.storage.sealing.settings import StoreState
from voiceprint.storage.sealing.vault import SealBrokenError
from voiceprint.storage.snapshot.generations import Listed, part_of
from voiceprint.storage.tables import Tables

__all__ = ["MISSING", "Manifest", "ManifestCache"]

_MODULUS = 1 << 256
MISSING = "missing-"


class ManifestCache:
    """The generation of every speaker id, as they added up at one state of the store."""

    def __init__(self) -> None:
        self._at: tuple[int, bytes] | None = None
        self._generations: dict[str, int] = {}
        # Of these parts nobody has been asked for yet.
        self._listed: dict[str, Listed] = {}

    def holds(self, state: StoreState) -> bool:
        """Whether it is of that state."""
        return self._at == (state.revision, state.manifest)

    def generation(self, speaker_id: str) -> int:
        """0 for who is not there."""
        self._unfold(speaker_id)
        return self._generations.get(speaker_id, 0)

    def take(
        self, state: StoreState, generations: dict[str, int], listed: Mapping[str, Listed] = MappingProxyType({})
    ) -> None:
        """``listed``: parts of which ``generations`` says nothing."""
        self._at = (state.revision, state.manifest)
        self._generations, self._listed = dict(generations), dict(listed)

    def move(self, state: StoreState, changed: dict[str, int]) -> None:
        """What a transaction changed, once it is on disk."""
        for speaker_id, generation in changed.items():
            self._unfold(speaker_id)
            if generation:
                self._generations[speaker_id] = generation
            else:
                self._generations.pop(speaker_id, None)
        self._at = (state.revision, state.manifest)

    def drop(self) -> None:
        self._at, self._generations, self._listed = None, {}, {}

    def _unfold(self, speaker_id: str) -> None:
        listed = self._listed.pop(part_of(speaker_id), None)
        if listed is not None:
            self._generations.update(listed.unfold())


class Manifest:
    """The manifest within one transaction."""

    def __init__(self, tables: Tables, remembered: ManifestCache) -> None:
        self._tables = tables
        self._remembered = remembered
        self._began = tables.state
        self._changed: dict[str, int] = {}
        self._everybody_changed = False

    # Reading

    def misplaced(self, generations: dict[str, int]) -> set[str]:
        """Who was put back, rolled back or taken away as a whole: ids, or ``missing-`` and a pseudonym.

        Raises StoreError (``store_damaged``) where the audit log does not say either what should be there.
        """
        tables = self._tables
        if self._sum(self._named(generations)) == tables.state.manifest:
            if not self._changed and not self._everybody_changed:
                self._remembered.take(self._began, generations)
            return set()
        expected = tables.expected_generations()
        if self._sum(expected) != tables.state.manifest:
            raise StoreError(
                "store_damaged",
                "The store does not add up: rows were taken away or put back, and the audit log does not say which; "
                "restore a bundle into another folder.",
            )
        self._refuse_older_state(expected)
        there = {who: tables.seals.pseudonym(who) for who in tables.speakers_with_records() | set(generations)}
        wrong = {who for who, name in there.items() if expected.get(name) != generations.get(who)}
        return wrong | {MISSING + name for name in set(expected) - set(there.values())}

    def adds_up(self, listed: dict[str, Listed], total: int) -> bool:
        """As ``misplaced``, for who knows already what everybody adds to the manifest, all together."""
        same = (total % _MODULUS).to_bytes(32, "big") == self._tables.state.manifest
        if same and not self._changed and not self._everybody_changed:
            self._remembered.take(self._began, {}, listed)
        return same

    def part(self, speaker_id: str, generation: int) -> int:
        """What one speaker adds to the manifest."""
        return self._tables.seals.manifest_part(self._tables.seals.pseudonym(speaker_id), generation)

    def missing_name(self, speaker_id: str) -> str:
        """What ``misplaced`` calls a speaker of whom nothing is left."""
        return MISSING + self._tables.seals.pseudonym(speaker_id)

    def believed(self, speaker_id: str) -> int | None:
        """The generation that the speaker must be at, 0 for nobody; None where that is not remembered."""
        if speaker_id in self._changed:
            return self._changed[speaker_id]
        known = self._remembered.holds(self._began) and not self._everybody_changed
        return self._remembered.generation(speaker_id) if known else None

    # Writing

    def move(self, speaker_id: str, before: int, after: int) -> None:
        """A speaker went from one generation to the next. Raises StoreError (``record_damaged``) for a row put back."""
        believed = self.believed(speaker_id)
        if believed is not None and believed != before:
            raise StoreError("record_damaged", f"The record {speaker_id} was put back; it was not changed.")
        self._changed[speaker_id] = after
        self._shift(self._tables.seals.pseudonym(speaker_id), before, after)

    def take_out(self, speaker_id: str) -> str:
        """Take a speaker out, also one that is damaged or missing; returns the pseudonym.

        Raises StoreError: ``speaker_gone``, ``store_damaged``.
        """
        tables = self._tables
        believed = self.believed(speaker_id)
        if believed:
            self.move(speaker_id, believed, 0)
            return tables.seals.pseudonym(speaker_id)
        generations = tables.generations()
        wrong = self.misplaced(generations)
        if speaker_id not in generations and speaker_id not in wrong and not tables.has_records(speaker_id):
            raise StoreError("speaker_gone", "The speaker is not in the store any more.")
        missing = speaker_id.startswith(MISSING)
        pseudonym = speaker_id.removeprefix(MISSING) if missing else tables.seals.pseudonym(speaker_id)
        # Where something is wrong the row may lie; the log does not.
        before = tables.expected_generations().get(pseudonym, 0) if wrong else generations.get(speaker_id, 0)
        self._everybody_changed |= bool(wrong)  # nothing is remembered of a store that did not add up
        self._changed[speaker_id] = 0
        self._shift(pseudonym, before, 0)
        return pseudonym

    def reset(self) -> None:
        """After everybody was changed at once."""
        self._everybody_changed = True
        manifest = self._sum(self._named(self._tables.generations()))
        self._set(manifest)

    def settle(self) -> None:
        """The transaction is on disk: remember what it changed."""
        if self._everybody_changed:
            self._remembered.drop()
        elif self._remembered.holds(self._began):
            self._remembered.move(self._tables.state, self._changed)

    # Inside

    def _refuse_older_state(self, expected: dict[str, int]) -> None:
        """A genuine key ring that is newer than what the log knows: state and log are the ones that were put back."""
        seals = self._tables.seals
        for speaker_id, generation, token in self._tables.keys():  # noqa: SIM118 - no mapping
            if generation > expected.get(seals.pseudonym(speaker_id), generation):
                try:
                    seals.open_ring(speaker_id, generation, token)
                except SealBrokenError:
                    continue
                raise StoreError(
                    "store_damaged",
                    "The store's log was put back to an earlier state than its speakers; restore a bundle into "
                    "another folder.",
                )

    def _shift(self, pseudonym: str, before: int, after: int) -> None:
        seals, total = self._tables.seals, int.from_bytes(self._tables.state.manifest, "big")
        total += seals.manifest_part(pseudonym, after) if after else 0
        total -= seals.manifest_part(pseudonym, before) if before else 0
        self._set((total % _MODULUS).to_bytes(32, "big"))

    def _set(self, manifest: bytes) -> None:
        state = self._tables.state
        self._tables.state = msgspec.structs.replace(state, manifest=manifest, revision=state.revision + 1)

    def _named(self, generations: dict[str, int]) -> dict[str, int]:
        return {self._tables.seals.pseudonym(speaker_id): number for speaker_id, number in generations.items()}

    def _sum(self, named: dict[str, int]) -> bytes:
        total = sum(self._tables.seals.manifest_part(name, number) for name, number in named.items())
        return (total % _MODULUS).to_bytes(32, "big")
