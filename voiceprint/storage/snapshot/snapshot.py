"""The snapshot: all speakers once more, in 256 large seals that a start opens quickly.

A part holds the speakers whose ids begin with the same two hex digits, at the generations that it names. It is sealed
under a random key of its own, and that key under the wrapping key; erasing a speaker destroys the whole part in the
same transaction. A part never decides which speakers exist: the rows and the sealed state do. A speaker of the same
generation in both is taken from the part, every other one is opened from the rows. Where a speaker does not open, the
sum differs from the manifest, or a tombstone is missing, no part is used at all.
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
from voiceprint.storage.sqlite.database import is_corrupt

__all__ = ["Basis", "Part", "load_parts", "open_part", "open_speakers", "put_part"]

# Parts of another layout do not open, and are made again.
_LAYOUT = 3
_TOMBSTONE = re.compile("[0-9a-f]{64}")
_PREFIXES = np.dtype("<u8")


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Sealed content of a part.

    ``ids``, ``generations``: as in ``Listed``; ``tombstone_prefixes``: the first 64 bits of each tombstone that would
    forbid one of its speakers; ``manifest``: the sum of their summands.
    """

    ids: str
    generations: str
    columns: Columns
    tombstone_prefixes: memoryview = msgspec.field(name="marks")
    manifest: bytes

    def __repr__(self) -> str:
        return f"Part({len(self.listed())} speakers)"

    def listed(self) -> Listed:
        """Its speakers' ids and generations."""
        return Listed(self.ids, self.generations)

    def speakers(self) -> SpeakerBatch:
        """Its speakers."""
        return SpeakerBatch(self.ids.split(), self.columns)


@dataclass(frozen=True, slots=True)
class Basis:
    """Settings and incarnation under which a speaker's generation has one content only."""

    settings: str
    incarnation: str

    @classmethod
    def of(cls, rows: Rows) -> Self:
        """The basis of the present settings and state."""
        return cls(hashlib.sha256(rows.seals.settings.pack()).hexdigest(), rows.state.incarnation)


def load_parts(rows: Rows) -> StoreContents | None:
    """All speakers; None where the snapshot is missing, outdated or unsound. Raises StoreError."""
    parts = {name: part for name in PARTS if (part := open_part(rows, name)) is not None}
    tombstones, there = rows.tables.tombstones(), listed(rows.parts)
    if not parts or there is None or len(tombstones) != rows.state.epoch or _are_forbidden(parts.values(), tombstones):
        return None
    batches, left, total = [], dict[str, int](), 0
    for name, at in there.items():
        batch, others, summand = _usable(rows, parts.get(name), at)
        batches.append(batch)
        left.update(others)
        total += summand
    if len(left) > sum(map(len, batches)):
        return None
    total += sum(rows.manifest.part(*one) for one in left.items())
    if not rows.manifest.adds_up(rows.state, there, total):
        return None
    opened = open_speakers(rows, left, tombstones)
    if len(opened.speakers) < len(left):  # also where an index no longer leads to a speaker's rows
        return None
    return StoreContents((*batches, *in_batches(opened.speakers)))


def _usable(rows: Rows, part: Part | None, there: Listed) -> tuple[SpeakerBatch, dict[str, int], int]:
    """The up-to-date speakers of a part, the other generations, and the former's summand."""
    if part is None:
        return SpeakerBatch.of(()), there.unfold(), 0
    total = int.from_bytes(part.manifest, "big")
    if part.listed() == there:
        return part.speakers(), {}, total
    now, then = there.unfold(), part.listed().unfold()
    same = now.items() & then.items()
    total -= sum(rows.manifest.part(*one) for one in then.items() - same)
    return part.speakers().only(dict(same)), dict(now.items() - same), total


def _are_forbidden(parts: Iterable[Part], tombstones: set[str]) -> bool:
    """Whether a tombstone begins like one that forbids a speaker in a part."""
    prefixes = [_prefix(tombstone) for tombstone in tombstones if _TOMBSTONE.fullmatch(tombstone)]
    sealed = b"".join(part.tombstone_prefixes for part in parts) if prefixes else b""
    return bool(np.isin(np.frombuffer(sealed, _PREFIXES), np.array(prefixes, _PREFIXES)).any())


def _prefix(tombstone: str) -> int:
    return int(tombstone[:16], 16)


def open_speakers(rows: Rows, ids: Iterable[str], tombstones: set[str]) -> Loaded:
    """Speakers from their rows. ``tombstones``: all of the store. Raises StoreError."""
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
        if tombstones.isdisjoint(rows.seals.tombstones(speaker_id)):
            speakers.append(speaker)
        else:
            damaged.append(speaker_id)
    return Loaded(tuple(speakers), tuple(sorted(damaged)))


def open_part(rows: Rows, name: str) -> Part | None:
    """A part of the snapshot; None without one that opens under the present basis."""
    found = rows.parts.get(name)
    if found is None:
        return None
    try:
        key = rows.seals.vault.unwrap(_key_context(rows, name), found[0])
        return _decoder.decode(open_block(key, _block_context(rows, name), found[1]))
    except (SealBrokenError, msgspec.DecodeError):
        return None


def put_part(rows: Rows, name: str, speakers: Mapping[str, tuple[StoredSpeaker, int]]) -> None:
    """Seal and write a part. ``speakers``: by id, with the generation of their rows."""
    in_order = dict(sorted(speakers.items()))
    prefixes = [_prefix(tombstone) for speaker_id in in_order for tombstone in rows.seals.tombstones(speaker_id)]
    generations = {speaker_id: generation for speaker_id, (_, generation) in in_order.items()}
    lists = Listed.of(generations)
    part = Part(
        ids=lists.ids,
        generations=lists.generations,
        columns=SpeakerBatch.of([speaker for speaker, _ in in_order.values()]).columns,
        tombstone_prefixes=memoryview(np.array(prefixes, _PREFIXES).tobytes()),
        manifest=sum(rows.manifest.part(*one) for one in generations.items()).to_bytes(40, "big"),
    )
    key, block = seal_block(_block_context(rows, name), msgspec.msgpack.encode(part))
    rows.parts.put(name, rows.seals.vault.wrap(_key_context(rows, name), key), block)


def _key_context(rows: Rows, name: str) -> Context:
    return {"type": "part key", "store": rows.seals.store_id, "part": name}


def _block_context(rows: Rows, name: str) -> Context:
    basis = Basis.of(rows)
    context: dict[str, str | int] = {"type": "part", "layout": _LAYOUT, "store": rows.seals.store_id, "part": name}
    return {**context, "settings": basis.settings, "lineage": basis.incarnation}


_decoder = msgspec.msgpack.Decoder(Part)
