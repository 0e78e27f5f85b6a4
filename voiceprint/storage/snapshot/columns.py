"""Speakers in columns: all vectors in one block, everything else decoded only on demand."""

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
        """The enrollment with its vector (dimension,)."""
        return Enrollment(self.id, vector, self.speech_seconds, self.content, self.enrolled_at)


class _Card(msgspec.Struct, frozen=True, array_like=True):
    """A speaker without vectors. ``Label`` decodes the beginning of it."""

    id: str
    profile: Profile
    takes: tuple[_Take, ...]
    former: tuple[_Take, ...]

    @classmethod
    def of(cls, speaker: StoredSpeaker) -> Self:
        takes, former = (tuple(map(_Take.of, some)) for some in (speaker.enrollments, speaker.former))
        return cls(speaker.id, speaker.profile, takes, former)

    def speaker(self, made: Rows, former: Rows) -> StoredSpeaker:
        """The speaker with the vectors of ``takes`` and of ``former``, each (takes, dimension)."""
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
    """The keys of a speaker in the directory: id, name, groups, hashes of recordings."""

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
        """Keyed hashes of the recordings that the speaker was enrolled from."""
        return [take.content for take in self.takes if take.content]


@dataclass(frozen=True, slots=True)
class Voices:
    """Unit vectors (vectors, dimension) speaker by speaker, the ids, and each speaker's count."""

    ids: list[str]
    vectors: Rows
    counts: NDArray[np.int64]


class Vectors(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Unit vectors, speaker by speaker, as bytes. ``counts``: the number of each speaker's."""

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
        """The vectors of the speakers at these places, copied."""
        counts = np.frombuffer(self.counts, _NUMBERS)
        chosen = np.zeros(len(counts), bool)
        chosen[places] = True
        rows = self.rows()[np.repeat(chosen, counts)].astype(_FLOATS, copy=False)
        return msgspec.structs.replace(
            self, counts=memoryview(counts[chosen].tobytes()), floats=memoryview(rows.tobytes())
        )

    def numbers(self) -> NDArray[np.int64]:
        """The number of vectors of each speaker (speakers,)."""
        return np.frombuffer(self.counts, _NUMBERS).astype(np.int64)

    def rows(self) -> Rows:
        """View of all vectors (vectors, dimension)."""
        floats = np.frombuffer(self.floats, _FLOATS).astype(np.float32, copy=False)
        return floats.reshape(len(floats) // max(self.dimension, 1), self.dimension)

    def of_one(self, place: int) -> Rows:
        """View of the vectors (vectors, dimension) of the speaker at a place."""
        numbers = np.frombuffer(self.counts, _NUMBERS)
        begin = int(numbers[:place].sum())
        return self.rows()[begin : begin + int(numbers[place])]

    def of_each(self) -> list[Rows]:
        """Views of the vectors of each speaker."""
        ends = np.cumsum(self.numbers()).tolist()
        rows = self.rows()
        return [rows[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]


class Columns(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Columns of a batch of speakers, as MessagePack.

    ``names``, ``cards``: one array each; ``bounds``: offset of each card, and the end of the last. ``made``: vectors of
    the store's encoder; ``former``: vectors of the previous one.
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
        """The encoded card of the speaker at a place."""
        begin, end = np.frombuffer(self.bounds, _NUMBERS)[place : place + 2].tolist()
        return self.cards[begin:end]


@dataclass(frozen=True, slots=True, eq=False)
class SpeakerBatch:
    """A batch of speakers in columns, in the order of their ids."""

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
        return f"SpeakerBatch({len(self)} speakers)"

    def __len__(self) -> int:
        return len(self.ids)

    def only(self, ids: Collection[str]) -> Self:
        """A batch of these speakers only, without any byte of the others."""
        places = [place for place, speaker_id in enumerate(self.ids) if speaker_id in ids]
        all_names = self.names()
        names, cards = [all_names[place] for place in places], [self.columns.card(place) for place in places]
        made, former = self.columns.made.only(places), self.columns.former.only(places)
        return replace(self, ids=[self.ids[place] for place in places], columns=Columns.of(names, cards, made, former))

    def names(self) -> list[str]:
        """The display name of each speaker."""
        return _names.decode(self.columns.names)

    def labels(self) -> list[Label]:
        """The label of each speaker."""
        return _labels.decode(self.columns.cards)

    def speaker(self, speaker_id: str) -> StoredSpeaker:
        """A speaker, decoded anew each time. Raises ValueError for an id outside the batch."""
        place = self.ids.index(speaker_id)
        made, former = self.columns.made.of_one(place), self.columns.former.of_one(place)
        return _card.decode(self.columns.card(place)).speaker(made, former)

    def speakers(self) -> list[StoredSpeaker]:
        """All speakers, decoded."""
        cards = _cards.decode(self.columns.cards)
        rows = zip(cards, self.columns.made.of_each(), self.columns.former.of_each(), strict=True)
        return [card.speaker(made, former) for card, made, former in rows]

    def voices(self) -> Voices:
        """Vectors of the store's encoder, without speakers that have none."""
        made = self.columns.made
        return self._voices(made, made.numbers() > 0)

    def pending(self) -> Voices:
        """Vectors of the previous encoder, for the speakers pending reenrollment."""
        made, former = self.columns.made, self.columns.former
        return self._voices(former, (made.numbers() == 0) & (former.numbers() > 0))

    def _voices(self, vectors: Vectors, chosen: NDArray[np.bool_]) -> Voices:
        rows, counts = vectors.rows(), vectors.numbers()
        if chosen.all():
            return Voices(self.ids, rows, counts)
        ids = [self.ids[place] for place in np.flatnonzero(chosen).tolist()]
        return Voices(ids, rows[np.repeat(chosen, counts)], counts[chosen])


_card = msgspec.msgpack.Decoder(_Card)
_cards = msgspec.msgpack.Decoder(list[_Card])
_names = msgspec.msgpack.Decoder(list[str])
_labels = msgspec.msgpack.Decoder(list[Label])
