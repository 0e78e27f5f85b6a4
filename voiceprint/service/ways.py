"""What leads to a speaker besides their id: a name, a recording, a group."""

from collections.abc import Iterable

from voiceprint.domain.names import name_key
from voiceprint.storage.snapshot.columns import Label

__all__ = ["Names", "Ways"]


class Names:
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


class Ways:
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
