"""Who spoke when, with a segmentation that hears where it is loud: no weights are needed for that."""

import numpy as np
import pytest
from numpy.typing import NDArray
from support.loudness import LoudnessSegmentation
from support.talking import Takes

from voiceprint.audio.recording import SAMPLE_RATE, Waveform
from voiceprint.service.diarization import Diarization, Diarizer, diarize, last_of
from voiceprint.service.diarization_clusters import LESS_ALIKE, NEVER, agglomerate, cluster_pieces, together
from voiceprint.service.diarization_local import HOP_FRAMES, Piece, Window, WindowCutter, windows_of
from voiceprint.service.diarization_spans import Runs, spans_of
from voiceprint.service.service import VoiceprintService

NOTHING = np.zeros(0, np.float32)
FRAMES = 589
Samples = NDArray[np.float32]


def whole(service: VoiceprintService, *pieces: Samples) -> Diarization:
    """The diarization of these sounds, one after another."""
    return last_of(diarize(service, Waveform(np.concatenate(pieces))))


@pytest.fixture
def known(service: VoiceprintService, takes: Takes, speech_dev: object) -> VoiceprintService:
    """One of three voices is enrolled."""
    service.enroll_new("Ada", [service.admit(service.listen(take)) for take in next(iter(takes.values()))[:2]])
    service.segmentation = LoudnessSegmentation()  # type: ignore[assignment]  # the same question, another answer
    return service


def test_a_known_voice_is_named_and_two_strangers_keep_their_numbers(known: VoiceprintService, takes: Takes) -> None:
    ada, one, other = (takes[voice] for voice in takes)
    pause = np.zeros(SAMPLE_RATE, np.float32)
    order = [one[0], ada[2], other[0], one[1], ada[3], other[1]]
    found = whole(known, *(part for take in order for part in (take.samples[: 6 * SAMPLE_RATE], pause)))
    long = [turn for turn in found.turns if turn.end - turn.start > 2]
    labels: list[int | str] = []
    for turn in long:
        label = turn.answer.decision.status if turn.unnamed is None else turn.unnamed
        labels += [label] if labels[-1:] != [label] else []
    assert labels == [1, "identified", 2, 1, "identified", 2]
    assert found.segmented
    assert len(found.answers) == len({id(turn.answer) for turn in found.turns})


@pytest.mark.parametrize("seconds", [0.001, 0.05, 3.0, 11.0])
def test_silence_of_any_length_has_no_turns(service: VoiceprintService, seconds: float) -> None:
    service.segmentation = LoudnessSegmentation()  # type: ignore[assignment]
    found = whole(service, np.zeros(int(seconds * SAMPLE_RATE), np.float32))
    assert (found.turns, found.answers) == ((), ())


def test_what_is_known_so_far_is_whole_after_each_step(
    known: VoiceprintService, takes: Takes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voiceprint.service.diarization_voices.BLOCK_WINDOWS", 8)
    sound = Waveform(np.concatenate([take.samples[: 6 * SAMPLE_RATE] for voice in takes for take in takes[voice]]))
    diarizer = Diarizer(known, known.parties(sound))
    ends = []
    for _ in diarizer.hear([sound]):
        found = last_of(diarizer.found())
        assert {turn.voice for turn in found.turns} == {voice.number for voice in found.voices}
        ends.append(max((turn.end for turn in found.turns), default=0.0))
    assert ends == sorted(ends)
    assert 0 < ends[-1] < sound.seconds


def test_without_a_segmentation_windows_answer_and_say_so(service: VoiceprintService, takes: Takes) -> None:
    assert service.segmentation is None
    found = whole(service, next(iter(takes.values()))[0].samples)
    assert not found.segmented
    assert all(turn.unnamed is None for turn in found.turns)


@pytest.mark.parametrize("seconds", [3.0, 10.0, 12.4, 12.6, 31.0, 47.3])
def test_windows_hold_every_sample_once_they_are_put_in_place(seconds: float) -> None:
    sound = np.random.default_rng(0).normal(size=int(seconds * SAMPLE_RATE)).astype(np.float32)
    seen: list[Samples] = []

    def segment(windows: Samples) -> Samples:
        seen.extend(windows)
        return np.zeros((len(windows), FRAMES, 7), np.float32)

    cutter = WindowCutter()
    batches = [batch for part in np.array_split(sound, 13) for batch in cutter.cut(Waveform(part))]
    windows = [
        window
        for first, batch in (*batches, *cutter.rest())
        for window in windows_of(first, batch, segment, lambda _: np.zeros((1, 4), np.float32), min_samples=1)
    ]
    rebuilt = np.zeros_like(sound)
    for window, samples in zip(windows, seen, strict=True):
        at = window.number * HOP_FRAMES * 270
        rebuilt[at : at + len(samples)] = samples
    assert np.array_equal(rebuilt, sound)
    assert [window.number for window in windows] == list(range(len(windows)))


def unit(*degrees: float) -> Samples:
    angles = np.deg2rad(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


@pytest.mark.parametrize(
    ("degrees", "apart", "labels"),
    [
        ((0, 90), (), [0, 1]),
        ((0, 10, 90, 95), (), [0, 0, 1, 1]),
        ((90, 0, 10, 95), (), [0, 1, 1, 0]),
        ((0, 10), ((0, 1),), [0, 1]),
        # The third would join both; it joins the closer one, and then what is apart from that stays out.
        ((0, 30, 14), ((0, 1),), [0, 1, 0]),
        ((0,), (), [0]),
    ],
)
def test_what_is_close_is_one_unless_it_was_heard_at_once(
    degrees: tuple[float, ...], apart: tuple[tuple[int, int], ...], labels: list[int]
) -> None:
    never = np.zeros((len(degrees), len(degrees)), np.float32)
    for one, other in apart:
        never[one, other] = never[other, one] = NEVER
    weights = np.ones(len(degrees), np.float32)
    assert agglomerate(unit(*degrees), weights, never, least_cosine=0.7).tolist() == labels


def plainly(embeddings: Samples, apart: Samples, least: float) -> list[int]:
    """The same clustering with equal weights, by comparing all mutual cosines anew at each step."""
    groups = [[number] for number in range(len(embeddings))]
    cosines = embeddings.astype(np.float64) @ embeddings.astype(np.float64).T
    while len(groups) > 1:
        pairs = [(one, other) for one in range(len(groups)) for other in range(one + 1, len(groups))]
        places = [np.ix_(groups[one], groups[other]) for one, other in pairs]
        alike = [float(cosines[place].mean() - apart[place].max()) for place in places]
        if max(alike) < least:
            break
        one, other = pairs[int(np.argmax(alike))]
        groups[one] += groups.pop(other)
    labels = {number: min(group) for group in groups for number in group}
    order = sorted(set(labels.values()))
    return [order.index(labels[number]) for number in range(len(embeddings))]


@pytest.mark.parametrize("seed", range(20))
def test_clusters_are_those_of_comparing_everything_at_each_step(seed: int) -> None:
    random = np.random.default_rng(seed)
    count = int(random.integers(1, 25))
    rows = random.normal(size=(4, 16))[random.integers(0, 4, count)] + 0.6 * random.normal(size=(count, 16))
    embeddings = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    apart = random.choice([0.0, 0.1, NEVER], (count, count), p=[0.9, 0.05, 0.05]).astype(np.float32)
    apart = np.maximum(apart, apart.T)
    np.fill_diagonal(apart, 0)
    weights = np.ones(count, np.float32)
    found = agglomerate(embeddings, weights, apart, least_cosine=0.3).tolist()
    assert found == plainly(embeddings, apart, 0.3)


def piece(slot: int, first: int, last: int, degrees: float, seconds: float = 2.0) -> Piece:
    return Piece(slot, first, last, seconds, unit(degrees)[0], NOTHING)


def activity(*spans: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Of a window: slot, first frame and frame after the last."""
    heard = np.zeros((FRAMES, 3), np.uint8)
    for slot, first, last in spans:
        heard[first:last, slot] = 255
    return heard


def test_a_short_piece_follows_its_local_speaker_and_never_doubles_another() -> None:
    long = (piece(0, 0, 200, 0), piece(1, 100, 300, 90))
    # The second local speaker goes on while another, in the same place of the embeddings, says a word.
    window = Window(
        0,
        activity((0, 0, 200), (0, 210, 220), (1, 100, 300), (2, 250, 260)),
        (long[0], piece(0, 210, 220, 46, 0.2), long[1], piece(2, 250, 260, 80, 0.2)),
    )
    assert cluster_pieces([window], least_cosine=0.7) == [[0, 0, 1, 0]]
    assert cluster_pieces([Window(0, window.activity, ())], least_cosine=0.7) == [[]]


@pytest.mark.parametrize(
    ("overlap", "apart", "clusters"), [(0, 0, [0, 0]), (4, 0, [0, 0]), (30, LESS_ALIKE, [0, 1]), (100, NEVER, [0, 1])]
)
def test_two_at_once_are_two_but_for_a_moment_at_a_handover(overlap: int, apart: float, clusters: list[int]) -> None:
    pieces = (piece(0, 0, 200, 0), piece(1, 200 - overlap, 400 - overlap, 10))
    window = Window(0, activity((0, 0, 200), (1, 200 - overlap, 400 - overlap)), pieces)
    assert together([window], [[0, 1]]) == pytest.approx(np.array([[0, apart], [apart, 0]]))
    assert cluster_pieces([window], least_cosine=0.9) == [clusters]


def test_what_a_second_speaker_says_during_anothers_turn_has_no_piece_there_and_is_not_the_others() -> None:
    """Of the first only what is said alone makes pieces, before and after; the word between them is the other's."""
    pieces = (piece(0, 0, 150, 0), piece(0, 250, 400, 0), piece(1, 160, 240, 20))
    window = Window(0, activity((0, 0, 400), (1, 160, 240)), pieces)
    assert cluster_pieces([window], least_cosine=0.9) == [[0, 0, 1]]


def test_overlap_is_the_speech_of_both_and_windows_agree_on_slots_that_changed() -> None:
    first = Window(0, activity((0, 0, 300), (1, 200, 589)), (piece(0, 0, 300, 0), piece(1, 200, 589, 90)))
    second = Window(1, activity((2, 0, 152), (0, 52, 400)), (piece(0, 52, 400, 90), piece(2, 0, 152, 0)))
    spans = spans_of([first, second], [[0, 1], [1, 0]])
    assert [
        (span.cluster, round((span.start - 0.0225) / 0.016875), round((span.end - 0.0225) / 0.016875)) for span in spans
    ] == [
        (0, 0, 300),
        (1, 200, 589),
    ]
    assert spans_of([], []) == []
    assert spans_of([Window(0, activity((0, 0, 3)), (piece(0, 0, 3, 0),))], [[0]]) == []


@pytest.mark.parametrize(("frames", "turns"), [(20, [0]), (60, [0, 1])])
def test_a_word_while_another_speaks_is_a_turn_where_it_is_long_enough(frames: int, turns: list[int]) -> None:
    heard = activity((0, 0, 400), (1, 100, 100 + frames))
    window = Window(0, heard, (piece(0, 0, 400, 0), piece(1, 100, 100 + frames, 90)))
    assert [span.cluster for span in spans_of([window], [[0, 1]])] == turns


def test_speech_too_weak_for_a_piece_counts_for_how_many_speak() -> None:
    """Each of two windows hears one of the two well, and the other weakly."""
    strong, weak = activity((0, 0, 589)), activity((1, 0, 589)) // 3
    first = Window(0, strong + weak, (piece(0, 0, 589, 0),))
    second = Window(1, activity((1, 0, 441)) + activity((0, 0, 441)) // 3, (piece(1, 0, 441, 90),))
    both = [span for span in spans_of([first, second], [[0], [1]]) if span.end - span.start > 3]
    assert {span.cluster for span in both} == {0, 1}


def test_a_local_speaker_with_two_voices_is_cut_between_their_pieces() -> None:
    window = Window(0, activity((0, 0, 500)), (piece(0, 0, 200, 0), piece(0, 240, 500, 90)))
    assert [(span.cluster, span.end > 4) for span in spans_of([window], [[0, 1]])] == [(0, False), (1, True)]


@pytest.mark.parametrize("labels", [[[0, 1], [1, 0], [0]], [[0, 1], [2, 0], [0]], [[1, 0], [0, 1], [1]]])
def test_spans_that_were_looked_at_before_are_those_of_looking_at_all_again(labels: list[list[int]]) -> None:
    windows = [
        Window(0, activity((0, 0, 300), (1, 200, 589)), (piece(0, 0, 300, 0), piece(1, 200, 589, 90))),
        Window(1, activity((2, 0, 152), (0, 52, 400)), (piece(0, 52, 400, 90), piece(2, 0, 152, 0))),
        Window(2, activity((1, 300, 500)), (piece(1, 300, 500, 0),)),
    ]
    known: Runs = {}
    for count in (1, 2, 3):
        before = [[0, 1], [1, 0], [0]][:count]
        assert spans_of(windows[:count], before, known) == spans_of(windows[:count], before)
    assert spans_of(windows, labels, known) == spans_of(windows, labels)
