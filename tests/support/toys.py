"""A service that takes milliseconds: voices are tones, and a toy encoder tells them by their pitch."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from support.loudness import LoudnessSegmentation
from voiceprint.audio.decoding import SAMPLE_RATE, Waveform
from voiceprint.audio.vad import VoiceActivity
from voiceprint.config import Settings
from voiceprint.domain.speaker import Enrollment
from voiceprint.encoding.encoder import Encoder
from voiceprint.service.factory import open_service
from voiceprint.service.results import EncodedUtterance
from voiceprint.service.service import VoiceprintService

__all__ = ["ADA", "OTHER", "STRANGER", "ToyActivity", "ToyEncoder", "heard", "service_of_ada", "tone", "toy_service"]

# Voices of people, in Hz.
ADA, STRANGER, OTHER = 200, 400, 600

DIMENSION = 192


class ToyEncoder(Encoder):
    """Tones of one pitch get nearly one vector; ``seed`` makes another encoder, whose vectors have nothing in common
    with those of the first.
    """

    def __init__(self, seed: int = 0) -> None:
        self.id, self.fingerprint = f"toy-{seed}", f"{seed:064x}"
        self.accuracy, self.runtime = "", "toy"
        self.dimension, self.sample_rate, self.min_num_samples = DIMENSION, SAMPLE_RATE, SAMPLE_RATE // 2
        self._seed = seed

    def encode(self, waveforms: Sequence[Waveform]) -> NDArray[np.float32]:
        return np.stack([self._vector(waveform) for waveform in waveforms])

    def encode_int8(self, waveforms: Sequence[Waveform]) -> NDArray[np.float32]:
        return self.encode(waveforms)

    def _vector(self, waveform: Waveform) -> NDArray[np.float32]:
        samples = waveform.samples[:SAMPLE_RATE]
        pitch = int(np.argmax(np.abs(np.fft.rfft(samples, SAMPLE_RATE))))
        vector = np.random.default_rng([self._seed, pitch // 20]).normal(size=DIMENSION)
        vector += 0.2 * np.random.default_rng(len(waveform.samples)).normal(size=DIMENSION)
        return (vector / np.linalg.norm(vector)).astype(np.float32)


class ToyActivity(VoiceActivity):
    """Whatever is loud is speech."""

    def __init__(self) -> None:
        pass

    def probabilities(
        self, frames: NDArray[np.float32], state: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        loud = np.sqrt(np.mean(np.square(frames), axis=1)) > 0.01
        return loud.astype(np.float32), state


def tone(pitch: int, seconds: float = 4.0) -> Waveform:
    """A voice: half a second of silence, then a tone of that pitch in Hz (a multiple of 20), then silence."""
    times = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    quiet = np.zeros(SAMPLE_RATE // 2)
    samples = np.concatenate([quiet, 0.3 * np.sin(2 * np.pi * (pitch + 10) * times), quiet])
    return Waveform(samples.astype(np.float32))


def heard(service: VoiceprintService, pitch: int, seconds: float = 4.0) -> EncodedUtterance:
    return service.hear(tone(pitch, seconds))


@contextmanager
def toy_service(
    folder: Path, encoder: Encoder | None = None, *, former: Encoder | None = None, **settings: object
) -> Iterator[VoiceprintService]:
    """Over the store in ``folder``/index, made where there is none."""
    given = Settings(data=folder / "index", **settings)  # type: ignore[arg-type]
    environ = {"VOICEPRINT_KEY_FILE": str(folder / "master.key")}
    toy = encoder or ToyEncoder()
    with open_service(given, environ=environ, encoder=toy, previous=former, activity=ToyActivity()) as service:
        yield service


@contextmanager
def service_of_ada(folder: Path) -> Iterator[VoiceprintService]:
    """One that Ada is enrolled in, and that tells voices apart wherever it is loud."""
    with toy_service(folder) as opened:
        opened.segmentation = LoudnessSegmentation()  # type: ignore[assignment]  # the same question
        embedding = heard(opened, ADA).embedding
        assert embedding is not None
        opened.enroll_new("Ada", [Enrollment.new(embedding, 4.0, "")])
        yield opened
