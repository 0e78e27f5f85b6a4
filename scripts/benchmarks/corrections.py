"""Scripted corrections of recordings, a quarter of them wrong and undone, against none that was wrong.

    python -m scripts.benchmarks.corrections FOLDER [--corrections 200] [--encoder NAME] [--seed 0]

FOLDER holds SPEAKER/recordings. Half of the speakers are named from recordings ("that was Ada"); a wrong correction
names another speaker and is taken back. Then what was never used is asked about: the enrolled speakers' and the other
half's. One JSON object on stdout: what became of the corrections, and FNIR and FPIR of both stores.
"""

import argparse
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voiceprint.api.desk import Desk
from voiceprint.api.recording_desk import RecordingDesk
from voiceprint.api.recording_messages import ThatWas
from voiceprint.audio.decoding import SAMPLE_RATE, Waveform, read_file
from voiceprint.audio.recording import Recording
from voiceprint.config import Settings, load_settings
from voiceprint.decision.intervals import share
from voiceprint.domain.caller import OPERATOR
from voiceprint.encoding.catalog import find_encoder
from voiceprint.encoding.encoder import Encoder
from voiceprint.encoding.export_cache import default_cache
from voiceprint.encoding.published import BUNDLED
from voiceprint.encoding.runtime import Runtime
from voiceprint.errors import InputError
from voiceprint.service.factory import open_service
from voiceprint.service.service import VoiceprintService

Samples = NDArray[np.float32]
CLIP_SECONDS, HELD_OUT, WRONG = 4.0, 5, 0.25


class RememberingEncoder(Encoder):
    """An encoder that encodes a sound once: both stores hear the same clips."""

    def _encode_one(self, samples: Samples, runtime: Runtime) -> Samples:
        known: dict[tuple[int, bytes], Samples] = self.__dict__.setdefault("_known", {})
        key = (id(runtime), sha256(samples.tobytes()).digest())
        if key not in known:
            known[key] = super()._encode_one(samples, runtime)
        return known[key]


class OneSpeaker:
    """A segmentation to which every frame is one speaker's."""

    def probabilities(self, windows: Samples) -> Samples:
        heard = np.zeros((len(windows), max(1, (windows.shape[1] - 991) // 270 + 1), 7), np.float32)
        heard[..., 1] = 1.0
        return heard


def clips_of(folder: Path) -> list[Waveform]:
    """A speaker's recordings cut to clips, in their order; a rest that is too short is left out."""
    found = [read_file(path, max_seconds=600, max_bytes=1 << 28).first.samples for path in sorted(folder.iterdir())]
    size = int(CLIP_SECONDS * SAMPLE_RATE)
    cuts = [samples[at : at + size] for samples in found for at in range(0, len(samples), size)]
    return [Waveform(samples) for samples in cuts if len(samples) > 0.6 * size]


class Corrector:
    """Says whose voices recordings hold, in one store."""

    def __init__(self, service: VoiceprintService) -> None:
        self.service = service
        self.outcomes: Counter[str] = Counter()
        self._recordings = RecordingDesk(Desk(service, clock=lambda: 0.0), service)

    def say(self, clip: Waveform, name: str, *, wrong: bool) -> None:
        """That the clip was the speaker of this name; a wrong one is taken back."""
        job = self._recordings.open(OPERATOR, size=1)
        _all(job.begin(Recording.of(clip)))
        _all(job.finish(Recording.of(clip)))
        kind = "wrong" if wrong else "right"
        try:
            for voice in job.message().timeline.voices:  # type: ignore[union-attr]  # it is done
                self._recordings.name(OPERATOR, job.id, voice.voice, self._wanted(name))
                self.outcomes[f"{kind}, taken"] += 1
                if wrong:
                    self._recordings.undo(OPERATOR, job.id)
        except InputError as error:
            self.outcomes[f"{kind}, {error.code}"] += 1
        self._recordings.forget(OPERATOR, job.id)

    def rates(self, enrolled: dict[str, Sequence[Waveform]], strangers: Iterable[Waveform]) -> dict[str, object]:
        """FNIR over the clips of the enrolled (another name is missed, too), FPIR over the strangers'."""
        missed, asked, named, others = 0, 0, 0, 0
        for name, clips in enrolled.items():
            speaker = self.service.find(name)
            for clip in clips:
                found = self.service.identify(self.service.hear(clip)).decision.speaker_id
                asked, missed = asked + 1, missed + (speaker is None or found != speaker.id)
        for clip in strangers:
            found = self.service.identify(self.service.hear(clip)).decision.speaker_id
            others, named = others + 1, named + (found is not None)
        fnir, fpir = share(missed, asked), share(named, others)
        return {"fnir": asdict(fnir), "fpir": asdict(fpir), "asked": asked, "strangers": others}

    def templates(self) -> dict[str, list[float]]:
        """The mean of each speaker's takes, by name."""
        return {
            one.name: np.mean([take.embedding for take in one.enrollments], axis=0).round(6).tolist()
            for one in self.service.speakers()
        }

    def _wanted(self, name: str) -> ThatWas:
        known = self.service.find(name)
        return ThatWas(name=name) if known is None else ThatWas(speaker=known.id)


def _all(steps: Iterable[object]) -> None:
    for _ in steps:
        pass


def main() -> int:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--corrections", type=int, default=200)
    parser.add_argument("--encoder")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    people = {path.name: clips_of(path) for path in sorted(args.folder.iterdir()) if path.is_dir()}
    names = list(people)
    known, unknown = names[::2], names[1::2]
    random = np.random.default_rng(args.seed)
    script = [(name, number) for name in known for number in range(len(people[name]) - HELD_OUT)]
    script = [script[at] for at in random.permutation(len(script))[: args.corrections]]
    wrong = set(random.permutation(len(script))[: round(WRONG * len(script))].tolist())
    settings: Settings = load_settings({"encoder": args.encoder})
    folder = find_encoder(settings.encoder or BUNDLED, settings)
    encoder = RememberingEncoder.load(folder, runtime=settings.runtime, cache=default_cache(os.environ))
    said: dict[str, object] = {"corrections": len(script), "wrong": len(wrong)}
    templates = []
    for title, with_wrong in (("quarter wrong and undone", True), ("never wrong", False)):
        with tempfile.TemporaryDirectory() as home:
            given = load_settings({"data": Path(home) / "index", "encoder": args.encoder})
            environ = {"VOICEPRINT_KEY_FILE": f"{home}/master.key"}
            with open_service(given, environ=environ, encoder=encoder) as service:
                service.segmentation = OneSpeaker()  # type: ignore[assignment]  # the same question
                corrector = Corrector(service)
                others = np.random.default_rng(args.seed + 1)
                for at, (name, number) in enumerate(script):
                    other = str(others.choice([one for one in known if one != name]))
                    if at not in wrong:
                        corrector.say(people[name][number], name, wrong=False)
                    elif with_wrong:
                        corrector.say(people[name][number], other, wrong=True)
                rates = corrector.rates(
                    {name: people[name][-HELD_OUT:] for name in known},
                    [clip for name in unknown for clip in people[name][-HELD_OUT:]],
                )
                said[title] = {"outcomes": dict(sorted(corrector.outcomes.items())), **rates}
                templates.append(corrector.templates())
    print(json.dumps({**said, "templates_equal": templates[0] == templates[1]}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
