"""Live speech against the plain way, which encodes all speech anew each time."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks.timing import Figures, clocked
from voiceprint.api import messages
from voiceprint.api.messages import Hello, Result, Start, Stop
from voiceprint.api.session import Session
from voiceprint.audio.decoding import SAMPLE_RATE, Waveform, decode, read_bytes
from voiceprint.audio.live_audio import LiveAudio
from voiceprint.audio.vad import Listener, VoiceActivity, listen
from voiceprint.encoding.speechbrain_runtime import SpeechBrainRuntime
from voiceprint.service.service import VoiceprintService

__all__ = ["measure_answer", "measure_streams", "read"]

FRAME = SAMPLE_RATE // 10
# Silence that ends an utterance on the client.
SILENCE_SECONDS = 0.4


def read(path: Path) -> Waveform:
    return decode(read_bytes(path, max_bytes=2**25), max_seconds=600, max_bytes=2**25).first


def measure_answer(service: VoiceprintService, reference: SpeechBrainRuntime, clips: Sequence[Waveform]) -> Figures:
    """Ratio ``answer_p95``: end of silence to final answer, over the plain way."""
    torch.set_num_threads(1)
    activity, ours, plain = VoiceActivity.load(), [], []
    for clip in clips:
        audio = np.concatenate([clip.samples, np.zeros(int(SILENCE_SECONDS * SAMPLE_RATE), np.float32)])
        session = _begun(service)
        for frame in _frames(audio):
            session.on_audio(frame)
        ours.append(clocked(lambda: _last(session)))  # noqa: B023
        speech = listen(Waveform(audio), activity).speech.samples
        plain.append(clocked(lambda: reference.embed(speech)))  # noqa: B023
    mine, theirs = (float(np.percentile(times, 95)) for times in (ours, plain))
    return {"answer_p95": mine / theirs, "answer_p95_ms": 1e3 * mine, "answer_plain_p95_ms": 1e3 * theirs}


def measure_streams(service: VoiceprintService, reference: SpeechBrainRuntime, takes: Sequence[Waveform]) -> Figures:
    """Ratio ``streams``: live takes that one core sustains, over the plain way."""
    torch.set_num_threads(1)
    activity = VoiceActivity.load()
    ours = plain = seconds = 0.0
    for take in takes:
        seconds += take.seconds
        session = _begun(service)
        ours += _cpu(lambda: [session.on_audio(frame) for frame in _frames(take.samples)] + [_last(session)])  # noqa: B023
        plain += _cpu(lambda: _plain_stream(take, reference, activity))  # noqa: B023
    return {
        "streams": plain / ours,
        "streams_per_core": seconds / ours,
        "streams_plain_per_core": seconds / plain,
        "streams_take_seconds": seconds / len(takes),
    }


def _begun(service: VoiceprintService) -> Session:
    session = Session(service, clock=time.monotonic)
    session.on_text(messages.encode(Hello(version=messages.PROTOCOL_VERSION)))
    session.on_text(messages.encode(Start(mode="identify", encoding="pcm_s16le", sample_rate=SAMPLE_RATE)))
    return session


def _last(session: Session) -> Result:
    said = session.on_text(messages.encode(Stop()))[-1]
    assert isinstance(said, Result)
    assert said.final
    return said


def _frames(samples: "np.ndarray[tuple[int], np.dtype[np.float32]]") -> Iterator[bytes]:
    pcm = (samples * 32767).astype("<i2").tobytes()
    return (pcm[at : at + 2 * FRAME] for at in range(0, len(pcm), 2 * FRAME))


def _cpu(action: object) -> float:
    begun = time.process_time()
    assert callable(action)
    action()
    return time.process_time() - begun


def _plain_stream(take: Waveform, reference: SpeechBrainRuntime, activity: VoiceActivity) -> None:
    listener, audio = Listener(activity), LiveAudio("pcm_s16le", SAMPLE_RATE)
    for number, frame in enumerate(_frames(take.samples), start=1):
        listener.feed(audio.feed(frame))
        speech = listener.utterance().speech.samples if number % 10 == 0 else ()
        if len(speech) >= SAMPLE_RATE // 2:
            reference.embed(np.asarray(speech, np.float32))
    listener.finish()
    reference.embed(listener.utterance().speech.samples)
