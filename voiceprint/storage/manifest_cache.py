"""Verified generations in memory, so that a change need not sum the whole manifest."""

from voiceprint.storage.sealing.settings import StoreState

__all__ = ["ManifestCache"]


class ManifestCache:
    """The generation of every speaker id, as summed up to the manifest of one state."""

    def __init__(self) -> None:
        self._at: tuple[int, bytes] | None = None
        self._generations: dict[str, int] = {}

    def holds(self, state: StoreState) -> bool:
        """Whether the cache is of this state."""
        return self._at == (state.revision, state.manifest)

    def generation(self, speaker_id: str) -> int:
        """The generation of a speaker; 0 for an unknown id."""
        return self._generations.get(speaker_id, 0)

    def fill(self, state: StoreState, generations: dict[str, int]) -> None:
        """Replace the cache."""
        self._at, self._generations = (state.revision, state.manifest), dict(generations)

    def move(self, state: StoreState, changed: dict[str, int]) -> None:
        """Apply the changes of a committed transaction; generation 0 removes a speaker."""
        for speaker_id, generation in changed.items():
            if generation:
                self._generations[speaker_id] = generation
            else:
                self._generations.pop(speaker_id, None)
        self._at = (state.revision, state.manifest)

    def clear(self) -> None:
        """Forget everything."""
        self._at, self._generations = None, {}
