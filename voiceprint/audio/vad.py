"""Speech in audio: where it is, and how well it can be heard.

Silero's detector (its ONNX form for many frames in one call, MIT licence) gives each frame of 32 ms a probability; the
Segmenter makes spans of them. A file and a live stream go through the same Listener: any cut of the same audio gives
the same speech.
"""

import importlib.util
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from voiceprint.audio.quality import Level, LevelMeter, feedback_of
from voiceprint.audio.recording import SAMPLE_RATE, Waveform
from voiceprint.audio.sample_buffer import SampleBuffer
from voiceprint.audio.segmenter import FRAME_SAMPLES, FRAME_SECONDS, PAD_FRAMES, Segment, Segmenter, Step
from voiceprint.domain.vocabulary import Feedback, Notice
from voiceprint.errors import ModelError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

__all__ = ["Listener", "Origin", "SpeechStarted", "SpeechStopped", "Utterance", "VoiceActivity", "listen"]

Samples = NDArray[np.float32]
# Speech beyond this is counted and not kept: memory stays bounded, and no speaker is known better by it.
MAX_KEPT_SECONDS = 120.0
_CONTEXT = 64  # samples of the frame before, which the detector wants to see again
_DETECTOR = "silero_vad_16k_sequence.onnx"
# Frames in one call of the detector: enough to be fast, few enough that memory stays small.
_BLOCK_FRAMES = 256


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    at_seconds: float


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    at_seconds: float


@dataclass(frozen=True, slots=True)
class Origin:
    """Where in a recording an utterance was heard. ``track``, ``channel``: counted from 1, None where there is one.

    ``lost_seconds``: what did not decode. ``parties``: the channels of all who have one each, if there are several.
    """

    track: int | None = None
    channel: int | None = None
    lost_seconds: float = 0.0
    parties: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Utterance:
    """``speech``: the spans of speech put together; ``audio_seconds`` counts everything that was heard; ``warnings``:
    what was doubtful about the recording that it came in.
    """

    speech: Waveform
    segments: tuple[Segment, ...]
    speech_seconds: float
    audio_seconds: float
    level: Level
    origin: Origin = Origin()
    warnings: tuple[Notice, ...] = ()


class VoiceActivity:
    """The detector's network, loaded once for all streams; what it remembers belongs to each Listener."""

    def __init__(self, session: "InferenceSession") -> None:
        self._session = session

    @classmethod
    def load(cls) -> "VoiceActivity":
        """Raises ModelError (``model_missing``)."""
        import onnxruntime

        # Importing silero_vad would import torch and set it to one thread for the whole process: only its file is used.
        package = importlib.util.find_spec("silero_vad")
        places = package.submodule_search_locations if package is not None else None
        path = Path(places[0]) / "data" / _DETECTOR if places else Path()
        if not path.is_file():
            raise ModelError("model_missing", "The speech detector of the package silero-vad is not installed.")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3  # it warns of what is left unused in that file
        return cls(onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"]))

    def probabilities(self, frames: Samples, state: Samples) -> tuple[Samples, Samples]:
        """Speech in frames that follow each other (n, 64 + 512)? Their probabilities (n,), and the state (2, 1, 128)
        for the frame after them. How the frames are cut into calls changes nothing.
        """
        given = {"input": frames, "h": state[:1], "c": state[1:]}
        heard, *after = self._session.run(["speech_probs", "hn", "cn"], given)
        return heard, np.concatenate(after)


@dataclass(slots=True)
class _Speech:
    """Samples that were kept, and those of which it is not known yet whether they belong to speech."""

    kept: SampleBuffer = field(default_factory=SampleBuffer)
    counted_samples: int = 0
    pending: list[Samples] = field(default_factory=list)
    before: deque[Samples] = field(default_factory=lambda: deque(maxlen=PAD_FRAMES))

    def take(self, step: Step, frame: Samples) -> None:
        match step:
            case "silence":
                self.before.append(frame)
            case "maybe" | "pause":
                self.pending.append(frame)
            case "started":
                self._keep([*self.before, *self.pending, frame])
                self.before.clear()
                self.pending = []
            case "speech":
                self._keep([*self.pending, frame])
                self.pending = []
            case "stopped":
                self._keep([*self.pending, frame][:PAD_FRAMES])
                self._look_back(frame, skip=PAD_FRAMES)
            case "dropped":
                self._look_back(frame, skip=0)

    def end(self, step: Step) -> None:
        """The audio has ended; there is no further frame."""
        if step == "stopped":
            self._keep(self.pending[:PAD_FRAMES])
        self.pending = []

    def so_far(self) -> Samples:
        return self.kept.samples

    def if_over(self) -> Samples:
        return np.concatenate([self.so_far(), *self.pending[:PAD_FRAMES]])

    def _look_back(self, frame: Samples, *, skip: int) -> None:
        """What was no speech may stand just before the next speech."""
        self.before.extend([*self.pending, frame][skip:])
        self.pending = []

    def _keep(self, frames: list[Samples]) -> None:
        for frame in frames:
            self.counted_samples += len(frame)
            if len(self.kept.samples) < MAX_KEPT_SECONDS * SAMPLE_RATE:
                self.kept.append(frame)


class Listener:
    """One stream of audio. Feed it in pieces of any size; not to be shared between threads."""

    def __init__(self, activity: VoiceActivity) -> None:
        self._activity = activity
        self._state: Samples = np.zeros((2, 1, 128), np.float32)
        self._context: Samples = np.zeros(_CONTEXT, np.float32)
        self._rest: Samples = np.zeros(0, np.float32)
        self._samples = 0
        self._silent_frames = 0
        self._segmenter = Segmenter()
        self._speech = _Speech()
        self._meter = LevelMeter()

    @property
    def audio_seconds(self) -> float:
        return self._samples / SAMPLE_RATE

    @property
    def speech_seconds(self) -> float:
        return self._speech.counted_samples / SAMPLE_RATE

    @property
    def in_speech(self) -> bool:
        return self._segmenter.in_speech

    @property
    def silent_seconds(self) -> float:
        """How long it has been silent since speech; 0 during speech, and before the first."""
        return self._silent_frames * FRAME_SECONDS

    def speech_if_over(self) -> Waveform:
        """All speech so far, as it will be if the present silence lasts."""
        return Waveform(self._speech.if_over() if self.in_speech else self._speech.so_far())

    @property
    def level_dbfs(self) -> float:
        """How loud it was a moment ago."""
        return self._meter.latest_dbfs

    def feed(self, waveform: Waveform) -> list[SpeechStarted | SpeechStopped]:
        """Take in more audio; where speech began or stopped in it."""
        self._samples += len(waveform.samples)
        audio = np.concatenate([self._rest, waveform.samples])
        events: list[SpeechStarted | SpeechStopped] = []
        whole = len(audio) - len(audio) % FRAME_SAMPLES
        frames = audio[:whole].reshape(-1, FRAME_SAMPLES)
        for at in range(0, len(frames), _BLOCK_FRAMES):
            block = frames[at : at + _BLOCK_FRAMES]
            probabilities = self._probabilities(block)
            self._meter.take(block, probabilities)
            for frame, probability in zip(block, probabilities, strict=True):
                # A copy, because a kept frame would otherwise keep everything that it was fed with.
                self._hear(frame.copy(), float(probability), events)
        self._rest = audio[whole:].copy()
        return events

    def finish(self) -> list[SpeechStarted | SpeechStopped]:
        """The audio has ended: what is open is closed. Less than a frame at the end is left out."""
        step = self._segmenter.finish()
        self._speech.end(step)
        return [SpeechStopped(self._segmenter.segments[-1].end)] if step == "stopped" else []

    def utterance(self) -> Utterance:
        """What was said so far, the span that is still open included."""
        open_segment = self._segmenter.open_segment
        segments = (*self._segmenter.segments, *([open_segment] if open_segment is not None else []))
        return Utterance(
            speech=Waveform(self._speech.so_far()),
            segments=segments,
            speech_seconds=self.speech_seconds,
            audio_seconds=self.audio_seconds,
            level=self._meter.level(),
        )

    def feedback(self) -> Feedback:
        """What to tell the person who speaks, now."""
        return feedback_of(self._meter.level(), self.speech_seconds, in_speech=self.in_speech)

    def _probabilities(self, frames: Samples) -> Samples:
        """Speech in each of these frames (n, 512), which follow those before."""
        ends = np.concatenate([self._context[None], frames[:, -_CONTEXT:]])
        self._context = ends[-1].copy()
        windows = np.concatenate([ends[:-1], frames], axis=1)
        heard, self._state = self._activity.probabilities(windows, self._state)
        return heard

    def _hear(self, frame: Samples, probability: float, events: list[SpeechStarted | SpeechStopped]) -> None:
        step = self._segmenter.push(probability)
        self._speech.take(step, frame)
        self._silent_frames = 0 if step in ("started", "speech") or not self.speech_seconds else self._silent_frames + 1
        if step == "started" and (segment := self._segmenter.open_segment) is not None:
            events.append(SpeechStarted(segment.start))
        elif step == "stopped":
            events.append(SpeechStopped(self._segmenter.segments[-1].end))


def listen(waveform: Waveform, activity: VoiceActivity) -> Utterance:
    """The speech in a whole recording."""
    listener = Listener(activity)
    listener.feed(waveform)
    listener.finish()
    return listener.utterance()
