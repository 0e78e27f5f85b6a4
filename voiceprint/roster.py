"""Who is enrolled, in memory: speakers by id, by name and by the recordings that they were enrolled from."""

from collections.abc import Iterable, Iterator

from voiceprint.names import name_key
from voiceprint.storage.records import StoredSpeaker

__all__ = ["Roster"]


class Roster:
    """Not safe to change from two threads at once; the service holds its lock around every change."""

    def __init__(self, speakers: Iterable[StoredSpeaker] = ()) -> None:
        self._by_id = {speaker.id: speaker for speaker in speakers}
        everybody = self._by_id.values()
        self._by_name = {name_key(speaker.profile.name): speaker.id for speaker in everybody}
        self._by_content = {one.content: who.id for who in everybody for one in who.enrollments if one.content}
        self._by_group: dict[str, set[str]] = {}
        for speaker in everybody:
            self._join_groups(speaker)

    def __iter__(self) -> Iterator[StoredSpeaker]:
        """By name."""
        return iter(sorted(self._by_id.values(), key=lambda speaker: (name_key(speaker.name), speaker.id)))

    def get(self, speaker_id: str) -> StoredSpeaker | None:
        return self._by_id.get(speaker_id)

    def named(self, name: str) -> StoredSpeaker | None:
        return self._by_id.get(self._by_name.get(name_key(name), ""))

    def with_content(self, content: str) -> StoredSpeaker | None:
        """The speaker who was enrolled from the recording of that keyed hash."""
        return self._by_id.get(self._by_content.get(content, ""))

    def in_groups(self, groups: Iterable[str]) -> set[str]:
        """The ids of everybody who is in one of these groups at least."""
        return set[str]().union(*(self._by_group.get(group, ()) for group in groups))

    def put(self, speaker: StoredSpeaker) -> None:
        """Add a speaker, or take in what changed about one."""
        self.remove(speaker.id)
        self._by_id[speaker.id] = speaker
        self._by_name[name_key(speaker.name)] = speaker.id
        self._by_content.update({entry.content: speaker.id for entry in speaker.enrollments if entry.content})
        self._join_groups(speaker)

    def remove(self, speaker_id: str) -> None:
        """Nothing happens for an id that is not there."""
        gone = self._by_id.pop(speaker_id, None)
        if gone is None:
            return
        self._by_name.pop(name_key(gone.name), None)
        for group in gone.profile.groups:
            self._by_group[group].discard(speaker_id)
        for entry in gone.enrollments:
            self._by_content.pop(entry.content, None)

    def _join_groups(self, speaker: StoredSpeaker) -> None:
        for group in speaker.profile.groups:
            self._by_group.setdefault(group, set()).add(speaker.id)
