"""Speaker directory: enrolled speakers by id, name, group and enrolled recording, in memory."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import chain

from voiceprint.domain.names import name_key
from voiceprint.domain.speaker import StoredSpeaker
from voiceprint.storage.snapshot.columns import Label, SpeakerBatch

__all__ = ["SpeakerDirectory"]


class NameIndex:
    """Speaker ids by name."""

    def __init__(self, named: Iterable[tuple[str, str]]) -> None:
        """``named``: pairs of name and id."""
        self._by_name = {name_key(name): speaker_id for name, speaker_id in named}

    def named(self, name: str) -> str | None:
        return self._by_name.get(name_key(name))

    def add(self, label: Label) -> None:
        self._by_name[name_key(label.name)] = label.id

    def remove(self, label: Label) -> None:
        self._by_name.pop(name_key(label.name), None)


class ContentAndGroupIndex:
    """Speaker ids by keyed hash of a recording, and by group."""

    def __init__(self, labels: Iterable[Label]) -> None:
        self._by_content: dict[str, str] = {}
        self._by_group: dict[str, set[str]] = {}
        for label in labels:
            self.add(label)

    def with_content(self, content: str) -> str | None:
        return self._by_content.get(content)

    def in_groups(self, groups: Iterable[str]) -> set[str]:
        """Ids of the speakers in at least one of the groups."""
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
    """Lookups by id need no lock; every other lookup and every change needs the service's lock.

    A speaker is read from the batch that they were loaded with at each lookup, until they are changed or removed: then
    the batch is replaced by one without them. The indexes by name, group and recording are built at their first use.
    """

    def __init__(self, batches: Iterable[SpeakerBatch] = ()) -> None:
        self._by_id: dict[str, StoredSpeaker | SpeakerBatch] = {}
        for batch in batches:
            self._by_id.update(dict.fromkeys(batch.ids, batch))

    def __iter__(self) -> Iterator[StoredSpeaker]:
        """All speakers, by name."""
        speakers = [*self._changed(), *chain.from_iterable(batch.speakers() for batch in self.batches())]
        return iter(sorted(speakers, key=lambda speaker: (name_key(speaker.name), speaker.id)))

    def get(self, speaker_id: str) -> StoredSpeaker | None:
        found = self._by_id.get(speaker_id)
        return found.speaker(speaker_id) if isinstance(found, SpeakerBatch) else found

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
        self._leave_batch(speaker.id)
        self._by_id[speaker.id] = speaker
        for index in self._indexes():
            if before is not None:
                index.remove(Label.of(before))
            index.add(Label.of(speaker))

    def remove(self, speaker_id: str) -> None:
        """Remove a speaker; an unknown id changes nothing."""
        gone = self.get(speaker_id)
        if gone is not None:
            self._leave_batch(speaker_id)
            del self._by_id[speaker_id]
            for index in self._indexes():
                index.remove(Label.of(gone))

    def _leave_batch(self, speaker_id: str) -> None:
        """Replace the speaker's batch, if any, by one without the speaker."""
        found = self._by_id.get(speaker_id)
        if isinstance(found, SpeakerBatch):
            others = found.only({*found.ids} - {speaker_id})
            self._by_id.update(dict.fromkeys(others.ids, others))

    def _indexes(self) -> list[NameIndex | ContentAndGroupIndex]:
        """The indexes built so far."""
        return [self.__dict__[name] for name in ("_names", "_labels") if name in self.__dict__]

    @cached_property
    def _names(self) -> NameIndex:
        sealed = chain.from_iterable(zip(batch.names(), batch.ids, strict=True) for batch in self.batches())
        return NameIndex(chain(sealed, ((speaker.name, speaker.id) for speaker in self._changed())))

    @cached_property
    def _labels(self) -> ContentAndGroupIndex:
        labels = chain.from_iterable(batch.labels() for batch in self.batches())
        return ContentAndGroupIndex(chain(labels, map(Label.of, self._changed())))

    def batches(self) -> set[SpeakerBatch]:
        """The batches of the speakers unchanged since they were loaded."""
        return {found for found in self._by_id.values() if isinstance(found, SpeakerBatch)}

    def _changed(self) -> list[StoredSpeaker]:
        return [found for found in self._by_id.values() if not isinstance(found, SpeakerBatch)]
