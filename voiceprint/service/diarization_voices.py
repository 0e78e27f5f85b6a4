"""The voices of a recording: clusters, block by block, so that memory does not grow with its length."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from voiceprint.audio.quality import level_of_speech
from voiceprint.audio.recording import SAMPLE_RATE, Waveform
from voiceprint.audio.vad import Utterance
from voiceprint.decision.policy import BARE_THRESHOLD, Policy
from voiceprint.encoding.segmentation import Segmentation
from voiceprint.service.diarization_clusters import agglomerate, cluster_pieces, together
from voiceprint.service.diarization_local import Piece, Window, WindowCutter, windows_of
from voiceprint.service.diarization_spans import Runs, Span, spans_of
from voiceprint.service.listening import Listening
from voiceprint.service.results import EncodedUtterance

__all__ = ["Voices"]

# Four minutes: their speech is kept until the voices in them are encoded.
BLOCK_WINDOWS = 96
# Two minutes: many rooms may be heard at once.
LIVE_BLOCK_WINDOWS = 48
# Of each voice so much speech is encoded, in each block: more says hardly more, and takes time.
VOICE_SECONDS = 20.0
# Every fourth window: together they hold the recording once.
_ONCE = 4
# The shortest pieces that make clusters are about as long as this.
PIECE_SECONDS = 1.5
# Two pieces are rather of two people: as an llr, so much must speak for one. Where whole voices meet, nothing more.
PIECES_LLR = 1.0
_NOTHING = np.zeros(0, np.float32)


@dataclass(frozen=True, slots=True)
class _BlockVoice:
    """``several``: whether its speech does not sound like one person's."""

    seconds: float
    embedding: NDArray[np.float32]
    encoded: EncodedUtterance
    several: bool


class Voices:
    """The voices of one recording. ``hear`` all of it, ``finish``, ask; not to be shared between threads.

    ``found`` can be asked before the end, too: what it says then may change.
    """

    def __init__(self, service: Listening, segmentation: Segmentation, policy: Policy, *, live: bool = False) -> None:
        """``policy``: whose calibration tells from which cosine on two pieces are one person; ``live``: each window is
        looked at alone, and what comes before the first is whole, too.
        """
        self._service = service
        self._segment = segmentation.probabilities
        self._policy = policy
        self._live = live
        self._cutter = WindowCutter(1) if live else WindowCutter()
        self._block_windows = LIVE_BLOCK_WINDOWS if live else BLOCK_WINDOWS
        self._early: list[Window] = []
        self._looks = 0
        self._runs: Runs = {}
        self._block: list[Window] = []
        self._windows: list[Window] = []
        self._clusters: list[list[int]] = []
        self._voices: list[_BlockVoice] = []
        self._apart: list[NDArray[np.float32]] = []

    def hear(self, chunk: Waveform) -> Iterator[None]:
        """Take the next sound in; stops after each few seconds of it, for others to be served."""
        for first, batch in self._cutter.cut(chunk):
            self._early = []
            yield from self._take(first, batch)
        if self._live and not self._block and not self._windows and len(self._cutter.waiting):
            self._early = self._windows_of(0, self._cutter.waiting[None])
            yield

    def finish(self) -> Iterator[None]:
        """Take in what is left at the end."""
        self._early = []
        for first, batch in self._cutter.rest():
            yield from self._take(first, batch)
        yield from self._close()

    @property
    def known(self) -> int:
        """How often windows were looked at."""
        return self._looks

    def found(self) -> tuple[list[Span], list[EncodedUtterance]]:
        """The spans of speech, and what each of their clusters sounds like; of an open block by its drafts."""
        block = self._block or self._early
        clusters = self._clusters_of(block)
        known = [*self._voices, *(_draft(block, clusters, cluster) for cluster in range(_count(clusters)))]
        if not known:
            return [], []
        embeddings = np.stack([voice.embedding for voice in known])
        weights = np.array([voice.seconds for voice in known], np.float32)
        # Each pair has its own: longer speech of one person is more alike.
        least = np.array([_least_cosine(self._policy, voice.seconds) for voice in known], np.float32)
        apart = _apart_in_blocks([*self._apart, together(block, clusters)])
        apart += (least[:, None] + least) / 2
        labels = agglomerate(embeddings, weights, apart, least_cosine=0.0)
        numbers = [*self._clusters, *_counted_from(len(self._voices), clusters)]
        spans = spans_of(
            [*self._windows, *block], [[int(labels[voice]) for voice in found] for found in numbers], self._runs
        )
        voices = [
            _merged([voice for voice, label in zip(known, labels.tolist(), strict=True) if label == cluster])
            for cluster in range(int(labels.max()) + 1)
        ]
        return spans, voices

    def _take(self, first: int, batch: NDArray[np.float32]) -> Iterator[None]:
        self._block += self._windows_of(first, batch)
        yield
        if len(self._block) >= self._block_windows:
            yield from self._close()

    def _windows_of(self, first: int, batch: NDArray[np.float32]) -> list[Window]:
        self._looks += 1
        encoder = self._service.encoder
        return windows_of(first, batch, self._segment, encoder.encode_int8, min_samples=encoder.min_num_samples)

    def _clusters_of(self, block: Sequence[Window]) -> list[list[int]]:
        return cluster_pieces(block, least_cosine=_least_cosine(self._policy, PIECE_SECONDS, llr=PIECES_LLR))

    def _close(self) -> Iterator[None]:
        block = self._block
        clusters = self._clusters_of(block)
        first = len(self._voices)
        voices: list[_BlockVoice] = []
        for cluster in range(_count(clusters)):
            seconds, speech = _speech_of(block, clusters, cluster)
            encoded = self._encode(speech)
            yield
            if encoded.embedding is not None:
                several = self._service.change_detector().hears_several(Waveform(speech))
                voices.append(_BlockVoice(seconds, encoded.embedding, encoded, several))
            yield
        # All of a block at once: what is known so far is asked for between any two steps.
        self._block = []
        self._voices += voices
        self._apart.append(together(block, clusters))
        self._clusters += _counted_from(first, clusters)
        self._windows += [
            replace(
                window, pieces=tuple(replace(piece, embedding=_NOTHING, speech=_NOTHING) for piece in window.pieces)
            )
            for window in block
        ]

    def _encode(self, speech: NDArray[np.float32]) -> EncodedUtterance:
        seconds, level = len(speech) / SAMPLE_RATE, level_of_speech(speech)
        said = np.resize(speech, max(len(speech), self._service.encoder.min_num_samples))
        encoded = self._service.encode(Utterance(Waveform(said), (), seconds, seconds, level))
        return replace(encoded, utterance=Utterance(Waveform(_NOTHING), (), seconds, seconds, level))


def _draft(block: Sequence[Window], clusters: Sequence[Sequence[int]], cluster: int) -> _BlockVoice:
    """A voice of an open block by what its pieces sound like, which costs nothing."""
    seconds, speech = _speech_of(block, clusters, cluster)
    embedding = _centre(_pieces_of(block, clusters, cluster))
    said = len(speech) / SAMPLE_RATE
    heard = Utterance(Waveform(_NOTHING), (), said, said, level_of_speech(speech))
    return _BlockVoice(seconds, embedding, EncodedUtterance(heard, embedding), several=False)


def _count(clusters: Sequence[Sequence[int]]) -> int:
    return max((cluster for found in clusters for cluster in found), default=-1) + 1


def _counted_from(first: int, clusters: Sequence[Sequence[int]]) -> list[list[int]]:
    return [[first + cluster for cluster in found] for found in clusters]


def _apart_in_blocks(blocks: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """How much less alike each two voices of all blocks count, from those of each block."""
    apart = np.zeros((sum(map(len, blocks)),) * 2, np.float32)
    at = 0
    for met in blocks:
        apart[at : at + len(met), at : at + len(met)] = met
        at += len(met)
    return apart


def _least_cosine(policy: Policy, seconds: float, *, llr: float = 0.0) -> float:
    """The cosine from which on ``llr`` and more speaks for one person in two stretches of speech, each so long.

    By the encoder's calibration: longer speech of one person is more alike.
    """
    calibration = policy.calibration
    if calibration is None:
        return BARE_THRESHOLD
    offset = calibration.llr_offset(speech_seconds=seconds, enrolled_seconds=seconds)
    return (llr - offset) / calibration.weights.cosine


def _speech_of(
    block: Sequence[Window], clusters: Sequence[Sequence[int]], cluster: int
) -> tuple[float, NDArray[np.float32]]:
    """Seconds of a cluster's speech, and the best of it up to ``VOICE_SECONDS``: long pieces like the cluster."""
    pieces = _pieces_of(block, clusters, cluster)
    once = _pieces_of(block[::_ONCE], clusters[::_ONCE], cluster) or [max(pieces, key=lambda one: one.seconds)]
    centre = _centre(pieces)
    best = sorted(once, key=lambda one: -one.seconds * float(centre @ one.embedding))
    seconds = np.cumsum([piece.seconds for piece in best])
    enough = int(np.searchsorted(seconds, VOICE_SECONDS)) + 1
    return float(seconds[-1]), np.concatenate([piece.speech for piece in best[:enough]])


def _pieces_of(block: Sequence[Window], clusters: Sequence[Sequence[int]], cluster: int) -> list[Piece]:
    return [
        piece
        for window, found in zip(block, clusters, strict=True)
        for piece, its in zip(window.pieces, found, strict=True)
        if its == cluster
    ]


def _centre(pieces: Sequence[Piece]) -> NDArray[np.float32]:
    centre = _mean([(piece.seconds, piece.embedding) for piece in pieces])
    assert centre is not None  # every piece has an embedding
    return centre


def _merged(voices: Sequence[_BlockVoice]) -> EncodedUtterance:
    """One voice of all blocks: the mean of what was encoded, as loud as most of it."""
    seconds = sum(voice.encoded.utterance.speech_seconds for voice in voices)
    level = max(voices, key=lambda voice: voice.seconds).encoded.utterance.level
    several = sum(voice.seconds for voice in voices if voice.several)
    return EncodedUtterance(
        Utterance(Waveform(_NOTHING), (), seconds, seconds, level),
        _mean([(voice.seconds, voice.encoded.embedding) for voice in voices]),
        multiple_speakers=2 * several > sum(voice.seconds for voice in voices),
        previous_embedding=_mean([(voice.seconds, voice.encoded.previous_embedding) for voice in voices]),
    )


def _mean(rows: Sequence[tuple[float, NDArray[np.float32] | None]]) -> NDArray[np.float32] | None:
    """The unit weighted mean; None where one is missing."""
    known = [(weight, row) for weight, row in rows if row is not None]
    if len(known) < len(rows):
        return None
    total = np.sum([weight * row for weight, row in known], axis=0)
    unit: NDArray[np.float32] = (total / np.linalg.norm(total)).astype(np.float32)
    return unit
