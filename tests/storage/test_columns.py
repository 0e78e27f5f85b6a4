"""Speakers in columns are who they were, and whoever goes leaves nothing of themselves in memory."""

import msgspec
import numpy as np
import pytest
from support.store_fixtures import enrollment

from voiceprint.domain.speaker import Profile, StoredSpeaker
from voiceprint.domain.vocabulary import Consent
from voiceprint.service.directory import SpeakerDirectory
from voiceprint.storage.snapshot.columns import Label, SpeakerBatch
from voiceprint.storage.snapshot.contents import BATCH, in_batches


def somebody(number: int, takes: int, former: int = 0) -> StoredSpeaker:
    consent = Consent(purpose=f"purpose {number}") if number % 2 else None
    profile = Profile(name=f"Person {number}", created_at=float(number), consent=consent, groups=(f"g{number % 3}",))
    made = [msgspec.structs.replace(enrollment(10 * number + at), content=f"c{number}-{at}") for at in range(takes)]
    earlier = tuple(enrollment(1000 + 10 * number + at) for at in range(former))
    return StoredSpeaker(f"{number:032x}", profile, tuple(made), earlier)


def told(speaker: StoredSpeaker) -> tuple[object, ...]:
    takes = [
        (one.id, one.embedding.tobytes(), one.speech_seconds, one.content, one.enrolled_at)
        for one in (*speaker.enrollments, *speaker.former)
    ]
    return speaker.id, speaker.profile, len(speaker.enrollments), takes


def held(people: SpeakerBatch) -> bytes:
    columns = people.columns
    return b"".join((columns.names, columns.cards, columns.made.floats, columns.former.floats))


@pytest.fixture
def speakers() -> list[StoredSpeaker]:
    return [somebody(0, 1), somebody(1, 3), somebody(2, 0, 2), somebody(3, 1, 1), somebody(4, 2)]


def test_they_come_back_as_they_were(speakers: list[StoredSpeaker]) -> None:
    people = SpeakerBatch.of(speakers)
    expected = [told(who) for who in speakers]
    assert [told(who) for who in people.speakers()] == expected
    assert [told(people.speaker(who.id)) for who in speakers] == expected
    assert people.names() == [who.name for who in speakers]
    assert people.labels() == [Label.of(who) for who in speakers]
    some = people.only({speakers[1].id, speakers[2].id})
    assert [told(who) for who in some.speakers()] == expected[1:3]
    with pytest.raises(ValueError, match="not in list"):
        some.speaker(speakers[0].id)
    assert SpeakerBatch.of([]).speakers() == []


def test_nobody_of_both_encoders_is_compared_by_the_former(speakers: list[StoredSpeaker]) -> None:
    people = SpeakerBatch.of(speakers)
    voices, waiting = people.voices(), people.pending()
    assert voices.ids == [who.id for who in speakers if who.enrollments]
    assert voices.counts.tolist() == [1, 3, 1, 2]
    assert np.array_equal(voices.vectors[4], speakers[3].enrollments[0].embedding)
    assert waiting.ids == [speakers[2].id]
    assert np.array_equal(waiting.vectors, np.stack([one.embedding for one in speakers[2].former]))


def test_a_roster_tells_the_same_before_and_after_it_was_asked(speakers: list[StoredSpeaker]) -> None:
    for ask_first in (False, True):
        roster = SpeakerDirectory([SpeakerBatch.of(speakers[:3]), SpeakerBatch.of(speakers[3:])])
        if ask_first:
            assert roster.named("person 1") is not None
        roster.remove(speakers[0].id)
        roster.put(msgspec.structs.replace(speakers[1], profile=Profile(name="Other", created_at=0.0)))
        roster.put(somebody(9, 1))
        assert [who.name for who in roster] == ["Other", *(f"Person {number}" for number in (2, 3, 4, 9))]
        assert [roster.named(f"Person {number}") for number in (0, 1)] == [None, None]
        assert [roster.get(who.id) is None for who in speakers] == [True, False, False, False, False]
        found = (
            roster.named("other"),
            roster.with_content("c1-2"),
            roster.with_content("c4-1"),
            roster.named("Person 9"),
        )
        assert [who and who.id for who in found] == [f"{number:032x}" for number in (1, 1, 4, 9)]
        assert roster.with_content("c0-0") is None
        assert roster.in_groups(["g0", "g1"]) == {f"{number:032x}" for number in (3, 4, 9)}


@pytest.mark.parametrize("renamed", [True, False])
def test_nothing_stays_of_whoever_is_gone_or_was_another(speakers: list[StoredSpeaker], renamed: bool) -> None:
    people, gone = SpeakerBatch.of(speakers), speakers[3]
    roster = SpeakerDirectory([people])
    needles = [b"Person 3", *(one.embedding.tobytes() for one in (*gone.enrollments, *gone.former))]
    assert all(needle in held(people) for needle in needles)
    if renamed:
        roster.put(msgspec.structs.replace(gone, profile=Profile(name="Other", created_at=0.0)))
    else:
        roster.remove(gone.id)
    left = list(roster.batches())
    assert [len(some) for some in left] == [4]
    assert not any(needle in held(left[0]) for needle in needles)


def test_many_come_in_lots_and_nobody_is_lost() -> None:
    many = [somebody(number, 1) for number in range(2 * BATCH + 1)]
    lots = in_batches(many)
    assert [len(some) for some in lots] == [BATCH, BATCH, 1]
    assert [told(who) for some in lots for who in some.speakers()] == [told(who) for who in many]
    assert in_batches([]) == ()
