"""The directory of speakers: by id, name, group and recording, before and after its indexes were built."""

import msgspec
import pytest
from support.store_fixtures import enrollment

from voiceprint.domain.speaker import Profile, StoredSpeaker
from voiceprint.service.directory import SpeakerDirectory


def speaker(number: int) -> StoredSpeaker:
    profile = Profile(name=f"Person {number}", created_at=0.0, groups=(f"g{number % 2}",))
    return StoredSpeaker(f"{number:032x}", profile, (enrollment(number),))


@pytest.mark.parametrize("asked_first", [False, True])
def test_a_directory_says_the_same_whenever_its_indexes_were_built(asked_first: bool) -> None:
    speakers = [speaker(number) for number in range(5)]
    directory = SpeakerDirectory(speakers)
    if asked_first:
        assert directory.named("person 1") is speakers[1]
        assert directory.in_groups(["g0"]) == {speakers[number].id for number in (0, 2, 4)}
    directory.remove(speakers[0].id)
    directory.remove("unknown")
    directory.put(msgspec.structs.replace(speakers[1], profile=Profile(name="Other", created_at=0.0)))
    directory.put(speaker(9))
    assert [one.name for one in directory] == ["Other", *(f"Person {number}" for number in (2, 3, 4, 9))]
    assert [directory.named(f"Person {number}") for number in (0, 1)] == [None, None]
    assert [directory.get(one.id) is None for one in speakers] == [True, False, False, False, False]
    found = (directory.named("other"), directory.with_content("content-4"), directory.named("PERSON 9"))
    assert [one and one.id for one in found] == [f"{number:032x}" for number in (1, 4, 9)]
    assert directory.with_content("content-0") is None
    assert directory.in_groups(["g0", "g1"]) == {f"{number:032x}" for number in (2, 3, 4, 9)}
