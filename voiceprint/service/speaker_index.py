"""What is kept of every speaker while no scope of theirs is in memory: ids by group and by name."""

from collections.abc import Iterable

from voiceprint.domain.groups import Within
from voiceprint.domain.names import name_key
from voiceprint.domain.speaker import StoredSpeaker
from voiceprint.service.scope import bytes_of

__all__ = ["SpeakerIndex"]

# An id, its entries here, and its generation in the mark and in the manifest: docs/capacity.md tells the measurement.
_BYTES = 700


class SpeakerIndex:
    """``pending``: ids of the speakers pending reenrollment. Every change needs the lock of its owner."""

    def __init__(self) -> None:
        self.pending: set[str] = set()
        # Groups, hash of the name, and KiB in memory: small numbers are shared objects.
        self._entries: dict[str, tuple[tuple[str, ...], int, int]] = {}
        self._by_group: dict[str, set[str]] = {}
        self._by_name: dict[int, str] = {}
        self._groups: dict[tuple[str, ...], tuple[str, ...]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def bytes(self) -> int:
        """About what the index takes in memory."""
        return _BYTES * len(self._entries)

    @property
    def group_count(self) -> int:
        """Number of groups that have speakers."""
        return len(self._by_group)

    def ids(self) -> set[str]:
        """The ids of all speakers."""
        return set(self._entries)

    def groups(self, speaker_id: str) -> tuple[str, ...] | None:
        """The groups of a speaker; None for an unknown id."""
        entry = self._entries.get(speaker_id)
        return None if entry is None else entry[0]

    def named(self, name: str) -> str | None:
        """The id of the speaker of a name, or None."""
        return self._by_name.get(hash(name_key(name)))

    def in_groups(self, within: Within) -> set[str]:
        """Ids of the speakers in at least one of the groups; of all for None."""
        return self.ids() if within is None else set[str]().union(*(self._by_group.get(one, ()) for one in within))

    def bytes_of(self, speaker_ids: Iterable[str]) -> int:
        """About what these speakers would take in memory."""
        return 1024 * sum(self._entries[speaker_id][2] for speaker_id in speaker_ids)

    def put(self, speaker: StoredSpeaker) -> None:
        """Add a speaker, or replace one."""
        self.remove(speaker.id)
        groups = self._groups.setdefault(speaker.profile.groups, speaker.profile.groups)
        name, kibibytes = hash(name_key(speaker.name)), -(-bytes_of(speaker) // 1024)
        self._entries[speaker.id] = groups, name, kibibytes
        self._by_name[name] = speaker.id
        for group in groups:
            self._by_group.setdefault(group, set()).add(speaker.id)
        if speaker.pending_reenrollment:
            self.pending.add(speaker.id)

    def remove(self, speaker_id: str) -> None:
        """Remove a speaker; an unknown id changes nothing."""
        entry = self._entries.pop(speaker_id, None)
        if entry is None:
            return
        groups, name, _ = entry
        self.pending.discard(speaker_id)
        if self._by_name.get(name) == speaker_id:
            del self._by_name[name]
        for group in groups:
            self._by_group[group].discard(speaker_id)
            if not self._by_group[group]:
                del self._by_group[group]
