"""The map of voices: neighbours stay neighbours, and nothing of a voice can be read off it."""

import numpy as np
import pytest
from numpy.typing import NDArray

from voiceprint.gallery.projection import DECIMALS, Place, map_voices

DIMENSION = 64


def voices(*groups: int, spread: float = 0.4) -> dict[str, NDArray[np.float32]]:
    """Unit templates in groups of people who sound alike: ids "0.0", "0.1", ..., "1.0", ..."""
    random = np.random.default_rng(5)
    made = {}
    for group, people in enumerate(groups):
        centre = random.normal(size=DIMENSION)
        for person in range(people):
            row = centre + spread * random.normal(size=DIMENSION)
            made[f"{group}.{person}"] = (row / np.linalg.norm(row)).astype(np.float32)
    return made


def group(speaker_id: str) -> str:
    return speaker_id.split(".", maxsplit=1)[0]


def test_people_who_sound_alike_stand_together() -> None:
    places = map_voices(voices(4, 4, 4))
    for place in places:
        others = [other for other in places if other is not place]
        nearest = sorted(others, key=lambda other: np.hypot(other.x - place.x, other.y - place.y))
        assert {group(other.speaker_id) for other in nearest[:3]} == {group(place.speaker_id)}
        assert place.closest_id is not None
        assert group(place.closest_id) == group(place.speaker_id)


@pytest.mark.parametrize("people", [0, 1, 2, 3])
def test_small_galleries_have_a_map_too(people: int) -> None:
    places = map_voices(voices(*[1] * people))
    assert len(places) == people
    assert all(-1 <= value <= 1 for place in places for value in (place.x, place.y))
    if people == 1:
        assert places == [Place("0.0", 0.0, 0.0, None)]


def test_two_of_the_same_voice_stand_on_one_spot() -> None:
    given = voices(1, 1, 1)
    twin = map_voices({**given, "twin": given["0.0"]})
    assert (twin[0].x, twin[0].y) == (twin[3].x, twin[3].y)
    assert twin[3].closest_id == "0.0"


def test_the_same_gallery_gives_the_same_map_in_round_numbers() -> None:
    given = voices(3, 2)
    places = map_voices(given)
    assert places == map_voices(given)
    assert all(round(value, DECIMALS) == value for place in places for value in (place.x, place.y))
