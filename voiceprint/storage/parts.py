"""Everybody once more, in a few hundred large seals, so that a start need not open three small ones a speaker.

A part holds whoever's id begins with the same two digits, as they were at the generations that it names. It is sealed
under a random key of its own, and that key under the wrapping key; whoever is erased takes the whole part with them, in
the same transaction. A part is never asked who is there: the rows and the sealed state say so. Whoever has the same
generation in both is taken from the part, everybody else is opened from the rows. Where somebody does not open, or all
together do not make the manifest, or a mark of the forgotten is missing, no part is used at all.
"""

import hashlib
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

import msgspec

from voiceprint.errors import StoreError
from voiceprint.storage.database import is_corrupt, typed_rows
from voiceprint.storage.packing import PackedPerson
from voiceprint.storage.records import StoredSpeaker
from voiceprint.storage.rows import Loaded, Rows
from voiceprint.storage.vault import Context, SealBrokenError, open_block, seal_block

__all__ = ["PARTS", "Basis", "Part", "has_part", "in_part", "load_parts", "open_part", "open_people", "put_part"]

PARTS = tuple(f"{number:02x}" for number in range(256))


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What lies inside the seal of a part. ``marks``: those that would forbid each of its people; ``manifest``: what
    they add to it.
    """

    generations: tuple[int, ...]
    people: tuple[PackedPerson, ...]
    marks: tuple[str, ...]
    manifest: bytes

    def __repr__(self) -> str:
        return f"Part({len(self.people)} speakers)"

    def at(self) -> dict[str, int]:
        """Who is in it, at which generation."""
        return {person.id: generation for person, generation in zip(self.people, self.generations, strict=True)}


@dataclass(frozen=True, slots=True)
class Basis:
    """Under the same settings, and within one lineage, one generation of a speaker is always the same."""

    settings: str
    lineage: str

    @classmethod
    def of(cls, rows: Rows) -> Self:
        return cls(hashlib.sha256(rows.seals.settings.pack()).hexdigest(), rows.state.lineage)


def load_parts(rows: Rows) -> Loaded | None:
    """Everybody; None where the parts are of no use, or not enough. Raises StoreError."""
    found = [part for name in _names(rows) if (part := open_part(rows, name)) is not None]
    marks = rows.marks()
    if not found or len(marks) != rows.state.epoch or any(not marks.isdisjoint(part.marks) for part in found):
        return None
    generations = rows.generations()
    left, total = dict(generations), 0
    packed: list[PackedPerson] = []
    for part in found:
        total += int.from_bytes(part.manifest, "big")
        for person, generation in zip(part.people, part.generations, strict=True):
            if left.get(person.id) == generation:
                del left[person.id]
                packed.append(person)
            else:
                total -= rows.manifest.part(person.id, generation)
    if len(left) > len(packed):
        return None
    total += sum(rows.manifest.part(*one) for one in left.items())
    if not rows.manifest.adds_up(generations, total):
        return None
    opened = open_people(rows, left, marks)
    if len(opened.speakers) < len(left):  # also where an index no longer leads to somebody who is there
        return None
    return Loaded((*(person.speaker() for person in packed), *opened.speakers), ())


def open_people(rows: Rows, ids: Iterable[str], marks: set[str]) -> Loaded:
    """Some speakers, from their rows. ``marks``: of everybody who was forgotten."""
    speakers, damaged = [], list[str]()
    for speaker_id in ids:
        try:
            speaker, _ = rows.read(speaker_id)
        except StoreError as error:
            damaged += [] if error.code == "speaker_gone" else [speaker_id]
            continue
        except sqlite3.DatabaseError as error:
            if not is_corrupt(error):
                raise
            damaged.append(speaker_id)
            continue
        if marks.isdisjoint(rows.seals.marks(speaker_id)):
            speakers.append(speaker)
        else:
            damaged.append(speaker_id)
    return Loaded(tuple(speakers), tuple(sorted(damaged)))


def in_part(rows: Rows, name: str) -> dict[str, int]:
    """Who belongs into a part, at which generation, as the rows say."""
    sql = "SELECT speaker_id, generation FROM keys WHERE speaker_id >= ? AND speaker_id < ?"
    return dict(typed_rows(rows.database, sql, (str, int), name, f"{name}g"))


def open_part(rows: Rows, name: str) -> Part | None:
    """None where there is none that opens here."""
    try:
        found = typed_rows(rows.database, "SELECT key, block FROM parts WHERE part = ?", (bytes, bytes), name)
        for token, block in found:
            key = rows.seals.vault.unwrap(_key_context(rows, name), token)
            return _decoder.decode(open_block(key, _block_context(rows, name), block))
    except (SealBrokenError, msgspec.DecodeError):
        return None
    except sqlite3.DatabaseError as error:
        if not is_corrupt(error):
            raise
    return None


def put_part(rows: Rows, name: str, people: Mapping[str, tuple[StoredSpeaker, int]]) -> None:
    """Seal a part: who is in it, as the rows hold them at which generation."""
    part = Part(
        generations=tuple(generation for _, generation in people.values()),
        people=tuple(PackedPerson.of(speaker) for speaker, _ in people.values()),
        marks=tuple(mark for speaker_id in people for mark in rows.seals.marks(speaker_id)),
        manifest=sum(rows.manifest.part(who, generation) for who, (_, generation) in people.items()).to_bytes(
            40, "big"
        ),
    )
    key, block = seal_block(_block_context(rows, name), msgspec.msgpack.encode(part))
    token = rows.seals.vault.wrap(_key_context(rows, name), key)
    rows.database.execute("INSERT OR REPLACE INTO parts VALUES (?, ?, ?)", (name, token, block))


def has_part(rows: Rows, name: str) -> bool:
    return bool(rows.database.execute("SELECT count(*) FROM parts WHERE part = ?", (name,)).fetchone()[0])


def _key_context(rows: Rows, name: str) -> Context:
    return {"type": "part key", "store": rows.seals.store_id, "part": name}


def _block_context(rows: Rows, name: str) -> Context:
    basis = Basis.of(rows)
    context = {"type": "part", "store": rows.seals.store_id, "part": name}
    return {**context, "settings": basis.settings, "lineage": basis.lineage}


def _names(rows: Rows) -> list[str]:
    return [name for (name,) in typed_rows(rows.database, "SELECT part FROM parts", (str,))]


_decoder = msgspec.msgpack.Decoder(Part)
