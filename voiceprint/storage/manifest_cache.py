"""Verified generations in memory, so that a change need not sum the whole manifest."""

from collections.abc import Mapping
from types import MappingProxyType

from voiceprint.storage.sealing.settings import StoreState
from voiceprint.storage.snapshot.generations import Listed, part_of

__all__ = ["ManifestCache"]


class ManifestCache:
    """The generation of every speaker id, as summed up to the manifest of one state."""

    def __init__(self) -> None:
        self._at: tuple[int, bytes] | None = None
        self._generations: dict[str, int] = {}
        # Parts that no lookup has unfolded yet.
        self._listed: dict[str, Listed] = {}

    def holds(self, state: StoreState) -> bool:
        """Whether the cache is of this state."""
        return self._at == (state.revision, state.manifest)

    def generation(self, speaker_id: str) -> int:
        """The generation of a speaker; 0 for an unknown id."""
        self._unfold(speaker_id)
        return self._generations.get(speaker_id, 0)

    def fill(
        self, state: StoreState, generations: dict[str, int], listed: Mapping[str, Listed] = MappingProxyType({})
    ) -> None:
        """Replace the cache. ``listed``: parts that are not in ``generations``."""
        self._at = (state.revision, state.manifest)
        self._generations, self._listed = dict(generations), dict(listed)

    def move(self, state: StoreState, changed: dict[str, int]) -> None:
        """Apply the changes of a committed transaction; generation 0 removes a speaker."""
        for speaker_id, generation in changed.items():
            self._unfold(speaker_id)
            if generation:
                self._generations[speaker_id] = generation
            else:
                self._generations.pop(speaker_id, None)
        self._at = (state.revision, state.manifest)

    def clear(self) -> None:
        """Forget everything."""
        self._at, self._generations, self._listed = None, {}, {}

    def _unfold(self, speaker_id: str) -> None:
        listed = self._listed.pop(part_of(speaker_id), None)
        if listed is not None:
            self._generations.update(listed.unfold())
