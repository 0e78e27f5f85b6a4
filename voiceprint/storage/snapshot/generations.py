"""Speakers and their generations, part by part: one string for each part, quick to compare."""

from dataclasses import dataclass
from typing import Self

from voiceprint.storage.sqlite.parts import PartTable

__all__ = ["PARTS", "Listed", "listed", "part_of"]

PARTS = tuple(f"{number:02x}" for number in range(256))


def part_of(speaker_id: str) -> str:
    """The part that a speaker belongs into. Ids are random, so all parts are about as large."""
    return speaker_id[:2]


@dataclass(frozen=True, slots=True)
class Listed:
    """Ids and their generations, in the order of the ids, each joined by blanks."""

    ids: str
    generations: str

    @classmethod
    def of(cls, generations: dict[str, int]) -> Self:
        """The lists of a dictionary."""
        in_order = sorted(generations.items())
        return cls(" ".join(speaker_id for speaker_id, _ in in_order), " ".join(str(number) for _, number in in_order))

    def __len__(self) -> int:
        return _words(self.ids)

    def is_sound(self) -> bool:
        """Whether each id has a whole number."""
        numbers = self.generations.replace(" ", "")
        return _words(self.generations) == len(self) and (numbers.isdecimal() or not numbers)

    def unfold(self) -> dict[str, int]:
        """Generation by id."""
        return dict(zip(self.ids.split(), map(int, self.generations.split()), strict=True))


def listed(table: PartTable) -> dict[str, Listed] | None:
    """The lists of all parts; None where they cannot be read, or where a speaker is in no part."""
    found = table.member_lists(PARTS)
    if found is None:
        return None
    lists = {name: Listed(*both) for name, both in found[0].items()}
    return lists if sum(map(len, lists.values())) == found[1] and all(map(Listed.is_sound, lists.values())) else None


def _words(text: str) -> int:
    return text.count(" ") + 1 if text else 0
