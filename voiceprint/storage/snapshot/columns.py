"""Many speakers in columns: all their vectors in one block, and the rest of each read only when it is asked for."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from voiceprint.domain.speaker import Enrollment, Profile, StoredSpeaker

__all__ = ["Columns", "Label", "SpeakerBatch", "Voices"]

Rows = NDArray[np.float32]
_FLOATS, _NUMBERS = np.dtype("<f4"), np.dtype("<u4")


class _Take(msgspec.Struct, frozen=True, array_like=True):
    """An enrollment without its vector."""

    id: str
    speech_seconds: float
    content: str
    enrolled_at: float

    @classmethod
    def of(cls, one: Enrollment) -> Self:
        return cls(one.id, one.speech_seconds, one.content, one.enrolled_at)

    def enrollment(self, vector: NDArray[np.float32]) -> Enrollment:
        return Enrollment(self.id, vector, self.speech_seconds, self.content, self.enrolled_at)


class _Card(msgspec.Struct, frozen=True, array_like=True):
    """A speaker without vectors. ``Label`` reads the beginning of it."""

    id: str
    profile: Profile
    takes: tuple[_Take, ...]
    former: tuple[_Take, ...]

    @classmethod
    def of(cls, speaker: StoredSpeaker) -> Self:
        takes, former = (tuple(map(_Take.of, some)) for some in (speaker.enrollments, speaker.former))
        return cls(speaker.id, speaker.profile, takes, former)

    def speaker(self, made: Rows, former: Rows) -> StoredSpeaker:
        """With the vectors of ``takes`` and of ``former`` (takes, dimension)."""
        enrollments = tuple([take.enrollment(row) for take, row in zip(self.takes, made, strict=True)])
        earlier = tuple([take.enrollment(row) for take, row in zip(self.former, former, strict=True)])
        return StoredSpeaker(self.id, self.profile, enrollments, earlier)


class _Called(msgspec.Struct, frozen=True):
    name: str
    groups: tuple[str, ...] = ()


class _Heard(msgspec.Struct, frozen=True, array_like=True):
    id: str
    speech_seconds: float
    content: str


class Label(msgspec.Struct, frozen=True, array_like=True):
    """What a speaker is looked up by."""

    id: str
    profile: _Called
    takes: tuple[_Heard, ...]

    @classmethod
    def of(cls, speaker: StoredSpeaker) -> Self:
        takes = tuple(_Heard(one.id, one.speech_seconds, one.content) for one in speaker.enrollments)
        return cls(speaker.id, _Called(speaker.name, speaker.profile.groups), takes)

    @property
    def name(self) -> str:
        return self.profile.name

    @property
    def groups(self) -> tuple[str, ...]:
        return self.profile.groups

    @property
    def contents(self) -> list[str]:
        """Keyed hashes of the recordings that the speaker was enrolled from, where there are any."""
        return [take.content for take in self.takes if take.content]


@dataclass(frozen=True, slots=True)
class Voices:
    """The ids of speakers, their unit vectors (vectors, dimension) one speaker after another, and how many each has."""

    ids: list[str]
    vectors: Rows
    counts: NDArray[np.int64]


class Vectors(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Unit vectors of speakers, one speaker after another. ``counts``: how many each has."""

    counts: memoryview
    floats: memoryview
    dimension: int

    @classmethod
    def of(cls, speakers: Sequence[Sequence[Enrollment]]) -> Self:
        counts = np.array([len(enrollments) for enrollments in speakers], _NUMBERS)
        rows = [one.embedding for enrollments in speakers for one in enrollments]
        floats = np.concatenate(rows).astype(_FLOATS) if rows else np.empty(0, _FLOATS)
        return cls(memoryview(counts.tobytes()), memoryview(floats.tobytes()), len(rows[0]) if rows else 0)

    def __repr__(self) -> str:
        return f"Vectors(of {len(self.counts) // _NUMBERS.itemsize} speakers)"

    def only(self, places: list[int]) -> Self:
        """Those of some of the speakers, copied."""
        counts = np.frombuffer(self.counts, _NUMBERS)
        meant = np.zeros(len(counts), bool)
        meant[places] = True
        rows = self.rows()[np.repeat(meant, counts)].astype(_FLOATS, copy=False)
        return msgspec.structs.replace(
            self, counts=memoryview(counts[meant].tobytes()), floats=memoryview(rows.tobytes())
        )

    def numbers(self) -> NDArray[np.int64]:
        """How many vectors each speaker has (speakers)."""
        return np.frombuffer(self.counts, _NUMBERS).astype(np.int64)

    def rows(self) -> Rows:
        """All vectors (vectors, dimension), not copied."""
        floats = np.frombuffer(self.floats, _FLOATS).astype(np.float32, copy=False)
        return floats.reshape(len(floats) // max(self.dimension, 1), self.dimension)

    def of_one(self, place: int) -> Rows:
        """The vectors of one speaker (vectors, dimension), not copied."""
        numbers = np.frombuffer(self.counts, _NUMBERS)
        begin = int(numbers[:place].sum())
        return self.rows()[begin : begin + int(numbers[place])]

    def of_each(self) -> list[Rows]:
        """The vectors of each speaker, not copied."""
        ends = np.cumsum(self.numbers()).tolist()
        rows = self.rows()
        return [rows[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]


class Columns(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``names``, ``cards``: one array each; ``bounds``: where each card begins, and where the last ends. ``made``: by
    the store's encoder; ``former``: by the one that it is being moved away from.
    """

    names: memoryview
    cards: memoryview
    bounds: memoryview
    made: Vectors
    former: Vectors

    @classmethod
    def of(cls, names: Sequence[str], cards: Sequence[bytes | memoryview], made: Vectors, former: Vectors) -> Self:
        called, array = msgspec.msgpack.encode(names), msgspec.msgpack.encode([msgspec.Raw(card) for card in cards])
        lengths = [len(card) for card in cards]
        bounds = np.cumsum([len(array) - sum(lengths), *lengths]).astype(_NUMBERS)
        return cls(
            names=memoryview(called),
            cards=memoryview(array),
            bounds=memoryview(bounds.tobytes()),
            made=made,
            former=former,
        )

    def __repr__(self) -> str:
        return f"Columns(of {len(self.bounds) // _NUMBERS.itemsize - 1} speakers)"

    def card(self, place: int) -> memoryview:
        begin, end = np.frombuffer(self.bounds, _NUMBERS)[place : place + 2].tolist()
        return self.cards[begin:end]


@dataclass(frozen=True, slots=True, eq=False)
class SpeakerBatch:
    """Some speakers, in the order of their ids."""

    ids: list[str]
    columns: Columns

    @classmethod
    def of(cls, speakers: Sequence[StoredSpeaker]) -> Self:
        cards = [msgspec.msgpack.encode(_Card.of(speaker)) for speaker in speakers]
        made = Vectors.of([speaker.enrollments for speaker in speakers])
        former = Vectors.of([speaker.former for speaker in speakers])
        names = [speaker.name for speaker in speakers]
        return cls([speaker.id for speaker in speakers], Columns.of(names, cards, made, former))

    def __repr__(self) -> str:
        return f"People({len(self)} speakers)"

    def __len__(self) -> int:
        return len(self.ids)

    def only(self, ids: Collection[str]) -> Self:
        """Some of them; nothing of the others is left in it."""
        places = [place for place, speaker_id in enumerate(self.ids) if speaker_id in ids]
        everybody = self.names()
        names, cards = [everybody[place] for place in places], [self.columns.card(place) for place in places]
        made, former = self.columns.made.only(places), self.columns.former.only(places)
        return replace(self, ids=[self.ids[place] for place in places], columns=Columns.of(names, cards, made, former))

    def names(self) -> list[str]:
        return _names.decode(self.columns.names)

    def labels(self) -> list[Label]:
        """What each of them is looked up by."""
        return _labels.decode(self.columns.cards)

    def speaker(self, speaker_id: str) -> StoredSpeaker:
        """The whole of one of them, read anew each time. Raises ValueError for anybody else."""
        place = self.ids.index(speaker_id)
        made, former = self.columns.made.of_one(place), self.columns.former.of_one(place)
        return _card.decode(self.columns.card(place)).speaker(made, former)

    def speakers(self) -> list[StoredSpeaker]:
        """The whole of everybody."""
        cards = _cards.decode(self.columns.cards)
        rows = zip(cards, self.columns.made.of_each(), self.columns.former.of_each(), strict=True)
        return [card.speaker(made, former) for card, made, former in rows]

    def voices(self) -> Voices:
        """Of whoever has a voice that the store's encoder made."""
        made = self.columns.made
        return self._voices(made, made.numbers() > 0)

    def waiting(self) -> Voices:
        """Of whoever has none of it, what the former encoder made of them."""
        made, former = self.columns.made, self.columns.former
        return self._voices(former, (made.numbers() == 0) & (former.numbers() > 0))

    def _voices(self, vectors: Vectors, meant: NDArray[np.bool_]) -> Voices:
        rows, counts = vectors.rows(), vectors.numbers()
        if meant.all():
            return Voices(self.ids, rows, counts)
        ids = [self.ids[place] for place in np.flatnonzero(meant).tolist()]
        return Voices(ids, rows[np.repeat(meant, counts)], counts[meant])


_card = msgspec.msgpack.Decoder(_Card)
_cards = msgspec.msgpack.Decoder(list[_Card])
_names = msgspec.msgpack.Decoder(list[str])
_labels = msgspec.msgpack.Decoder(list[Label])
