"""Everybody once more, in a few hundred large seals, so that a start need not open three small ones a speaker.

A part holds whoever's id begins with the same two digits, as they were at the generations that it names. It is sealed
under a random key of its own, and that key under the wrapping key; whoever is erased takes the whole part with them, in
the same transaction. A part is never asked who is there: the rows and the sealed state say so. Whoever has the same
generation in both is taken from the part, everybody else is opened from the rows. Where somebody does not open, or all
together do not make the manifest, or a mark of the forgotten is missing, no part is used at all.
"""

import hashlib
import re
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

import msgspec
import numpy as np

from voiceprint.domain.speaker import StoredSpeaker
from voiceprint.errors import StoreError
from voiceprint.storage.rows import Loaded, Rows
from voiceprint.storage.sealing.vault import Context, SealBrokenError, open_block, seal_block
from voiceprint.storage.snapshot.columns import Columns, SpeakerBatch
from voiceprint.storage.snapshot.contents import StoreContents, in_batches
from voiceprint.storage.snapshot.generations import PARTS, Listed, listed
from voiceprint.storage.sqlite.database import is_corrupt, typed_rows

__all__ = ["Basis", "Part", "has_part", "in_part", "load_parts", "open_part", "open_speakers", "put_part"]

# Parts that were laid out otherwise do not open, and are made again.
_LAYOUT = 3
_MARK = re.compile("[0-9a-f]{64}")
_BEGINNINGS = np.dtype("<u8")


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What lies inside the seal of a part. ``ids``, ``generations``: as in ``Listed``; ``marks``: the beginnings of
    those that would forbid each of its people; ``manifest``: what they add to it.
    """

    ids: str
    generations: str
    columns: Columns
    marks: memoryview
    manifest: bytes

    def __repr__(self) -> str:
        return f"Part({len(self.listed())} speakers)"

    def listed(self) -> Listed:
        """Who is in it, at which generation."""
        return Listed(self.ids, self.generations)

    def people(self) -> SpeakerBatch:
        """Whoever was sealed."""
        return SpeakerBatch(self.ids.split(), self.columns)


@dataclass(frozen=True, slots=True)
class Basis:
    """Under the same settings, and within one lineage, one generation of a speaker is always the same."""

    settings: str
    lineage: str

    @classmethod
    def of(cls, rows: Rows) -> Self:
        return cls(hashlib.sha256(rows.seals.settings.pack()).hexdigest(), rows.state.lineage)


def load_parts(rows: Rows) -> StoreContents | None:
    """Everybody; None where the parts are of no use, or not enough. Raises StoreError."""
    parts = {name: part for name in PARTS if (part := open_part(rows, name)) is not None}
    marks, there = rows.marks(), listed(rows.database)
    if not parts or there is None or len(marks) != rows.state.epoch or _are_forbidden(parts.values(), marks):
        return None
    people, left, total = [], dict[str, int](), 0
    for name, at in there.items():
        some, others, adds = _taken(rows, parts.get(name), at)
        people.append(some)
        left.update(others)
        total += adds
    if len(left) > sum(map(len, people)):
        return None
    total += sum(rows.manifest.part(*one) for one in left.items())
    if not rows.manifest.adds_up(there, total):
        return None
    opened = open_speakers(rows, left, marks)
    if len(opened.speakers) < len(left):  # also where an index no longer leads to somebody who is there
        return None
    return StoreContents((*people, *in_batches(opened.speakers)))


def _taken(rows: Rows, part: Part | None, there: Listed) -> tuple[SpeakerBatch, dict[str, int], int]:
    """Whom a part may be used for, who else is there at which generation, and what the former add to the manifest."""
    if part is None:
        return SpeakerBatch.of(()), there.unfold(), 0
    total = int.from_bytes(part.manifest, "big")
    if part.listed() == there:
        return part.people(), {}, total
    now, then = there.unfold(), part.listed().unfold()
    same = now.items() & then.items()
    total -= sum(rows.manifest.part(*one) for one in then.items() - same)
    return part.people().only(dict(same)), dict(now.items() - same), total


def _are_forbidden(parts: Iterable[Part], marks: set[str]) -> bool:
    """Whether a mark of the forgotten begins as that of somebody in a part; whoever opens rows compares the whole."""
    beginnings = [_beginning(mark) for mark in marks if _MARK.fullmatch(mark)]
    sealed = b"".join(part.marks for part in parts) if beginnings else b""
    return bool(np.isin(np.frombuffer(sealed, _BEGINNINGS), np.array(beginnings, _BEGINNINGS)).any())


def _beginning(mark: str) -> int:
    return int(mark[:16], 16)


def open_speakers(rows: Rows, ids: Iterable[str], marks: set[str]) -> Loaded:
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
        sql = "SELECT rowid, key FROM parts WHERE part = ? AND typeof(block) = 'blob'"
        for number, token in typed_rows(rows.database, sql, (int, bytes), name):
            key = rows.seals.vault.unwrap(_key_context(rows, name), token)
            with rows.database.blobopen("parts", "block", number, readonly=True) as block:
                return _decoder.decode(open_block(key, _block_context(rows, name), block.read()))
    except (SealBrokenError, msgspec.DecodeError):
        return None
    except sqlite3.DatabaseError as error:
        if not is_corrupt(error):
            raise
    return None


def put_part(rows: Rows, name: str, people: Mapping[str, tuple[StoredSpeaker, int]]) -> None:
    """Seal a part: who is in it, as the rows hold them at which generation."""
    in_order = dict(sorted(people.items()))
    marks = [_beginning(mark) for speaker_id in in_order for mark in rows.seals.marks(speaker_id)]
    manifest = sum(rows.manifest.part(who, generation) for who, (_, generation) in in_order.items())
    there = Listed.of({who: generation for who, (_, generation) in in_order.items()})
    part = Part(
        ids=there.ids,
        generations=there.generations,
        columns=SpeakerBatch.of([speaker for speaker, _ in in_order.values()]).columns,
        marks=memoryview(np.array(marks, _BEGINNINGS).tobytes()),
        manifest=manifest.to_bytes(40, "big"),
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
    context: dict[str, str | int] = {"type": "part", "layout": _LAYOUT, "store": rows.seals.store_id, "part": name}
    return {**context, "settings": basis.settings, "lineage": basis.lineage}


_decoder = msgspec.msgpack.Decoder(Part)
