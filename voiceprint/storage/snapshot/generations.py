"""Who is in a store at which generation, as the rows of one part say: one string for all of them, quick to compare."""

import sqlite3
from dataclasses import dataclass
from typing import Self

from voiceprint.storage.sqlite.database import is_corrupt, typed_rows

__all__ = ["PARTS", "Listed", "listed", "part_of"]

PARTS = tuple(f"{number:02x}" for number in range(256))
# In the order of the index; in any other the lists only differ from those that were sealed.
_LISTED = (
    "SELECT coalesce(group_concat(speaker_id, ' '), ''), coalesce(group_concat(generation, ' '), '')"
    " FROM keys INDEXED BY generations WHERE speaker_id >= ? AND speaker_id < ?"
)


def part_of(speaker_id: str) -> str:
    """Which part a speaker is in: ids are random, so that all parts are about as large."""
    return speaker_id[:2]


@dataclass(frozen=True, slots=True)
class Listed:
    """Ids, and the generation of each, in the order of the ids and with a blank between them."""

    ids: str
    generations: str

    @classmethod
    def of(cls, generations: dict[str, int]) -> Self:
        in_order = sorted(generations.items())
        return cls(" ".join(who for who, _ in in_order), " ".join(str(number) for _, number in in_order))

    def __len__(self) -> int:
        return _words(self.ids)

    def is_sound(self) -> bool:
        """Whether each id has a whole number."""
        numbers = self.generations.replace(" ", "")
        return _words(self.generations) == len(self) and (numbers.isdecimal() or not numbers)

    def unfold(self) -> dict[str, int]:
        return dict(zip(self.ids.split(), map(int, self.generations.split()), strict=True))


def _words(text: str) -> int:
    return text.count(" ") + 1 if text else 0


def listed(database: sqlite3.Connection) -> dict[str, Listed] | None:
    """By part; None where somebody is in none of them, or where the list cannot be read."""
    try:
        found = {name: typed_rows(database, _LISTED, (str, str), name, f"{name}g") for name in PARTS}
        ((everybody,),) = database.execute("SELECT count(*) FROM keys").fetchall()
    except sqlite3.DatabaseError as error:
        if not is_corrupt(error):
            raise
        return None
    lists = {name: Listed(*rows[0]) for name, rows in found.items()}
    return lists if sum(map(len, lists.values())) == everybody and all(map(Listed.is_sound, lists.values())) else None
