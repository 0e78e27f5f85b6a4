"""Speaker directory: enrolled speakers by id, name, group and enrolled recording, in memory."""

from collections.abc import Iterable, Iterator
from functools import cached_property

from voiceprint.domain.names import name_key
from voiceprint.domain.speaker import StoredSpeaker

__all__ = ["SpeakerDirectory"]


class NameIndex:
    """Speaker ids by name."""

    def __init__(self, speakers: Iterable[StoredSpeaker]) -> None:
        self._by_name = {name_key(speaker.name): speaker.id for speaker in speakers}

    def named(self, name: str) -> str | None:
        return self._by_name.get(name_key(name))

    def add(self, speaker: StoredSpeaker) -> None:
        self._by_name[name_key(speaker.name)] = speaker.id

    def remove(self, speaker: StoredSpeaker) -> None:
        self._by_name.pop(name_key(speaker.name), None)


class ContentAndGroupIndex:
    """Speaker ids by keyed hash of a recording, and by group."""

    def __init__(self, speakers: Iterable[StoredSpeaker]) -> None:
        self._by_content: dict[str, str] = {}
        self._by_group: dict[str, set[str]] = {}
        for speaker in speakers:
            self.add(speaker)

    def with_content(self, content: str) -> str | None:
        return self._by_content.get(content)

    def in_groups(self, groups: Iterable[str]) -> set[str]:
        """Ids of the speakers in at least one of the groups."""
        return set[str]().union(*(self._by_group.get(group, ()) for group in groups))

    def add(self, speaker: StoredSpeaker) -> None:
        self._by_content.update(dict.fromkeys(_contents(speaker), speaker.id))
        for group in speaker.profile.groups:
            self._by_group.setdefault(group, set()).add(speaker.id)

    def remove(self, speaker: StoredSpeaker) -> None:
        for content in _contents(speaker):
            self._by_content.pop(content, None)
        for group in speaker.profile.groups:
            self._by_group[group].discard(speaker.id)


class SpeakerDirectory:
    """Lookups by id need no lock; every other lookup and every change needs the service's lock.

    The indexes by name, group and recording are built at their first use.
    """

    def __init__(self, speakers: Iterable[StoredSpeaker] = ()) -> None:
        self._by_id = {speaker.id: speaker for speaker in speakers}

    def __iter__(self) -> Iterator[StoredSpeaker]:
        """All speakers, by name."""
        return iter(sorted(self._by_id.values(), key=lambda speaker: (name_key(speaker.name), speaker.id)))

    def ids(self) -> set[str]:
        """The ids of all speakers."""
        return set(self._by_id)

    def get(self, speaker_id: str) -> StoredSpeaker | None:
        return self._by_id.get(speaker_id)

    def named(self, name: str) -> StoredSpeaker | None:
        return self.get(self._names.named(name) or "")

    def with_content(self, content: str) -> StoredSpeaker | None:
        """The speaker enrolled from the recording of a keyed hash, or None."""
        return self.get(self._labels.with_content(content) or "")

    def in_groups(self, groups: Iterable[str]) -> set[str]:
        """Ids of the speakers in at least one of the groups."""
        return self._labels.in_groups(groups)

    def put(self, speaker: StoredSpeaker) -> None:
        """Add a speaker, or replace one."""
        before = self.get(speaker.id)
        self._by_id[speaker.id] = speaker
        for index in self._indexes():
            if before is not None:
                index.remove(before)
            index.add(speaker)

    def remove(self, speaker_id: str) -> None:
        """Remove a speaker; an unknown id changes nothing."""
        gone = self._by_id.pop(speaker_id, None)
        if gone is not None:
            for index in self._indexes():
                index.remove(gone)

    def _indexes(self) -> list[NameIndex | ContentAndGroupIndex]:
        """The indexes built so far."""
        return [self.__dict__[name] for name in ("_names", "_labels") if name in self.__dict__]

    @cached_property
    def _names(self) -> NameIndex:
        return NameIndex(self._by_id.values())

    @cached_property
    def _labels(self) -> ContentAndGroupIndex:
        return ContentAndGroupIndex(self._by_id.values())


def _contents(speaker: StoredSpeaker) -> list[str]:
    return [one.content for one in speaker.enrollments if one.content]
