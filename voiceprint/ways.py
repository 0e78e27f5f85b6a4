"""What leads to a speaker besides their id: a name, a recording, a group."""

from collections.abc import Iterable

from voiceprint.names import name_key
from voiceprint.storage.people import Label

__all__ = ["Ways"]


class Ways:
    """From names, keyed hashes of recordings and groups to ids."""

    def __init__(self, labels: Iterable[Label]) -> None:
        self._by_name: dict[str, str] = {}
        self._by_content: dict[str, str] = {}
        self._by_group: dict[str, set[str]] = {}
        for label in labels:
            self.add(label)

    def named(self, name: str) -> str | None:
        return self._by_name.get(name_key(name))

    def with_content(self, content: str) -> str | None:
        return self._by_content.get(content)

    def in_groups(self, groups: Iterable[str]) -> set[str]:
        """Everybody who is in one of these at least."""
        return set[str]().union(*(self._by_group.get(group, ()) for group in groups))

    def add(self, label: Label) -> None:
        self._by_name[name_key(label.name)] = label.id
        self._by_content.update(dict.fromkeys(label.contents, label.id))
        for group in label.groups:
            self._by_group.setdefault(group, set()).add(label.id)

    def remove(self, label: Label) -> None:
        self._by_name.pop(name_key(label.name), None)
        for content in label.contents:
            self._by_content.pop(content, None)
        for group in label.groups:
            self._by_group[group].discard(label.id)
