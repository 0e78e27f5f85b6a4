"""The Wyoming bridge's gate in households: how many commands of guests it lets in, and of its own people it loses.

    python scripts/benchmarks household SPEECH_FOLDER [--households 5] [--seconds 2]

A household: 4 speakers enrolled with 3 recordings each, and 20 others of the same corpus (SPEECH_FOLDER/<speaker>/*).
A command: the middle of a recording. The gate opens where ``band`` is ``above``. The encoder and the rest come from the
settings (``VOICEPRINT_ENCODER``, ``VOICEPRINT_MODELS``).
"""

import argparse
import json
import random
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from voiceprint.api.presenters import result_message
from voiceprint.audio.decoding import SAMPLE_RATE, Waveform
from voiceprint.config import load_settings
from voiceprint.domain.speaker import Enrollment
from voiceprint.encoding.catalog import choose_encoder
from voiceprint.errors import SpeechError
from voiceprint.service.factory import load_encoder, open_service
from voiceprint.service.service import VoiceprintService

__all__ = ["main"]

PEOPLE, OTHERS, TAKES, COMMANDS = 4, 20, 3, 6


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("speech", type=Path)
    parser.add_argument("--households", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    args = parser.parse_args()
    counts: Counter[str] = Counter()
    speakers = sorted(folder for folder in args.speech.iterdir() if len(list(folder.iterdir())) > TAKES)
    for number in range(args.households):
        chosen = random.Random(number).sample(speakers, PEOPLE + OTHERS)
        counts += _household(chosen, args.seconds)
        print(json.dumps({"household": number, **counts}), flush=True)
    print(json.dumps({
        "guests_let_in": counts["guest_open"] / counts["guest"], "own_lost": 1 - counts["own_open"] / counts["own"],
        "own_named_wrong": counts["own_wrong"] / counts["own"],
    }))  # fmt: skip


def _household(chosen: Sequence[Path], seconds: float) -> Counter[str]:
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings({"data": Path(folder) / "index", "min_identify_speech_seconds": 1.0})
        encoder = load_encoder(choose_encoder(settings, store_encoder=None), settings)
        environ = {"VOICEPRINT_KEY_FILE": f"{folder}/key"}
        with open_service(settings, environ=environ, encoder=encoder) as service:
            for speaker in chosen[:PEOPLE]:
                service.enroll_new(speaker.name, list(_admitted(service, sorted(speaker.iterdir())[:TAKES])))
            for number, speaker in enumerate(chosen):
                kind = "own" if number < PEOPLE else "guest"
                for path in sorted(speaker.iterdir())[TAKES : TAKES + COMMANDS]:
                    counts += _asked(service, path, kind, seconds)
    return counts


def _admitted(service: VoiceprintService, files: Sequence[Path]) -> Iterator[Enrollment]:
    for path in files:
        with suppress(SpeechError):  # as the page would: that take is not used
            yield service.admit(service.listen(service.decode(path.read_bytes())))


def _asked(service: VoiceprintService, path: Path, kind: str, seconds: float) -> Counter[str]:
    samples = service.decode(path.read_bytes()).first.samples
    begin = max(0, (len(samples) - int(seconds * SAMPLE_RATE)) // 2)
    answer = service.identify(service.hear(Waveform(samples[begin : begin + int(seconds * SAMPLE_RATE)])))
    result = result_message(answer, service, latency_ms=0.0, final=True)
    wrong = kind == "own" and result.speaker is not None and result.speaker.name != path.parent.name
    return Counter({
        kind: 1, f"{kind}_open": int(result.band == "above"), f"{kind}_wrong": int(wrong),
        f"{kind}_{result.status}": 1,
    })  # fmt: skip
