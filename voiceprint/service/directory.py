"""Who is enrolled, in memory: speakers by id, by name and by the recordings that they were enrolled from."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import chain

from voiceprint.domain.names import name_key
from voiceprint.domain.speaker import StoredSpeaker
from voiceprint.storage.snapshot.columns import Label, SpeakerBatch

__all__ = ["SpeakerDirectory"]


class NameIndex:
    """From names to ids."""

    def __init__(self, named: Iterable[tuple[str, str]]) -> None:
        """``named``: names and ids."""
        self._by_name = {name_key(name): speaker_id for name, speaker_id in named}

    def named(self, name: str) -> str | None:
        return self._by_name.get(name_key(name))

    def add(self, label: Label) -> None:
        self._by_name[name_key(label.name)] = label.id

    def remove(self, label: Label) -> None:
        self._by_name.pop(name_key(label.name), None)


class ContentAndGroupIndex:
    """From keyed hashes of recordings, and from groups, to ids."""

    def __init__(self, labels: Iterable[Label]) -> None:
        self._by_content: dict[str, str] = {}
        self._by_group: dict[str, set[str]] = {}
        for label in labels:
            self.add(label)

    def with_content(self, content: str) -> str | None:
        return self._by_content.get(content)

    def in_groups(self, groups: Iterable[str]) -> set[str]:
        """Everybody who is in one of these at least."""
        return set[str]().union(*(self._by_group.get(group, ()) for group in groups))

    def add(self, label: Label) -> None:
        self._by_content.update(dict.fromkeys(label.contents, label.id))
        for group in label.groups:
            self._by_group.setdefault(group, set()).add(label.id)

    def remove(self, label: Label) -> None:
        for content in label.contents:
            self._by_content.pop(content, None)
        for group in label.groups:
            self._by_group[group].discard(label.id)


class SpeakerDirectory:
    """Whoever looks for anything but an id, and whoever changes it, holds the service's lock.

    A speaker is read from the people that they came with whenever they are asked for, until they are put here anew or
    removed; then nothing of them stays among those. What leads from a name, a group or a recording to an id is made
    when it is first asked for.
    """

    def __init__(self, people: Iterable[SpeakerBatch] = ()) -> None:
        self._by_id: dict[str, StoredSpeaker | SpeakerBatch] = {}
        for some in people:
            self._by_id.update(dict.fromkeys(some.ids, some))

    def __iter__(self) -> Iterator[StoredSpeaker]:
        """By name."""
        everybody = [*self._put(), *chain.from_iterable(some.speakers() for some in self.people())]
        return iter(sorted(everybody, key=lambda speaker: (name_key(speaker.name), speaker.id)))

    def get(self, speaker_id: str) -> StoredSpeaker | None:
        found = self._by_id.get(speaker_id)
        return found.speaker(speaker_id) if isinstance(found, SpeakerBatch) else found

    def named(self, name: str) -> StoredSpeaker | None:
        return self.get(self._names.named(name) or "")

    def with_content(self, content: str) -> StoredSpeaker | None:
        """The speaker who was enrolled from the recording of that keyed hash."""
        return self.get(self._ways.with_content(content) or "")

    def in_groups(self, groups: Iterable[str]) -> set[str]:
        """The ids of everybody who is in one of these groups at least."""
        return self._ways.in_groups(groups)

    def put(self, speaker: StoredSpeaker) -> None:
        """Add a speaker, or take in what changed about one."""
        before = self.get(speaker.id)
        self._take_out(speaker.id)
        self._by_id[speaker.id] = speaker
        for table in self._tables():
            if before is not None:
                table.remove(Label.of(before))
            table.add(Label.of(speaker))

    def remove(self, speaker_id: str) -> None:
        """Nothing happens for an id that is not there."""
        gone = self.get(speaker_id)
        if gone is not None:
            self._take_out(speaker_id)
            del self._by_id[speaker_id]
            for table in self._tables():
                table.remove(Label.of(gone))

    def _take_out(self, speaker_id: str) -> None:
        """From the people that the speaker came with, if it is so; until then whoever reads finds them there."""
        found = self._by_id.get(speaker_id)
        if isinstance(found, SpeakerBatch):
            others = found.only({*found.ids} - {speaker_id})
            self._by_id.update(dict.fromkeys(others.ids, others))

    def _tables(self) -> list[NameIndex | ContentAndGroupIndex]:
        """Those that were asked for before."""
        return [self.__dict__[name] for name in ("_names", "_ways") if name in self.__dict__]

    @cached_property
    def _names(self) -> NameIndex:
        sealed = chain.from_iterable(zip(some.names(), some.ids, strict=True) for some in self.people())
        return NameIndex(chain(sealed, ((speaker.name, speaker.id) for speaker in self._put())))

    @cached_property
    def _ways(self) -> ContentAndGroupIndex:
        labels = chain.from_iterable(some.labels() for some in self.people())
        return ContentAndGroupIndex(chain(labels, map(Label.of, self._put())))

    def people(self) -> set[SpeakerBatch]:
        """Whom nothing has changed about, as they came."""
        return {found for found in self._by_id.values() if isinstance(found, SpeakerBatch)}

    def _put(self) -> list[StoredSpeaker]:
        return [found for found in self._by_id.values() if not isinstance(found, SpeakerBatch)]
